//! A segmented array: it grows by blocks that never move, so a reader reaches an element without a lock.

use std::marker::PhantomData;
use std::ptr::slice_from_raw_parts_mut;
use std::sync::PoisonError;

use super::published::Published;
use crate::sync::atomic::{AtomicPtr, Ordering};
use crate::sync::{Mutex, SCHEDULES};

/// Elements by number, in blocks of `BYTES` or a little less; room is made a block ahead of use.
pub(super) struct Segments<T, const BYTES: usize> {
    /// Where it is full, one twice as large takes its place.
    table: Published<Table<T>>,
    /// Held while room is made.
    growing: Mutex<()>,
    /// It owns its elements: it may be shared between threads if they may, and may be handed from one to another.
    owned: PhantomData<(T, Mutex<T>)>,
}

/// Blocks by number; null until there is room.
type Table<T> = Box<[AtomicPtr<T>]>;

const MAX_BITS: u32 = if SCHEDULES { 8 } else { 24 };

/// Elements that can be had, numbered from 0.
pub(super) const MAX_ELEMENTS: u32 = (1 << MAX_BITS) - (1 << 6);

/// Blocks that the first table can name.
const FIRST_BLOCKS: usize = if SCHEDULES { 1 } else { 8 };

impl<T, const BYTES: usize> Segments<T, BYTES> {
    /// A block has 2 to the power of this many elements.
    const BITS: u32 = if SCHEDULES {
        1
    } else if size_of::<T>() == 0 || BYTES / size_of::<T>() == 0 {
        0
    } else {
        (BYTES / size_of::<T>()).ilog2()
    };
    const BLOCK_LEN: usize = 1 << Self::BITS;

    pub(super) fn new() -> Self {
        Self {
            table: Published::new(Self::table_of(std::iter::empty(), FIRST_BLOCKS)),
            growing: Mutex::new(()),
            owned: PhantomData,
        }
    }

    /// The element, if its room has been made.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (block, offset) = Self::locate(number);
        // Acquire pairs with the release in `make_room`: the elements are there before the block is found.
        let first = self.table.get().get(block)?.load(Ordering::Acquire);
        if first.is_null() {
            return None;
        }
        // SAFETY: `make_room` made this block, of more than `offset` elements. Only `drop` frees it, and there is no
        // mutable reference to it.
        Some(unsafe { &*first.add(offset) })
    }

    /// Makes room for element `number`; all elements stay where they are. Of two threads that ask for the same room, one
    /// makes it.
    pub(super) fn make_room(&self, number: u32, vacant: impl Fn() -> T) {
        if self.get(number).is_some() {
            return;
        }
        // None of the user's code runs under this lock.
        let _growing = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        if self.get(number).is_some() {
            return;
        }
        let (block, _) = Self::locate(number);
        let blocks = self.table.get();
        if block >= blocks.len() {
            let room = (2 * blocks.len()).max(block + 1);
            let named = blocks.iter().map(|block| block.load(Ordering::Relaxed));
            self.table.publish(Self::table_of(named, room));
        }
        let elements: Box<[T]> = (0..Self::BLOCK_LEN).map(|_| vacant()).collect();
        // Release pairs with the acquire in `get`.
        self.table.get()[block].store(Box::into_raw(elements).cast(), Ordering::Release);
    }

    /// A table of so much room.
    fn table_of(named: impl Iterator<Item = *mut T>, room: usize) -> Table<T> {
        let vacant = std::iter::repeat(std::ptr::null_mut());
        let blocks = named.chain(vacant).take(room);
        blocks.map(AtomicPtr::new).collect()
    }

    #[inline]
    fn locate(number: u32) -> (usize, usize) {
        let number = number as usize;
        (number >> Self::BITS, number % Self::BLOCK_LEN)
    }
}

impl<T, const BYTES: usize> Drop for Segments<T, BYTES> {
    fn drop(&mut self) {
        for block in self.table.get() {
            let first = block.load(Ordering::Relaxed);
            if !first.is_null() {
                let elements = slice_from_raw_parts_mut(first, Self::BLOCK_LEN);
                // SAFETY: `make_room` got it from `Box::into_raw`, with this length, and no other user is left.
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

    /// Eight in a block.
    type Eights = Segments<u32, 32>;

    #[test]
    fn every_number_has_a_place_of_its_own_in_order() {
        let mut place = (0, 0);
        for number in 0..1_000 {
            assert_eq!(Eights::locate(number), place, "number {number}");
            place = if place.1 == 7 {
                (place.0 + 1, 0)
            } else {
                (place.0, place.1 + 1)
            };
        }
    }

    #[test]
    fn a_block_has_a_power_of_two_of_elements_and_at_least_one() {
        assert_eq!(Segments::<[u8; 72], 65_536>::BLOCK_LEN, 512);
        assert_eq!(Segments::<[u8; 64], 64>::BLOCK_LEN, 1);
        assert_eq!(Segments::<[u8; 1_000], 64>::BLOCK_LEN, 1);
        assert_eq!(Segments::<(), 64>::BLOCK_LEN, 1);
    }

    #[test]
    fn room_that_was_not_made_is_not_there() {
        let segments = Eights::new();
        segments.make_room(0, || 7);
        assert_eq!((segments.get(7), segments.get(8)), (Some(&7), None));
        assert_eq!(segments.get(u32::MAX), None);
        segments.make_room(1_000, || 8);
        assert_eq!((segments.get(7), segments.get(999)), (Some(&7), None));
        assert_eq!(segments.get(1_000), Some(&8));
    }

    #[test]
    fn elements_stay_where_they_are_while_it_grows() {
        let segments = Eights::new();
        segments.make_room(0, || 7);
        let first = std::ptr::from_ref(segments.get(0).unwrap());
        for number in 0..10_000 {
            segments.make_room(number, || 7);
        }
        assert_eq!(std::ptr::from_ref(segments.get(0).unwrap()), first);
    }

    #[test]
    fn every_element_is_dropped_once() {
        let counted = Arc::new(());
        let segments: Segments<Arc<()>, 64> = Segments::new();
        for number in [0, 7, 9, 100, 1_000] {
            segments.make_room(number, || Arc::clone(&counted));
        }
        assert_eq!(Arc::strong_count(&counted), 1 + 4 * 8);
        drop(segments);
        assert_eq!(Arc::strong_count(&counted), 1);
    }

    #[test]
    fn who_reads_while_it_grows_sees_whole_elements() {
        let segments: Segments<u64, 64> = Segments::new();
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
