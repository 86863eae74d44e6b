//! The index, from a key's hash to slots: extendible hashing under a seqlock, read without a lock beside one writer.
//!
//! Extendible hashing (Fagin, Nievergelt, Pippenger and Strong, "Extendible Hashing: A Fast Access Method for Dynamic
//! Files", TODS 1979) has a directory, indexed by the high bits of the hash, of pages of 512 cells. Within a page a probe
//! is linear. A full page is split in two, so the table grows a page at a time and never pauses.
//!
//! A cell is a number, so a reader sees it whole or not at all. A reader checks by key what a cell promises at the slot,
//! so in a page that is being given away it finds at worst too little. [`Index::version`] tells it so: a miss counts only
//! if the version is even and the same before and after (Lameter, "Effective Synchronization on Linux/NUMA Systems",
//! 2005).

use super::fetch::fetch;
use super::published::Published;
use super::segments::Segments;
use crate::sync::SCHEDULES;
use crate::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering, fence};

pub(super) struct Index {
    directory: Published<Directory>,
    pages: Segments<Page, PAGES_BYTES>,
    version: AtomicU64,
}

/// Pages by the high bits of the hash.
struct Directory {
    /// By how much a hash is shifted down for its place.
    shift: u32,
    places: Box<[AtomicPtr<Page>]>,
}

struct Page([AtomicU32; CELLS]);

/// The way of one search over a page.
pub(super) struct Probe<'a> {
    page: &'a [AtomicU32; CELLS],
    tag: u32,
    at: usize,
    left: usize,
}

/// What only the writer needs to know.
pub(super) struct IndexWriter {
    /// For each page: how many high bits its hashes share, and how many of its cells are not empty.
    pages: Vec<PageState>,
    /// For each place of the directory: which page it names.
    numbers: Vec<u32>,
    depth: u32,
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
/// Pages are made eight at a time.
const PAGES_BYTES: usize = 8 * size_of::<Page>();
/// A fuller page is split or rebuilt. By then a hit looks at two cells on average and a miss at six (Knuth, The Art of
/// Computer Programming, 6.4, theorem K).
const MOST_USED: u32 = if SCHEDULES { 3 } else { 352 };
/// A page with fewer live cells is rebuilt instead of split: the rest are tombstones.
const WORTH_SPLITTING: u32 = if SCHEDULES { 2 } else { 272 };
/// Directories up to 2^18 pages: room for more slots than can be numbered, if the hashes are any good.
const MAX_DEPTH: u32 = 18;

const EMPTY: u32 = 0;
const TOMBSTONE: u32 = u32::MAX;
/// A cell holds its slot plus one, so that 0 is empty, and above it 8 bits of the hash.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u32 = (1 << SLOT_BITS) - 1;

/// Slots that can be named: the last number is taken by the tombstone.
pub(super) const MAX_SLOTS: u32 = SLOT_MASK - 1;

fn cell_for(hash: u32, slot: u32) -> u32 {
    (tag(hash) << SLOT_BITS) | (slot + 1)
}

/// The slot that a cell in use names.
fn slot_of(cell: u32) -> u32 {
    (cell & SLOT_MASK) - 1
}

fn tag(hash: u32) -> u32 {
    // Bits that choose not the place in the page, and not the page before there are many.
    hash >> 9 & 0xFF
}

fn start(hash: u32) -> usize {
    hash as usize % CELLS
}

/// `hash` without its `by` lowest bits.
#[inline]
fn shifted(hash: u32, by: u32) -> usize {
    // A shift by all 32 would overflow: then there is one page.
    hash.checked_shr(by).unwrap_or(0) as usize
}

fn directory_place(hash: u32, depth: u32) -> usize {
    shifted(hash, u32::BITS - depth)
}

impl Index {
    pub(super) fn new() -> (Self, IndexWriter) {
        let writer = IndexWriter {
            pages: vec![PageState::default()],
            numbers: vec![0],
            depth: 0,
            free: Vec::new(),
            changes: 0,
        };
        let pages = Segments::new();
        pages.make_room(0, Page::empty);
        let index = Self {
            directory: Published::new(Directory::of(&writer, &pages)),
            pages,
            version: AtomicU64::new(0),
        };
        (index, writer)
    }

