//! One small value for each slot of the cache.

use std::ops::{Index, IndexMut};

/// Values by slot number; a slot never written to holds the vacant value.
///
/// Grows by an eighth, not by doubling: at a million entries the room kept ready would otherwise
/// weigh as much as what is used.
#[derive(Debug)]
pub(super) struct BySlot<T> {
    values: Vec<T>,
    vacant: T,
}

impl<T: Copy> BySlot<T> {
    pub(super) fn new(vacant: T) -> Self {
        Self {
            values: Vec::new(),
            vacant,
        }
    }

    /// One past the highest slot written to.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.values.len()).expect("slots are numbered in 32 bits")
    }

    pub(super) fn get(&self, slot: u32) -> T {
        self.values
            .get(slot as usize)
            .map_or(self.vacant, |value| *value)
    }

    pub(super) fn set(&mut self, slot: u32, value: T) {
        let at = slot as usize;
        if at >= self.values.len() {
            self.grow(at + 1);
        }
        self.values[at] = value;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.values.capacity() * size_of::<T>()
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        if len > self.values.capacity() {
            let room = len + (len / 8).max(64);
            self.values.reserve_exact(room - self.values.len());
        }
        self.values.resize(len, self.vacant);
    }
}

impl<T> Index<u32> for BySlot<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        &self.values[slot as usize]
    }
}

impl<T> IndexMut<u32> for BySlot<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        &mut self.values[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_never_written_to_is_vacant() {
        let mut values = BySlot::new(7);
        values.set(3, 1);
        assert_eq!((values.get(0), values.get(3), values.get(900)), (7, 1, 7));
        assert_eq!(values.end(), 4);
    }

    #[test]
    fn the_room_kept_ready_is_an_eighth() {
        let mut values = BySlot::new(0_u64);
        for slot in 0..100_000 {
            values.set(slot, 1);
            let used = values.values.len();
            assert!(values.values.capacity() <= used + used / 8 + 65);
        }
    }
}
