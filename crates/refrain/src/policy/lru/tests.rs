use proptest::prelude::*;

use super::super::testing::{Table, candidate};
use super::super::{Admission, Eviction, Moment, Policy, Space};

const CAPACITY: u64 = 40;

/// The same cache with a list of slots from the least to the most recently used.
struct Both {
    eviction: Eviction,
    table: Table,
    list: Vec<u32>,
    tick: u64,
}

#[derive(Debug, Clone)]
enum Op {
    /// Uses the slot: a hit, or a miss that stores this weight in it.
    Use(u32, u64),
    Remove(u32),
    Evict,
    Worst,
    /// Requests that this cache does not see.
    Pass(u64),
}

impl Both {
    fn new() -> Self {
        Self {
            eviction: Eviction::new(Policy::Lru),
            table: Table::default(),
            list: Vec::new(),
            tick: 0,
        }
    }

    fn now(&self) -> Moment {
        Moment {
            tick: self.tick,
            ..Moment::default()
        }
    }

    fn apply(&mut self, op: &Op) {
        self.tick += 1;
        match *op {
            Op::Use(slot, _) if self.table.contains(slot) => {
                let row = self.table.row_mut(slot);
                row.word = Policy::Lru.touch(row.word, self.tick);
                self.list.retain(|other| *other != slot);
                self.list.push(slot);
            }
            Op::Use(slot, weight) => self.store(slot, weight),
            Op::Remove(slot) => {
                assert_eq!(
                    self.eviction.remove(&self.table, slot),
                    self.table.contains(slot)
                );
                if self.table.contains(slot) {
                    self.table.free(slot);
                }
                self.list.retain(|other| *other != slot);
            }
            Op::Evict => {
                let gone = self.eviction.evict(&self.table, self.now());
                assert_eq!(gone, self.pop());
                gone.map(|slot| self.table.free(slot));
            }
            Op::Worst => {
                let worst = self.eviction.worst(&self.table, self.now());
                assert_eq!(worst, self.list.first().copied());
            }
            Op::Pass(requests) => self.tick += requests,
        }
    }

    fn store(&mut self, slot: u32, weight: u64) {
        let candidate = candidate(u64::from(slot), weight);
        let held_bytes = self.table.held_bytes();
        let space = Space {
            held_bytes,
            missing_bytes: (held_bytes + weight).saturating_sub(CAPACITY),
            missing_entries: 0,
        };
        let now = self.now();
        let mut victims = Vec::new();
        let admission = self
            .eviction
            .admit(&self.table, &candidate, space, now, &mut victims);
        for victim in victims {
            assert_eq!(Some(victim), self.pop());
            self.table.free(victim);
        }
        let Admission::Admit { word } = admission else {
            panic!("LRU admits everything")
        };
        self.table.fill(slot, word, &candidate);
        assert!(self.table.held_bytes() <= CAPACITY);
        self.eviction.insert(&self.table, slot, now);
        self.list.push(slot);
    }

    fn pop(&mut self) -> Option<u32> {
        (!self.list.is_empty()).then(|| self.list.remove(0))
    }
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => (0..24_u32, 1..8_u64).prop_map(|(slot, weight)| Op::Use(slot, weight)),
        2 => (0..24_u32).prop_map(Op::Remove),
        2 => Just(Op::Evict),
        1 => Just(Op::Worst),
        1 => (0..40_u32).prop_map(|bits| Op::Pass((1 << bits) - 1)),
    ]
}

proptest! {
    #[test]
    fn the_order_is_that_of_a_list_kept_in_order(ops in prop::collection::vec(op(), 1..300)) {
        let mut both = Both::new();
        for op in &ops {
            both.apply(op);
            both.eviction.validate(&both.table);
            prop_assert_eq!(both.eviction.len(), both.list.len());
        }
        while let Some(slot) = both.pop() {
            prop_assert_eq!(both.eviction.evict(&both.table, both.now()), Some(slot));
        }
    }
}

#[test]
fn as_many_leave_as_there_are_entries_too_many() {
    let mut both = Both::new();
    for slot in 0..4 {
        both.apply(&Op::Use(slot, 1));
    }
    let space = Space {
        held_bytes: 4,
        missing_bytes: 0,
        missing_entries: 2,
    };
    let mut victims = Vec::new();
    both.eviction.admit(
        &both.table,
        &candidate(9, 1),
        space,
        both.now(),
        &mut victims,
    );
    assert_eq!(victims, [0, 1]);
}

#[test]
fn an_overwritten_entry_is_the_most_recent() {
    let mut both = Both::new();
    for slot in 0..3 {
        both.apply(&Op::Use(slot, 10));
    }
    let newer = candidate(0, 5);
    both.tick += 1;
    let now = both.now();
    let word = both.eviction.replace(&both.table, 0, &newer, now);
    both.table.free(0);
    both.table.fill(0, word, &newer);
    both.eviction.insert(&both.table, 0, now);
    for slot in [1, 2, 0] {
        assert_eq!(both.eviction.evict(&both.table, now), Some(slot));
    }
    assert_eq!(both.eviction.evict(&both.table, now), None);
}

#[test]
fn an_entry_takes_six_bytes() {
    let mut both = Both::new();
    let empty = both.eviction.memory_bytes();
    let entries = 100_000;
    for slot in 0..entries {
        both.table.fill(slot, u64::from(slot), &candidate(0, 1));
        both.eviction.insert(&both.table, slot, Moment::default());
    }
    let bytes = both.eviction.memory_bytes() - empty;
    assert!(
        bytes <= entries as usize * 13 / 2,
        "{bytes} bytes for {entries} entries"
    );
}
