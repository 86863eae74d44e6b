//! The memory tier: entries in slots that never move, found without a shared lock, within one budget and one order.
//!
//! A lookup marks its thread as reading, probes the [`Index`], and compares the key and clones the value in the one place
//! it is led to, without a lock. Everything that changes which entries there are goes through one [`Writer`] under one lock: the budget, the order
//! of eviction, expiry and the index have one owner, so the limits hold at every instant for the whole cache.
//! `docs/concurrency.md` has the locks, their order and what each guards.

mod expiry;
mod index;
mod pins;
mod recorder;
mod removed;
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

use std::borrow::Borrow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use crate::clock::Clock;
use crate::entry::{Capacity, EntryInfo, Insertion, RemovalCause};
use crate::policy::{Policy, StateError};
use crate::stats::Stats;
use crate::sync::{Mutex, MutexGuard, SCHEDULES, spin_loop};
use index::Index;
pub(crate) use recorder::Recorder;
pub(crate) use removed::Removed;
use slot::Slot;
pub(crate) use slot::{Facts, Tags};
use slots::{Content, Slots};
use writer::Writer;

/// What is to be stored.
#[derive(Debug)]
pub(crate) struct NewEntry<K, V> {
    pub(crate) key: K,
    pub(crate) hash: u64,
    pub(crate) value: V,
    pub(crate) tags: Tags,
    pub(crate) facts: Facts,
}

/// One listed entry: where it is, which write it is, and what was asked of it.
pub(crate) struct Listed<R> {
    pub(crate) slot: u32,
    hash: u32,
    written: Duration,
    pub(crate) seen: R,
}

pub(crate) struct Store<K, V> {
    index: Index,
    slots: Slots<K, V>,
    recorder: Recorder,
    writer: Mutex<Writer>,
    /// Copies of the writer's two sums, for those who only look.
    weight_bytes: AtomicU64,
    entries: AtomicU64,
}

/// How a lookup ended.
enum Found<R> {
    Fresh(R),
    Expired,
}

