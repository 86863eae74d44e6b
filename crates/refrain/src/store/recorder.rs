//! Striped counters that readers write to: hits and misses, the order of use, and hits for the policy to learn from.
//!
//! Each thread writes to a stripe of its own, so a hit moves no cache line between cores but the entry's.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::fingerprint;
use super::slot::Slot;
use super::stamp::Stamps;
use super::thread_number::{NUMBERS, Reader, thread_number};
use crate::clock::Clock;
use crate::policy::{Hit, Policy, Sampling};
use crate::stats::{Stats, micros};
use crate::sync;

pub(crate) struct Recorder {
    policy: Policy,
    stamps: Stamps,
    stripes: Box<[Stripe; STRIPES]>,
    /// Requests so far, but for those that stripes keep to themselves.
    ticks: AtomicU64,
    /// Requests that a stripe keeps to itself before it tells: few where each one matters, more in large caches.
    batch: AtomicU64,
    /// Which hits the policy has a use for.
    sampling: AtomicU32,
    /// One bit for each stripe with hits to learn from.
    noted: AtomicU64,
    /// The counts when they were last reset. Stripes are not set back: their threads write to them unasked.
    before: Mutex<Counts>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    hits: u64,
    misses: u64,
    computations: u64,
    compute_micros: u64,
    bytes_saved: u64,
    seconds_saved: f64,
}

/// 128 bytes: adjacent-line prefetch moves cache lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    misses: AtomicU64,
    computations: AtomicU64,
    compute_micros: AtomicU64,
    bytes_saved: AtomicU64,
    /// Bits of an `f64`, which takes fewer steps than a whole number of something.
    seconds_saved: AtomicU64,
    /// The last stamp given here; two hits in a row never share one.
    stamp: sync::atomic::AtomicU64,
    /// `ticks` as last seen here, and the requests since then.
    seen: AtomicU64,
    untold: AtomicU64,
    log: Mutex<Vec<Hit>>,
    /// Whether the log takes no more, until it is drained.
    full: AtomicBool,
}

/// One for each thread number, and one bit of [`Recorder::noted`] each.
const STRIPES: usize = NUMBERS;

/// Hits kept for the policy by one stripe. More are not learned from, which costs accuracy and nothing else.
const LOG: usize = 64;

impl Recorder {
    pub(super) fn new(policy: Policy, clock: &Clock) -> Self {
        Self {
            policy,
            stamps: if clock.is_fake() {
                Stamps::counted()
            } else {
                Stamps::fastest()
            },
            stripes: Box::new(std::array::from_fn(|_| Stripe::default())),
            ticks: AtomicU64::new(0),
            batch: AtomicU64::new(1),
            sampling: AtomicU32::new(Sampling::NONE.to_bits()),
            noted: AtomicU64::new(0),
            before: Mutex::default(),
        }
    }

    /// Records one hit by `reader` of the entry in place `number`, which weighs `weight_bytes`.
    #[inline]
    pub(super) fn hit(&self, reader: Reader, number: u32, slot: &Slot, weight_bytes: u64) {
        let Reader { number: at, own } = reader;
        let stripe = self.stripe(at);
        add(&stripe.hits, 1, own);
        add(&stripe.bytes_saved, weight_bytes, own);
        add_seconds(&stripe.seconds_saved, f64::from(slot.cost_seconds()), own);
        let tick = self.tick_on(stripe, reader);
        if self.policy == Policy::Lru {
            // It learns nothing from a hit.
            slot.set_word(self.policy.touch(0, tick));
            return;
        }
        let before = slot.word();
        slot.set_word(self.policy.touch(before, tick));
        // Relaxed: an older sampling only shifts the sample.
        if Sampling::from_bits(self.sampling.load(Ordering::Relaxed))
            .takes(fingerprint(slot.hash()))
        {
            self.note(
                at,
                Hit {
                    slot: number,
                    before,
                    tick,
                },
            );
        }
    }

    /// Records one hit by `reader` of an entry that has left since: the policy has nothing to learn of it.
    #[cold]
    pub(super) fn hit_of_departed(&self, reader: Reader, weight_bytes: u64, cost: Duration) {
        let Reader { number: at, own } = reader;
        let stripe = self.stripe(at);
        add(&stripe.hits, 1, own);
        add(&stripe.bytes_saved, weight_bytes, own);
        add_seconds(&stripe.seconds_saved, cost.as_secs_f64(), own);
        self.tick_on(stripe, reader);
    }

    #[inline]
    fn stripe(&self, number: usize) -> &Stripe {
        // There are as many stripes as numbers.
        &self.stripes[number % STRIPES]
    }

    pub(crate) fn miss(&self) {
        let Reader { number: at, own } = thread_number();
        add(&self.stripe(at).misses, 1, own);
    }

    /// A lookup that found nothing, for which a computation was begun and has ended.
    pub(crate) fn missed_and_computed(&self) {
        let Reader { number: at, own } = thread_number();
        let stripe = self.stripe(at);
        add(&stripe.misses, 1, own);
        add(&stripe.computations, 1, own);
    }

    /// A computation that returned a value after `took`.
    pub(crate) fn computed(&self, took: Duration) {
        let Reader { number: at, own } = thread_number();
        add(&self.stripe(at).compute_micros, micros(took), own);
    }

