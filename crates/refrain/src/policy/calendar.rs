//! A radix heap, corrected late: slots in the order of a number that only ever grows, without a move when it does.
//!
//! A slot lies in the bucket of the number it had when it was last looked at. Since numbers only grow, that is a lower
//! bound: only the slots of the first bucket have to be looked at again. Then they are sorted into a *run* from which they
//! leave, or, where they are too many, spread over finer buckets. Slots whose number has grown since move to their new
//! bucket. A slot moves down at most once per digit, so every operation is O(1) amortized; up to ten million slots with
//! dense numbers it moves down once.
//!
//! The radix heap is that of Ahuja, Mehlhorn, Orlin and Tarjan, "Faster Algorithms for the Shortest Path Problem" (JACM
//! 1990), with base 256, sorting at the end and looking up the numbers late. Seen from the other side, it is the
//! hierarchical timing wheel of Varghese and Lauck (SOSP 1987).
#![expect(
    clippy::cast_possible_truncation,
    reason = "levels are below 8, and a run keeps slots in 32 bits"
)]

mod chunks;

use super::by_slot::BySlot;
use chunks::{Chunks, List, Slots};

/// One digit of a number: 256 buckets a level.
const DIGIT_BITS: u32 = 8;
const DIGITS: usize = 1 << DIGIT_BITS;
const LEVELS: usize = 64 / DIGIT_BITS as usize;

/// More slots than this are spread over finer buckets before they are sorted: what one eviction may
/// have to sort takes some 50 µs.
const RUN_MAX: u32 = 4096;
/// A run keeps how far numbers are from the base in 32 bits, beside the slot.
const RUN_LEVELS: usize = 4;

/// What is known of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nowhere.
    Absent,
    /// In one bucket, or the run.
    Present,
    /// Likewise, but removed since. It is forgotten when it is looked at.
    Removed,
}

/// Slots by a growing number that the caller keeps: 6 bytes each, and 16 KB.
#[derive(Debug)]
pub(super) struct Calendar {
    buckets: Box<[List]>,
    filled: [[u64; DIGITS / 64]; LEVELS],
    chunks: Chunks,
    /// How far a number is above `base` in the high half, the slot in the low one; the smallest last.
    run: Vec<u64>,
    /// No other slot has a smaller number. A slot lies on the level of the highest digit in which
    /// its number differed from the base when it was placed, in the bucket of that digit.
    base: u64,
    states: BySlot<State>,
    len: usize,
}

impl Calendar {
    pub(super) fn new() -> Self {
        Self {
            buckets: vec![List::EMPTY; LEVELS * DIGITS].into_boxed_slice(),
            filled: [[0; DIGITS / 64]; LEVELS],
            chunks: Chunks::new(),
            run: Vec::new(),
            base: 0,
            states: BySlot::new(State::Absent),
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.states.get(slot) == State::Present
    }

    /// Adds `slot`, whose number is `key` now: not smaller than any it had here before.
    pub(super) fn insert(&mut self, slot: u32, key: u64) {
        let before = self.states.get(slot);
        debug_assert_ne!(before, State::Present, "a slot is added once");
        self.states.set(slot, State::Present);
        self.len += 1;
        // One that is not forgotten yet lies where its former number put it, and will be found there.
        if before == State::Absent {
            self.place(slot, key);
        }
    }

    /// Takes out `slot`; whether it was there.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let found = self.states.get(slot) == State::Present;
        if found {
            self.states[slot] = State::Removed;
            self.len -= 1;
        }
        found
    }

    /// The slot with the smallest number, left where it is: the last of the run. What `key` will be asked about soon is
    /// told to `fetch`.
    #[inline]
    pub(super) fn first(&mut self, key: impl Fn(u32) -> u64, fetch: impl Fn(u32)) -> Option<u32> {
        loop {
            let Some(&last) = self.run.last() else {
                let (level, digit) = self.lowest()?;
                self.open(level, digit, &key, &fetch);
                continue;
            };
            let (above, slot) = unpack(last);
            let state = self.states[slot];
            if state == State::Present && key(slot) <= self.base + above {
                return Some(slot);
            }
            self.run.pop();
            match state {
                State::Present => self.place(slot, key(slot)),
                _ => self.states[slot] = State::Absent,
            }
        }
    }

    /// Takes out the slot with the smallest number.
    #[inline]
    pub(super) fn pop(&mut self, key: impl Fn(u32) -> u64, fetch: impl Fn(u32)) -> Option<u32> {
        let slot = self.first(key, fetch)?;
        self.run.pop();
        self.states[slot] = State::Absent;
        self.len -= 1;
        Some(slot)
    }

