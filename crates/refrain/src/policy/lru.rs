//! The least recently used leaves first, exactly.
//!
//! The word of an entry is the tick of its last use, so a hit stores one number and moves nothing;
//! the [`Calendar`] finds the smallest.

use super::Residents;
use super::calendar::Calendar;

/// Exact LRU: 6 bytes an entry beside its word.
#[derive(Debug)]
pub(super) struct Lru {
    order: Calendar,
}

impl Lru {
    pub(super) fn new() -> Self {
        Self {
            order: Calendar::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// No entry was used before this tick.
    pub(super) fn score(&self) -> u64 {
        self.order.lower_bound()
    }

    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        self.order.upcoming()
    }

    pub(super) fn insert(&mut self, residents: &impl Residents, slot: u32) {
        self.order.insert(slot, residents.word(slot));
    }

    pub(super) fn remove(&mut self, slot: u32) -> bool {
        self.order.remove(slot)
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.order.contains(slot)
    }

    pub(super) fn worst(&mut self, residents: &impl Residents) -> Option<u32> {
        self.order.first(|slot| residents.word(slot))
    }

    /// Takes out the least recently used, unless it was used after tick `limit`; and the tick at which it was.
    pub(super) fn take_worst(
        &mut self,
        residents: &impl Residents,
        limit: u64,
    ) -> Option<(u32, u64)> {
        self.order.pop(limit, |slot| residents.word(slot))
    }

    /// Undoes the last [`take_worst`](Self::take_worst); nothing has been changed since.
    pub(super) fn put_back(&mut self, slot: u32, tick: u64) {
        self.order.put_back(slot, tick);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.order.memory_bytes()
    }

    pub(super) fn validate(&self, residents: &impl Residents) {
        self.order.validate(|slot| residents.word(slot));
    }
}

#[cfg(test)]
mod tests;