    /// A computation that another caller paid for.
    pub(crate) fn joined(&self, cost: Duration) {
        let Reader { number: at, own } = thread_number();
        add_seconds(&self.stripe(at).seconds_saved, cost.as_secs_f64(), own);
    }

    /// The tick of a request that is not a hit.
    pub(super) fn tick(&self) -> u64 {
        let reader = thread_number();
        self.tick_on(self.stripe(reader.number), reader)
    }

    #[inline]
    fn tick_on(&self, stripe: &Stripe, reader: Reader) -> u64 {
        // Relaxed throughout: the numbers are an order by themselves, and guard nothing.
        if self.policy == Policy::Lru {
            return (self.stamps).next(reader, |number| &self.stripe(number).stamp);
        }
        let untold = add(&stripe.untold, 1, reader.own);
        if untold < self.batch.load(Ordering::Relaxed) {
            return stripe.seen.load(Ordering::Relaxed) + untold;
        }
        let untold = stripe.untold.swap(0, Ordering::Relaxed);
        let ticks = self.ticks.fetch_add(untold, Ordering::Relaxed) + untold;
        stripe.seen.store(ticks, Ordering::Relaxed);
        ticks
    }

    /// Small caches tell each request, large ones up to 64 at a time: a 64th of the entries is no age at all.
    pub(super) fn fit(&self, entries: u64, sampling: Sampling) {
        let batch = (entries / 64).clamp(1, 64);
        // Written only when it changes: every reader has these in its cache.
        if self.batch.load(Ordering::Relaxed) != batch {
            self.batch.store(batch, Ordering::Relaxed);
        }
        let sampling = sampling.to_bits();
        if self.sampling.load(Ordering::Relaxed) != sampling {
            self.sampling.store(sampling, Ordering::Relaxed);
        }
    }

    #[inline(never)]
    fn note(&self, at: usize, hit: Hit) {
        let stripe = self.stripe(at);
        // Relaxed: to see it late costs a note or a look.
        if stripe.full.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(mut log) = stripe.log.try_lock() {
            log.push(hit);
            if log.len() == 1 {
                // Relaxed: a thread that drains takes the lock.
                self.noted.fetch_or(1 << at, Ordering::Relaxed);
            }
            stripe.full.store(log.len() >= LOG, Ordering::Relaxed);
        }
    }

    /// Whether there are hits to learn from.
    #[inline]
    pub(super) fn has_noted(&self) -> bool {
        // Relaxed: one noted at this moment is learned from next time.
        self.noted.load(Ordering::Relaxed) != 0
    }

    /// Moves the hits that were noted down to `hits`, stripe by stripe.
    pub(super) fn drain(&self, hits: &mut Vec<Hit>) {
        let mut noted = self.noted.swap(0, Ordering::Relaxed);
        while noted != 0 {
            let at = noted.trailing_zeros() as usize;
            noted &= noted - 1;
            let mut log = self.stripes[at]
                .log
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            hits.append(&mut log);
            self.stripes[at].full.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        let before = *self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.counts();
        stats.hits += now.hits.wrapping_sub(before.hits);
        stats.misses += now.misses.wrapping_sub(before.misses);
        stats.computations += now.computations.wrapping_sub(before.computations);
        let micros = now.compute_micros.wrapping_sub(before.compute_micros);
        stats.compute_time = Duration::from_micros(micros);
        stats.bytes_saved = now.bytes_saved.wrapping_sub(before.bytes_saved);
        // To a microsecond: what `f32` costs and their sum are good for, and no tail of nines.
        let micros = ((now.seconds_saved - before.seconds_saved) * 1e6).round();
        let saved = Duration::try_from_secs_f64(micros / 1e6);
        stats.time_saved = saved.unwrap_or(Duration::MAX);
    }

    pub(super) fn reset_counts(&self) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        *before = self.counts();
    }

    fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for stripe in self.stripes.iter() {
            for (sum, counter) in [
                (&mut counts.hits, &stripe.hits),
                (&mut counts.misses, &stripe.misses),
                (&mut counts.computations, &stripe.computations),
                (&mut counts.compute_micros, &stripe.compute_micros),
                (&mut counts.bytes_saved, &stripe.bytes_saved),
            ] {
                *sum = sum.wrapping_add(counter.load(Ordering::Relaxed));
            }
            counts.seconds_saved += f64::from_bits(stripe.seconds_saved.load(Ordering::Relaxed));
        }
        counts
    }
}

/// Adds to a counter and tells what it is then; one that only this thread writes needs no locked instruction.
#[inline]
fn add(counter: &AtomicU64, by: u64, own: bool) -> u64 {
    if own {
        let sum = counter.load(Ordering::Relaxed).wrapping_add(by);
        counter.store(sum, Ordering::Relaxed);
        sum
    } else {
        counter.fetch_add(by, Ordering::Relaxed).wrapping_add(by)
    }
}

/// The same for seconds, which are kept as bits.
#[inline]
fn add_seconds(counter: &AtomicU64, by: f64, own: bool) {
    let sum = |bits: u64| (f64::from_bits(bits) + by).to_bits();
    if own {
        let bits = counter.load(Ordering::Relaxed);
        counter.store(sum(bits), Ordering::Relaxed);
    } else {
        let sum = |bits| Some(sum(bits));
        let _ = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }
}
