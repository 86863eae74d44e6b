//! The facts of one entry, packed into 32 bytes of atomics that readers and the policy look at without a lock.

use std::sync::Arc;
use std::sync::atomic::compiler_fence;
use std::time::Duration;

use crate::clock::whole_millis;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

/// Labels of an entry.
pub(crate) type Tags = Arc<[Arc<str>]>;

/// The facts of one entry, or of a place that waits for one.
///
/// Relaxed throughout, but for the state: that is stored with release after the rest, and loaded with acquire before
/// anything else is believed.
pub(super) struct Slot {
    /// The policy's record of use; in a free place, the number of the next one.
    word: AtomicU64,
    /// Milliseconds on the store's clock, 40 bits; whether there is more to know; hits, 23 bits.
    expires_and_hits: AtomicU64,
    /// Milliseconds on the store's clock, 40 bits, above cost, 24 bits of an `f32` of seconds. Or a state that no
    /// entry has: `VACANT` or `DEPARTED`.
    written_and_cost: AtomicU64,
    /// `HEAVY`, if it does not fit.
    weight_bytes: AtomicU32,
    hash: AtomicU32,
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

/// What few entries have, kept beside the slots.
#[derive(Debug, Clone, Default)]
pub(super) struct Extra {
    pub(super) tags: Tags,
    pub(super) weight_bytes: u64,
}

/// What tells an entry from the next one in its place: when it was written, what it cost, and its hash.
///
/// Two that have all three alike are taken for one, which costs no more than a hit counted for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Birth(u64, u32);

/// Where an entry is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is none, and none has been here.
    Vacant,
    /// Readers may take it.
    Live,
    /// It has been taken out; a reader that looked at it then may still do so.
    Departed,
}

const VACANT: u64 = u64::MAX;
const DEPARTED: u64 = u64::MAX - 1;

const LOW_BITS: u32 = 24;
const LOW: u64 = (1 << LOW_BITS) - 1;
/// 34 years of milliseconds; the last one stands for "never".
const NEVER: u64 = (1 << 40) - 1;
/// Beside the hits: there is an [`Extra`].
const EXTRA: u64 = 1 << (LOW_BITS - 1);
/// And counted at most.
const HITS: u64 = EXTRA - 1;
/// Stands for a weight that 32 bits do not hold.
const HEAVY: u32 = u32::MAX;

impl Facts {
    /// When it expires, as slots keep it: rounded down to a millisecond, and never if that is beyond what they can count.
    pub(super) fn expires_millis(&self) -> Option<u64> {
        self.expires.map(millis).filter(|millis| *millis != NEVER)
    }
}

impl Slot {
    pub(super) fn vacant() -> Self {
        Self {
            word: AtomicU64::new(0),
            expires_and_hits: AtomicU64::new(0),
            written_and_cost: AtomicU64::new(VACANT),
            weight_bytes: AtomicU32::new(0),
            hash: AtomicU32::new(0),
        }
    }

    /// Acquire pairs with the release in `enliven`: a live entry is a whole one.
    #[inline]
    pub(super) fn state(&self) -> State {
        match self.written_and_cost.load(Ordering::Acquire) {
            VACANT => State::Vacant,
            DEPARTED => State::Departed,
            _ => State::Live,
        }
    }

    /// Notes all that is known, and makes the entry live. What belongs beside the slot has been put there.
    pub(super) fn enliven(&self, hash: u32, word: u64, extra: bool, facts: &Facts) {
        self.word.store(word, Ordering::Relaxed);
        self.hash.store(hash, Ordering::Relaxed);
        self.weight_bytes.store(
            u32::try_from(facts.weight_bytes).unwrap_or(HEAVY),
            Ordering::Relaxed,
        );
        let expires = facts.expires_millis().unwrap_or(NEVER) << LOW_BITS;
        self.expires_and_hits
            .store(expires | if extra { EXTRA } else { 0 }, Ordering::Relaxed);
        // A clock that has run for 34 years stands still.
        let written = millis(facts.written).min(NEVER - 1);
        self.written_and_cost.store(
            written << LOW_BITS | pack_cost(facts.cost),
            Ordering::Release,
        );
    }

    /// Takes the entry out of sight, before this thread looks at anything else: a reader that marks itself later does not
    /// see it. Its other facts stay, but when it was written and what it cost.
    #[inline]
    pub(super) fn depart(&self) {
        if cfg!(all(target_arch = "x86_64", not(any(miri, loom)))) {
            // A locked exchange is a full fence there, at half the price of the instruction for one.
            self.written_and_cost.swap(DEPARTED, Ordering::SeqCst);
            compiler_fence(Ordering::SeqCst);
        } else {
            self.written_and_cost.store(DEPARTED, Ordering::Release);
            fence(Ordering::SeqCst);
        }
    }

    /// Makes the place fit for another entry, and has it name `next`.
    pub(super) fn clear(&self, next: u32) {
        self.word.store(u64::from(next), Ordering::Relaxed);
        self.written_and_cost.store(VACANT, Ordering::Release);
    }

    /// The place that a free one names.
    #[expect(clippy::cast_possible_truncation, reason = "it was 32 bits long")]
    pub(super) fn next(&self) -> u32 {
        self.word.load(Ordering::Relaxed) as u32
    }

