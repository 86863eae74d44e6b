//! The one writer: budget, order of eviction, expiry and index have one owner.

use std::time::Duration;

use super::expiry::Expiry;
use super::index::{self, Index, IndexWriter};
use super::segments::MAX_ELEMENTS;
use super::slot::Slot;
use super::slots::{Content, Slots, Tenancy};
use super::{NewEntry, Removed, Store, fingerprint, placing};
use crate::entry::{Capacity, Insertion, RemovalCause};
use crate::policy::{
    Admission, Candidate, Eviction, Hit, Moment, Policy, Residents, Space, StateError,
};
use crate::stats::Stats;

/// What only the holder of the store's lock may touch.
pub(super) struct Writer {
    index: IndexWriter,
    eviction: Eviction,
    /// Slots by the millisecond in which they expire.
    expiry: Expiry,
    tenancy: Tenancy,
    capacity: Capacity,
    weight_bytes: u64,
    entries: u64,
    peak_weight_bytes: u64,
    counts: Counts,
    victims: Vec<u32>,
    hits: Vec<Hit>,
}

#[derive(Default)]
struct Counts {
    insertions: u64,
    replacements: u64,
    evictions_by_count: u64,
    evictions_by_size: u64,
    expirations: u64,
    invalidations: u64,
    overweight: u64,
    declined: u64,
}

/// Slots that are ever used, so that each can be named in every structure.
const MAX_SLOTS: u32 = if index::MAX_SLOTS < MAX_ELEMENTS {
    index::MAX_SLOTS
} else {
    MAX_ELEMENTS
};

impl Writer {
    pub(super) fn new(
        capacity: Capacity,
        policy: Policy,
        index: IndexWriter,
        tenancy: Tenancy,
    ) -> Self {
        let mut eviction = Eviction::new(policy);
        eviction.set_capacity(capacity.bytes, capacity.entries);
        Self {
            index,
            eviction,
            expiry: Expiry::new(),
            tenancy,
            capacity,
            weight_bytes: 0,
            entries: 0,
            peak_weight_bytes: 0,
            counts: Counts::default(),
            victims: Vec::new(),
            hits: Vec::new(),
        }
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.weight_bytes
    }

    pub(super) fn entries(&self) -> u64 {
        self.entries
    }

    pub(super) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Places that were ever filled are numbered below this.
    pub(super) fn slots_used(&self) -> u32 {
        self.tenancy.used()
    }

    pub(super) fn tenancy(&self) -> &Tenancy {
        &self.tenancy
    }

    pub(super) fn next_expiry(&self) -> Option<Duration> {
        self.expiry.lower_bound().map(Duration::from_millis)
    }

    pub(super) fn policy_state(&self, now: Moment) -> Option<Vec<u8>> {
        self.eviction.save(now)
    }

    pub(super) fn load_policy_state(
        &mut self,
        state: &[u8],
        now: Moment,
    ) -> Result<(), StateError> {
        self.eviction.load(state, now)
    }

    pub(super) fn add_to(&self, stats: &mut Stats) {
        stats.insertions = self.counts.insertions;
        stats.replacements = self.counts.replacements;
        stats.evictions_by_count = self.counts.evictions_by_count;
        stats.evictions_by_size = self.counts.evictions_by_size;
        stats.expirations = self.counts.expirations;
        stats.invalidations = self.counts.invalidations;
        stats.overweight = self.counts.overweight;
        stats.declined = self.counts.declined;
        stats.entries = self.entries;
        stats.weight_bytes = self.weight_bytes;
        stats.peak_weight_bytes = self.peak_weight_bytes;
        stats.versus_lru = self.eviction.versus_lru();
    }

    pub(super) fn reset_counts(&mut self) {
        self.counts = Counts::default();
        self.eviction.reset_versus_lru();
    }

    /// What must go before one entry of `weight_bytes` fits.
    fn space(&self, weight_bytes: u64) -> Space {
        let bytes = u128::from(self.weight_bytes) + u128::from(weight_bytes);
        let over = bytes.saturating_sub(u128::from(self.capacity.bytes));
        Space {
            held_bytes: self.weight_bytes,
            missing_bytes: u64::try_from(over).unwrap_or(u64::MAX),
            missing_entries: (self.entries + 1).saturating_sub(self.capacity.entries),
        }
    }

    /// Why an entry has to go now, seen from limits of which `room` is left for what stays.
    fn cause(&self, room: Capacity) -> Option<RemovalCause> {
        if self.entries > room.entries {
            Some(RemovalCause::EvictedByCount)
        } else if self.weight_bytes > room.bytes {
            Some(RemovalCause::EvictedBySize)
        } else {
            None
        }
    }

    fn count(&mut self, cause: RemovalCause) {
        match cause {
            RemovalCause::EvictedByCount => self.counts.evictions_by_count += 1,
            RemovalCause::EvictedBySize => self.counts.evictions_by_size += 1,
            RemovalCause::Expired => self.counts.expirations += 1,
            RemovalCause::Invalidated => self.counts.invalidations += 1,
            RemovalCause::Replaced => self.counts.replacements += 1,
        }
    }
}

