//! The memory tier: a hash table over a slab of entries, in exact order of last use, within one budget.

mod slab;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use std::collections::BTreeSet;

use hashbrown::HashTable;

use crate::clock::Clock;
use crate::entry::{Capacity, Entry, EntryInfo, Insertion, RemovalCause};
use crate::stats::Stats;
use slab::{Order, Slab};

/// What is stored: the value and what the cache knows of it.
#[derive(Debug, Clone)]
pub(crate) struct Stored<K, V> {
    pub(crate) key: K,
    pub(crate) hash: u64,
    pub(crate) value: V,
    pub(crate) weight_bytes: u64,
    pub(crate) cost: Duration,
    pub(crate) written: Duration,
    pub(crate) expires: Option<Duration>,
    pub(crate) hits: u64,
    /// Unique to this write, so that a later one of the same key is told apart.
    pub(crate) write: u64,
    pub(crate) tags: Arc<[Arc<str>]>,
}

/// Entries that left, to be dropped and announced by the caller, who holds no lock any more.
pub(crate) type Removed<K, V> = Vec<(Stored<K, V>, RemovalCause)>;

pub(crate) struct Store<K, V> {
    inner: Mutex<Inner<K, V>>,
    /// Copies of the two sums, for those who only look.
    weight_bytes: AtomicU64,
    entries: AtomicU64,
}

struct Inner<K, V> {
    table: HashTable<u32>,
    slab: Slab<Stored<K, V>>,
    order: Order,
    expiry: BTreeSet<(Duration, u32)>,
    capacity: Capacity,
    weight_bytes: u64,
    peak_weight_bytes: u64,
    next_write: u64,
    counts: Counts,
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
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self {
            inner: Mutex::new(Inner {
                table: HashTable::new(),
                slab: Slab::new(),
                order: Order::new(),
                expiry: BTreeSet::new(),
                capacity,
                weight_bytes: 0,
                peak_weight_bytes: 0,
                next_write: 0,
                counts: Counts::default(),
            }),
            weight_bytes: AtomicU64::new(0),
            entries: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        // Only `Eq` and `Clone` of the user run under this lock, and before anything is changed.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, inner: &Inner<K, V>) {
        self.weight_bytes
            .store(inner.weight_bytes, Ordering::Relaxed);
        self.entries
            .store(inner.slab.len() as u64, Ordering::Relaxed);
    }

