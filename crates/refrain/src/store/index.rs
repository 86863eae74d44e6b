//! From a key's hash to slots: read without a lock while one writer changes it.
//!
//! Extendible hashing (Fagin, Nievergelt, Pippenger and Strong, "Extendible Hashing: A Fast Access Method for Dynamic
//! Files", TODS 1979): a directory, indexed by the high bits of the hash, of pages of 512 cells; within a page,
//! linear probing. A full page is split in two, so the table grows a page at a time and never pauses.
//!
//! A cell is a number: readers see it whole or not at all. What a cell promises is checked at the slot, by key; so a
//! reader that meets a page while it is given away sees at worst too little. [`Index::version`] tells it so: a miss
//! counts only if the version is even and the same before and after (a sequence lock: Lameter, "Effective
//! Synchronization on Linux/NUMA Systems", 2005).

use std::sync::OnceLock;

use super::segments::Segments;
use crate::sync::SCHEDULES;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

pub(super) struct Index {
    /// One array per depth, so that a reader of an old one still finds it in place.
    directories: Box<[OnceLock<Box<[AtomicU32]>>]>,
    depth: AtomicU32,
    pages: Segments<Page, 3>,
    version: AtomicU64,
}

struct Page([AtomicU32; CELLS]);

/// What only the writer needs to know.
pub(super) struct IndexWriter {
    /// For each page: how many high bits its hashes share, and how many of its cells are not empty.
    pages: Vec<PageState>,
    free: Vec<u32>,
    /// Changes that are going on, one within the other.
    changes: u32,
}

#[derive(Clone, Copy, Default)]
struct PageState {
    depth: u32,
    live: u32,
    tombstones: u32,
}

/// 512 cells of 4 bytes: half a memory page, split in about a microsecond.
const CELLS: usize = if SCHEDULES { 4 } else { 512 };
/// A fuller page is split or rebuilt: linear probing stays below three cells on the average miss.
const MOST_USED: u32 = if SCHEDULES { 3 } else { 448 };
/// A page with fewer live cells is rebuilt instead of split: the rest are tombstones.
const WORTH_SPLITTING: u32 = if SCHEDULES { 2 } else { 256 };
/// Directories up to 2^20 pages: room for more slots than can be numbered, if the hashes are any good.
const MAX_DEPTH: u32 = 20;

const EMPTY: u32 = 0;
const TOMBSTONE: u32 = u32::MAX;
/// A cell holds its slot plus one, so that 0 is empty, and above it 6 bits of the hash.
const SLOT_BITS: u32 = 26;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Slots that can be named: the last number is taken by the tombstone.
pub(super) const MAX_SLOTS: u32 = SLOT_MASK - 1;

fn cell_for(hash: u32, slot: u32) -> u32 {
    (tag(hash) << SLOT_BITS) | (slot + 1)
}

fn tag(hash: u32) -> u32 {
    // Bits that choose neither the page nor the place in it.
    hash >> 9 & 0x3F
}

fn start(hash: u32) -> usize {
    hash as usize % CELLS
}

fn directory_place(hash: u32, depth: u32) -> usize {
    // A shift by 32 would overflow; at depth 0 there is one page.
    if depth == 0 {
        0
    } else {
        (hash >> (32 - depth)) as usize
    }
}

impl Index {
    pub(super) fn new() -> (Self, IndexWriter) {
        let index = Self {
            directories: (0..=MAX_DEPTH).map(|_| OnceLock::new()).collect(),
            depth: AtomicU32::new(0),
            pages: Segments::new(),
            version: AtomicU64::new(0),
        };
        let mut writer = IndexWriter {
            pages: Vec::new(),
            free: Vec::new(),
            changes: 0,
        };
        let first = index.new_page(&mut writer, 0);
        index.directories[0].get_or_init(|| Box::new([AtomicU32::new(first)]));
        (index, writer)
    }

    /// Names the state that a reader is about to see; odd while a page is being given away or an entry replaced.
    #[inline]
    pub(super) fn version(&self) -> u64 {
        // Acquire pairs with the release in `end_change`: what the reader then sees is not older than this version.
        self.version.load(Ordering::Acquire)
    }

    /// Whether a reader that began at `version` has missed nothing.
    #[inline]
    pub(super) fn is_still(&self, version: u64) -> bool {
        // The fence keeps the reader's loads before this one; it pairs with the fence in `begin_change`.
        fence(Ordering::Acquire);
        version & 1 == 0 && self.version.load(Ordering::Relaxed) == version
    }

