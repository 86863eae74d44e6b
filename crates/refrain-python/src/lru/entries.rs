//! The entries of an exact LRU cache, in order of use: a slab with a list through it, and an index by hash.
//!
//! Nothing here runs code of the user's. What is removed is handed back, for the caller to drop without a lock.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use pyo3::prelude::*;

use super::amount::Amount;

/// A key with the hash that Python gave it.
pub(super) struct HashedKey {
    pub(super) object: Py<PyAny>,
    pub(super) hash: isize,
}

/// One stored value and its facts.
pub(super) struct Entry {
    pub(super) key: HashedKey,
    pub(super) value: Py<PyAny>,
    pub(super) size: Amount,
    /// Seconds on the cache's clock.
    pub(super) written: f64,
    /// Seconds on the cache's clock; infinite if it never expires.
    pub(super) expires: f64,
    pub(super) access_count: u64,
    /// The number of the function whose result it is; 0 if none said so.
    pub(super) owner: u64,
}

/// The place of an entry, as long as it is there: a slot is used again, with another generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    slot: u32,
    generation: u32,
}

struct Slot {
    entry: Option<Entry>,
    generation: u32,
    /// The entry used next after this one; of a free slot, the next free one.
    newer: u32,
    older: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;

pub(super) struct Entries {
    slots: Vec<Slot>,
    index: HashTable<u32>,
    newest: u32,
    oldest: u32,
    free: u32,
    seed: u64,
    /// Sum of the sizes of all entries.
    pub(super) used: Amount,
}

impl Entries {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            index: HashTable::new(),
            newest: NONE,
            oldest: NONE,
            free: NONE,
            // Python's own hashes of numbers can be guessed, so they are seeded.
            seed: RandomState::new().hash_one(0),
            used: Amount::NOTHING,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The first entry of this hash that `is_it` accepts. Order is left alone.
    pub(super) fn find(
        &self,
        hash: isize,
        mut is_it: impl FnMut(Place, &Entry) -> bool,
    ) -> Option<Place> {
        let found = self.index.find(mixed(self.seed, hash), |&slot| {
            let (place, entry) = self.occupied(slot);
            entry.key.hash == hash && is_it(place, entry)
        });
        found.map(|&slot| self.place(slot))
    }

    pub(super) fn get(&self, place: Place) -> Option<&Entry> {
        let slot = self.slots.get(place.slot as usize)?;
        let entry = slot.entry.as_ref()?;
        (slot.generation == place.generation).then_some(entry)
    }

    /// Counts a use of the entry and makes it the most recent one.
    pub(super) fn touch(&mut self, place: Place) {
        if self.newest != place.slot {
            self.unlink(place.slot);
            self.link_newest(place.slot);
        }
        if let Some(entry) = &mut self.slots[place.slot as usize].entry {
            entry.access_count += 1;
        }
    }

    /// Adds an entry as the most recent one. Its key must not be there yet.
    pub(super) fn push(&mut self, entry: Entry) {
        let hash = entry.key.hash;
        self.used = self.used.plus(entry.size);
        let slot = self.free_slot();
        self.slots[slot as usize].entry = Some(entry);
        self.link_newest(slot);
        let (seed, slots) = (self.seed, &self.slots);
        self.index.insert_unique(mixed(seed, hash), slot, |&other| {
            let entry = slots[other as usize].entry.as_ref();
            mixed(seed, entry.map_or(0, |entry| entry.key.hash))
        });
    }

    /// Takes the entry out.
    pub(super) fn remove(&mut self, place: Place) -> Option<Entry> {
        self.get(place)?;
        self.unlink(place.slot);
        let slot = &mut self.slots[place.slot as usize];
        let entry = slot.entry.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        slot.newer = std::mem::replace(&mut self.free, place.slot);
        self.used = self.used.minus(entry.size);
        let hash = mixed(self.seed, entry.key.hash);
        if let Ok(found) = self.index.find_entry(hash, |&slot| slot == place.slot) {
            found.remove();
        }
        Some(entry)
    }

    /// The least recently used entry.
    pub(super) fn oldest(&self) -> Option<Place> {
        (self.oldest != NONE).then(|| self.place(self.oldest))
    }

    /// All entries, the least recently used one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.by_use().map(|(_, entry)| entry)
    }

    /// Where the results of one function are.
    pub(super) fn places_of(&self, owner: u64) -> Vec<Place> {
        let owned = self.by_use().filter(|(_, entry)| entry.owner == owner);
        owned.map(|(place, _)| place).collect()
    }

    fn by_use(&self) -> impl Iterator<Item = (Place, &Entry)> {
        std::iter::successors((self.oldest != NONE).then_some(self.oldest), |&slot| {
            let newer = self.slots[slot as usize].newer;
            (newer != NONE).then_some(newer)
        })
        .map(|slot| self.occupied(slot))
    }

    fn occupied(&self, slot: u32) -> (Place, &Entry) {
        let entry = self.slots[slot as usize].entry.as_ref();
        (
            self.place(slot),
            entry.expect("the index and the list lead to entries only"),
        )
    }

    fn place(&self, slot: u32) -> Place {
        Place {
            slot,
            generation: self.slots[slot as usize].generation,
        }
    }

    fn free_slot(&mut self) -> u32 {
        if self.free != NONE {
            let slot = self.free;
            self.free = self.slots[slot as usize].newer;
            return slot;
        }
        self.slots.push(Slot {
            entry: None,
            generation: 0,
            newer: NONE,
            older: NONE,
        });
        u32::try_from(self.slots.len() - 1).expect("four thousand million entries do not fit")
    }

    fn link_newest(&mut self, slot: u32) {
        let older = std::mem::replace(&mut self.newest, slot);
        self.slots[slot as usize].newer = NONE;
        self.slots[slot as usize].older = older;
        if older == NONE {
            self.oldest = slot;
        } else {
            self.slots[older as usize].newer = slot;
        }
    }

    fn unlink(&mut self, slot: u32) {
        let Slot { newer, older, .. } = self.slots[slot as usize];
        if newer == NONE {
            self.newest = older;
        } else {
            self.slots[newer as usize].older = older;
        }
        if older == NONE {
            self.oldest = newer;
        } else {
            self.slots[older as usize].newer = newer;
        }
    }
}

/// Python's hashes of whole numbers are the numbers: multiplied and folded, all their bits reach the table.
fn mixed(seed: u64, hash: isize) -> u64 {
    /// 2^64 divided by the golden ratio.
    const FACTOR: u128 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash.cast_unsigned() as u64 ^ seed) * FACTOR;
    let bytes = product.to_le_bytes();
    let (halves, _) = bytes.as_chunks::<8>();
    u64::from_le_bytes(halves[0]) ^ u64::from_le_bytes(halves[1])
}
