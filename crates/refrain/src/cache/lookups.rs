//! Lookups in memory: each takes no lock, and opens no flight.

use std::borrow::Borrow;
use std::hash::Hash;

use super::Cache;
use crate::entry::{Entry, EntryInfo};
use crate::store::Judged;

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
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

    /// The entry for `key`, if there is a fresh one and `accept` says so of it. Counts a hit; neither a miss nor a refusal is
    /// counted, as the caller goes on to compute or to look elsewhere. O(1).
    ///
    /// The key is looked up once. No lock is held while `accept` runs: it may use this cache.
    ///
    /// ```
    /// use refrain::{Cache, Clock};
    /// use std::time::Duration;
    ///
    /// let (clock, hands) = Clock::fake();
    /// let cache: Cache<u64, u64> = Cache::builder().clock(clock).build()?;
    /// cache.insert(1, 10);
    /// hands.advance(Duration::from_secs(90));
    /// let younger_than = |limit| cache.hit_entry_if(&1, |_, info| info.age < Duration::from_secs(limit));
    /// assert!(younger_than(60).is_none());
    /// assert_eq!((cache.stats().hits, cache.stats().misses), (0, 0));
    /// assert_eq!(younger_than(3600).unwrap().value, 10);
    /// assert_eq!(cache.stats().hits, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn hit_entry_if<Q: ?Sized + Eq + Hash>(
        &self,
        key: &Q,
        accept: impl FnOnce(&V, &EntryInfo) -> bool,
    ) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        match self.inner.lookup_if(key, self.inner.hash(key), accept) {
            Judged::Accepted(entry) => Some(entry),
            Judged::Refused | Judged::Expired | Judged::Nothing => None,
        }
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
}