    pub(super) fn word(&self) -> u64 {
        self.word.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn set_word(&self, word: u64) {
        self.word.store(word, Ordering::Relaxed);
    }

    /// `None`: more than 32 bits hold, so it is in the [`Extra`].
    #[inline]
    pub(super) fn weight_bytes(&self) -> Option<u64> {
        let weight = self.weight_bytes.load(Ordering::Relaxed);
        (weight != HEAVY).then_some(u64::from(weight))
    }

    /// Whether this much has to be kept in an [`Extra`].
    pub(super) fn is_heavy(weight_bytes: u64) -> bool {
        weight_bytes >= u64::from(HEAVY)
    }

    #[inline]
    pub(super) fn hash(&self) -> u32 {
        self.hash.load(Ordering::Relaxed)
    }

    pub(super) fn birth(&self) -> Birth {
        Birth(self.written_and_cost.load(Ordering::Relaxed), self.hash())
    }

    /// Whether there is an [`Extra`].
    #[inline]
    pub(super) fn has_extra(&self) -> bool {
        self.expires_and_hits.load(Ordering::Relaxed) & EXTRA != 0
    }

    #[inline]
    pub(super) fn cost_seconds(&self) -> f32 {
        unpack_cost(self.written_and_cost.load(Ordering::Relaxed) & LOW)
    }

    /// When it expires, rounded down to a millisecond, as everywhere in the store.
    #[inline]
    pub(super) fn expires(&self) -> Option<Duration> {
        let millis = self.expires_and_hits.load(Ordering::Relaxed) >> LOW_BITS;
        (millis != NEVER).then(|| Duration::from_millis(millis))
    }

    /// Counts one hit, up to `HITS`. Of two at one instant one may be lost: a locked instruction for each would cost a
    /// tenth of a hit, and the cache's own counters are exact.
    #[inline]
    pub(super) fn count_hit(&self) {
        let packed = self.expires_and_hits.load(Ordering::Relaxed);
        if packed & HITS != HITS {
            self.expires_and_hits.store(packed + 1, Ordering::Relaxed);
        }
    }

    /// What is known, if the weight is `weight_bytes`.
    pub(super) fn facts(&self, weight_bytes: u64) -> Facts {
        let written = self.written_and_cost.load(Ordering::Relaxed) >> LOW_BITS;
        Facts {
            weight_bytes,
            cost: Duration::try_from_secs_f32(self.cost_seconds()).unwrap_or(Duration::MAX),
            written: Duration::from_millis(written),
            expires: self.expires(),
            hits: self.expires_and_hits.load(Ordering::Relaxed) & HITS,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    whole_millis(duration).min(NEVER)
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
            weight_bytes: 1 << 20,
            cost,
            written: Duration::from_millis(123_456_789),
            expires,
            hits: 0,
        }
    }

    fn slot_of(facts: &Facts) -> Slot {
        let slot = Slot::vacant();
        slot.enliven(5, 6, false, facts);
        slot
    }

    #[test]
    fn facts_come_back_as_they_were_told() {
        for cost in [0, 1, 124, 600, 86_400].map(Duration::from_secs) {
            for expires in [None, Some(Duration::ZERO), Some(Duration::from_millis(99))] {
                let told = facts(expires, cost);
                let slot = slot_of(&told);
                assert_eq!(slot.facts(slot.weight_bytes().unwrap()), told);
                assert_eq!((slot.hash(), slot.word()), (5, 6));
            }
        }
    }

    #[test]
    fn a_slot_is_live_from_being_told_to_departing() {
        let slot = Slot::vacant();
        assert_eq!(slot.state(), State::Vacant);
        slot.enliven(0, 0, false, &facts(None, Duration::MAX));
        assert_eq!(slot.state(), State::Live);
        slot.depart();
        assert_eq!(slot.state(), State::Departed);
        slot.clear(7);
        assert_eq!((slot.state(), slot.next()), (State::Vacant, 7));
    }

    #[test]
    fn the_longest_clock_and_the_highest_cost_are_no_state() {
        let slot = slot_of(&Facts {
            written: Duration::MAX,
            ..facts(None, Duration::MAX)
        });
        assert_eq!(slot.state(), State::Live);
    }

    #[test]
    fn a_slot_takes_32_bytes() {
        assert_eq!(size_of::<Slot>(), 32);
    }

    #[test]
    fn a_weight_is_told_exactly_or_not_at_all() {
        for weight in [0, 1, u64::from(u32::MAX) - 1] {
            let told = Facts {
                weight_bytes: weight,
                ..facts(None, Duration::ZERO)
            };
            assert_eq!(slot_of(&told).weight_bytes(), Some(weight));
            assert!(!Slot::is_heavy(weight));
        }
        for weight in [u64::from(u32::MAX), u64::MAX] {
            let told = Facts {
                weight_bytes: weight,
                ..facts(None, Duration::ZERO)
            };
            assert_eq!(slot_of(&told).weight_bytes(), None);
            assert!(Slot::is_heavy(weight));
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
        let slot = slot_of(&facts(Some(Duration::MAX), Duration::MAX));
        assert_eq!(slot.expires(), None);
    }

    #[test]
    fn hits_stop_counting_before_they_touch_anything_else() {
        let slot = slot_of(&facts(Some(Duration::from_secs(9)), Duration::ZERO));
        slot.expires_and_hits.fetch_add(HITS - 1, Ordering::Relaxed);
        (0..3).for_each(|_| slot.count_hit());
        assert_eq!(slot.facts(0).hits, HITS);
        assert_eq!(slot.expires(), Some(Duration::from_secs(9)));
        assert!(!slot.has_extra());
    }
}
