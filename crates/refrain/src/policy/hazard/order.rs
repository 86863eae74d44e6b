//! A bucket queue: slots by their index, to within a thirty-second of an octave, in O(1).
//!
//! An index is an estimate that is stale a moment later, and the policy looks again before it evicts, so slots need no
//! exact order. They lie in lists by the leading bits of the index, and two levels of bits tell which lists are not empty.

use crate::policy::by_slot::BySlot;

/// Leading bits of an index that tell the list: seven of exponent, five of mantissa.
const LIST_BITS: u32 = 12;
const LISTS: usize = 1 << LIST_BITS;
const LAST: u16 = (1 << LIST_BITS) - 1;
/// What is left of an index without the rest of its mantissa.
const SHIFT: u32 = f32::MANTISSA_DIGITS - 1 - 5;
/// Indices from here on are told apart, up to 2^28. Microseconds of computation for gigabytes, used once in a million requests,
/// come to 2^-70.
const LEAST: f32 = 7.888_609e-31;
const WORDS: usize = LISTS / 64;
/// Indices this many lists apart, 5 %, count as equal.
const TOLERANCE: u16 = 2;
/// No slot.
const NONE: u32 = u32::MAX;
/// No list.
const ABSENT: u16 = u16::MAX;

/// Slots by index: 10 bytes each, and 17 KB.
#[derive(Debug)]
pub(super) struct Order {
    heads: Box<[u32]>,
    filled: [u64; WORDS],
    /// Words of `filled` that are not zero.
    filled_words: [u64; WORDS / 64],
    lists: BySlot<u16>,
    links: BySlot<Link>,
    len: usize,
}

#[derive(Debug, Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
}

/// The list of an index: of what is not positive, the first, and no other index is there.
fn list_of(index: f32) -> u16 {
    if index <= 0.0 {
        return 0;
    }
    let above = (index.to_bits() >> SHIFT).saturating_sub(LEAST.to_bits() >> SHIFT);
    u16::try_from(above + 1).map_or(LAST, |list| list.min(LAST))
}

impl Order {
    pub(super) fn new() -> Self {
        Self {
            heads: vec![NONE; LISTS].into_boxed_slice(),
            filled: [0; WORDS],
            filled_words: [0; WORDS / 64],
            lists: BySlot::new(ABSENT),
            links: BySlot::new(Link {
                before: NONE,
                after: NONE,
            }),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// One past the highest slot ever held.
    pub(super) fn end(&self) -> u32 {
        self.lists.end()
    }

    #[inline]
    pub(super) fn contains(&self, slot: u32) -> bool {
        self.lists.get(slot) != ABSENT
    }

    /// Adds `slot`, or moves it to where `index` belongs; whether it moved forward.
    #[inline]
    pub(super) fn set(&mut self, slot: u32, index: f32) -> bool {
        let list = list_of(index);
        let current = self.lists.get(slot);
        match current {
            ABSENT => self.len += 1,
            current if current == list => return false,
            _ => self.unlink(slot),
        }
        self.link(slot, list);
        current != ABSENT && current > list
    }

    /// Takes out `slot`; whether it was there.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let found = self.contains(slot);
        if found {
            self.unlink(slot);
            self.lists[slot] = ABSENT;
            self.len -= 1;
        }
        found
    }

    /// The slot that has been longest in the lowest list.
    pub(super) fn first(&self) -> Option<u32> {
        Some(self.heads[usize::from(self.first_list()?)])
    }

    /// The first slot, and the one after it in its list.
    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        let first = self.first();
        let second = first.map(|slot| self.links[slot].after);
        [first, second.filter(|second| Some(*second) != first)]
    }

    /// The lowest list that holds anything.
    fn first_list(&self) -> Option<u16> {
        let high = self.filled_words.iter().position(|word| *word != 0)?;
        let word = high * 64 + self.filled_words[high].trailing_zeros() as usize;
        let list = word * 64 + self.filled[word].trailing_zeros() as usize;
        Some(u16::try_from(list).expect("there are 2^12 lists"))
    }

    /// Whether a slot with this index would come first, or nearly.
    pub(super) fn would_be_first(&self, index: f32) -> bool {
        let first = self.first_list();
        first.is_none_or(|first| list_of(index) <= first.saturating_add(TOLERANCE))
    }

