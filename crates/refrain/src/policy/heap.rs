//! A binary heap that knows where each slot is.

use super::by_slot::BySlot;

const ABSENT: u32 = u32::MAX;
/// Children of a node: a flatter heap has fewer cache misses on the way down.
const ARITY: usize = 4;

/// Slots with the smallest key on top: 16 bytes each, and 4 a slot.
#[derive(Debug)]
pub(super) struct Heap {
    nodes: Vec<Node>,
    positions: BySlot<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    key: f64,
    slot: u32,
}

impl Heap {
    pub(super) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            positions: BySlot::new(ABSENT),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.positions.get(slot) != ABSENT
    }

    pub(super) fn first(&self) -> Option<(u32, f64)> {
        self.nodes.first().map(|node| (node.slot, node.key))
    }

    /// Adds `slot`, or gives it another key.
    pub(super) fn set(&mut self, slot: u32, key: f64) {
        let at = match self.positions.get(slot) {
            ABSENT => {
                self.nodes.push(Node { key, slot });
                self.nodes.len() - 1
            }
            at => {
                self.nodes[at as usize].key = key;
                at as usize
            }
        };
        self.settle(at);
    }

    /// Takes out `slot`; whether it was there.
    pub(super) fn remove(&mut self, slot: u32) -> bool {
        let at = self.positions.get(slot);
        if at == ABSENT {
            return false;
        }
        self.positions[slot] = ABSENT;
        self.nodes.swap_remove(at as usize);
        if (at as usize) < self.nodes.len() {
            self.settle(at as usize);
        }
        true
    }

    /// Moves the node at `at` up or down to where its key belongs.
    fn settle(&mut self, mut at: usize) {
        let node = self.nodes[at];
        while at > 0 && node.key < self.nodes[(at - 1) / ARITY].key {
            at = self.shift((at - 1) / ARITY, at);
        }
        while let Some(child) = self.least_child(at)
            && self.nodes[child].key < node.key
        {
            at = self.shift(child, at);
        }
        self.nodes[at] = node;
        self.positions.set(node.slot, position(at));
    }

    /// Puts the node of `from` into the gap at `to`; the gap is then at `from`.
    fn shift(&mut self, from: usize, to: usize) -> usize {
        let moved = self.nodes[from];
        self.nodes[to] = moved;
        self.positions[moved.slot] = position(to);
        from
    }

    fn least_child(&self, at: usize) -> Option<usize> {
        let first = at * ARITY + 1;
        let children = first..(first + ARITY).min(self.nodes.len());
        children.min_by(|&one, &other| self.nodes[one].key.total_cmp(&self.nodes[other].key))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, f64)> {
        self.nodes.iter().map(|node| (node.slot, node.key))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.positions.memory_bytes()
    }

    pub(super) fn validate(&self) {
        for (at, node) in self.nodes.iter().enumerate() {
            assert_eq!(
                self.positions.get(node.slot),
                position(at),
                "slots know their place"
            );
            assert!(
                at == 0 || self.nodes[(at - 1) / ARITY].key <= node.key,
                "parents are smaller"
            );
        }
    }
}

fn position(at: usize) -> u32 {
    u32::try_from(at).expect("there are no more nodes than slots")
}