    /// The fresh entry for `key`; `touch` counts the hit and makes it the most recently used.
    pub(crate) fn get<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        touch: bool,
        removed: &mut Removed<K, V>,
    ) -> Option<Entry<V>>
    where
        K: std::borrow::Borrow<Q>,
    {
        let now = clock.elapsed();
        let mut inner = self.lock();
        let slot = inner.find(key, hash)?;
        if inner.slab[slot].is_expired(now) {
            if touch {
                inner.remove(slot, RemovalCause::Expired, removed);
                self.publish(&inner);
            }
            return None;
        }
        let value = inner.slab[slot].value.clone();
        if touch {
            let stored = &mut inner.slab[slot];
            stored.hits += 1;
            inner.order.promote(slot);
        }
        Some(Entry {
            value,
            info: inner.slab[slot].info(now, clock),
        })
    }

    /// Stores `stored`, evicting what is needed. The sums never exceed the capacity on the way.
    pub(crate) fn insert(
        &self,
        mut stored: Stored<K, V>,
        now: Duration,
        removed: &mut Removed<K, V>,
    ) -> Insertion {
        let mut inner = self.lock();
        inner.expire(now, removed);
        let old = inner.find(&stored.key, stored.hash);
        if let Some(old) = old {
            let cause = if inner.slab[old].is_expired(now) {
                RemovalCause::Expired
            } else {
                RemovalCause::Replaced
            };
            inner.remove(old, cause, removed);
        }
        let outcome = if stored.is_expired(now) {
            Insertion::Expired
        } else if stored.weight_bytes > inner.capacity.bytes || inner.capacity.entries == 0 {
            inner.counts.overweight += 1;
            Insertion::Overweight
        } else {
            let room = Capacity {
                bytes: inner.capacity.bytes - stored.weight_bytes,
                entries: inner.capacity.entries - 1,
            };
            inner.evict_down_to(room, removed);
            inner.next_write += 1;
            stored.write = inner.next_write;
            inner.add(stored);
            Insertion::Stored
        };
        self.publish(&inner);
        outcome
    }

    pub(crate) fn remove<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        now: Duration,
        removed: &mut Removed<K, V>,
    ) -> bool
    where
        K: std::borrow::Borrow<Q>,
    {
        let mut inner = self.lock();
        let Some(slot) = inner.find(key, hash) else {
            return false;
        };
        let fresh = !inner.slab[slot].is_expired(now);
        let cause = if fresh {
            RemovalCause::Invalidated
        } else {
            RemovalCause::Expired
        };
        inner.remove(slot, cause, removed);
        self.publish(&inner);
        fresh
    }

    pub(crate) fn clear(&self, now: Duration, removed: &mut Removed<K, V>) -> u64 {
        let mut inner = self.lock();
        inner.expire(now, removed);
        let mut cleared = 0;
        while let Some(slot) = inner.order.back() {
            inner.remove(slot, RemovalCause::Invalidated, removed);
            cleared += 1;
        }
        self.publish(&inner);
        cleared
    }

    /// Removes the entries named by slot and write, where they are still the same write.
    pub(crate) fn remove_writes(&self, writes: &[(u32, u64)], removed: &mut Removed<K, V>) -> u64 {
        let mut inner = self.lock();
        let mut count = 0;
        for &(slot, write) in writes {
            if inner
                .slab
                .get(slot)
                .is_some_and(|entry| entry.write == write)
            {
                inner.remove(slot, RemovalCause::Invalidated, removed);
                count += 1;
            }
        }
        self.publish(&inner);
        count
    }

    /// Up to `limit` fresh entries from slot `from` on, as `visit` sees them, and where to go on.
    pub(crate) fn page<R>(
        &self,
        from: u32,
        limit: usize,
        now: Duration,
        mut visit: impl FnMut(u32, &Stored<K, V>) -> R,
    ) -> (Vec<R>, Option<u32>) {
        let inner = self.lock();
        let mut page = Vec::new();
        let mut slot = from;
        while slot < inner.slab.end() {
            if let Some(stored) = inner.slab.get(slot)
                && !stored.is_expired(now)
            {
                if page.len() == limit {
                    return (page, Some(slot));
                }
                page.push(visit(slot, stored));
            }
            slot += 1;
        }
        (page, None)
    }

    pub(crate) fn expire(&self, now: Duration, removed: &mut Removed<K, V>) {
        let mut inner = self.lock();
        inner.expire(now, removed);
        self.publish(&inner);
    }

    /// When the next entry expires.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        self.lock().expiry.first().map(|(due, _)| *due)
    }

    pub(crate) fn capacity(&self) -> Capacity {
        self.lock().capacity
    }

    pub(crate) fn set_capacity(&self, capacity: Capacity, removed: &mut Removed<K, V>) {
        let mut inner = self.lock();
        inner.evict_down_to(capacity, removed);
        inner.capacity = capacity;
        self.publish(&inner);
    }

    pub(crate) fn weight_bytes(&self) -> u64 {
        self.weight_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }

    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let inner = self.lock();
        stats.insertions = inner.counts.insertions;
        stats.replacements = inner.counts.replacements;
        stats.evictions_by_count = inner.counts.evictions_by_count;
        stats.evictions_by_size = inner.counts.evictions_by_size;
        stats.expirations = inner.counts.expirations;
        stats.invalidations = inner.counts.invalidations;
        stats.overweight = inner.counts.overweight;
        stats.entries = inner.slab.len() as u64;
        stats.weight_bytes = inner.weight_bytes;
        stats.peak_weight_bytes = inner.peak_weight_bytes;
    }

    pub(crate) fn reset_counts(&self) {
        self.lock().counts = Counts::default();
    }

    pub(crate) fn validate(&self) {
        let inner = self.lock();
        inner.order.validate();
        let sum: u64 = inner
            .slab
            .iter()
            .map(|(_, stored)| stored.weight_bytes)
            .sum();
        assert_eq!(sum, inner.weight_bytes, "the weights add up");
        assert!(
            inner.weight_bytes <= inner.capacity.bytes,
            "bytes within the limit"
        );
        assert!(
            inner.slab.len() as u64 <= inner.capacity.entries,
            "entries within the limit"
        );
        assert_eq!(inner.table.len(), inner.slab.len(), "every entry is found");
        assert_eq!(
            inner.order.len(),
            inner.slab.len(),
            "every entry is in order"
        );
        for (slot, stored) in inner.slab.iter() {
            assert_eq!(inner.find(&stored.key, stored.hash), Some(slot));
            if let Some(due) = stored.expires {
                assert!(inner.expiry.contains(&(due, slot)), "every expiry is known");
            }
        }
        let expiring = inner
            .slab
            .iter()
            .filter(|(_, s)| s.expires.is_some())
            .count();
        assert_eq!(expiring, inner.expiry.len(), "no expiry outlives its entry");
    }
}

