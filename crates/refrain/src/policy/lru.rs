//! The policy `lru`: the least recently used entry leaves first, exactly.
//!
//! The word of an entry is the tick of its last use, so a hit stores one number and moves nothing;
//! the [`Calendar`] finds the smallest.

use super::calendar::Calendar;
use super::{Admission, Moment, Residents, Space};

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

    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        self.order.upcoming()
    }

    /// Everything that fits is admitted.
    #[inline]
    pub(super) fn admit(
        &mut self,
        residents: &impl Residents,
        mut space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        while !space.is_enough() {
            let Some(slot) = self.evict(residents) else {
                break;
            };
            space = space.without(residents.weight_bytes(slot));
            victims.push(slot);
        }
        Admission::Admit { word: now.tick }
    }

    #[inline]
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
        (self.order).first(|slot| residents.word(slot), |slot| residents.fetch(slot))
    }

    #[inline]
    pub(super) fn evict(&mut self, residents: &impl Residents) -> Option<u32> {
        (self.order).pop(|slot| residents.word(slot), |slot| residents.fetch(slot))
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
