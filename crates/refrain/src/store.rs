//! The memory tier: entries in slots that never move, found without a lock, within one budget and one order.
//!
//! Keys are spread over [parts](part::Part), each with a lock for those who change it, so that they seldom wait for each
//! other. The [budget](budget::Budget) is one for the whole cache, and so is the order of eviction: every part tells on
//! the [board](board::Board) how soon its own worst entry would have to go, and the worst of all goes. `docs/concurrency.md`
//! has the locks, their order and what each guards.
//!
//! A lookup marks its thread as reading, probes the part's index, and compares the key and clones the value in the one place
//! it is led to, without a lock.

mod board;
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
#[expect(
    unsafe_code,
    reason = "each look-up of a page was a tenth of a hit: docs/decisions.md, \"Reads without a lock\""
)]
mod index;
mod insertion;
mod listing;
mod lookup;
mod part;
mod pins;
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

use std::num::NonZero;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::clock::Clock;
use crate::entry::{Capacity, EntryInfo};
use crate::policy::{Eviction, Moment, Policy, StateError};
use crate::stats::Stats;
use crate::sync::SCHEDULES;
use board::Board;
use budget::Budget;
pub(crate) use listing::Place;
pub(crate) use lookup::Found;
use part::{Held, Part};
use pins::Pins;
pub(crate) use recorder::Recorder;
pub(crate) use removed::Removed;
pub(crate) use slot::{Facts, Tags};

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<K, V> {
    pub(crate) key: K,
    pub(crate) hash: u64,
    pub(crate) value: V,
    /// Most entries have none, not even an empty list: that would be one that all threads count references to.
    pub(crate) tags: Option<Tags>,
    pub(crate) facts: Facts,
}

pub(crate) struct Store<K, V> {
    parts: Box<[Part<K, V>]>,
    pins: Arc<Pins>,
    recorder: Recorder,
    budget: Budget,
    board: Board,
    /// One bit for each part with entries that readers held up.
    held_up: AtomicU64,
    /// By how much scores may differ and count as equal.
    tolerance: u64,
}

/// A power of two: four for each processor, so that two writers seldom meet. Eight have room for 33 million entries.
fn parts() -> usize {
    static PARTS: OnceLock<usize> = OnceLock::new();
    if SCHEDULES {
        return 2;
    }
    *PARTS.get_or_init(|| {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        (processors * 4).next_power_of_two().clamp(8, 64)
    })
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn new(capacity: Capacity, policy: Policy, clock: &Clock) -> Self {
        let pins = Arc::new(Pins::new());
        let mut evictions = Eviction::parts(policy, parts());
        evictions[0].set_capacity(capacity.bytes, capacity.entries);
        let parts: Box<[_]> = evictions
            .into_iter()
            .enumerate()
            .map(|(number, eviction)| Part::new(number, eviction, &pins))
            .collect();
        Self {
            board: Board::new(parts.len()),
            parts,
            pins,
            recorder: Recorder::new(policy, clock),
            budget: Budget::new(capacity),
            held_up: AtomicU64::new(0),
            tolerance: policy.tolerance(),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Which part keys with this hash belong to: bits that neither place them in it nor choose a lock for a computation.
    #[inline]
    fn part_number(&self, hash: u64) -> usize {
        (hash >> 8) as usize & (self.parts.len() - 1)
    }

    fn hold(&self, part: usize) -> Held<'_, K, V> {
        self.parts[part].hold(&self.board)
    }

    /// All parts, in order of their numbers.
    fn hold_all(&self) -> Vec<Held<'_, K, V>> {
        (0..self.parts.len()).map(|part| self.hold(part)).collect()
    }

    /// Learns from the hits that readers have noted down.
    fn deliver_hits(&self, now: Duration) {
        if !self.recorder.has_noted() {
            return;
        }
        let mut noted = Vec::new();
        self.recorder.drain(&mut noted);
        let moment = self.moment(now);
        for run in noted.chunk_by(|one, next| one.part == next.part) {
            let mut held = self.hold(run[0].part);
            let contender = held.contender();
            for noted in run {
                (contender.eviction).learn(&contender.residents, &[noted.hit], moment);
            }
        }
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
        self.deliver_hits(now);
        let all = self.hold_all();
        let evictions: Vec<_> = all.iter().map(|held| &held.writer.eviction).collect();
        Eviction::save_parts(&evictions, self.moment(now))
    }

    pub(crate) fn load_policy_state(&self, state: &[u8], now: Duration) -> Result<(), StateError> {
        self.deliver_hits(now);
        let mut all = self.hold_all();
        let mut evictions: Vec<_> = all
            .iter_mut()
            .map(|held| &mut held.writer.eviction)
            .collect();
        Eviction::load_parts(&mut evictions, state, self.moment(now))
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        self.budget.bytes()
    }

    pub(crate) fn entries(&self) -> u64 {
        self.budget.entries()
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        for part in &self.parts {
            part.hold(&self.board).writer.counts.add_to(stats);
        }
        stats.versus_lru = self.hold(0).writer.eviction.versus_lru();
        stats.entries = self.budget.entries();
        stats.weight_bytes = self.budget.bytes();
        stats.peak_weight_bytes = self.budget.peak_bytes();
        self.recorder.add_to(stats);
    }

    pub(crate) fn reset_counts(&self) {
        for part in &self.parts {
            part.hold(&self.board).writer.counts = writer::Counts::default();
        }
        self.hold(0).writer.eviction.reset_versus_lru();
        self.recorder.reset_counts();
    }

    pub(crate) fn validate(&self) {
        let all = self.hold_all();
        let (mut entries, mut weight) = (0, 0);
        for held in &all {
            let (more_entries, more_weight) = held.validate();
            entries += more_entries;
            weight += more_weight;
        }
        assert_eq!(weight, self.budget.bytes(), "the weights add up");
        assert_eq!(entries, self.budget.entries(), "the entries add up");
        let capacity = self.budget.capacity();
        assert!(weight <= capacity.bytes, "bytes within the limit");
        assert!(entries <= capacity.entries, "entries within the limit");
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
