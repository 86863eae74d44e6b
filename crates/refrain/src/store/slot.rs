//! The place of one entry: what readers take under its own lock, and what the policy reads without one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use spin::mutex::{SpinMutex, SpinMutexGuard};
use spin::relax::Yield;

/// Labels of an entry.
pub(crate) type Tags = Arc<[Arc<str>]>;

/// One entry, or room for one.
///
/// The atomics are written under the lock, and read under it or by the one writer of the store; they are atomic so
/// that the policy may look at them while a reader counts a hit. Relaxed throughout: the lock orders them.
pub(super) struct Slot<K, V> {
    /// Held for the length of a comparison and a clone. A spinning lock: to let it go is a plain store, where a lock
    /// that knows of sleepers needs a second locked instruction, a third of what a hit costs.
    live: SpinMutex<Option<Live<K, V>>, Yield>,
    /// The policy's record of use.
    word: AtomicU64,
    weight_bytes: AtomicU64,
    /// Milliseconds on the store's clock, 40 bits, above hits, 24 bits.
    expires_and_hits: AtomicU64,
    /// Milliseconds on the store's clock, 40 bits, above cost, 24 bits of an `f32` of seconds.
    written_and_cost: AtomicU64,
    hash: AtomicU64,
}

pub(super) struct Live<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    /// Boxed, as most entries have none.
    tags: Option<Box<Tags>>,
}

/// What is known of an entry beside key and value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Facts {
    pub(crate) weight_bytes: u64,
    pub(crate) cost: Duration,
    pub(crate) written: Duration,
    pub(crate) expires: Option<Duration>,
    pub(crate) hits: u64,
}

const LOW_BITS: u32 = 24;
const LOW: u64 = (1 << LOW_BITS) - 1;
/// 34 years of milliseconds; the last one stands for "never".
const NEVER: u64 = (1 << 40) - 1;

impl<K, V> Slot<K, V> {
    pub(super) fn vacant() -> Self {
        Self {
            live: SpinMutex::new(None),
            word: AtomicU64::new(0),
            weight_bytes: AtomicU64::new(0),
            expires_and_hits: AtomicU64::new(NEVER << LOW_BITS),
            written_and_cost: AtomicU64::new(0),
            hash: AtomicU64::new(0),
        }
    }