    /// The slots that will probably be [popped](Self::pop) next.
    #[inline]
    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        let mut slots = self.run.iter().rev().map(|packed| unpack(*packed).1);
        [slots.next(), slots.next()]
    }

    /// The first bucket in order that holds anything.
    fn lowest(&self) -> Option<(usize, usize)> {
        self.filled.iter().enumerate().find_map(|(level, words)| {
            let word = words.iter().position(|word| *word != 0)?;
            Some((level, word * 64 + words[word].trailing_zeros() as usize))
        })
    }

    /// Moves the base to a bucket, below which there is nothing, and its slots into the run or finer buckets.
    fn open(
        &mut self,
        level: usize,
        digit: usize,
        key: &impl Fn(u32) -> u64,
        fetch: &impl Fn(u32),
    ) {
        self.base = with_digit(self.base, level, digit);
        self.filled[level][digit / 64] &= !(1 << (digit % 64));
        let mut list = std::mem::replace(&mut self.buckets[level * DIGITS + digit], List::EMPTY);
        let width = 1_u64 << (level as u32 * DIGIT_BITS);
        let run_width = if list.len() <= RUN_MAX && level <= RUN_LEVELS {
            width
        } else {
            0
        };
        let mut next = self.chunks.take(&mut list);
        while let Some(slots) = next {
            // By the time that their turn comes they are at hand.
            next = self.chunks.take(&mut list);
            for &slot in next.iter().flat_map(Slots::as_slice) {
                fetch(slot);
            }
            for &slot in slots.as_slice() {
                if self.states[slot] == State::Removed {
                    self.states[slot] = State::Absent;
                    continue;
                }
                let key = key(slot).max(self.base);
                if key - self.base < run_width {
                    self.run.push(pack(key - self.base, slot));
                } else {
                    self.place(slot, key);
                }
            }
        }
        self.run.sort_unstable_by(|one, other| other.cmp(one));
    }

    fn place(&mut self, slot: u32, key: u64) {
        let key = key.max(self.base);
        let level = (((key ^ self.base) | 1).ilog2() / DIGIT_BITS) as usize;
        let digit = usize::from(key.to_le_bytes()[level]);
        self.chunks
            .push(&mut self.buckets[level * DIGITS + digit], slot);
        self.filled[level][digit / 64] |= 1 << (digit % 64);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of_val(&*self.buckets)
            + self.chunks.memory_bytes()
            + self.run.capacity() * size_of::<u64>()
            + self.states.memory_bytes()
    }

    /// Every slot is in one place, and no number is below that of its place.
    pub(super) fn validate(&self, key: impl Fn(u32) -> u64) {
        let mut places = Vec::new();
        for (bucket, list) in self.buckets.iter().enumerate() {
            let (level, digit) = (bucket / DIGITS, bucket % DIGITS);
            let filled = self.filled[level][digit / 64] >> (digit % 64) & 1 == 1;
            assert_eq!(
                filled,
                list.len() > 0,
                "the bits tell which buckets are filled"
            );
            let least = with_digit(self.base, level, digit);
            assert!(
                !filled || least >= self.base,
                "nothing lies before the base"
            );
            places.extend(self.chunks.iter(list).map(|slot| (slot, least)));
        }
        assert!(
            self.run.is_sorted_by(|one, next| one > next),
            "the run is sorted"
        );
        places.extend(self.run.iter().map(|packed| {
            let (above, slot) = unpack(*packed);
            (slot, self.base + above)
        }));
        places.sort_unstable();
        assert!(
            places.is_sorted_by(|one, next| one.0 < next.0),
            "a slot is in one place"
        );
        let present = |slot: &u32| self.states[*slot] == State::Present;
        for (slot, least) in &places {
            assert_ne!(
                self.states[*slot],
                State::Absent,
                "slots know that they are there"
            );
            assert!(
                !present(slot) || key(*slot).max(self.base) >= *least,
                "numbers only grow"
            );
        }
        let known = (0..self.states.end()).filter(|slot| self.states[*slot] != State::Absent);
        assert_eq!(known.count(), places.len(), "no slot is lost");
        let present = places.iter().filter(|(slot, _)| present(slot)).count();
        assert_eq!(present, self.len, "what was removed does not count");
        self.chunks.validate(&self.buckets);
    }
}

fn pack(above: u64, slot: u32) -> u64 {
    above << 32 | u64::from(slot)
}

fn unpack(packed: u64) -> (u64, u32) {
    (packed >> 32, packed as u32)
}

/// `base` with the digit of one level replaced, and zeros below.
fn with_digit(base: u64, level: usize, digit: usize) -> u64 {
    let shift = level as u32 * DIGIT_BITS;
    let above = base.checked_shr(shift + DIGIT_BITS).unwrap_or(0) << DIGIT_BITS;
    (above | digit as u64) << shift
}
