//! The cache: a store, the flights that fill it, and the counters of both.

mod beginning;
mod inner;
mod invalidating;
mod landing;
mod leading;
mod limits;
mod purge;

use std::any::Any;
use std::borrow::Borrow;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use crate::builder::{CacheBuilder, Listener, Spawner, Weigher};
use crate::clock::Clock;
use crate::computed::{Computed, EntryOptions};
use crate::entry::{Cursor, EntriesPage, Entry};
use crate::error::ComputeError;
use crate::flight::{FlightTable, HitForMiss};
use crate::key::Key;
use crate::outcome::Insertion;
use crate::request::{EntryRequest, Nothing};
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

    /// The value for `key`, if there is a fresh one. Counts a hit or a miss. O(1).
    ///
    /// ```
    /// let cache: refrain::Cache<String, u64> = refrain::Cache::builder().build()?;
    /// cache.insert("one".to_owned(), 1);
    /// assert_eq!(cache.get("one"), Some(1));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let inner = &self.inner;
        let value = inner.value(key, inner.hash(key));
        if value.is_none() {
            inner.recorder().miss();
        }
        value
    }

    /// The entry for `key`, if there is a fresh one. Counts a hit or a miss. O(1).
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert!(cache.get_entry(&1).is_none());
    /// assert_eq!(cache.stats().misses, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_entry<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        let entry = self.inner.lookup(key, self.inner.hash(key));
        if entry.is_none() {
            self.inner.recorder().miss();
        }
        entry
    }

    /// The value for `key`, if there is a fresh one. Counts a hit; a miss is left to be counted by the caller that computes
    /// the value then. O(1).
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.hit(&1), None);
    /// assert_eq!(cache.stats().misses, 0);
    /// cache.insert(1, 10);
    /// assert_eq!(cache.hit(&1), Some(10));
    /// assert_eq!(cache.stats().hits, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn hit<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.inner.value(key, self.inner.hash(key))
    }

    /// The entry for `key`, if there is a fresh one; neither counted nor counted as use. O(1).
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.peek_entry(&1).unwrap().value, 10);
    /// assert_eq!(cache.stats().hits, 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn peek_entry<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        let hash = self.inner.hash(key);
        let found = self.inner.store.peek_entry(key, hash, &self.inner.clock);
        found.map(|(value, info)| Entry { value, info })
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

    /// The value for `key`; computed by `compute`, on this thread, if there is none.
    ///
    /// Of all callers that ask at once, asynchronous ones included, one computes and the others wait for it.
    /// No lock is held during `compute`; it may use this cache, but not need its own key.
    ///
    /// # Errors
    ///
    /// [`ComputeError`]: never `Failed`, but a panic of the computation, a cycle, or too many waiters.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let square = cache.get_or_compute(12, || 12 * 12);
    /// assert_eq!(square.unwrap(), 144);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[doc(
        alias = "get_with",
        alias = "get_or_insert_with",
        alias = "get_or_fetch"
    )]
    pub fn get_or_compute<R: Into<Computed<V>>>(
        &self,
        key: K,
        compute: impl FnOnce() -> R,
    ) -> Result<V, ComputeError<Infallible>> {
        self.get_or_try_compute(key, || Ok(compute()))
    }

    /// [`get_or_compute`](Self::get_or_compute) for computations that may fail; a failure is not stored and reaches all
    /// waiters.
    ///
    /// # Errors
    ///
    /// [`ComputeError::Failed`] holds the computation's own error.
    ///
    /// ```
    /// let cache: refrain::Cache<&str, u64> = refrain::Cache::builder().build()?;
    /// let parsed = cache.get_or_try_compute("12", || "12".parse::<u64>());
    /// assert_eq!(parsed.unwrap(), 12);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[doc(alias = "try_get_with", alias = "get_or_try_insert_with")]
    pub fn get_or_try_compute<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        &self,
        key: K,
        compute: impl FnOnce() -> Result<R, E>,
    ) -> Result<V, ComputeError<E>> {
        let hash = self.inner.hash(&key);
        if let Some(value) = self.inner.value(&key, hash) {
            return Ok(value);
        }
        let request = self.entry(key).looked_up(hash);
        let JustTheValue(value) = request.asking(Nothing).compute(|()| compute())?;
        Ok(value)
    }

    /// [`get_or_compute`](Self::get_or_compute) for asynchronous code. The computation belongs to the cache: dropping
    /// this future does not stop it.
    ///
    /// # Errors
    ///
    /// As [`get_or_compute`](Self::get_or_compute).
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.get_or_compute_async(12, async { 144 }).await?, 144);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_compute_async<R: Into<Computed<V>> + Send + 'static>(
        &self,
        key: K,
        compute: impl Future<Output = R> + Send + 'static,
    ) -> Result<V, ComputeError<Infallible>> {
        self.get_or_try_compute_async(key, async { Ok(compute.await) })
            .await
    }

    /// [`get_or_try_compute`](Self::get_or_try_compute) for asynchronous code.
    ///
    /// # Errors
    ///
    /// [`ComputeError::Failed`] holds the computation's own error.
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let failed = cache.get_or_try_compute_async(1, async { Err::<u64, _>("no GPU") }).await;
    /// assert!(failed.is_err());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_try_compute_async<R, E>(
        &self,
        key: K,
        compute: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Result<V, ComputeError<E>>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let hash = self.inner.hash(&key);
        if let Some(value) = self.inner.value(&key, hash) {
            return Ok(value);
        }
        let request = self.entry(key).looked_up(hash);
        let JustTheValue(value) = request.asking(Nothing).compute_async(|()| compute).await?;
        Ok(value)
    }

    /// A request for `key` with options of its own and a detailed answer.
    ///
    /// ```
    /// use refrain::{Cache, Outcome};
    /// use std::time::Duration;
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// let answer = cache.entry(1).time_to_live(Duration::from_secs(60)).get_or_compute(|| 10).unwrap();
    /// assert!(matches!(answer.outcome, Outcome::Computed { .. }));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn entry(&self, key: K) -> EntryRequest<'_, K, V> {
        EntryRequest::new(self, key)
    }

    /// The side value of the flight of `key` that runs now, if there is one and it has a side value of this type.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let request = cache.entry(1).side(|| Arc::new("half way"));
    /// request.get_or_compute(|_| {
    ///     assert_eq!(*cache.running_side::<&str>(&1).unwrap(), "half way");
    ///     10
    /// }).unwrap();
    /// assert!(cache.running_side::<&str>(&1).is_none());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn running_side<S: Any + Send + Sync>(&self, key: &K) -> Option<Arc<S>> {
        let side = self.inner.flights.side(key, self.inner.hash(key))?;
        side.downcast().ok()
    }

    /// Takes the flight of `key` off the table if `side` is its side value, so that no other caller joins it; true if it
    /// was there.
    ///
    /// For a flight that has been told to stop: it ends for its waiters, its value is not stored, and the next caller
    /// begins a flight of its own. A stored value stays.
    ///
    /// ```
    /// use refrain::{Insertion, Outcome};
    /// use std::sync::Arc;
    ///
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let request = cache.entry(1).side(|| Arc::new("cancelled"));
    /// let answer = request.get_or_compute(|side| {
    ///     assert!(cache.retire_flight(&1, &side));
    ///     10
    /// }).unwrap();
    /// assert_eq!(answer.outcome, Outcome::Computed { stored: Insertion::Invalidated });
    /// assert_eq!(cache.get(&1), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn retire_flight<S: Any + Send + Sync>(&self, key: &K, side: &Arc<S>) -> bool {
        let hash = self.inner.hash(key);
        let side = Arc::clone(side) as Arc<dyn Any + Send + Sync>;
        self.inner.flights.retire(key, hash, &side)
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
