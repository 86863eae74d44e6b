//! The budget of the cache: the bytes and entries that it holds and may hold.
//!
//! Only the holder of the store's lock writes, so a change is a load and a store; any thread reads.
//! Relaxed throughout: each number is exact by itself and guards nothing else.

use crate::sync::atomic::{AtomicU64, Ordering};

use crate::entry::{Capacity, RemovalCause};
use crate::policy::Space;

#[derive(Debug)]
pub(super) struct Budget {
    bytes: Sum,
    entries: Sum,
    peak_bytes: AtomicU64,
}

#[derive(Debug)]
struct Sum {
    held: AtomicU64,
    capacity: AtomicU64,
}

impl Sum {
    fn new(capacity: u64) -> Self {
        Self {
            held: AtomicU64::new(0),
            capacity: AtomicU64::new(capacity),
        }
    }

    fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    fn capacity(&self) -> u64 {
        self.capacity.load(Ordering::Relaxed)
    }

    /// Takes `less` away and adds `more`; an observer sees one step.
    fn exchange(&self, less: u64, more: u64) -> u64 {
        let held = self.held() - less + more;
        self.held.store(held, Ordering::Relaxed);
        held
    }

    /// What is missing before `more` fits.
    fn missing(&self, more: u64) -> u64 {
        more.saturating_sub(self.capacity() - self.held())
    }
}

impl Budget {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self {
            bytes: Sum::new(capacity.bytes),
            entries: Sum::new(capacity.entries),
            peak_bytes: AtomicU64::new(0),
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.held()
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries.held()
    }

    pub(super) fn peak_bytes(&self) -> u64 {
        self.peak_bytes.load(Ordering::Relaxed)
    }

    pub(super) fn capacity(&self) -> Capacity {
        Capacity {
            bytes: self.bytes.capacity(),
            entries: self.entries.capacity(),
        }
    }

    /// What is held fits.
    pub(super) fn set_capacity(&self, capacity: Capacity) {
        self.bytes.capacity.store(capacity.bytes, Ordering::Relaxed);
        self.entries
            .capacity
            .store(capacity.entries, Ordering::Relaxed);
    }

    /// Whether an entry of this weight could be stored if there were no other.
    pub(super) fn could_hold(&self, weight_bytes: u64) -> bool {
        weight_bytes <= self.bytes.capacity() && self.entries.capacity() > 0
    }

    /// What must go before one entry of `weight_bytes` fits.
    pub(super) fn space(&self, weight_bytes: u64) -> Space {
        Space {
            held_bytes: self.bytes.held(),
            missing_bytes: self.bytes.missing(weight_bytes),
            missing_entries: self.entries.missing(1),
        }
    }

    /// Whether an entry may become so much heavier.
    pub(super) fn has_room_for(&self, more_bytes: u64) -> bool {
        self.bytes.missing(more_bytes) == 0
    }

    /// So many entries and bytes have left, and so many have come in their place, for which there is room then.
    pub(super) fn exchange(&self, left: (u64, u64), come: (u64, u64)) {
        self.entries.exchange(left.0, come.0);
        let bytes = self.bytes.exchange(left.1, come.1);
        if bytes > self.peak_bytes() {
            self.peak_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// So many entries of together so many bytes have left.
    pub(super) fn release(&self, entries: u64, bytes: u64) {
        self.exchange((entries, bytes), (0, 0));
    }

    /// Why entries have to go, when `freed` of them with so many bytes have left already, so that what is left stays
    /// within `room`.
    pub(super) fn cause(&self, room: Capacity, freed: (u64, u64)) -> Option<RemovalCause> {
        if self.entries() - freed.0 > room.entries {
            Some(RemovalCause::EvictedByCount)
        } else if self.bytes() - freed.1 > room.bytes {
            Some(RemovalCause::EvictedBySize)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(bytes: u64, entries: u64) -> Budget {
        Budget::new(Capacity { bytes, entries })
    }

    fn missing(budget: &Budget, weight_bytes: u64) -> (u64, u64) {
        let space = budget.space(weight_bytes);
        (space.missing_bytes, space.missing_entries)
    }

    #[test]
    fn what_is_missing_is_what_has_to_go() {
        let budget = budget(10, 2);
        budget.exchange((0, 0), (1, 7));
        assert_eq!(missing(&budget, 3), (0, 0));
        assert_eq!(missing(&budget, 4), (1, 0));
        budget.exchange((0, 0), (1, 3));
        assert_eq!(missing(&budget, 0), (0, 1), "two entries are all");
        assert_eq!((budget.entries(), budget.bytes()), (2, 10));
    }

    #[test]
    fn sums_beyond_the_largest_number_are_missing() {
        let budget = budget(u64::MAX, u64::MAX);
        budget.exchange((0, 0), (1, u64::MAX));
        assert!(!budget.has_room_for(1));
        assert_eq!(missing(&budget, 2), (2, 0));
        let half = super::tests::budget(u64::MAX / 2, 9);
        half.exchange((0, 0), (1, u64::MAX / 2));
        assert_eq!(missing(&half, u64::MAX), (u64::MAX, 0), "all of it");
    }

    #[test]
    fn the_peak_is_what_was_ever_held() {
        let budget = budget(10, 2);
        budget.exchange((0, 0), (1, 9));
        budget.exchange((1, 9), (1, 4));
        assert_eq!((budget.entries(), budget.bytes()), (1, 4));
        budget.release(1, 4);
        assert_eq!((budget.bytes(), budget.peak_bytes()), (0, 9));
    }

    #[test]
    fn entries_go_by_count_before_they_go_by_size() {
        let budget = budget(10, 2);
        budget.exchange((0, 0), (2, 10));
        let room = |bytes, entries| Capacity { bytes, entries };
        let cause = |room, freed| budget.cause(room, freed);
        assert_eq!(
            cause(room(5, 1), (0, 0)),
            Some(RemovalCause::EvictedByCount)
        );
        assert_eq!(cause(room(5, 1), (1, 4)), Some(RemovalCause::EvictedBySize));
        assert_eq!(cause(room(5, 1), (1, 5)), None);
    }
}