    /// The version of the state that a reader is about to see.
    ///
    /// It is odd while a page is being given away, and while an entry is replaced that had to go first.
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
        // Pairs with the fence in `is_still`: a reader that sees a change sees an odd or later version.
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

    /// The page that a probe for `hash` begins and ends on.
    #[inline]
    fn page(&self, hash: u32) -> &[AtomicU32; CELLS] {
        let directory = self.directory.get();
        let at = shifted(hash, directory.shift);
        // Acquire pairs with the release in `point_to`: the page is filled before it is found.
        let page = directory.places[at].load(Ordering::Acquire);
        // SAFETY: every place names a page of `pages`, from the beginning on, and those stay until `drop`.
        unsafe { &(*page).0 }
    }

    /// Has the processor fetch where a probe for `hash` begins, which is to happen soon.
    #[inline]
    pub(super) fn fetch(&self, hash: u32) {
        fetch(&self.page(hash)[start(hash)]);
    }

    /// The slots that may be meant by `hash`.
    #[inline]
    pub(super) fn probe(&self, hash: u32) -> Probe<'_> {
        Probe {
            page: self.page(hash),
            tag: tag(hash),
            at: start(hash),
            left: CELLS,
        }
    }

    /// Adds `slot`, which is not there, under `hash`. `hash_of` gives the hash of a slot that has to move; `fetch` is
    /// called before, for each slot that `hash_of` will be asked about.
    ///
    /// False when more keys than fit on a page have hashes too alike to be told apart.
    #[must_use]
    pub(super) fn insert(
        &self,
        writer: &mut IndexWriter,
        hash: u32,
        slot: u32,
        hash_of: impl Fn(u32) -> u32,
        fetch: impl Fn(u32),
    ) -> bool {
        loop {
            let number = writer.page_number(hash);
            let state = writer.pages[number as usize];
            if state.live + state.tombstones < MOST_USED {
                self.write(writer, number, hash, cell_for(hash, slot));
                return true;
            }
            if state.depth == MAX_DEPTH && state.live >= WORTH_SPLITTING {
                return false;
            }
            self.cells_in_use(number)
                .for_each(|cell| fetch(slot_of(cell)));
            self.make_room(writer, number, hash, &hash_of);
        }
    }

    /// Puts `new` in the place of `old`, which is there under `hash`: a probe finds one of them.
    pub(super) fn replace(&self, writer: &mut IndexWriter, hash: u32, old: u32, new: u32) {
        let page = self.cells(writer.page_number(hash));
        let at = place_of(page, hash, old);
        // Release pairs with the acquire in `find`.
        page[at].store(cell_for(hash, new), Ordering::Release);
    }

