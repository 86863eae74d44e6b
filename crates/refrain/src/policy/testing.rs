//! A cache with no values, for the tests of the policies.

use std::cell::Cell;
use std::time::Duration;

use super::{Admission, Candidate, Eviction, Hit, Moment, Policy, Residents, Space};

/// One entry of a [`Table`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) word: u64,
    pub(super) weight_bytes: u64,
    pub(super) cost_seconds: f32,
    pub(super) fingerprint: u64,
    pub(super) expires: Option<Duration>,
}

/// Entries by slot, as the cache has them.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) rows: Vec<Option<Row>>,
    /// How often a word was asked for.
    pub(super) asked: Cell<u64>,
}

impl Table {
    /// Fills `slot`, which must be vacant.
    pub(super) fn fill(&mut self, slot: u32, word: u64, candidate: &Candidate) {
        let at = slot as usize;
        if self.rows.len() <= at {
            self.rows.resize(at + 1, None);
        }
        let row = Row {
            word,
            weight_bytes: candidate.weight_bytes,
            cost_seconds: candidate.cost_seconds,
            fingerprint: candidate.fingerprint,
            expires: candidate.expires,
        };
        assert!(self.rows[at].replace(row).is_none(), "slot {slot} is taken");
    }

    pub(super) fn free(&mut self, slot: u32) -> Row {
        self.rows[slot as usize].take().expect("the slot is in use")
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.rows.get(slot as usize).is_some_and(Option::is_some)
    }

    pub(super) fn row(&self, slot: u32) -> &Row {
        self.rows[slot as usize]
            .as_ref()
            .expect("the slot is in use")
    }

    pub(super) fn row_mut(&mut self, slot: u32) -> &mut Row {
        self.rows[slot as usize]
            .as_mut()
            .expect("the slot is in use")
    }

    pub(super) fn held_bytes(&self) -> u64 {
        self.rows.iter().flatten().map(|row| row.weight_bytes).sum()
    }
}

impl Residents for Table {
    fn word(&self, slot: u32) -> u64 {
        self.asked.set(self.asked.get() + 1);
        self.row(slot).word
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        self.row(slot).weight_bytes
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        self.row(slot).cost_seconds
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        self.row(slot).fingerprint
    }

    fn expires(&self, slot: u32) -> Option<Duration> {
        self.row(slot).expires
    }
}

/// A candidate of this weight that took a second.
pub(super) fn candidate(fingerprint: u64, weight_bytes: u64) -> Candidate {
    Candidate {
        fingerprint,
        weight_bytes,
        cost_seconds: 1.0,
        expires: None,
    }
}

/// A cache that stores whatever the policy admits, at one request each second unless told otherwise.
#[derive(Debug)]
pub(super) struct Simulated {
    pub(super) eviction: Eviction,
    pub(super) table: Table,
    pub(super) now: Moment,
    /// Time from one request to the next.
    pub(super) pause: Duration,
    pub(super) capacity_bytes: u64,
    held_bytes: u64,
    hits: Vec<Hit>,
}

impl Simulated {
    pub(super) fn new(policy: Policy, capacity_bytes: u64) -> Self {
        let mut eviction = Eviction::new(policy);
        eviction.set_capacity(capacity_bytes, u64::MAX);
        Self {
            eviction,
            table: Table::default(),
            now: Moment::default(),
            pause: Duration::from_secs(1),
            capacity_bytes,
            held_bytes: 0,
            hits: Vec::new(),
        }
    }

    /// Asks for a key, and stores it on a miss; whether it was a hit.
    pub(super) fn request(&mut self, key: u64, weight_bytes: u64, cost_seconds: f32) -> bool {
        self.request_expiring(Candidate {
            fingerprint: key,
            weight_bytes,
            cost_seconds,
            expires: None,
        })
    }

    pub(super) fn request_expiring(&mut self, candidate: Candidate) -> bool {
        self.now.tick += 1;
        self.now.time += self.pause;
        if let Some(slot) = self.slot_of(candidate.fingerprint) {
            let row = self.table.row_mut(slot);
            let before = row.word;
            row.word = self.eviction.policy().touch(before, self.now.tick);
            self.hits.push(Hit {
                slot,
                before,
                tick: self.now.tick,
            });
            return true;
        }
        self.eviction
            .learn(&self.table, &std::mem::take(&mut self.hits), self.now);
        self.eviction
            .miss(&self.table, candidate.fingerprint, self.now);
        if candidate.weight_bytes > self.capacity_bytes {
            self.eviction.decline(&candidate, self.now);
        } else {
            self.store(&candidate);
        }
        false
    }

    fn store(&mut self, candidate: &Candidate) {
        let space = Space {
            held_bytes: self.held_bytes,
            missing_bytes: (self.held_bytes + candidate.weight_bytes)
                .saturating_sub(self.capacity_bytes),
            missing_entries: 0,
        };
        let mut victims = Vec::new();
        let admission = self
            .eviction
            .admit(&self.table, candidate, space, self.now, &mut victims);
        let Admission::Admit { word } = admission else {
            assert!(victims.is_empty(), "nothing leaves for what is declined");
            return;
        };
        for victim in victims {
            self.held_bytes -= self.table.free(victim).weight_bytes;
        }
        let vacant = self
            .table
            .rows
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.table.rows.len());
        let slot = u32::try_from(vacant).expect("a test has few slots");
        self.table.fill(slot, word, candidate);
        self.held_bytes += candidate.weight_bytes;
        self.eviction.insert(&self.table, slot, self.now);
    }

    /// Entries were taken out of the table behind its back.
    pub(super) fn forget_weights(&mut self) {
        self.held_bytes = self.table.held_bytes();
    }

    /// Drops the hits that the policy has not heard of.
    pub(super) fn lose_hits(&mut self) {
        self.hits.clear();
    }

    pub(super) fn slot_of(&self, key: u64) -> Option<u32> {
        let is_key = |row: &Option<Row>| row.is_some_and(|row| row.fingerprint == key);
        u32::try_from(self.table.rows.iter().position(is_key)?).ok()
    }

    /// The keys that are stored, in order.
    pub(super) fn keys(&self) -> Vec<u64> {
        let mut keys: Vec<_> = self
            .table
            .rows
            .iter()
            .flatten()
            .map(|row| row.fingerprint)
            .collect();
        keys.sort_unstable();
        keys
    }

    pub(super) fn validate(&self) {
        self.eviction.validate(&self.table);
        assert_eq!(
            self.eviction.len(),
            self.keys().len(),
            "every entry is in order"
        );
        assert_eq!(self.table.held_bytes(), self.held_bytes);
        assert!(
            self.held_bytes <= self.capacity_bytes,
            "what is admitted fits"
        );
    }
}