    /// Key and value; the lock keeps the entry in place.
    #[inline]
    pub(super) fn lock(&self) -> SpinMutexGuard<'_, Option<Live<K, V>>, Yield> {
        // `Eq` of the key and `Clone` of the value run under it, and change nothing here.
        self.live.lock()
    }

    pub(super) fn fill(&self, key: K, value: V, tags: Tags, hash: u64, word: u64, facts: &Facts) {
        let mut live = self.lock();
        self.word.store(word, Ordering::Relaxed);
        self.hash.store(hash, Ordering::Relaxed);
        self.weight_bytes
            .store(facts.weight_bytes, Ordering::Relaxed);
        self.expires_and_hits
            .store(expiry_millis(facts.expires) << LOW_BITS, Ordering::Relaxed);
        self.written_and_cost.store(
            millis(facts.written) << LOW_BITS | pack_cost(facts.cost),
            Ordering::Relaxed,
        );
        *live = Some(Live {
            key,
            value,
            tags: (!tags.is_empty()).then(|| Box::new(tags)),
        });
    }

    pub(super) fn take(&self) -> Option<Live<K, V>> {
        self.lock().take()
    }

    pub(super) fn word(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_word(&self, word: u64) {
        self.word.store(word, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn weight_bytes(&self) -> u64 {
        self.weight_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn cost_seconds(&self) -> f32 {
        unpack_cost(self.written_and_cost.load(Ordering::Relaxed) & LOW)
    }

    /// Microseconds of cost, for the counters.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cost is not negative, and the cast saturates"
    )]
    pub(super) fn cost_micros(&self) -> u64 {
        (self.cost_seconds() * 1e6 + 0.5) as u64
    }

    /// When it expires, rounded down to a millisecond, as everywhere in the store.
    #[inline]
    pub(super) fn expires(&self) -> Option<Duration> {
        let millis = self.expires_and_hits.load(Ordering::Relaxed) >> LOW_BITS;
        (millis != NEVER).then(|| Duration::from_millis(millis))
    }

    /// Counts one hit; the caller holds the lock. 16,777,215 is the most that is counted.
    #[inline]
    pub(super) fn count_hit(&self) {
        let packed = self.expires_and_hits.load(Ordering::Relaxed);
        if packed & LOW != LOW {
            self.expires_and_hits.store(packed + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn facts(&self) -> Facts {
        let written = self.written_and_cost.load(Ordering::Relaxed) >> LOW_BITS;
        Facts {
            weight_bytes: self.weight_bytes(),
            cost: Duration::try_from_secs_f32(self.cost_seconds()).unwrap_or(Duration::MAX),
            written: Duration::from_millis(written),
            expires: self.expires(),
            hits: self.expires_and_hits.load(Ordering::Relaxed) & LOW,
        }
    }
}

impl<K, V> Live<K, V> {
    pub(super) fn tags(&self) -> Tags {
        self.tags.as_deref().cloned().unwrap_or_default()
    }

    pub(super) fn has_tags(&self) -> bool {
        self.tags.is_some()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(NEVER, |millis| millis.min(NEVER))
}

fn expiry_millis(expires: Option<Duration>) -> u64 {
    expires.map_or(NEVER, millis)
}

/// An `f32` that is not negative, without its sign bit and its last 7 bits: exact to one part in 65,000.
fn pack_cost(cost: Duration) -> u64 {
    u64::from(cost.as_secs_f32().to_bits() >> 7)
}

#[expect(clippy::cast_possible_truncation, reason = "the caller masks 24 bits")]
fn unpack_cost(packed: u64) -> f32 {
    f32::from_bits((packed as u32) << 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(expires: Option<Duration>, cost: Duration) -> Facts {
        Facts {
            weight_bytes: u64::MAX,
            cost,
            written: Duration::from_millis(123_456_789),
            expires,
            hits: 0,
        }
    }

    #[test]
    fn facts_come_back_as_they_were_told() {
        let slot = Slot::vacant();
        for cost in [0, 1, 124, 600, 86_400].map(Duration::from_secs) {
            for expires in [None, Some(Duration::ZERO), Some(Duration::from_millis(99))] {
                let told = facts(expires, cost);
                slot.fill("key", 1, Tags::default(), 5, 6, &told);
                assert_eq!(slot.facts(), told);
                assert_eq!((slot.hash(), slot.word()), (5, 6));
            }
        }
    }

    #[test]
    fn a_cost_is_kept_to_a_part_in_sixty_thousand() {
        for nanos in [1_u64, 999, 12_345_678, 98_765_432_101] {
            let cost = Duration::from_nanos(nanos);
            let kept = unpack_cost(pack_cost(cost));
            assert!(
                (f64::from(kept) / cost.as_secs_f64() - 1.0).abs() < 2e-5,
                "{cost:?}"
            );
        }
    }

    #[test]
    fn spans_beyond_the_clock_are_for_ever() {
        let slot = Slot::vacant();
        slot.fill(
            "key",
            1,
            Tags::default(),
            5,
            6,
            &facts(Some(Duration::MAX), Duration::MAX),
        );
        assert_eq!(slot.expires(), None);
    }

    #[test]
    fn hits_stop_counting_before_they_touch_the_expiry() {
        let slot = Slot::vacant();
        slot.fill(
            "key",
            1,
            Tags::default(),
            5,
            6,
            &facts(Some(Duration::from_secs(9)), Duration::ZERO),
        );
        slot.expires_and_hits.fetch_or(LOW - 1, Ordering::Relaxed);
        slot.count_hit();
        slot.count_hit();
        assert_eq!(
            (slot.facts().hits, slot.expires()),
            (LOW, Some(Duration::from_secs(9)))
        );
    }
}