    /// From here to `end_change` no miss counts.
    pub(super) fn begin_change(&self, writer: &mut IndexWriter) {
        writer.changes += 1;
        if writer.changes > 1 {
            return;
        }
        self.version.fetch_add(1, Ordering::Relaxed);
        // Pairs with the fence in `is_still`: who sees a change sees an odd or later version.
        fence(Ordering::Release);
    }

    pub(super) fn end_change(&self, writer: &mut IndexWriter) {
        writer.changes -= 1;
        if writer.changes > 0 {
            return;
        }
        // Release pairs with the acquire in `version`.
        self.version.fetch_add(1, Ordering::Release);
    }

    #[inline]
    fn page(&self, hash: u32) -> Option<&[AtomicU32; CELLS]> {
        // Acquire pairs with the release in `deepen`: the directory is filled before its depth is seen.
        let depth = self.depth.load(Ordering::Acquire);
        let directory = self.directories.get(depth as usize)?.get()?;
        // Acquire pairs with the release in `point_to`: the page is filled before it is found.
        let page = directory
            .get(directory_place(hash, depth))?
            .load(Ordering::Acquire);
        Some(&self.pages.get(page)?.0)
    }

    /// Fetches the cache line in which a probe for `hash` begins.
    #[inline]
    pub(super) fn warm(&self, hash: u32) {
        if let Some(page) = self.page(hash) {
            std::hint::black_box(page[start(hash)].load(Ordering::Relaxed));
        }
    }

    /// The first slot under `hash` for which `check` finds something.
    #[inline]
    pub(super) fn find<R>(&self, hash: u32, mut check: impl FnMut(u32) -> Option<R>) -> Option<R> {
        let page = self.page(hash)?;
        let tag = tag(hash);
        let mut at = start(hash);
        for _ in 0..CELLS {
            // Acquire pairs with the release in `write`: the slot is made before it is found.
            let cell = page[at].load(Ordering::Acquire);
            if cell == EMPTY {
                return None;
            }
            if cell >> SLOT_BITS == tag
                && cell != TOMBSTONE
                && let Some(found) = check((cell & SLOT_MASK) - 1)
            {
                return Some(found);
            }
            at = (at + 1) % CELLS;
        }
        None
    }

    /// Adds `slot`, which is not there, under `hash`. `hash_of` tells the hash of slots that have to move.
    ///
    /// False when more keys than fit on a page have hashes too alike to be told apart.
    #[must_use]
    pub(super) fn insert(
        &self,
        writer: &mut IndexWriter,
        hash: u32,
        slot: u32,
        hash_of: impl Fn(u32) -> u32,
    ) -> bool {
        loop {
            let number = self.page_number(hash);
            let state = writer.pages[number as usize];
            if state.live + state.tombstones < MOST_USED {
                self.write(writer, number, hash, cell_for(hash, slot));
                return true;
            }
            if state.depth == MAX_DEPTH && state.live >= WORTH_SPLITTING {
                return false;
            }
            self.make_room(writer, number, hash, &hash_of);
        }
    }

    /// Takes out `slot`, which is there under `hash`.
    pub(super) fn erase(&self, writer: &mut IndexWriter, hash: u32, slot: u32) {
        let number = self.page_number(hash);
        let page = self.cells(number);
        let wanted = cell_for(hash, slot);
        let mut at = start(hash);
        while page[at].load(Ordering::Relaxed) != wanted {
            assert_ne!(
                page[at].load(Ordering::Relaxed),
                EMPTY,
                "an entry is erased once, under its own hash"
            );
            at = (at + 1) % CELLS;
        }
        let state = &mut writer.pages[number as usize];
        state.live -= 1;
        if page[(at + 1) % CELLS].load(Ordering::Relaxed) == EMPTY {
            // No probe goes on from here, nor from the tombstones before.
            page[at].store(EMPTY, Ordering::Relaxed);
            at = (at + CELLS - 1) % CELLS;
            while page[at].load(Ordering::Relaxed) == TOMBSTONE {
                page[at].store(EMPTY, Ordering::Relaxed);
                state.tombstones -= 1;
                at = (at + CELLS - 1) % CELLS;
            }
        } else {
            page[at].store(TOMBSTONE, Ordering::Relaxed);
            state.tombstones += 1;
        }
    }

    fn page_number(&self, hash: u32) -> u32 {
        let depth = self.depth.load(Ordering::Relaxed);
        self.directory(depth)[directory_place(hash, depth)].load(Ordering::Relaxed)
    }

