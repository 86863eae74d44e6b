//! Ghost entries: keys that were evicted or declined, whose use is still learned from and known when they come back.
//!
//! They are in a set-associative table. A key may lie in any of the eight places of its set, and when all are taken the
//! key used longest ago leaves. That keeps nearly the most recently used keys, in 16 bytes each, without links.
#![expect(
    clippy::cast_possible_truncation,
    reason = "fields of a cell are shifted down to their width"
)]

use std::cmp::Reverse;
use std::ops::Range;

use crate::policy::print_of;

use super::model::OCTAVES;
use super::word::Uses;

/// Places in a set: two cache lines.
const WAYS: usize = 8;
/// The table begins with so many places.
const PLACES_MIN: usize = 16 * WAYS;
/// So many keys are remembered however small the cache is: 256 KB.
pub(super) const KEYS_ALWAYS: usize = 16_384;
/// More than so many for each resident gain nothing.
const KEYS_PER_RESIDENT: usize = 4;
/// The history takes at most this part of what the cache holds.
const SHARE_OF_HELD: u64 = 100;

/// What is known of a key that is not resident.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ghost {
    pub(super) word: u64,
    /// Up to this age its exposure is booked.
    pub(super) booked: u64,
    /// Octave of weight.
    pub(super) size: u8,
    /// Octave of cost.
    pub(super) cost: u8,
}

/// A ghost in 16 bytes. A word of 0 is a vacant place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PackedGhost {
    pub(super) word: u64,
    /// What is kept of the fingerprint.
    pub(super) print: u32,
    /// Octaves of weight and cost in 5 bits each, above the booked age in 22.
    pub(super) rest: u32,
}

const AGE_BITS: u32 = 22;
const CLASS_BITS: u32 = 5;
const CLASS_MASK: u32 = (1 << CLASS_BITS) - 1;

/// Ghosts by fingerprint, of which 32 bits are kept.
#[derive(Debug)]
pub(super) struct History {
    cells: Vec<PackedGhost>,
    len: usize,
    limit: usize,
}

impl History {
    pub(super) fn new() -> Self {
        Self {
            cells: vec![PackedGhost::default(); PLACES_MIN],
            len: 0,
            limit: KEYS_ALWAYS,
        }
    }

    /// One with these ghosts of others. Its sets are at most half full, so that all but one in a hundred find a place.
    pub(super) fn restored(ghosts: &[PackedGhost], tick: u64) -> Self {
        let mut history = Self::new();
        history.limit = ghosts.len().next_multiple_of(WAYS).max(KEYS_ALWAYS);
        let places = (ghosts.len() * 2).next_power_of_two();
        let places = places.clamp(PLACES_MIN, history.limit * 2);
        history.cells = vec![PackedGhost::default(); places];
        for ghost in ghosts {
            history.put(*ghost, tick);
        }
        history
    }

