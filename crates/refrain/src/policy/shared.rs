//! What all parts of one order have in common: the pace of requests, the comparison with LRU, and what was learned.
//!
//! An order may be kept in parts, each under a lock of its own. What a part looks at with each request is an atomic here;
//! what takes a lock is asked for at a bounded rate ([`Pace`]).

use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::gdsf::Floor;
use super::hazard::Learned;
use super::pace::Pace;
use super::shadow::{ShadowLru, VersusLru};
use super::{Candidate, Moment, Policy, Sampling};
use crate::clock::whole_millis;
use crate::sync::{Mutex, MutexGuard};

/// One for all parts of an order.
///
/// Relaxed throughout: each number stands for itself, and an old one costs effort or accuracy and nothing else.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) policy: Policy,
    /// How many parts there are, at most 64.
    pub(super) parts: usize,
    pace: Mutex<Pace>,
    /// Copies of what the pace comes to.
    sampling: AtomicU32,
    learning: AtomicU32,
    remembering: AtomicU32,
    reviews: AtomicU32,
    /// Bits of an `f32`; not a number until there is anything to go by.
    requests_per_second: AtomicU32,
    /// Milliseconds on the cache's clock before which the pace is not measured again.
    measure_at: AtomicU64,
    /// What LRU would have done; not for LRU itself.
    shadow: Option<Mutex<ShadowLru>>,
    /// Which keys it follows.
    followed: AtomicU32,
    /// One bit for each part that holds anything.
    filled: AtomicU64,
    pub(super) learned: Option<Mutex<Learned>>,
    /// Grows when the rates of `learned` change.
    pub(super) version: AtomicU64,
    floor: Mutex<Floor>,
}

impl Shared {
    pub(super) fn new(policy: Policy, parts: usize) -> Self {
        Self {
            policy,
            parts,
            pace: Mutex::new(Pace::default()),
            sampling: AtomicU32::new(Sampling::ALL.to_bits()),
            learning: AtomicU32::new(Sampling::ALL.to_bits()),
            remembering: AtomicU32::new(Sampling::ALL.to_bits()),
            reviews: AtomicU32::new(Pace::default().reviews()),
            requests_per_second: AtomicU32::new(f32::NAN.to_bits()),
            measure_at: AtomicU64::new(0),
            shadow: (policy != Policy::Lru).then(|| Mutex::new(ShadowLru::new())),
            followed: AtomicU32::new(Sampling::ALL.to_bits()),
            filled: AtomicU64::new(0),
            learned: (policy == Policy::Hazard).then(|| Mutex::new(Learned::new())),
            version: AtomicU64::new(0),
            floor: Mutex::new(Floor::new()),
        }
    }

    /// Which hits are reported.
    pub(super) fn sampling(&self) -> Sampling {
        if self.policy == Policy::Lru {
            return Sampling::NONE;
        }
        Sampling::from_bits(self.sampling.load(Ordering::Relaxed))
    }

    /// Which requests are learned from, of those that are reported.
    pub(super) fn learning(&self) -> Sampling {
        Sampling::from_bits(self.learning.load(Ordering::Relaxed))
    }

    /// Which keys are remembered after they have left.
    pub(super) fn remembering(&self) -> Sampling {
        Sampling::from_bits(self.remembering.load(Ordering::Relaxed))
    }

    /// Entries to look at again before one is evicted.
    pub(super) fn reviews(&self) -> usize {
        self.reviews.load(Ordering::Relaxed) as usize
    }

    /// How many requests to expect in `time`; `None` until there is anything to go by.
    pub(super) fn requests_in(&self, time: Duration) -> Option<f32> {
        let rate = f32::from_bits(self.requests_per_second.load(Ordering::Relaxed));
        (!rate.is_nan()).then_some(rate * time.as_secs_f32())
    }

    /// Measures the pace when the time has come; `admissions` are those that a part has counted since.
    pub(super) fn keep_pace(&self, admissions: &mut u32, now: Moment) {
        if whole_millis(now.time) < self.measure_at.load(Ordering::Relaxed) {
            return;
        }
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.admissions(std::mem::take(admissions));
        if !pace.keep(now) {
            return;
        }
        self.measure_at
            .store(whole_millis(pace.soonest()), Ordering::Relaxed);
        self.sampling
            .store(pace.sampling().to_bits(), Ordering::Relaxed);
        self.learning
            .store(pace.learning().to_bits(), Ordering::Relaxed);
        self.remembering
            .store(pace.remembering().to_bits(), Ordering::Relaxed);
        self.reviews.store(pace.reviews(), Ordering::Relaxed);
        if let Some(rate) = pace.requests_in(Duration::from_secs(1)) {
            self.requests_per_second
                .store(rate.to_bits(), Ordering::Relaxed);
        }
    }

    pub(super) fn floor(&self) -> MutexGuard<'_, Floor> {
        self.floor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn learned(&self) -> MutexGuard<'_, Learned> {
        self.learned
            .as_ref()
            .expect("only the policy that learns asks")
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Part number `part` holds something, or nothing any more.
    pub(super) fn note_filled(&self, part: usize, filled: bool) {
        if filled {
            self.filled.fetch_or(1 << part, Ordering::Relaxed);
        } else {
            self.filled.fetch_and(!(1 << part), Ordering::Relaxed);
        }
    }

    /// Lets LRU have its turn with a request.
    pub(super) fn compare(&self, candidate: &Candidate, hit: bool, now: Moment) {
        if !self.follows(candidate.fingerprint) {
            return;
        }
        self.with_shadow(|shadow| {
            shadow.follow(self.sampling());
            shadow.request(candidate, hit, now);
        });
    }

    /// The key was taken out of the cache, so LRU would not have it either.
    pub(super) fn forget_in_comparison(&self, fingerprint: u64) {
        if self.follows(fingerprint) {
            self.with_shadow(|shadow| shadow.remove(fingerprint));
        }
        // Nothing is left, so everything was invalidated, what only LRU would still have had included.
        if self.filled.load(Ordering::Relaxed) == 0 {
            self.with_shadow(ShadowLru::clear);
        }
    }

    pub(super) fn set_capacity(&self, bytes: u64, entries: u64) {
        self.with_shadow(|shadow| shadow.set_capacity(bytes, entries));
    }

    pub(super) fn versus_lru(&self) -> Option<VersusLru> {
        let shadow = self.shadow.as_ref()?;
        let shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
        Some(shadow.versus())
    }

    pub(super) fn reset_versus_lru(&self) {
        self.with_shadow(ShadowLru::reset);
    }

    fn follows(&self, fingerprint: u64) -> bool {
        self.shadow.is_some()
            && Sampling::from_bits(self.followed.load(Ordering::Relaxed)).takes(fingerprint)
    }

    fn with_shadow(&self, change: impl FnOnce(&mut ShadowLru)) {
        if let Some(shadow) = &self.shadow {
            let mut shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut shadow);
            let followed = shadow.sampling().to_bits();
            self.followed.store(followed, Ordering::Relaxed);
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let shadow = self.shadow.as_ref().map_or(0, |shadow| {
            let shadow = shadow.lock().unwrap_or_else(PoisonError::into_inner);
            shadow.memory_bytes()
        });
        let learned = self.learned.as_ref().map_or(0, |learned| {
            let learned = learned.lock().unwrap_or_else(PoisonError::into_inner);
            learned.memory_bytes()
        });
        size_of::<Self>() + shadow + learned + self.floor().memory_bytes()
    }

    pub(super) fn validate(&self) {
        self.with_shadow(|shadow| shadow.validate());
        self.floor().validate();
    }
}