    fn directory(&self, depth: u32) -> &[AtomicU32] {
        self.directories[depth as usize]
            .get()
            .expect("a depth is reached after its directory is made")
    }

    fn cells(&self, page: u32) -> &[AtomicU32] {
        &self
            .pages
            .get(page)
            .expect("a page is numbered after its room is made")
            .0
    }

    fn write(&self, writer: &mut IndexWriter, page: u32, hash: u32, cell: u32) {
        let cells = self.cells(page);
        let mut at = start(hash);
        let state = &mut writer.pages[page as usize];
        loop {
            let there = cells[at].load(Ordering::Relaxed);
            if there == EMPTY || there == TOMBSTONE {
                state.tombstones -= u32::from(there == TOMBSTONE);
                state.live += 1;
                // Release pairs with the acquire in `find`.
                return cells[at].store(cell, Ordering::Release);
            }
            at = (at + 1) % CELLS;
        }
    }

    /// Splits a full page in two, or writes it anew without its tombstones.
    fn make_room(
        &self,
        writer: &mut IndexWriter,
        old: u32,
        hash: u32,
        hash_of: &impl Fn(u32) -> u32,
    ) {
        let state = writer.pages[old as usize];
        let splits = state.live >= WORTH_SPLITTING;
        if splits && state.depth == self.depth.load(Ordering::Relaxed) {
            self.deepen(state.depth);
        }
        let depth = state.depth + u32::from(splits);
        let halves = [self.new_page(writer, depth), self.new_page(writer, depth)];
        for cell in self.cells(old) {
            let cell = cell.load(Ordering::Relaxed);
            if cell == EMPTY || cell == TOMBSTONE {
                continue;
            }
            let hash = hash_of((cell & SLOT_MASK) - 1);
            let half = if splits {
                directory_place(hash, depth) & 1
            } else {
                0
            };
            self.write(writer, halves[half], hash, cell);
        }
        self.begin_change(writer);
        let prefix = directory_place(hash, state.depth);
        if splits {
            self.point_to(2 * prefix, depth, halves[0]);
            self.point_to(2 * prefix + 1, depth, halves[1]);
        } else {
            self.point_to(prefix, depth, halves[0]);
            writer.free.push(halves[1]);
        }
        self.end_change(writer);
        writer.free.push(old);
    }

    /// Makes every place of the directory whose hashes begin with `prefix`, `depth` bits long, name `page`.
    fn point_to(&self, prefix: usize, depth: u32, page: u32) {
        let deepest = self.depth.load(Ordering::Relaxed);
        let below = deepest - depth;
        for place in &self.directory(deepest)[prefix << below..(prefix + 1) << below] {
            // Release pairs with the acquire in `page`.
            place.store(page, Ordering::Release);
        }
    }

    /// Doubles the directory, which was of `depth`.
    fn deepen(&self, depth: u32) {
        let old = self.directory(depth);
        self.directories[depth as usize + 1].get_or_init(|| {
            old.iter()
                .flat_map(|place| {
                    let page = place.load(Ordering::Relaxed);
                    [AtomicU32::new(page), AtomicU32::new(page)]
                })
                .collect()
        });
        // Release pairs with the acquire in `page`.
        self.depth.store(depth + 1, Ordering::Release);
    }

    fn new_page(&self, writer: &mut IndexWriter, depth: u32) -> u32 {
        let number = if let Some(number) = writer.free.pop() {
            // A reader may still be in it: that is what the version is for. The page was given away in an earlier
            // change, so clearing it needs none.
            for cell in self.cells(number) {
                cell.store(EMPTY, Ordering::Relaxed);
            }
            number
        } else {
            let number = u32::try_from(writer.pages.len()).expect("pages are fewer than slots");
            self.pages.make_room(number, Page::empty);
            writer.pages.push(PageState::default());
            number
        };
        writer.pages[number as usize] = PageState {
            depth,
            live: 0,
            tombstones: 0,
        };
        number
    }