impl<K: Eq, V> Inner<K, V> {
    fn find<Q: ?Sized + Eq>(&self, key: &Q, hash: u64) -> Option<u32>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.table
            .find(hash, |&slot| {
                let stored = &self.slab[slot];
                stored.hash == hash && stored.key.borrow() == key
            })
            .copied()
    }

    fn add(&mut self, stored: Stored<K, V>) {
        let (hash, expires) = (stored.hash, stored.expires);
        self.weight_bytes += stored.weight_bytes;
        self.peak_weight_bytes = self.peak_weight_bytes.max(self.weight_bytes);
        self.counts.insertions += 1;
        let slot = self.slab.insert(stored);
        let slab = &self.slab;
        self.table
            .insert_unique(hash, slot, |&slot| slab[slot].hash);
        self.order.push_front(slot);
        if let Some(due) = expires {
            self.expiry.insert((due, slot));
        }
    }

    fn remove(&mut self, slot: u32, cause: RemovalCause, removed: &mut Removed<K, V>) {
        let stored = self.slab.remove(slot);
        if let Ok(found) = self.table.find_entry(stored.hash, |&other| other == slot) {
            found.remove();
        }
        self.order.unlink(slot);
        if let Some(due) = stored.expires {
            self.expiry.remove(&(due, slot));
        }
        self.weight_bytes -= stored.weight_bytes;
        match cause {
            RemovalCause::EvictedByCount => self.counts.evictions_by_count += 1,
            RemovalCause::EvictedBySize => self.counts.evictions_by_size += 1,
            RemovalCause::Expired => self.counts.expirations += 1,
            RemovalCause::Invalidated => self.counts.invalidations += 1,
            RemovalCause::Replaced => self.counts.replacements += 1,
        }
        removed.push((stored, cause));
    }

    fn expire(&mut self, now: Duration, removed: &mut Removed<K, V>) {
        while let Some(&(due, slot)) = self.expiry.first() {
            if due > now {
                break;
            }
            self.remove(slot, RemovalCause::Expired, removed);
        }
    }

    fn evict_down_to(&mut self, room: Capacity, removed: &mut Removed<K, V>) {
        while let Some(slot) = self.order.back() {
            let cause = if self.slab.len() as u64 > room.entries {
                RemovalCause::EvictedByCount
            } else if self.weight_bytes > room.bytes {
                RemovalCause::EvictedBySize
            } else {
                break;
            };
            self.remove(slot, cause, removed);
        }
    }
}

impl<K, V> Stored<K, V> {
    fn is_expired(&self, now: Duration) -> bool {
        self.expires.is_some_and(|due| due <= now)
    }

    pub(crate) fn info(&self, now: Duration, clock: &Clock) -> EntryInfo {
        EntryInfo {
            weight_bytes: self.weight_bytes,
            cost: self.cost,
            age: now.saturating_sub(self.written),
            expires_in: self.expires.map(|due| due.saturating_sub(now)),
            written_at: clock.wall_at(self.written),
            hits: self.hits,
            tags: Arc::clone(&self.tags),
        }
    }
}
