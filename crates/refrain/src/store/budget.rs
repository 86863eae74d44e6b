//! What the whole cache holds and may hold: one budget for all parts.
//!
//! Room is reserved before an entry is stored and released after one has left, so the sums are never below what is
//! stored, and never above the capacity.
//!
//! Relaxed throughout: each sum is exact by itself and guards nothing else. The capacity is changed by who holds all parts,
//! and looked at by who holds one of them, so their locks order it.

use crate::sync::atomic::{AtomicU64, Ordering};

use crate::entry::{Capacity, RemovalCause};
use crate::policy::Space;

#[derive(Debug)]
pub(super) struct Budget {
    bytes: Sum,
    entries: Sum,
    peak_bytes: AtomicU64,
}

/// 128 bytes: adjacent-line prefetch moves cache lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
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

    /// Adds `more` if that fits; the sum is then what is returned.
    fn reserve(&self, more: u64) -> Option<u64> {
        let capacity = self.capacity();
        let fits = |held: u64| held.checked_add(more).filter(|sum| *sum <= capacity);
        let before = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .ok()?;
        Some(before + more)
    }

    fn release(&self, less: u64) {
        self.held.fetch_sub(less, Ordering::Relaxed);
    }

    /// What is missing before `more` fits.
    fn missing(&self, more: u64) -> u64 {
        let wanted = u128::from(self.held()) + u128::from(more);
        let over = wanted.saturating_sub(u128::from(self.capacity()));
        u64::try_from(over).unwrap_or(u64::MAX)
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

    /// For who holds all parts, and what is held fits.
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

    /// Makes room for one entry, if it is there.
    pub(super) fn reserve(&self, weight_bytes: u64) -> bool {
        if self.entries.reserve(1).is_none() {
            return false;
        }
        let reserved = self.reserve_bytes(weight_bytes);
        if !reserved {
            self.entries.release(1);
        }
        reserved
    }

    /// Makes room for an entry to become so much heavier, if it is there.
    pub(super) fn reserve_bytes(&self, more: u64) -> bool {
        if more == 0 {
            return true;
        }
        let Some(sum) = self.bytes.reserve(more) else {
            return false;
        };
        if sum > self.peak_bytes() {
            self.peak_bytes.fetch_max(sum, Ordering::Relaxed);
        }
        true
    }

    /// `entries` of together `bytes` have left.
    pub(super) fn release(&self, entries: u64, bytes: u64) {
        if entries > 0 {
            self.entries.release(entries);
        }
        if bytes > 0 {
            self.bytes.release(bytes);
        }
    }

    /// One entry takes the room of `entries`, at least one, of together `bytes`, which have left; false if others have
    /// taken what it needs beyond that. Then theirs is released.
    pub(super) fn exchange(&self, entries: u64, bytes: u64, weight_bytes: u64) -> bool {
        let fits = self.reserve_bytes(weight_bytes.saturating_sub(bytes));
        if fits {
            self.release(entries - 1, bytes.saturating_sub(weight_bytes));
        } else {
            self.release(entries, bytes);
        }
        fits
    }

    /// What must go before one entry of `weight_bytes` fits.
    pub(super) fn space(&self, weight_bytes: u64) -> Space {
        Space {
            held_bytes: self.bytes.held(),
            missing_bytes: self.bytes.missing(weight_bytes),
            missing_entries: self.entries.missing(1),
        }
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

    #[test]
    fn what_does_not_fit_reserves_nothing() {
        let budget = budget(10, 3);
        assert!(budget.reserve(7));
        assert!(!budget.reserve(4));
        assert_eq!((budget.entries(), budget.bytes()), (1, 7));
        assert!(budget.reserve(3) && budget.reserve(0));
        assert!(!budget.reserve(0), "three entries are all");
        assert_eq!(budget.peak_bytes(), 10);
    }

    #[test]
    fn sums_beyond_the_largest_number_do_not_fit() {
        let budget = budget(u64::MAX, u64::MAX);
        assert!(budget.reserve(u64::MAX));
        assert!(!budget.reserve(1));
        assert_eq!(budget.space(2).missing_bytes, 2);
    }

    #[test]
    fn an_exchange_takes_the_room_of_what_has_left() {
        let budget = budget(10, 1);
        assert!(budget.reserve(10));
        assert!(budget.exchange(1, 10, 4));
        assert_eq!((budget.entries(), budget.bytes()), (1, 4));
        assert!(!budget.exchange(1, 4, 11));
        assert_eq!((budget.entries(), budget.bytes()), (0, 0));
    }

    #[test]
    fn threads_that_reserve_at_once_never_hold_more_than_there_is() {
        let budget = budget(1000, 60);
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                let budget = &budget;
                scope.spawn(move || {
                    for round in 0..20_000 {
                        let weight = (round * 7 + thread * 13) % 90;
                        if budget.reserve(weight) {
                            assert!(budget.bytes() <= 1000 && budget.entries() <= 60);
                            budget.release(1, weight);
                        }
                    }
                });
            }
        });
        assert_eq!((budget.entries(), budget.bytes()), (0, 0));
    }
}