    /// How many slots are in it, after a check of the whole structure.
    pub(super) fn validate(&self, writer: &IndexWriter, hash_of: impl Fn(u32) -> u32) -> usize {
        let depth = self.depth.load(Ordering::Relaxed);
        let mut live = 0;
        let mut place = 0;
        while place < self.directory(depth).len() {
            let number = self.directory(depth)[place].load(Ordering::Relaxed);
            let state = writer.pages[number as usize];
            let span = 1 << (depth - state.depth);
            assert_eq!(place % span, 0, "a page covers a whole prefix");
            for same in &self.directory(depth)[place..place + span] {
                assert_eq!(same.load(Ordering::Relaxed), number);
            }
            let (mut in_page, mut tombstones) = (0, 0);
            for cell in self.cells(number) {
                match cell.load(Ordering::Relaxed) {
                    EMPTY => {}
                    TOMBSTONE => tombstones += 1,
                    cell => {
                        in_page += 1;
                        let slot = (cell & SLOT_MASK) - 1;
                        let hash = hash_of(slot);
                        assert_eq!(cell, cell_for(hash, slot), "the tag is the hash's");
                        assert_eq!(
                            directory_place(hash, state.depth),
                            place >> (depth - state.depth),
                            "the slot is on its hash's page"
                        );
                        let found = self.find(hash, |other| (other == slot).then_some(()));
                        assert!(found.is_some(), "every slot is found");
                    }
                }
            }
            assert_eq!((in_page, tombstones), (state.live, state.tombstones));
            live += in_page as usize;
            place += span;
        }
        live
    }
}

impl Page {
    fn empty() -> Self {
        Self(std::array::from_fn(|_| AtomicU32::new(EMPTY)))
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "bits are picked out of hashes"
)]
mod tests {
    use super::*;

    /// A hash per slot that fills every page alike.
    fn mixed(slot: u32) -> u32 {
        let mut hash = u64::from(slot).wrapping_add(0x9E37_79B9_7F4A_7C15);
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (hash ^ (hash >> 31)) as u32
    }

    fn find(index: &Index, slot: u32) -> bool {
        index
            .find(mixed(slot), |other| (other == slot).then_some(()))
            .is_some()
    }

    #[test]
    fn what_is_inserted_is_found_and_what_is_erased_is_not() {
        let (index, mut writer) = Index::new();
        for slot in 0..50_000 {
            assert!(index.insert(&mut writer, mixed(slot), slot, mixed));
        }
        assert_eq!(index.validate(&writer, mixed), 50_000);
        for slot in (0..50_000).step_by(2) {
            index.erase(&mut writer, mixed(slot), slot);
        }
        assert_eq!(index.validate(&writer, mixed), 25_000);
        assert!((0..50_000).all(|slot| find(&index, slot) == (slot % 2 == 1)));
    }

    #[test]
    fn pages_full_of_tombstones_are_written_anew_and_not_split() {
        let (index, mut writer) = Index::new();
        for slot in 0..200_000_u32 {
            if slot >= 150 {
                index.erase(&mut writer, mixed(slot - 150), slot - 150);
            }
            assert!(index.insert(&mut writer, mixed(slot), slot, mixed));
        }
        assert_eq!(index.validate(&writer, mixed), 150);
        assert!(
            writer.pages.len() <= 4,
            "{} pages for 150 slots",
            writer.pages.len()
        );
    }

    #[test]
    fn equal_hashes_live_side_by_side() {
        let (index, mut writer) = Index::new();
        for slot in 0..200 {
            assert!(index.insert(&mut writer, 42, slot, |_| 42));
        }
        index.erase(&mut writer, 42, 7);
        let mut seen = Vec::new();
        index.find(42, |slot| {
            seen.push(slot);
            None::<()>
        });
        seen.sort_unstable();
        assert_eq!(seen, (0..200).filter(|slot| *slot != 7).collect::<Vec<_>>());
    }

    #[test]
    fn hashes_that_are_all_alike_are_refused_instead_of_filling_the_memory() {
        let (index, mut writer) = Index::new();
        let inserted = (0..1_000)
            .filter(|slot| index.insert(&mut writer, 42, *slot, |_| 42))
            .count();
        assert_eq!(inserted, MOST_USED as usize);
        assert_eq!(index.validate(&writer, |_| 42), inserted);
    }

    #[test]
    fn a_slot_that_stays_is_found_throughout_while_others_come_and_go() {
        let (index, mut writer) = Index::new();
        for slot in 0..100 {
            assert!(index.insert(&mut writer, mixed(slot), slot, mixed));
        }
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        for slot in 0..100 {
                            loop {
                                let version = index.version();
                                if find(&index, slot) {
                                    break;
                                }
                                assert!(!index.is_still(version), "a valid miss of slot {slot}");
                                std::hint::spin_loop();
                            }
                        }
                    }
                });
            }
            for round in 0..20 {
                for slot in 100..5_000 {
                    assert!(index.insert(&mut writer, mixed(slot), slot, mixed));
                }
                for slot in 100..5_000 {
                    index.erase(&mut writer, mixed(slot), slot);
                }
                assert_eq!(index.validate(&writer, mixed), 100, "round {round}");
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
