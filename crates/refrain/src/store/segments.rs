//! A growing array whose elements never move, so that readers need no lock to reach one.

use std::sync::OnceLock;

/// Elements by number; room is made ahead of use, in blocks of at most an eighth of what is there.
///
/// The first block holds 2 to the power of `FIRST_BITS` elements (at least 3); each doubling after it is eight blocks
/// of an eighth.
pub(super) struct Segments<T, const FIRST_BITS: u32> {
    blocks: Box<[OnceLock<Box<[T]>>]>,
}

const MAX_BITS: u32 = 26;

/// Elements that can be had, numbered from 0.
pub(super) const MAX_ELEMENTS: u32 = 1 << MAX_BITS;

impl<T, const FIRST_BITS: u32> Segments<T, FIRST_BITS> {
    const BLOCKS: usize = 1 + 8 * (MAX_BITS - FIRST_BITS) as usize;

    pub(super) fn new() -> Self {
        Self {
            blocks: (0..Self::BLOCKS).map(|_| OnceLock::new()).collect(),
        }
    }

    /// The element, if its room has been made.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&T> {
        let (block, offset) = Self::locate(number);
        self.blocks.get(block)?.get()?.get(offset)
    }

    /// Makes room for element `number`; what is there stays where it is.
    pub(super) fn make_room(&self, number: u32, vacant: impl Fn() -> T) {
        let (block, _) = Self::locate(number);
        self.blocks[block].get_or_init(|| (0..Self::block_len(block)).map(|_| vacant()).collect());
    }

    #[inline]
    fn locate(number: u32) -> (usize, usize) {
        if number < 1 << FIRST_BITS {
            return (0, number as usize);
        }
        // The doubling that `number` lies in, and which eighth of it.
        let doubling = number.ilog2();
        let eighth = (number >> (doubling - 3)) & 7;
        let block = 1 + 8 * (doubling - FIRST_BITS) + eighth;
        let offset = number & ((1 << (doubling - 3)) - 1);
        (block as usize, offset as usize)
    }

    fn block_len(block: usize) -> usize {
        match block.checked_sub(1) {
            None => 1 << FIRST_BITS,
            Some(later) => 1 << (FIRST_BITS as usize - 3 + later / 8),
        }
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!((segments.get(63), segments.get(64)), (Some(&7), None));
    }
}
