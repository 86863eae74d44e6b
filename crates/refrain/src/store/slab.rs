//! Entries in one growing array, named by index, and their order of use as a list of indices.

use std::ops::{Index, IndexMut};

/// Values by slot; a freed slot is used again.
pub(super) struct Slab<T> {
    slots: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Slab<T> {
    pub(super) fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// One past the highest slot ever used.
    pub(super) fn end(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("`insert` keeps the number of slots within u32")
    }

    pub(super) fn insert(&mut self, value: T) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = Some(value);
            return slot;
        }
        let slot = u32::try_from(self.slots.len()).expect("4 billion entries do not fit in memory");
        self.slots.push(Some(value));
        slot
    }

    pub(super) fn remove(&mut self, slot: u32) -> T {
        let value = self.slots[slot as usize]
            .take()
            .expect("a slot is removed once");
        self.free.push(slot);
        value
    }

    pub(super) fn get(&self, slot: u32) -> Option<&T> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..)
            .zip(&self.slots)
            .filter_map(|(slot, value)| Some((slot, value.as_ref()?)))
    }
}

impl<T> Index<u32> for Slab<T> {
    type Output = T;

    fn index(&self, slot: u32) -> &T {
        self.slots[slot as usize]
            .as_ref()
            .expect("the slot is in use")
    }
}

impl<T> IndexMut<u32> for Slab<T> {
    fn index_mut(&mut self, slot: u32) -> &mut T {
        self.slots[slot as usize]
            .as_mut()
            .expect("the slot is in use")
    }
}

/// Slots from the most to the least recently used.
pub(super) struct Order {
    links: Vec<Link>,
    front: u32,
    back: u32,
    len: usize,
}

#[derive(Clone, Copy)]
struct Link {
    before: u32,
    after: u32,
}

const NONE: u32 = u32::MAX;

impl Order {
    pub(super) fn new() -> Self {
        Self {
            links: Vec::new(),
            front: NONE,
            back: NONE,
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn back(&self) -> Option<u32> {
        (self.back != NONE).then_some(self.back)
    }

    pub(super) fn push_front(&mut self, slot: u32) {
        let at = slot as usize;
        if self.links.len() <= at {
            self.links.resize(
                at + 1,
                Link {
                    before: NONE,
                    after: NONE,
                },
            );
        }
        self.links[at] = Link {
            before: NONE,
            after: self.front,
        };
        match self.front {
            NONE => self.back = slot,
            front => self.links[front as usize].before = slot,
        }
        self.front = slot;
        self.len += 1;
    }

    pub(super) fn unlink(&mut self, slot: u32) {
        let Link { before, after } = self.links[slot as usize];
        match before {
            NONE => self.front = after,
            before => self.links[before as usize].after = after,
        }
        match after {
            NONE => self.back = before,
            after => self.links[after as usize].before = before,
        }
        self.len -= 1;
    }

    pub(super) fn promote(&mut self, slot: u32) {
        if self.front != slot {
            self.unlink(slot);
            self.push_front(slot);
        }
    }

    pub(super) fn validate(&self) {
        let (mut slot, mut before, mut count) = (self.front, NONE, 0);
        while slot != NONE {
            assert_eq!(
                self.links[slot as usize].before, before,
                "links agree in both directions"
            );
            before = slot;
            slot = self.links[slot as usize].after;
            count += 1;
        }
        assert_eq!((before, count), (self.back, self.len), "the list is whole");
    }
}
