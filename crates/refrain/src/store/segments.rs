//! A growing array whose elements never move, so that readers need no lock to reach one.

use std::marker::PhantomData;
use std::ptr::slice_from_raw_parts_mut;
use std::sync::Mutex;

use crate::sync::SCHEDULES;
use crate::sync::atomic::{AtomicPtr, Ordering};

/// Elements by number; room is made ahead of use, in blocks of at most an eighth of what is there.
///
/// The first eight blocks hold 2 to the power of `FIRST_BITS` elements together (at least 3); each doubling after them is eight
/// blocks of an eighth. So few blocks that their addresses stay in the processor's nearest cache.
pub(super) struct Segments<T, const FIRST_BITS: u32> {
    /// Null until there is room.
    blocks: Box<[AtomicPtr<T>]>,
    /// It may be shared between threads if its elements may, and may be handed from one to another: who calls first makes
    /// room, and who drops the whole drops them.
    owned: PhantomData<(T, Mutex<T>)>,
}

const MAX_BITS: u32 = if SCHEDULES { 8 } else { 24 };

/// Elements that can be had, numbered from 0.
pub(super) const MAX_ELEMENTS: u32 = (1 << MAX_BITS) - (1 << 6);

impl<T, const FIRST_BITS: u32> Segments<T, FIRST_BITS> {
    const BLOCKS: usize = 8 * (MAX_BITS - FIRST_BITS) as usize;

    pub(super) fn new() -> Self {
        let vacant = || AtomicPtr::new(std::ptr::null_mut());
        Self {
            blocks: (0..Self::BLOCKS).map(|_| vacant()).collect(),
            owned: PhantomData,
        }
    }

    /// The element, if its room has been made.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (block, offset) = Self::locate(number);
        // Acquire pairs with the release in `make_room`: the elements are there before the block is found.
        let first = self.blocks.get(block)?.load(Ordering::Acquire);
        if first.is_null() {
            return None;
        }
        // SAFETY: `make_room` made this block, of `block_len(block)` elements, more than `offset`. It is given back only by
        // `drop`, and nobody has it mutably.
        Some(unsafe { &*first.add(offset) })
    }

    /// Makes room for element `number`; what is there stays where it is. Of two who make the same room, one does.
    pub(super) fn make_room(&self, number: u32, vacant: impl Fn() -> T) {
        let (block, _) = Self::locate(number);
        let place = &self.blocks[block];
        if !place.load(Ordering::Relaxed).is_null() {
            return;
        }
        let elements: Box<[T]> = (0..Self::block_len(block)).map(|_| vacant()).collect();
        let elements = Box::into_raw(elements);
        let null = std::ptr::null_mut();
        // Release pairs with the acquire in `get`.
        let placed =
            place.compare_exchange(null, elements.cast(), Ordering::Release, Ordering::Relaxed);
        if placed.is_err() {
            // SAFETY: it was made above, and nobody else has seen it.
            drop(unsafe { Box::from_raw(elements) });
        }
    }

    #[inline]
    fn locate(number: u32) -> (usize, usize) {
        // As if there were a doubling before the first one, of which nothing is used. Beyond the last number it comes to a
        // block that is not there.
        let number = number.saturating_add(1 << FIRST_BITS);
        // The doubling that `number` lies in, and which eighth of it.
        let doubling = number.ilog2();
        let eighth = (number >> (doubling - 3)) & 7;
        let block = 8 * (doubling - FIRST_BITS) + eighth;
        let offset = number & ((1 << (doubling - 3)) - 1);
        (block as usize, offset as usize)
    }

    fn block_len(block: usize) -> usize {
        1 << (FIRST_BITS as usize - 3 + block / 8)
    }
}

impl<T, const FIRST_BITS: u32> Drop for Segments<T, FIRST_BITS> {
    fn drop(&mut self) {
        for (block, place) in self.blocks.iter().enumerate() {
            let first = place.load(Ordering::Relaxed);
            if !first.is_null() {
                let elements = slice_from_raw_parts_mut(first, Self::block_len(block));
                // SAFETY: `make_room` got it from `Box::into_raw`, with this length, and nobody else is left.
                drop(unsafe { Box::from_raw(elements) });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    type Small = Segments<i32, 3>;
    type Large = Segments<i32, 6>;

    #[test]
    fn every_number_has_a_place_of_its_own_in_order() {
        let (mut small, mut large) = ((0, 0), (0, 0));
        for number in 0..100_000 {
            assert_eq!(Small::locate(number), small, "number {number}");
            assert_eq!(Large::locate(number), large, "number {number}");
            small = after(small, Small::block_len(small.0));
            large = after(large, Large::block_len(large.0));
        }
    }

    fn after((block, offset): (usize, usize), len: usize) -> (usize, usize) {
        if offset + 1 == len {
            (block + 1, 0)
        } else {
            (block, offset + 1)
        }
    }

    #[test]
    fn the_last_number_lies_in_the_last_block() {
        let (block, offset) = Large::locate(MAX_ELEMENTS - 1);
        assert_eq!(block, Large::BLOCKS - 1);
        assert_eq!(offset, Large::block_len(block) - 1);
    }

    #[test]
    fn room_that_was_not_made_is_not_there() {
        let segments = Large::new();
        segments.make_room(0, || 7);
        assert_eq!((segments.get(7), segments.get(8)), (Some(&7), None));
        assert_eq!(segments.get(u32::MAX), None);
    }

    #[test]
    fn every_element_is_dropped_once() {
        let counted = Arc::new(());
        let segments: Segments<Arc<()>, 3> = Segments::new();
        for number in [0, 7, 9, 100] {
            segments.make_room(number, || Arc::clone(&counted));
        }
        // Two blocks of one element, one of two, and one of eight.
        assert_eq!(Arc::strong_count(&counted), 1 + 1 + 1 + 2 + 8);
        drop(segments);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn who_reads_while_it_grows_sees_whole_elements() {
        let segments: Segments<u64, 3> = Segments::new();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    for number in 0..2_000 {
                        assert!(segments.get(number).is_none_or(|element| *element == 42));
                    }
                }
            });
            for number in 0..2_000 {
                segments.make_room(number, || 42);
            }
            done.store(true, Ordering::Relaxed);
        });
    }
}