    /// Takes out `slot`, which is there under `hash`.
    pub(super) fn erase(&self, writer: &mut IndexWriter, hash: u32, slot: u32) {
        let number = writer.page_number(hash);
        let page = self.cells(number);
        let mut at = place_of(page, hash, slot);
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

    fn cells(&self, page: u32) -> &[AtomicU32; CELLS] {
        &self
            .pages
            .get(page)
            .expect("a page is numbered after its room is made")
            .0
    }

    /// The cells of a page that name a slot.
    fn cells_in_use(&self, page: u32) -> impl Iterator<Item = u32> {
        let cells = self.cells(page).iter();
        let cells = cells.map(|cell| cell.load(Ordering::Relaxed));
        cells.filter(|cell| !matches!(*cell, EMPTY | TOMBSTONE))
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
        if splits && state.depth == writer.depth {
            self.deepen(writer);
        }
        let depth = state.depth + u32::from(splits);
        let halves = [self.new_page(writer, depth), self.new_page(writer, depth)];
        for cell in self.cells_in_use(old) {
            let hash = hash_of(slot_of(cell));
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
            self.point_to(writer, 2 * prefix, depth, halves[0]);
            self.point_to(writer, 2 * prefix + 1, depth, halves[1]);
        } else {
            self.point_to(writer, prefix, depth, halves[0]);
            writer.free.push(halves[1]);
        }
        self.end_change(writer);
        writer.free.push(old);
    }

    /// Makes every place of the directory whose hashes begin with `prefix`, `depth` bits long, name `page`.
    fn point_to(&self, writer: &mut IndexWriter, prefix: usize, depth: u32, page: u32) {
        let below = writer.depth - depth;
        let named = std::ptr::from_ref(self.pages.get(page).expect("it was made"));
        let directory = self.directory.get();
        for at in prefix << below..(prefix + 1) << below {
            writer.numbers[at] = page;
            // Release pairs with the acquire in `page`.
            directory.places[at].store(named.cast_mut(), Ordering::Release);
        }
    }

    /// Doubles the directory.
    fn deepen(&self, writer: &mut IndexWriter) {
        writer.depth += 1;
        writer.numbers = (writer.numbers.iter())
            .flat_map(|page| [*page, *page])
            .collect();
        (self.directory).publish(Directory::of(writer, &self.pages));
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
        let depth = writer.depth;
        let mut live = 0;
        let mut place = 0;
        while place < writer.numbers.len() {
            let number = writer.numbers[place];
            let state = writer.pages[number as usize];
            let span = 1 << (depth - state.depth);
            assert_eq!(place % span, 0, "a page covers a whole prefix");
            for same in &writer.numbers[place..place + span] {
                assert_eq!(*same, number);
            }
            let (mut in_page, mut tombstones) = (0, 0);
            for cell in self.cells(number) {
                match cell.load(Ordering::Relaxed) {
                    EMPTY => {}
                    TOMBSTONE => tombstones += 1,
                    cell => {
                        in_page += 1;
                        let slot = slot_of(cell);
                        let hash = hash_of(slot);
                        assert_eq!(cell, cell_for(hash, slot), "the tag is the hash's");
                        assert_eq!(
                            directory_place(hash, state.depth),
                            place >> (depth - state.depth),
                            "the slot is on its hash's page"
                        );
                        assert!(
                            self.probe(hash).any(|other| other == slot),
                            "every slot is found"
                        );
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

impl Iterator for Probe<'_> {
    type Item = u32;

    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call of its own costs a tenth of a hit"
    )]
    fn next(&mut self) -> Option<u32> {
        while self.left > 0 {
            // Acquire pairs with the release in `write`: the slot is made before it is found.
            let cell = self.page[self.at].load(Ordering::Acquire);
            if cell == EMPTY {
                break;
            }
            self.at = (self.at + 1) % CELLS;
            self.left -= 1;
            if cell >> SLOT_BITS == self.tag && cell != TOMBSTONE {
                return Some(slot_of(cell));
            }
        }
        None
    }
}

impl IndexWriter {
    fn page_number(&self, hash: u32) -> u32 {
        self.numbers[directory_place(hash, self.depth)]
    }
}

impl Directory {
    /// As `writer` knows it.
    fn of(writer: &IndexWriter, pages: &Segments<Page, PAGES_BYTES>) -> Self {
        let named = |page: &u32| {
            let page = pages.get(*page).expect("it was made");
            AtomicPtr::new(std::ptr::from_ref(page).cast_mut())
        };
        Self {
            shift: u32::BITS - writer.depth,
            places: writer.numbers.iter().map(named).collect(),
        }
    }
}

/// Where on its page `slot` is, which is there under `hash`.
fn place_of(page: &[AtomicU32; CELLS], hash: u32, slot: u32) -> usize {
    let wanted = cell_for(hash, slot);
    let mut at = start(hash);
    loop {
        let cell = page[at].load(Ordering::Relaxed);
        if cell == wanted {
            return at;
        }
        assert_ne!(
            cell, EMPTY,
            "an entry is taken out once, under its own hash"
        );
        at = (at + 1) % CELLS;
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
mod tests;
