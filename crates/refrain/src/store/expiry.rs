//! Slots by the millisecond in which they expire: a hierarchical timing wheel (Varghese and Lauck, "Hashed and
//! Hierarchical Timing Wheels", SOSP 1987), 64 buckets a level.
//!
//! Adding and removing are O(1); a slot moves down at most once per level before it is due.

#![expect(
    clippy::cast_possible_truncation,
    reason = "digits of 6 bits and levels below 7 are cast"
)]

/// Not in the wheel.
const ABSENT: u32 = u32::MAX;
/// No slot.
const NONE: u32 = u32::MAX - 1;
/// Beside a number: it is a bucket and not a slot.
const BUCKET: u32 = 1 << 31;

const DIGIT_BITS: u32 = 6;
const DIGITS: usize = 1 << DIGIT_BITS;
/// Seven digits: the 40 bits that slots have for an expiry, and some to spare.
const LEVELS: usize = 7;

/// Which slots expire when. Slots are numbered below 2^31.
pub(super) struct Expiry {
    heads: Box<[u32]>,
    filled: [u64; LEVELS],
    links: Vec<Link>,
    /// Nothing in the wheel is due before this.
    base: u64,
    len: usize,
}

#[derive(Clone, Copy)]
struct Link {
    /// The slot before, or the bucket if it is the first.
    before: u32,
    after: u32,
}

impl Expiry {
    pub(super) fn new() -> Self {
        Self {
            heads: vec![NONE; LEVELS * DIGITS].into_boxed_slice(),
            filled: [0; LEVELS],
            links: Vec::new(),
            base: 0,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds `slot`, which is not there. A moment that has passed counts as the earliest that has not.
    pub(super) fn insert(&mut self, slot: u32, due: u64) {
        let at = slot as usize;
        if self.links.len() <= at {
            self.links.resize(
                at + 1,
                Link {
                    before: ABSENT,
                    after: NONE,
                },
            );
        }
        self.place(slot, due);
        self.len += 1;
    }

    /// Takes out `slot`, if it is there.
    pub(super) fn remove(&mut self, slot: u32) {
        match self.links.get(slot as usize) {
            None | Some(Link { before: ABSENT, .. }) => {}
            Some(_) => {
                self.unlink(slot);
                self.links[slot as usize].before = ABSENT;
                self.len -= 1;
            }
        }
    }

    /// Takes out one slot that is due by `now`, if there is any. `due` tells again when a slot is due.
    pub(super) fn pop_due(&mut self, now: u64, due: impl Fn(u32) -> u64) -> Option<u32> {
        loop {
            let (level, digit, start) = self.lowest()?;
            if start > now {
                return None;
            }
            self.base = start;
            let slot = self.heads[level * DIGITS + digit];
            if level == 0 {
                self.remove(slot);
                return Some(slot);
            }
            let mut slot = slot;
            while slot != NONE {
                let after = self.links[slot as usize].after;
                self.unlink(slot);
                self.place(slot, due(slot));
                slot = after;
            }
        }
    }

    /// A moment before which nothing is due.
    pub(super) fn lower_bound(&self) -> Option<u64> {
        self.lowest().map(|(_, _, start)| start)
    }

    /// The first bucket in order that holds anything, and the first moment it stands for.
    fn lowest(&self) -> Option<(usize, usize, u64)> {
        if self.len == 0 {
            return None;
        }
        let level = self.filled.iter().position(|digits| *digits != 0)?;
        let digit = self.filled[level].trailing_zeros();
        let shift = level as u32 * DIGIT_BITS;
        let above = self.base >> (shift + DIGIT_BITS) << (shift + DIGIT_BITS);
        let start = above | u64::from(digit) << shift;
        Some((level, digit as usize, start))
    }

    fn place(&mut self, slot: u32, due: u64) {
        let due = due.max(self.base);
        let level = (((due ^ self.base) | 1).ilog2() / DIGIT_BITS) as usize;
        let level = level.min(LEVELS - 1);
        let digit = (due >> (level as u32 * DIGIT_BITS)) as usize % DIGITS;
        let bucket = level * DIGITS + digit;
        let after = std::mem::replace(&mut self.heads[bucket], slot);
        self.links[slot as usize] = Link {
            before: BUCKET | bucket as u32,
            after,
        };
        if after != NONE {
            self.links[after as usize].before = slot;
        }
        self.filled[level] |= 1 << digit;
    }

    fn unlink(&mut self, slot: u32) {
        let Link { before, after } = self.links[slot as usize];
        debug_assert_ne!(before, ABSENT, "a slot is taken out once");
        if before & BUCKET == 0 {
            self.links[before as usize].after = after;
        } else {
            let bucket = (before & !BUCKET) as usize;
            self.heads[bucket] = after;
            if after == NONE {
                self.filled[bucket / DIGITS] &= !(1 << (bucket % DIGITS));
            }
        }
        if after != NONE {
            self.links[after as usize].before = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn slots_come_out_when_they_are_due_and_not_before(
            steps in prop::collection::vec((0_u32..40, 0_u64..5_000_000, 0_u64..3_000), 1..400)
        ) {
            let mut wheel = Expiry::new();
            let mut due_of = [None; 40];
            let mut model = BTreeSet::new();
            let mut now = 0;
            for (slot, span, passes) in steps {
                if let Some(due) = due_of[slot as usize].take() {
                    wheel.remove(slot);
                    model.remove(&(due, slot));
                } else {
                    let due = now + 1 + span;
                    wheel.insert(slot, due);
                    due_of[slot as usize] = Some(due);
                    model.insert((due, slot));
                }
                now += passes * passes;
                let mut popped = BTreeSet::new();
                while let Some(slot) = wheel.pop_due(now, |slot| due_of[slot as usize].unwrap()) {
                    popped.insert((due_of[slot as usize].take().unwrap(), slot));
                }
                let later = model.split_off(&(now + 1, 0));
                prop_assert_eq!(&popped, &model);
                model = later;
                prop_assert_eq!(wheel.len(), model.len());
                if let Some((due, _)) = model.first() {
                    prop_assert!(wheel.lower_bound().unwrap() <= *due);
                }
            }
        }
    }

    #[test]
    fn slots_due_together_all_come_out() {
        let mut wheel = Expiry::new();
        (0..1000).for_each(|slot| wheel.insert(slot, 77));
        assert_eq!(wheel.pop_due(76, |_| 77), None);
        let popped = std::iter::from_fn(|| wheel.pop_due(77, |_| 77)).count();
        assert_eq!((popped, wheel.len(), wheel.lower_bound()), (1000, 0, None));
    }
}