    fn link(&mut self, slot: u32, list: u16) {
        self.lists.set(slot, list);
        let list = usize::from(list);
        let head = self.heads[list];
        if head == NONE {
            self.heads[list] = slot;
            self.filled[list / 64] |= 1 << (list % 64);
            self.filled_words[list / 64 / 64] |= 1 << (list / 64 % 64);
            self.links.set(
                slot,
                Link {
                    before: slot,
                    after: slot,
                },
            );
        } else {
            let tail = self.links[head].before;
            self.links.set(
                slot,
                Link {
                    before: tail,
                    after: head,
                },
            );
            self.links[tail].after = slot;
            self.links[head].before = slot;
        }
    }

    fn unlink(&mut self, slot: u32) {
        let list = usize::from(self.lists[slot]);
        let Link { before, after } = self.links[slot];
        if after == slot {
            self.heads[list] = NONE;
            self.filled[list / 64] &= !(1 << (list % 64));
            if self.filled[list / 64] == 0 {
                self.filled_words[list / 64 / 64] &= !(1 << (list / 64 % 64));
            }
            return;
        }
        self.links[before].after = after;
        self.links[after].before = before;
        if self.heads[list] == slot {
            self.heads[list] = after;
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.heads) + self.lists.memory_bytes() + self.links.memory_bytes()
    }

    /// Every slot is in the list that it says it is in, and the bits tell which lists have any.
    pub(super) fn validate(&self) {
        let mut count = 0;
        for list in 0..LISTS {
            let head = self.heads[list];
            let filled = self.filled[list / 64] >> (list % 64) & 1 == 1;
            assert_eq!(filled, head != NONE, "the bits tell which lists are filled");
            let mut slot = head;
            while slot != NONE {
                let Link { before, after } = self.links[slot];
                assert_eq!(usize::from(self.lists[slot]), list, "a slot knows its list");
                assert_eq!(
                    self.links[before].after, slot,
                    "links agree in both directions"
                );
                count += 1;
                slot = if after == head { NONE } else { after };
            }
        }
        assert_eq!(count, self.len, "every slot is in a list");
        let present = (0..self.end()).filter(|&slot| self.contains(slot));
        assert_eq!(present.count(), self.len, "no slot is lost");
        for (at, word) in self.filled.iter().enumerate() {
            assert_eq!(self.filled_words[at / 64] >> (at % 64) & 1 == 1, *word != 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn slots_come_in_order_of_their_index_to_a_few_per_cent() {
        let mut order = Order::new();
        let indices = [1e-30, 3e-9, 0.5, 0.6, 7.0, 1e12];
        for (slot, index) in (0..).zip(indices.into_iter().rev()) {
            order.set(slot, index);
        }
        let mut out = Vec::new();
        while let Some(slot) = order.first() {
            order.remove(slot);
            out.push(slot);
        }
        assert_eq!(out, [5, 4, 3, 2, 1, 0]);
    }

    #[test]
    fn in_one_list_the_slot_that_came_first_leaves_first() {
        let mut order = Order::new();
        for slot in [4, 9, 2] {
            order.set(slot, 1.0);
        }
        order.set(4, 1.001);
        assert_eq!(
            order.first(),
            Some(4),
            "an index that hardly changed moves nothing"
        );
        order.remove(4);
        assert_eq!(order.first(), Some(9));
    }

    #[test]
    fn an_expired_slot_comes_before_all_others() {
        let mut order = Order::new();
        order.set(0, 1e-37);
        order.set(1, -1.0);
        assert_eq!(order.first(), Some(1));
    }

    proptest! {
        #[test]
        fn the_first_is_the_least_of_all(
            ops in prop::collection::vec((0..40_u32, prop::option::weighted(0.7, -60..60_i32)), 1..300),
        ) {
            let mut order = Order::new();
            let mut model = std::collections::BTreeMap::new();
            for (slot, power) in ops {
                if let Some(power) = power {
                    let index = 1.25_f32.powi(power);
                    order.set(slot, index);
                    model.insert(slot, index);
                } else {
                    prop_assert_eq!(order.remove(slot), model.remove(&slot).is_some());
                }
                order.validate();
                let least = model.values().copied().reduce(f32::min);
                prop_assert_eq!(order.first().map(|slot| model[&slot]), least);
            }
        }
    }
}
