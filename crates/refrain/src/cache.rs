//! The cache: a store, the flights that fill it, and the counters of both.

mod beginning;
mod computing;
mod inner;
mod invalidating;
mod landing;
mod leading;
mod limits;
mod lookups;
mod purge;

use std::fmt;
use std::hash::Hash;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::builder::{CacheBuilder, Listener, Spawner, Weigher};
use crate::clock::Clock;
use crate::computed::EntryOptions;
use crate::entry::{Cursor, EntriesPage};
use crate::flight::{FlightTable, HitForMiss};
use crate::key::Key;
use crate::outcome::Insertion;
use crate::stats::{FlightCounters, Stats};
use crate::store::{NewEntry, Removed, Store};
use crate::sync::HashBuilder;
pub(crate) use beginning::{Begun, Joined, RequestOptions};
pub(crate) use landing::{JustTheValue, Wanted};
use purge::Purge;

/// A bounded map of results that are computed once per key, however many ask at once.
///
/// A `Cache` is a handle: clones share one cache, from any number of threads and tasks.
///
/// ```
/// use refrain::Cache;
///
/// let cache: Cache<&str, String> = Cache::builder().capacity_entries(1000).build()?;
/// let picture = cache.get_or_compute("a cat in the rain", || "…two minutes later…".to_owned());
/// assert_eq!(picture.unwrap(), "…two minutes later…");
/// assert!(cache.get(&"a cat in the rain").is_some());
/// # Ok::<(), refrain::BuildError>(())
/// ```
pub struct Cache<K = Key, V = Bytes> {
    pub(crate) inner: Arc<Inner<K, V>>,
}

pub(crate) struct Inner<K, V> {
    pub(crate) store: Store<K, V>,
    pub(crate) flights: FlightTable<K, V>,
    pub(crate) hit_for_miss: HitForMiss,
    pub(crate) counters: FlightCounters,
    pub(crate) clock: Clock,
    pub(crate) name: Arc<str>,
    pub(crate) waiter_limit: u32,
    pub(crate) spawner: Option<Spawner>,
    hasher: HashBuilder,
    weigher: Option<Weigher<K, V>>,
    listener: Option<Listener<K, V>>,
    time_to_live: Mutex<Option<Duration>>,
    /// Whether there is one: most caches have none, and need not lock to know.
    has_time_to_live: AtomicBool,
    purge: Purge,
}

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Settings for a new cache.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.len(), 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn builder() -> CacheBuilder<K, V> {
        CacheBuilder::new()
    }

    pub(crate) fn from_builder(builder: CacheBuilder<K, V>) -> Self {
        Self {
            inner: Arc::new(Inner {
                store: Store::new(builder.capacity, builder.policy, &builder.clock),
                flights: FlightTable::new(),
                hit_for_miss: HitForMiss::default(),
                counters: FlightCounters::default(),
                clock: builder.clock,
                name: builder.name,
                waiter_limit: builder.waiter_limit,
                spawner: builder.spawner,
                hasher: HashBuilder::default(),
                weigher: builder.weigher,
                listener: builder.listener,
                has_time_to_live: AtomicBool::new(builder.time_to_live.is_some()),
                time_to_live: Mutex::new(builder.time_to_live),
                purge: Purge::default(),
            }),
        }
    }

    /// Stores `value`, replacing what was there; what had to go for it is gone when this returns.
    ///
    /// A computation of the same key that is running serves its waiters and is not stored.
    /// A value that cannot be stored still removes the older one, which it supersedes. O(1) and the evictions.
    ///
    /// # Panics
    ///
    /// When the weigher does; nothing has changed then.
    ///
    /// ```
    /// use refrain::{Cache, Insertion};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// assert_eq!(cache.insert(1, 10), Insertion::Stored);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[doc(alias = "put", alias = "set")]
    pub fn insert(&self, key: K, value: V) -> Insertion {
        self.insert_with(key, value, EntryOptions::default())
    }

    /// [`insert`](Self::insert) with options for this entry.
    ///
    /// # Panics
    ///
    /// When the weigher does; nothing has changed then.
    ///
    /// ```
    /// use refrain::{Cache, EntryOptions};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.insert_with(1, 10, EntryOptions::default().tags(["ten"]));
    /// assert_eq!(cache.invalidate_tag("ten"), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn insert_with(&self, key: K, value: V, options: EntryOptions) -> Insertion {
        let inner = &self.inner;
        let hash = inner.hash(&key);
        let weight = options
            .weight_bytes
            .unwrap_or_else(|| inner.weigh(&key, &value));
        let facts = inner.facts(weight, &options, inner.moment_of_writing(&options));
        let expires = facts.expires;
        let mut entry = Some(NewEntry {
            key,
            hash,
            value,
            tags: options.tags,
            facts,
        });
        let mut removed = Removed::new(&inner.store);
        let insertion = inner.flights.overtake_and(&mut entry, |entry| {
            inner.store.insert(entry, facts.written, &mut removed)
        });
        drop(entry);
        inner.announce(removed);
        inner.schedule_purge(expires);
        insertion
    }

    /// Entries in pages, in no particular order. No lock is held between pages.
    ///
    /// An entry that stays throughout a listing is listed exactly once; others at most once per write.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// let page = cache.entries(None, 100);
    /// assert_eq!(page.entries[0].0, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn entries(&self, cursor: Option<Cursor>, limit: usize) -> EntriesPage<K> {
        let inner = &self.inner;
        let from = cursor.map_or(0, |cursor| cursor.0);
        let (listed, next) = inner
            .store
            .page(from, limit.max(1), &inner.clock, |key, info| {
                (key.clone(), info)
            });
        EntriesPage {
            entries: listed.into_iter().map(|entry| entry.seen).collect(),
            next: next.map(Cursor),
        }
    }

    /// Counters of what the cache has done and holds; see [`Stats`] for the rule of each.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.stats().entries, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn stats(&self) -> Stats {
        self.inner.expire();
        let mut stats = Stats::default();
        self.inner.store.add_to(&mut stats);
        self.inner.counters.add_to(&mut stats);
        stats.flights = self.inner.flights.running() as u64;
        stats
    }

    /// Zeroes every counter. What the cache holds, and the most it has held, stay.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.get(&1);
    /// cache.reset_stats();
    /// assert_eq!(cache.stats().misses, 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn reset_stats(&self) {
        self.inner.counters.reset();
        self.inner.store.reset_counts();
    }

    /// Entries held now.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.len(), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn len(&self) -> u64 {
        self.inner.store.entries()
    }

    /// Whether nothing is held now.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert!(cache.is_empty());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes held now.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.weight_bytes(), 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn weight_bytes(&self) -> u64 {
        self.inner.store.weight_bytes()
    }

    /// The name of the cache in messages.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.name(), "cache");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Checks the whole structure; for tests.
    ///
    /// # Panics
    ///
    /// When an invariant is broken.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// cache.validate();
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn validate(&self) {
        self.inner.store.validate();
    }
}

impl<K, V> Clone for Cache<K, V> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache")
            .field("name", &self.inner.name)
            .finish_non_exhaustive()
    }
}
