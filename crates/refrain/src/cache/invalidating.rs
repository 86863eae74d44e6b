//! Invalidation and removal: no value whose computation began before is seen afterwards.

use std::hash::Hash;
use std::sync::Arc;

use super::Cache;
use crate::flight::TagPredicate;
use crate::store::Removed;

/// Entries looked at under one lock.
const PAGE: usize = 256;

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Takes the entry out and gives its value back. A computation that runs now serves only its waiters.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.remove(&1), Some(10));
    /// assert_eq!(cache.remove(&1), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn remove(&self, key: &K) -> Option<V> {
        let (fresh, removed) = self.take_out(key);
        let value = removed.last().filter(|_| fresh).cloned();
        self.inner.announce(removed);
        value
    }

    /// Makes sure that no value computed before now is seen again; true if a fresh one was there.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert!(cache.invalidate(&1));
    /// assert!(!cache.invalidate(&1));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn invalidate(&self, key: &K) -> bool {
        let (fresh, removed) = self.take_out(key);
        self.inner.announce(removed);
        fresh
    }

    /// Invalidates every entry and every running computation; how many entries there were.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.insert(1, 10);
    /// assert_eq!(cache.invalidate_all(), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[doc(alias = "clear")]
    pub fn invalidate_all(&self) -> u64 {
        self.inner.flights.overtake_all();
        let mut removed = Removed::new(&self.inner.store);
        let count = self
            .inner
            .store
            .clear(self.inner.clock.elapsed(), &mut removed);
        self.inner.announce(removed);
        count
    }

    /// Invalidates every entry with this tag, and every running computation whose result will have it; how many
    /// entries there were. O(entries).
    ///
    /// ```
    /// use refrain::{Cache, EntryOptions};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.insert_with(1, 10, EntryOptions::default().tags(["model:v1"]));
    /// cache.insert_with(2, 20, EntryOptions::default().tags(["model:v2"]));
    /// assert_eq!(cache.invalidate_tag("model:v1"), 1);
    /// assert_eq!(cache.get(&2), Some(20));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> u64 {
        let tag: Arc<str> = Arc::from(tag);
        self.invalidate_if_tags(move |tags| tags.contains(&tag))
    }

    /// Invalidates every entry whose tags satisfy `predicate`, and every running computation whose result's will;
    /// how many entries there were. `predicate` runs with no lock held. O(entries).
    ///
    /// ```
    /// use refrain::{Cache, EntryOptions};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.insert_with(1, 10, EntryOptions::default().tags(["user:7"]));
    /// assert_eq!(cache.invalidate_if_tags(|tags| tags.iter().any(|tag| tag.starts_with("user:"))), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn invalidate_if_tags(
        &self,
        predicate: impl Fn(&[Arc<str>]) -> bool + Send + Sync + 'static,
    ) -> u64 {
        let predicate: TagPredicate = Arc::new(predicate);
        self.inner.flights.overtake_tagged(Arc::clone(&predicate));
        let now = self.inner.clock.elapsed();
        let (mut count, mut from) = (0, 0);
        loop {
            let clock = &self.inner.clock;
            let (mut page, next) = self
                .inner
                .store
                .page(from, PAGE, clock, |_, info| info.tags);
            page.retain(|entry| predicate(&entry.seen));
            let mut removed = Removed::new(&self.inner.store);
            count += self.inner.store.remove_listed(&page, now, &mut removed);
            self.inner.announce(removed);
            match next {
                Some(place) => from = place,
                None => return count,
            }
        }
    }

    fn take_out(&self, key: &K) -> (bool, Removed<'_, K, V>) {
        let inner = &self.inner;
        let hash = inner.hash(key);
        let now = inner.clock.elapsed();
        let mut removed = Removed::new(&inner.store);
        let fresh = inner.flights.overtake_key_and(key, hash, || {
            inner.store.remove(key, hash, now, &mut removed)
        });
        (fresh, removed)
    }
}
