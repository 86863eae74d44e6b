//! Slots in the order of a number that only ever grows, without touching them when it does.
//!
//! A slot lies in the bucket of the number it had when it was last looked at. Since numbers only
//! grow, that is a lower bound: only a slot that reaches the front has to be looked at again, and
//! either it is the smallest or it moves back to where its number now belongs. A slot moves down at
//! most once per digit, so every operation is O(1) amortized (eight digits of 64 bits; three in practice).
//!
//! This is the radix heap of Ahuja, Mehlhorn, Orlin and Tarjan, "Faster Algorithms for the Shortest
//! Path Problem" (JACM 1990), with base 256 and looking up the numbers late; seen from the other side, the
//! hierarchical timing wheel of Varghese and Lauck (SOSP 1987).

use super::by_slot::BySlot;

/// One digit of a number: 256 buckets a level.
const DIGIT_BITS: u32 = 8;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 64 / DIGIT_BITS as usize;

/// Not in any bucket.
const UNLINKED: u32 = u32::MAX;
/// The last of its bucket; as a head, an empty bucket.
const END: u32 = 0x7fff_fffe;
/// Beside the link: in a bucket, but removed since. The bucket forgets it when it is looked at.
const REMOVED: u32 = 0x8000_0000;

/// Slots by a growing number that the caller keeps: 4 bytes each, and 8 KB.
#[derive(Debug)]
pub(super) struct Calendar {
    heads: Box<[u32]>,
    filled: [[u64; DIGITS / 64]; LEVELS],
    links: BySlot<u32>,
    /// No slot has a smaller number. A slot lies on the level of the highest digit in which
    /// its number differed from the base when it was placed, in the bucket of that digit.
    base: u64,
    len: usize,
}

impl Calendar {
    /// Slots are numbered below this.
    pub(super) const SLOTS: u32 = END;

    pub(super) fn new() -> Self {
        Self {
            heads: vec![END; LEVELS * DIGITS].into_boxed_slice(),
            filled: [[0; DIGITS / 64]; LEVELS],
            links: BySlot::new(UNLINKED),
            base: 0,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Adds `slot`, whose number is `key` now. A key below the smallest ever taken counts as that.
    pub(super) fn insert(&mut self, slot: u32, key: u64) {
        debug_assert!(slot < Self::SLOTS);
        self.len += 1;
        match self.links.get(slot) {
            UNLINKED => self.place(slot, key),
            // Removed and not yet forgotten: it lies where its former, smaller number put it.
            link => self.links[slot] = link & !REMOVED,
        }
    }

    /// Forgets `slot`; whether it was there.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let link = self.links.get(slot);
        if link & REMOVED != 0 {
            return false;
        }
        self.links[slot] = link | REMOVED;
        self.len -= 1;
        true
    }

    /// The slot with the smallest number, left where it is.
    pub(super) fn first(&mut self, key: impl Fn(u32) -> u64) -> Option<u32> {
        while let Some((level, digit)) = self.lowest() {
            if level > 0 {
                self.spread(level, digit, &key);
                continue;
            }
            self.base = with_digit(self.base, 0, digit);
            let slot = self.heads[digit];
            let removed = self.links[slot] & REMOVED != 0;
            if !removed && key(slot) <= self.base {
                return Some(slot);
            }
            self.unlink_head(digit);
            if !removed {
                self.place(slot, key(slot));
            }
        }
        None
    }

    /// Takes out the slot with the smallest number.
    pub(super) fn pop(&mut self, key: impl Fn(u32) -> u64) -> Option<u32> {
        let slot = self.first(key)?;
        self.unlink_head(digit_of(self.base, 0));
        self.len -= 1;
        Some(slot)
    }

    /// The first bucket in order that holds anything.
    fn lowest(&self) -> Option<(usize, usize)> {
        self.filled.iter().enumerate().find_map(|(level, words)| {
            let word = words.iter().position(|word| *word != 0)?;
            Some((level, word * 64 + words[word].trailing_zeros() as usize))
        })
    }

    /// Moves the base to a bucket, below which there is nothing, and its slots to where they belong now.
    fn spread(&mut self, level: usize, digit: usize, key: impl Fn(u32) -> u64) {
        self.base = with_digit(self.base, level, digit);
        let bucket = level * DIGITS + digit;
        let mut slot = std::mem::replace(&mut self.heads[bucket], END);
        self.filled[level][digit / 64] &= !(1 << (digit % 64));
        while slot != END {
            let link = self.links[slot];
            if link & REMOVED == 0 {
                self.place(slot, key(slot));
            } else {
                self.links[slot] = UNLINKED;
            }
            slot = link & !REMOVED;
        }
    }

    fn place(&mut self, slot: u32, key: u64) {
        let key = key.max(self.base);
        let level = (((key ^ self.base) | 1).ilog2() / DIGIT_BITS) as usize;
        let digit = digit_of(key, level);
        let head = &mut self.heads[level * DIGITS + digit];
        self.links.set(slot, *head);
        *head = slot;
        self.filled[level][digit / 64] |= 1 << (digit % 64);
    }

    /// Takes the head out of a bucket of the lowest level.
    fn unlink_head(&mut self, digit: usize) {
        let slot = self.heads[digit];
        let next = self.links[slot] & !REMOVED;
        self.links[slot] = UNLINKED;
        self.heads[digit] = next;
        if next == END {
            self.filled[0][digit / 64] &= !(1 << (digit % 64));
        }
    }
}

fn digit_of(key: u64, level: usize) -> usize {
    usize::from(key.to_le_bytes()[level])
}

/// `base` with the digit of one level replaced, and zeros below.
fn with_digit(base: u64, level: usize, digit: usize) -> u64 {
    let shift = u32::try_from(level).expect("there are eight levels") * DIGIT_BITS;
    let above = base.checked_shr(shift + DIGIT_BITS).unwrap_or(0) << DIGIT_BITS;
    (above | digit as u64) << shift
}

impl Calendar {
    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.heads) + self.links.memory_bytes()
    }

    /// Every slot is in the list of one bucket, and no number is below that of its bucket.
    pub(super) fn validate(&self, key: impl Fn(u32) -> u64) {
        let mut linked = 0;
        let mut removed = 0;
        for bucket in 0..LEVELS * DIGITS {
            let (level, digit) = (bucket / DIGITS, bucket % DIGITS);
            let least = with_digit(self.base, level, digit);
            let filled = self.filled[level][digit / 64] >> (digit % 64) & 1 == 1;
            assert_eq!(
                filled,
                self.heads[bucket] != END,
                "the bits tell which buckets are filled"
            );
            assert!(
                !filled || least >= self.base,
                "nothing lies before the base"
            );
            let mut slot = self.heads[bucket];
            while slot != END {
                let link = self.links[slot];
                linked += 1;
                if link & REMOVED != 0 {
                    removed += 1;
                } else {
                    assert!(key(slot).max(self.base) >= least, "numbers only grow");
                }
                slot = link & !REMOVED;
            }
        }
        let known = (0..self.links.end()).filter(|&slot| self.links[slot] != UNLINKED);
        assert_eq!(linked, known.count(), "a slot is in one list");
        assert_eq!(
            linked - removed,
            self.len,
            "what was removed does not count"
        );
    }
}