/// Misses that have to be checked again happen while a page of the index is split, which takes a microsecond.
const TRIES: usize = if SCHEDULES { 2 } else { 64 };

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn new(capacity: Capacity, policy: Policy, clock: &Clock) -> Self {
        let (index, index_writer) = Index::new();
        let (slots, tenancy) = Slots::new();
        Self {
            index,
            slots,
            recorder: Recorder::new(policy, clock),
            writer: Mutex::new(Writer::new(capacity, policy, index_writer, tenancy)),
            weight_bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The value of the fresh entry for `key`; a hit is counted and makes it the most recently used.
    #[inline]
    pub(crate) fn get<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        removed: &mut Removed<'_, K, V>,
    ) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, removed, |content, _, _| {
            content.value.clone()
        })
    }

    /// The value of the fresh entry for `key` and what is known of it; a hit is counted.
    pub(crate) fn get_entry<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        removed: &mut Removed<'_, K, V>,
    ) -> Option<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, removed, |content, slot, number| {
            let info = self.info(number, slot, clock.elapsed(), clock);
            (content.value.clone(), info)
        })
    }

    /// The same, neither counted nor counted as use.
    pub(crate) fn peek_entry<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
    ) -> Option<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        let found = self.find(key, hash, clock, |content, slot, number| {
            let info = self.info(number, slot, clock.elapsed(), clock);
            (content.value.clone(), info)
        });
        match found {
            Some(Found::Fresh(entry)) => Some(entry),
            Some(Found::Expired) | None => None,
        }
    }

    #[inline]
    fn hit<Q: ?Sized + Eq, R>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        removed: &mut Removed<'_, K, V>,
        take: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
    {
        let found = self.find(key, hash, clock, |content, slot, number| {
            slot.count_hit();
            // The value's cache line is on its way while the hit is recorded.
            let taken = take(content, slot, number);
            self.recorder
                .hit(number, slot, self.slots.weight_bytes(number, slot));
            taken
        });
        match found? {
            Found::Fresh(result) => Some(result),
            Found::Expired => {
                self.expire(clock.elapsed(), removed);
                None
            }
        }
    }

    /// What `visit` makes of the entry for `key`, which stays whole meanwhile.
    #[inline]
    fn find<Q: ?Sized + Eq, R>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        visit: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Option<Found<R>>
    where
        K: Borrow<Q>,
    {
        let probe = || {
            let pin = self.slots.pin();
            self.index.find(placing(hash), |number| {
                let (slot, content) = self.slots.read(number, &pin)?;
                if content.key.borrow() != key {
                    return None;
                }
                if slot.expires().is_some_and(|due| due <= clock.elapsed()) {
                    return Some(Found::Expired);
                }
                Some(Found::Fresh(visit(content, slot, number)))
            })
        };
        for _ in 0..TRIES {
            let version = self.index.version();
            if let Some(found) = probe() {
                return Some(found);
            }
            if self.index.is_still(version) {
                return None;
            }
            spin_loop();
        }
        // The writer was interrupted in the middle of a split: wait for it.
        let _writer = self.lock();
        probe()
    }

    /// Waits for the writer's lock. Others hold it for less than a microsecond as a rule, so it is tried for that long
    /// before this thread is put to sleep, which costs some microseconds by itself.
    fn lock(&self) -> MutexGuard<'_, Writer> {
        // Of the user's code, `Eq` alone runs under this lock, and before anything is changed.
        for pauses in (0..9).map(|tries| 1 << tries.min(6)) {
            match self.writer.try_lock() {
                Ok(writer) => return writer,
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {
                    (0..pauses).for_each(|_| spin_loop());
                }
            }
        }
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, writer: &Writer) {
        self.weight_bytes
            .store(writer.weight_bytes(), Ordering::Relaxed);
        self.entries.store(writer.entries(), Ordering::Relaxed);
    }

    /// Stores `entry`, evicting what is needed. The sums never exceed the capacity on the way.
    ///
    /// What is not stored stays where it was, to be dropped by the caller when no lock is held.
    pub(crate) fn insert(
        &self,
        entry: &mut Option<NewEntry<K, V>>,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        if let Some(entry) = entry {
            self.index.warm(placing(entry.hash));
        }
        let mut writer = self.lock();
        let insertion = self.insert_locked(&mut writer, entry, now, removed);
        self.publish(&writer);
        insertion
    }

    pub(crate) fn remove<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> bool
    where
        K: Borrow<Q>,
    {
        let mut writer = self.lock();
        let Some(slot) = self.slot_of(&writer, key, placing(hash)) else {
            return false;
        };
        let fresh = !self.is_expired(slot, now);
        let cause = if fresh {
            RemovalCause::Invalidated
        } else {
            RemovalCause::Expired
        };
        self.remove_slot(&mut writer, slot, cause, now, removed);
        self.publish(&writer);
        fresh
    }

    /// Takes every entry out that was there when this began; how many of them were fresh.
    pub(crate) fn clear(&self, now: Duration, removed: &mut Removed<'_, K, V>) -> u64 {
        self.expire(now, removed);
        let mut writer = self.lock();
        let mut cleared = 0;
        for slot in 0..writer.slots_used() {
            if self.slots.look(slot, writer.tenancy()).is_some() {
                self.remove_slot(&mut writer, slot, RemovalCause::Invalidated, now, removed);
                cleared += 1;
            }
        }
        self.publish(&writer);
        cleared
    }

    /// Removes the listed entries, where they are still the same write, as far as their tags tell.
    pub(crate) fn remove_listed(
        &self,
        listed: &[Listed<Tags>],
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> u64 {
        let mut writer = self.lock();
        let mut count = 0;
        for entry in listed {
            let same = self
                .slots
                .look(entry.slot, writer.tenancy())
                .is_some_and(|(slot, _)| {
                    // Two writes of one millisecond may have had the place.
                    slot.hash() == entry.hash
                        && slot.facts(0).written == entry.written
                        && self.slots.tags(entry.slot, slot) == entry.seen
                });
            if same {
                self.remove_slot(
                    &mut writer,
                    entry.slot,
                    RemovalCause::Invalidated,
                    now,
                    removed,
                );
                count += 1;
            }
        }
        self.publish(&writer);
        count
    }

    /// Up to `limit` fresh entries from slot `from` on, as `visit` sees them, and where to go on.
    pub(crate) fn page<R>(
        &self,
        from: u32,
        limit: usize,
        clock: &Clock,
        mut visit: impl FnMut(&K, EntryInfo) -> R,
    ) -> (Vec<Listed<R>>, Option<u32>) {
        let now = clock.elapsed();
        let end = self.lock().slots_used();
        let mut page = Vec::new();
        for number in from..end {
            let pin = self.slots.pin();
            let Some((slot, content)) = self.slots.read(number, &pin) else {
                continue;
            };
            if slot.expires().is_some_and(|due| due <= now) {
                continue;
            }
            if page.len() == limit {
                return (page, Some(number));
            }
            page.push(Listed {
                slot: number,
                hash: slot.hash(),
                written: slot.facts(0).written,
                seen: visit(&content.key, self.info(number, slot, now, clock)),
            });
        }
        (page, None)
    }

    /// Lets everything go that has expired.
    pub(crate) fn expire(&self, now: Duration, removed: &mut Removed<'_, K, V>) {
        let mut writer = self.lock();
        self.expire_locked(&mut writer, now, removed);
        self.publish(&writer);
    }

    /// When the next entry expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.lock().next_expiry()
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.lock().capacity()
    }

    /// Changes the limits, having evicted what no longer fits, a batch at a time so that others get through.
    pub(crate) fn set_capacity(
        &self,
        capacity: Capacity,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) {
        /// Evictions under one lock.
        const BATCH: usize = 256;
        loop {
            let mut writer = self.lock();
            let done = self.shrink_locked(&mut writer, capacity, BATCH, now, removed);
            self.publish(&writer);
            if done {
                return;
            }
        }
    }

    pub(crate) fn policy_state(&self, now: Duration) -> Option<Vec<u8>> {
        let mut writer = self.lock();
        let moment = self.learn(&mut writer, now);
        writer.policy_state(moment)
    }

    pub(crate) fn load_policy_state(&self, state: &[u8], now: Duration) -> Result<(), StateError> {
        let mut writer = self.lock();
        let moment = self.learn(&mut writer, now);
        writer.load_policy_state(state, moment)
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weight_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        self.lock().add_to(stats);
        self.recorder.add_to(stats);
    }

    pub(crate) fn reset_counts(&self) {
        self.lock().reset_counts();
        self.recorder.reset_counts();
    }

    pub(crate) fn validate(&self) {
        let mut writer = self.lock();
        self.validate_locked(&mut writer);
    }

    fn is_expired(&self, slot: u32, now: Duration) -> bool {
        self.slots
            .slot(slot)
            .and_then(Slot::expires)
            .is_some_and(|due| due <= now)
    }

    /// The place of `key`, fresh or not; the caller holds the writer's lock, so a miss is a miss.
    fn slot_of<Q: ?Sized + Eq>(&self, writer: &Writer, key: &Q, hash: u32) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.index.find(hash, |number| {
            let (_, content) = self.slots.look(number, writer.tenancy())?;
            (content.key.borrow() == key).then_some(number)
        })
    }

    fn info(&self, number: u32, slot: &Slot, now: Duration, clock: &Clock) -> EntryInfo {
        slot.facts(self.slots.weight_bytes(number, slot)).info(
            self.slots.tags(number, slot),
            now,
            clock,
        )
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
