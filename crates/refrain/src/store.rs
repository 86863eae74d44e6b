//! The memory tier: entries in slots that never move, found without a shared lock, within one budget and one order.
//!
//! A lookup probes the [`Index`], takes the lock of the one slot it is led to, compares the key and clones the value.
//! Everything that changes which entries there are goes through one [`Writer`] under one lock: the budget, the order
//! of eviction, expiry and the index have one owner, so the limits hold at every instant for the whole cache.
//! `docs/concurrency.md` has the locks, their order and what each guards.

mod expiry;
mod index;
mod recorder;
mod segments;
mod slot;
mod stamp;
mod writer;

use std::borrow::Borrow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;
use crate::entry::{Capacity, EntryInfo, Insertion, RemovalCause};
use crate::policy::{Policy, StateError};
use crate::stats::Stats;
use index::Index;
pub(crate) use recorder::Recorder;
use segments::Segments;
pub(crate) use slot::{Facts, Tags};
use slot::{Live, Slot};
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

/// Entries that left, to be announced and dropped by the caller, who holds no lock any more.
pub(crate) type Removed<K, V> = Vec<(K, V, RemovalCause)>;

/// One listed entry: where it is, which write it is, and what was asked of it.
pub(crate) struct Listed<R> {
    pub(crate) slot: u32,
    pub(crate) hash: u64,
    pub(crate) written: Duration,
    pub(crate) seen: R,
}

pub(crate) struct Store<K, V> {
    index: Index,
    slots: Segments<Slot<K, V>, 6>,
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
const TRIES: usize = 64;

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn new(capacity: Capacity, policy: Policy, clock: &Clock) -> Self {
        let (index, index_writer) = Index::new();
        Self {
            index,
            slots: Segments::new(),
            recorder: Recorder::new(policy, clock),
            writer: Mutex::new(Writer::new(capacity, policy, index_writer)),
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
        removed: &mut Removed<K, V>,
    ) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, removed, |live, _| live.value.clone())
    }

    /// The value of the fresh entry for `key` and what is known of it; a hit is counted.
    pub(crate) fn get_entry<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        removed: &mut Removed<K, V>,
    ) -> Option<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, removed, |live, slot| {
            let info = slot.facts().info(live.tags(), clock.elapsed(), clock);
            (live.value.clone(), info)
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
        let found = self.find(key, hash, clock, |live, slot, _| {
            let info = slot.facts().info(live.tags(), clock.elapsed(), clock);
            (live.value.clone(), info)
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
        removed: &mut Removed<K, V>,
        take: impl Fn(&Live<K, V>, &Slot<K, V>) -> R,
    ) -> Option<R>
    where
        K: Borrow<Q>,
    {
        let found = self.find(key, hash, clock, |live, slot, number| {
            slot.count_hit();
            self.recorder.hit(number, slot);
            take(live, slot)
        });
        match found? {
            Found::Fresh(result) => Some(result),
            Found::Expired => {
                self.expire(clock.elapsed(), removed);
                None
            }
        }
    }

    /// What `visit` makes of the entry for `key`, under that entry's own lock.
    #[inline]
    fn find<Q: ?Sized + Eq, R>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        visit: impl Fn(&Live<K, V>, &Slot<K, V>, u32) -> R,
    ) -> Option<Found<R>>
    where
        K: Borrow<Q>,
    {
        let probe = || {
            self.index.find(hash, |number| {
                let slot = self.slots.get(number)?;
                let live = slot.lock();
                let live = live.as_ref().filter(|live| live.key.borrow() == key)?;
                if slot.expires().is_some_and(|due| due <= clock.elapsed()) {
                    return Some(Found::Expired);
                }
                Some(Found::Fresh(visit(live, slot, number)))
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
            std::hint::spin_loop();
        }
        // The writer was interrupted in the middle of a split: wait for it.
        let _writer = self.lock();
        probe()
    }

    fn lock(&self) -> MutexGuard<'_, Writer> {
        // Of the user's code, `Eq` alone runs under this lock, and before anything is changed.
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
        removed: &mut Removed<K, V>,
    ) -> Insertion {
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
        removed: &mut Removed<K, V>,
    ) -> bool
    where
        K: Borrow<Q>,
    {
        let mut writer = self.lock();
        let Some(slot) = self.slot_of(key, hash) else {
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
    pub(crate) fn clear(&self, now: Duration, removed: &mut Removed<K, V>) -> u64 {
        self.expire(now, removed);
        let mut writer = self.lock();
        let mut cleared = 0;
        for slot in 0..writer.slots_used() {
            if self
                .slots
                .get(slot)
                .is_some_and(|slot| slot.lock().is_some())
            {
                self.remove_slot(&mut writer, slot, RemovalCause::Invalidated, now, removed);
                cleared += 1;
            }
        }
        self.publish(&writer);
        cleared
    }

    /// Removes the listed entries, where they are still the same write.
    pub(crate) fn remove_listed<R>(
        &self,
        listed: &[Listed<R>],
        now: Duration,
        removed: &mut Removed<K, V>,
    ) -> u64 {
        let mut writer = self.lock();
        let mut count = 0;
        for entry in listed {
            let Some(slot) = self.slots.get(entry.slot) else {
                continue;
            };
            let same = slot.lock().is_some()
                && slot.hash() == entry.hash
                && slot.facts().written == entry.written;
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
            let Some(slot) = self.slots.get(number) else {
                break;
            };
            let live = slot.lock();
            let Some(live) = live.as_ref() else { continue };
            if slot.expires().is_some_and(|due| due <= now) {
                continue;
            }
            if page.len() == limit {
                return (page, Some(number));
            }
            let facts = slot.facts();
            page.push(Listed {
                slot: number,
                hash: slot.hash(),
                written: facts.written,
                seen: visit(&live.key, facts.info(live.tags(), now, clock)),
            });
        }
        (page, None)
    }

    /// Lets everything go that has expired.
    pub(crate) fn expire(&self, now: Duration, removed: &mut Removed<K, V>) {
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
        removed: &mut Removed<K, V>,
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
            .get(slot)
            .and_then(Slot::expires)
            .is_some_and(|due| due <= now)
    }

    /// The slot of `key`, fresh or not; the caller holds the writer's lock, so a miss is a miss.
    fn slot_of<Q: ?Sized + Eq>(&self, key: &Q, hash: u64) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.index.find(hash, |number| {
            let live = self.slots.get(number)?.lock();
            (live.as_ref()?.key.borrow() == key).then_some(number)
        })
    }
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