    /// All ghosts.
    pub(super) fn packed(&self) -> impl Iterator<Item = PackedGhost> {
        self.cells.iter().copied().filter(|cell| cell.word != 0)
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn places(&self) -> usize {
        self.cells.len()
    }

    /// How much room there is, by the number of residents and by what they hold.
    pub(super) fn set_room(&mut self, residents: usize, held_bytes: u64) {
        let by_bytes = held_bytes / SHARE_OF_HELD / size_of::<PackedGhost>() as u64;
        let by_bytes = usize::try_from(by_bytes).unwrap_or(usize::MAX);
        self.limit = by_bytes.min(residents * KEYS_PER_RESIDENT).max(KEYS_ALWAYS);
    }

    /// The print and the ghost at `place`.
    pub(super) fn at(&self, place: usize) -> Option<(u32, Ghost)> {
        self.cells[place].ghost()
    }

    /// The ghost of `fingerprint` and its place.
    pub(super) fn find(&self, fingerprint: u64) -> Option<(usize, Ghost)> {
        let print = print_of(fingerprint);
        self.set_of(print).find_map(|place| {
            let (found, ghost) = self.at(place)?;
            (found == print).then_some((place, ghost))
        })
    }

    pub(super) fn remove(&mut self, fingerprint: u64) {
        if let Some((place, _)) = self.find(fingerprint) {
            self.cells[place] = PackedGhost::default();
            self.len -= 1;
        }
    }

    pub(super) fn update(&mut self, place: usize, ghost: Ghost) {
        self.cells[place] = PackedGhost::of(self.cells[place].print, ghost);
    }

    /// Books the exposure of the ghost at `place` up to `age`, or a little less: the age that is kept.
    pub(super) fn book(&mut self, place: usize, age: u64) -> u64 {
        let packed = pack_age(age);
        let rest = &mut self.cells[place].rest;
        *rest = *rest >> AGE_BITS << AGE_BITS | packed;
        unpack_age(packed)
    }

    /// Adds or replaces a ghost; the print and ghost that had to leave for it.
    pub(super) fn insert(
        &mut self,
        fingerprint: u64,
        ghost: Ghost,
        tick: u64,
    ) -> Option<(u32, Ghost)> {
        if let Some((place, _)) = self.find(fingerprint) {
            self.update(place, ghost);
            return None;
        }
        if let Some(places) = self.better_size() {
            self.resize(places, tick);
        }
        self.put(PackedGhost::of(print_of(fingerprint), ghost), tick)
    }

    fn put(&mut self, cell: PackedGhost, tick: u64) -> Option<(u32, Ghost)> {
        let place = self
            .set_of(cell.print)
            .min_by_key(|&place| Reverse(self.cells[place].age(tick)))
            .expect("a set has places");
        let left = std::mem::replace(&mut self.cells[place], cell).ghost();
        self.len += usize::from(left.is_none());
        left
    }

    /// While sets begin to overflow and there is room, more places; when the room has halved, fewer.
    fn better_size(&self) -> Option<usize> {
        let places = self.cells.len();
        if places > self.limit * 2 {
            return Some(self.limit / WAYS * WAYS);
        }
        let larger = if places < KEYS_ALWAYS {
            places * 2
        } else {
            places / WAYS * 5 / 4 * WAYS
        };
        (self.len > places / 2 && larger <= self.limit).then_some(larger)
    }

    fn resize(&mut self, places: usize, tick: u64) {
        let cells = std::mem::replace(&mut self.cells, vec![PackedGhost::default(); places]);
        self.len = 0;
        for cell in cells {
            if cell.word != 0 {
                self.put(cell, tick);
            }
        }
    }

    fn set_of(&self, print: u32) -> Range<usize> {
        let sets = (self.cells.len() / WAYS) as u64;
        let set = ((u64::from(print) * sets) >> 32) as usize;
        set * WAYS..(set + 1) * WAYS
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.cells.capacity() * size_of::<PackedGhost>()
    }

    pub(super) fn validate(&self) {
        let taken = self.cells.iter().filter(|cell| cell.word != 0);
        assert_eq!(taken.count(), self.len, "taken places are counted");
        for (place, cell) in self.cells.iter().enumerate() {
            let in_its_set = cell.word == 0 || self.set_of(cell.print).contains(&place);
            assert!(in_its_set, "a ghost lies in its set");
        }
    }
}

impl PackedGhost {
    fn of(print: u32, ghost: Ghost) -> Self {
        let classes = u32::from(ghost.size) << CLASS_BITS | u32::from(ghost.cost);
        Self {
            word: ghost.word,
            print,
            rest: classes << AGE_BITS | pack_age(ghost.booked),
        }
    }

    fn ghost(self) -> Option<(u32, Ghost)> {
        let ghost = Ghost {
            word: self.word,
            booked: unpack_age(self.rest & ((1 << AGE_BITS) - 1)),
            size: (self.rest >> AGE_BITS >> CLASS_BITS) as u8,
            cost: (self.rest >> AGE_BITS & CLASS_MASK) as u8,
        };
        (self.word != 0).then_some((self.print, ghost))
    }

    /// Whether it is one that a history could have.
    pub(super) fn is_sound(self) -> bool {
        let octave = |of: u8| usize::from(of) < OCTAVES;
        Uses::of(self.word).count > 0
            && self
                .ghost()
                .is_some_and(|(_, ghost)| octave(ghost.size) && octave(ghost.cost))
    }

    /// A vacant place is the oldest.
    fn age(self, tick: u64) -> u64 {
        match self.word {
            0 => u64::MAX,
            word => Uses::of(word).age(tick),
        }
    }
}

/// Bits of an age below the leading one.
const MANTISSA_BITS: u32 = 16;

/// An age in 22 bits, rounded down to 17 significant ones.
fn pack_age(age: u64) -> u32 {
    let shift = (u64::BITS - age.leading_zeros()).saturating_sub(MANTISSA_BITS + 1);
    let exponent = if age >> MANTISSA_BITS == 0 {
        0
    } else {
        shift + 1
    };
    exponent << MANTISSA_BITS | (age >> shift) as u32 & ((1 << MANTISSA_BITS) - 1)
}

fn unpack_age(packed: u32) -> u64 {
    let mantissa = u64::from(packed & ((1 << MANTISSA_BITS) - 1));
    match packed >> MANTISSA_BITS {
        0 => mantissa,
        exponent => (mantissa | 1 << MANTISSA_BITS) << (exponent - 1),
    }
}

#[cfg(test)]
mod tests;