/// The slots as the policy sees them.
struct Seen<'a, K, V>(&'a Slots<K, V>, &'a Index);

impl<K, V> Seen<'_, K, V> {
    fn slot(&self, slot: u32) -> &Slot {
        self.0
            .slot(slot)
            .expect("the policy names slots that were given to it")
    }
}

impl<K, V> Residents for Seen<'_, K, V> {
    fn word(&self, slot: u32) -> u64 {
        self.slot(slot).word()
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        self.0.weight_bytes(slot, self.slot(slot))
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        self.slot(slot).cost_seconds()
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        fingerprint(self.slot(slot).hash())
    }

    fn expires(&self, slot: u32) -> Option<Duration> {
        self.slot(slot).expires()
    }

    fn warm(&self, slot: u32, ahead: usize) {
        let hash = std::hint::black_box(self.slot(slot).hash());
        // The index after the slot: by now its hash is at hand.
        if ahead <= 1 {
            self.1.warm(hash);
        }
    }
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    fn moment(&self, time: Duration) -> Moment {
        Moment {
            tick: self.recorder.tick(),
            time,
        }
    }

    pub(super) fn insert_locked(
        &self,
        writer: &mut Writer,
        place: &mut Option<NewEntry<K, V>>,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let Some(entry) = place.as_ref() else {
            return Insertion::Declined;
        };
        self.expire_locked(writer, now, removed);
        let moment = self.learn(writer, now);
        let hash = placing(entry.hash);
        let Some(old) = self.slot_of(writer, &entry.key, hash) else {
            writer
                .eviction
                .miss(&Seen(&self.slots, &self.index), fingerprint(hash), moment);
            return self.add_locked(writer, place, now, moment, removed);
        };
        let cause = if self.is_expired(old, now) {
            RemovalCause::Expired
        } else {
            RemovalCause::Replaced
        };
        // The budget wants the old entry gone first; readers are not to see that there was a moment without any.
        self.index.begin_change(&mut writer.index);
        self.remove_slot(writer, old, cause, now, removed);
        let insertion = self.add_locked(writer, place, now, moment, removed);
        self.index.end_change(&mut writer.index);
        insertion
    }

    /// Adds an entry whose key is not there.
    fn add_locked(
        &self,
        writer: &mut Writer,
        place: &mut Option<NewEntry<K, V>>,
        now: Duration,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let Some(entry) = place.as_ref() else {
            return Insertion::Declined;
        };
        let weight_bytes = entry.facts.weight_bytes;
        if entry.facts.expires.is_some_and(|due| due <= now) {
            return Insertion::Expired;
        }
        let candidate = Candidate {
            fingerprint: fingerprint(placing(entry.hash)),
            weight_bytes,
            cost_seconds: entry.facts.cost.as_secs_f32(),
            expires: entry.facts.expires,
        };
        if weight_bytes > writer.capacity.bytes || writer.capacity.entries == 0 {
            writer.counts.overweight += 1;
            writer.eviction.decline(&candidate, moment);
            return Insertion::Overweight;
        }
        let space = writer.space(weight_bytes);
        let mut victims = std::mem::take(&mut writer.victims);
        let admission = writer.eviction.admit(
            &Seen(&self.slots, &self.index),
            &candidate,
            space,
            moment,
            &mut victims,
        );
        let room = Capacity {
            bytes: writer.capacity.bytes - weight_bytes,
            entries: writer.capacity.entries - 1,
        };
        for slot in victims.drain(..) {
            let cause = writer.cause(room).unwrap_or(RemovalCause::EvictedBySize);
            self.vacate(writer, slot, cause, removed);
        }
        writer.victims = victims;
        let Admission::Admit { word } = admission else {
            writer.counts.declined += 1;
            return Insertion::Declined;
        };
        if self.occupy(writer, place, word, moment) {
            Insertion::Stored
        } else {
            writer.counts.declined += 1;
            Insertion::Declined
        }
    }

    /// Takes in the hits that readers have noted down, and tells what time it is.
    pub(super) fn learn(&self, writer: &mut Writer, now: Duration) -> Moment {
        let mut hits = std::mem::take(&mut writer.hits);
        self.recorder.drain(&mut hits);
        let moment = self.moment(now);
        writer
            .eviction
            .learn(&Seen(&self.slots, &self.index), &hits, moment);
        hits.clear();
        writer.hits = hits;
        moment
    }

    /// Puts `entry` into a slot; false when there is none left to be had.
    fn occupy(
        &self,
        writer: &mut Writer,
        place: &mut Option<NewEntry<K, V>>,
        word: u64,
        moment: Moment,
    ) -> bool {
        let Some(hash) = place.as_ref().map(|entry| placing(entry.hash)) else {
            return false;
        };
        let Some(number) = self.slots.vacant(&mut writer.tenancy, MAX_SLOTS) else {
            return false;
        };
        let hash_of = |slot| self.slots.slot(slot).map_or(0, Slot::hash);
        // The cell first: once the slot is filled, every reader finds it, also one that an old cell led here.
        if !self.index.insert(&mut writer.index, hash, number, hash_of) {
            self.slots.unused(&mut writer.tenancy, number);
            return false;
        }
        let NewEntry {
            key,
            value,
            tags,
            facts,
            ..
        } = place.take().expect("it was there above");
        let content = Content { key, value };
        let tenancy = &mut writer.tenancy;
        self.slots
            .fill(tenancy, number, content, tags, (hash, word), &facts);
        writer
            .eviction
            .insert(&Seen(&self.slots, &self.index), number, moment);
        let expires = self.slots.slot(number).and_then(Slot::expires);
        if let Some(due) = expires {
            writer.expiry.insert(number, due_millis(due));
        }
        writer.weight_bytes += facts.weight_bytes;
        writer.peak_weight_bytes = writer.peak_weight_bytes.max(writer.weight_bytes);
        writer.entries += 1;
        writer.counts.insertions += 1;
        self.recorder
            .fit(writer.entries, writer.eviction.sampling());
        true
    }

    /// Takes an entry out that the policy still has in its order.
    pub(super) fn remove_slot(
        &self,
        writer: &mut Writer,
        slot: u32,
        cause: RemovalCause,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) {
        if cause == RemovalCause::Invalidated {
            writer
                .eviction
                .remove(&Seen(&self.slots, &self.index), slot);
        } else {
            let moment = self.moment(now);
            writer
                .eviction
                .expire(&Seen(&self.slots, &self.index), slot, moment);
        }
        self.vacate(writer, slot, cause, removed);
    }

    /// Takes an entry out that the policy has given up already.
    fn vacate(
        &self,
        writer: &mut Writer,
        number: u32,
        cause: RemovalCause,
        removed: &mut Removed<'_, K, V>,
    ) {
        let slot = self.slots.slot(number).expect("an entry is in a place");
        writer.expiry.remove(number);
        self.index.erase(&mut writer.index, slot.hash(), number);
        writer.weight_bytes -= self.slots.weight_bytes(number, slot);
        writer.entries -= 1;
        writer.count(cause);
        removed.push(self.slots.depart(&mut writer.tenancy, number), cause);
    }

    pub(super) fn expire_locked(
        &self,
        writer: &mut Writer,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) {
        while let Some(slot) = writer.expiry.pop_due(due_millis(now), |slot| {
            let due = self.slots.slot(slot).and_then(Slot::expires);
            due.map_or(u64::MAX, due_millis)
        }) {
            self.remove_slot(writer, slot, RemovalCause::Expired, now, removed);
        }
    }

    /// Evicts at most `batch` entries on the way to `capacity`; true when it is reached and set.
    pub(super) fn shrink_locked(
        &self,
        writer: &mut Writer,
        capacity: Capacity,
        batch: usize,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> bool {
        for _ in 0..batch {
            let Some(cause) = writer.cause(capacity) else {
                writer.capacity = capacity;
                writer
                    .eviction
                    .set_capacity(capacity.bytes, capacity.entries);
                return true;
            };
            let moment = self.moment(now);
            let Some(slot) = writer
                .eviction
                .evict(&Seen(&self.slots, &self.index), moment)
            else {
                break;
            };
            self.vacate(writer, slot, cause, removed);
        }
        // Nobody may fill what was just freed.
        writer.capacity.bytes = writer
            .capacity
            .bytes
            .min(writer.weight_bytes.max(capacity.bytes));
        writer.capacity.entries = writer
            .capacity
            .entries
            .min(writer.entries.max(capacity.entries));
        false
    }

    pub(super) fn validate_locked(&self, writer: &mut Writer) {
        let hash_of = |slot| self.slots.slot(slot).map_or(0, Slot::hash);
        let indexed = self.index.validate(&writer.index, hash_of);
        let (mut entries, mut weight, mut expiring) = (0_u64, 0_u64, 0_usize);
        for number in 0..writer.slots_used() {
            if let Some((slot, _)) = self.slots.look(number, &writer.tenancy) {
                entries += 1;
                weight += self.slots.weight_bytes(number, slot);
                expiring += usize::from(slot.expires().is_some());
            }
        }
        assert_eq!(weight, writer.weight_bytes, "the weights add up");
        assert_eq!(entries, writer.entries, "the entries add up");
        assert_eq!(indexed as u64, entries, "every entry is in the index");
        assert_eq!(
            writer.eviction.len() as u64,
            entries,
            "every entry is in order"
        );
        assert_eq!(writer.expiry.len(), expiring, "every expiry is known");
        self.slots.validate(&writer.tenancy);
        assert!(weight <= writer.capacity.bytes, "bytes within the limit");
        assert!(
            entries <= writer.capacity.entries,
            "entries within the limit"
        );
        writer.eviction.validate(&Seen(&self.slots, &self.index));
    }
}

fn due_millis(due: Duration) -> u64 {
    u64::try_from(due.as_millis()).unwrap_or(u64::MAX)
}
