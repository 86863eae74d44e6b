//! Lists of slots in chunks of one cache line.
//!
//! Walking a list linked slot by slot waits for memory at each one; the slots of a chunk are known at once.
#![expect(clippy::cast_possible_truncation, reason = "a chunk has 15 slots")]

/// Slots in a chunk, beside the number of the next chunk.
const SLOTS: usize = 15;
const NONE: u32 = u32::MAX;

/// One list; its chunks are in [`Chunks`].
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    head: u32,
    len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, len: 0 };

    pub(super) fn len(self) -> u32 {
        self.len
    }

    /// Slots in the first chunk; all others are full.
    fn in_head(self) -> usize {
        match self.len as usize % SLOTS {
            0 if self.len > 0 => SLOTS,
            slots => slots,
        }
    }
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Chunk {
    slots: [u32; SLOTS],
    next: u32,
}

/// The slots of one chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slots {
    slots: [u32; SLOTS],
    len: usize,
}

impl Slots {
    pub(super) fn as_slice(&self) -> &[u32] {
        &self.slots[..self.len]
    }
}

/// The chunks of all lists, and vacant ones.
#[derive(Debug)]
pub(super) struct Chunks {
    chunks: Vec<Chunk>,
    vacant: u32,
}

impl Chunks {
    pub(super) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            vacant: NONE,
        }
    }

    pub(super) fn push(&mut self, list: &mut List, slot: u32) {
        let at = list.len as usize % SLOTS;
        if at == 0 {
            list.head = self.new_chunk(list.head);
        }
        self.chunks[list.head as usize].slots[at] = slot;
        list.len += 1;
    }

    /// Takes the slots of the first chunk out of the list.
    pub(super) fn take(&mut self, list: &mut List) -> Option<Slots> {
        let chunk = self.chunks.get_mut(list.head as usize)?;
        let slots = Slots {
            slots: chunk.slots,
            len: list.in_head(),
        };
        let next = std::mem::replace(&mut chunk.next, self.vacant);
        self.vacant = std::mem::replace(&mut list.head, next);
        list.len -= slots.len as u32;
        Some(slots)
    }

    fn new_chunk(&mut self, next: u32) -> u32 {
        if let Some(chunk) = self.chunks.get_mut(self.vacant as usize) {
            return std::mem::replace(&mut self.vacant, std::mem::replace(&mut chunk.next, next));
        }
        if self.chunks.len() == self.chunks.capacity() {
            self.chunks.reserve_exact((self.chunks.len() / 8).max(16));
        }
        self.chunks.push(Chunk {
            slots: [0; SLOTS],
            next,
        });
        u32::try_from(self.chunks.len() - 1).expect("there are fewer chunks than slots")
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Chunk>()
    }

    /// The slots of `list`.
    pub(super) fn iter(&self, list: &List) -> impl Iterator<Item = u32> {
        let mut list = *list;
        std::iter::from_fn(move || {
            let chunk = self.chunks.get(list.head as usize)?;
            let slots = chunk.slots[..list.in_head()].to_vec();
            list.head = chunk.next;
            list.len -= slots.len() as u32;
            Some(slots)
        })
        .flatten()
    }

    /// Every chunk is in one of `lists` or vacant.
    pub(super) fn validate(&self, lists: &[List]) {
        let taken: usize = lists
            .iter()
            .map(|list| (list.len as usize).div_ceil(SLOTS))
            .sum();
        let mut vacant = 0;
        let mut at = self.vacant;
        while let Some(chunk) = self.chunks.get(at as usize) {
            vacant += 1;
            at = chunk.next;
        }
        assert_eq!(taken + vacant, self.chunks.len(), "no chunk is lost");
    }
}
