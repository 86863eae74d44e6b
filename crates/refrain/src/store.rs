//! The memory store: read-copy-update (RCU) for readers, one lock for writers, one budget and one order of eviction.
//!
//! Entries are in numbered places that never move. A lookup takes no lock: it marks its thread as reading, probes the
//! index, and compares the key and clones the value in the one place it is led to.
//!
//! A writer changes the set of entries under one lock, which it holds for a fraction of a microsecond, far less than any
//! result takes to make. The [budget](budget::Budget) and the order of eviction are one for the whole cache anyway.
//! `docs/concurrency.md` has the locks, their order and what each guards.

mod budget;
mod capacity;
mod expiry;
#[cfg_attr(
    all(target_arch = "x86_64", not(any(miri, loom))),
    expect(
        unsafe_code,
        reason = "insertions wait for memory: docs/decisions.md, \"Reads without a lock\""
    )
)]
mod fetch;
mod held;
#[expect(
    unsafe_code,
    reason = "each look-up of a page was a tenth of a hit: docs/decisions.md, \"Reads without a lock\""
)]
mod index;
mod insertion;
mod listing;
mod lookup;
mod pins;
#[expect(
    unsafe_code,
    reason = "readers look at what may be replaced meanwhile: docs/decisions.md, \"Reads without a lock\""
)]
mod published;
mod recorder;
mod removal;
mod removed;
#[expect(
    unsafe_code,
    reason = "each look-up of a place was a tenth of a hit: docs/decisions.md, \"Reads without a lock\""
)]
mod segments;
mod slot;
#[expect(
    unsafe_code,
    reason = "a lock for each entry was the largest part of a hit: docs/decisions.md, \"Reads without a lock\""
)]
mod slots;
mod stamp;
mod thread_number;
mod writer;

#[cfg(all(test, loom))]
#[expect(clippy::arc_with_non_send_sync, reason = "threads of loom take turns")]
mod schedules;

use std::time::Duration;

use crate::clock::Clock;
use crate::entry::{Capacity, EntryInfo};
use crate::policy::{Eviction, Moment, Policy, StateError};
use crate::stats::Stats;
use crate::sync::Mutex;
use budget::Budget;
use held::{Held, Lock, Seen};
use index::Index;
pub(crate) use lookup::{Found, Judged};
pub(crate) use recorder::Recorder;
pub(crate) use removed::Removed;
pub(crate) use slot::{Facts, Tags};
use slots::Slots;
use writer::Writer;

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<K, V> {
    pub(crate) key: K,
    pub(crate) hash: u64,
    pub(crate) value: V,
    /// Most entries have none, not even an empty list: all threads would contend on the reference count of that list.
    pub(crate) tags: Option<Tags>,
    pub(crate) facts: Facts,
}

pub(crate) struct Store<K, V> {
    index: Index,
    slots: Slots<K, V>,
    recorder: Recorder,
    budget: Budget,
    writer: Lock,
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn new(capacity: Capacity, policy: Policy, clock: &Clock) -> Self {
        let mut eviction = Eviction::new(policy);
        eviction.set_capacity(capacity.bytes, capacity.entries);
        let (index, index_writer) = Index::new();
        let (slots, tenancy) = Slots::new();
        Self {
            index,
            slots,
            recorder: Recorder::new(policy, clock),
            budget: Budget::new(capacity),
            writer: Lock(Mutex::new(Writer::new(eviction, index_writer, tenancy))),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    fn moment(&self, time: Duration) -> Moment {
        Moment {
            tick: self.recorder.tick(),
            time,
        }
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.budget.capacity()
    }

    pub(crate) fn policy_state(&self, now: Duration) -> Option<Vec<u8>> {
        let mut held = self.hold();
        held.deliver_hits(now);
        held.writer.eviction.save(self.moment(now))
    }

    pub(crate) fn load_policy_state(&self, state: &[u8], now: Duration) -> Result<(), StateError> {
        let mut held = self.hold();
        held.deliver_hits(now);
        held.writer.eviction.load(state, self.moment(now))
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        self.budget.bytes()
    }

    pub(crate) fn entries(&self) -> u64 {
        self.budget.entries()
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let held = self.hold();
        held.writer.counts.add_to(stats);
        stats.versus_lru = held.writer.eviction.versus_lru();
        stats.entries = self.budget.entries();
        stats.weight_bytes = self.budget.bytes();
        stats.peak_weight_bytes = self.budget.peak_bytes();
        drop(held);
        self.recorder.add_to(stats);
    }

    pub(crate) fn reset_counts(&self) {
        let mut held = self.hold();
        held.writer.counts = writer::Counts::default();
        held.writer.eviction.reset_versus_lru();
        drop(held);
        self.recorder.reset_counts();
    }

    pub(crate) fn validate(&self) {
        self.hold().validate();
    }
}

impl<K, V> Held<'_, K, V> {
    /// Learns from the hits that readers have noted down.
    #[inline]
    fn deliver_hits(&mut self, now: Duration) {
        if self.store.recorder.has_noted() {
            self.deliver_noted_hits(now);
        }
    }

    #[cold]
    fn deliver_noted_hits(&mut self, now: Duration) {
        let (store, writer) = (self.store, &mut *self.writer);
        store.recorder.drain(&mut writer.hits);
        let moment = Moment {
            tick: store.recorder.tick(),
            time: now,
        };
        (writer.eviction).learn(&Seen(&store.slots), &writer.hits, moment);
        writer.hits.clear();
    }
}

/// The half of a key's hash by which the store places it. The other half spreads keys over locks elsewhere.
#[inline]
fn placing(hash: u64) -> u32 {
    (hash >> 32) as u32
}

/// The hash by which a policy remembers a key, spread over the 64 bits that it may look at.
#[inline]
fn fingerprint(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Facts {
    pub(crate) fn info(&self, tags: Tags, now: Duration, clock: &Clock) -> EntryInfo {
        EntryInfo {
            weight_bytes: self.weight_bytes,
            cost: self.cost,
            age: now.saturating_sub(self.written),
            expires_in: self.expires.map(|due| due.saturating_sub(now)),
            written_at: clock.wall_at(self.written),
            hits: self.hits,
            tags,
        }
    }
}
