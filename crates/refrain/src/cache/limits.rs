//! Settings that change while the cache is in use: its limits, the time to live, and what the policy has learned.

use std::hash::Hash;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Cache;
use crate::entry::Capacity;
use crate::store::Removed;

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The limits of the cache.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.capacity().entries, u64::MAX);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn capacity(&self) -> Capacity {
        self.inner.store.capacity()
    }

    /// Changes both limits in one step. What no longer fits is gone when this returns.
    ///
    /// ```
    /// use refrain::{Cache, Capacity};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// (0..9).for_each(|n| { cache.insert(n, n); });
    /// cache.set_capacity(Capacity { entries: 3, bytes: u64::MAX });
    /// assert_eq!(cache.len(), 3);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn set_capacity(&self, capacity: Capacity) {
        let inner = &self.inner;
        let mut removed = Removed::new(&inner.store);
        inner
            .store
            .set_capacity(capacity, inner.clock.elapsed(), &mut removed);
        inner.announce(removed);
    }

    /// How long entries written from now on are fresh; `None` is for ever.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.time_to_live(), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn time_to_live(&self) -> Option<Duration> {
        self.inner.time_to_live()
    }

    /// Changes how long entries written from now on are fresh. Those written before keep their time.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.set_time_to_live(Some(Duration::from_secs(60)));
    /// assert_eq!(cache.time_to_live(), Some(Duration::from_secs(60)));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn set_time_to_live(&self, time_to_live: Option<Duration>) {
        let inner = &self.inner;
        let mut place = inner
            .time_to_live
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = time_to_live;
        // Relaxed: an insert at the same moment is before or after this, as it happens.
        inner
            .has_time_to_live
            .store(time_to_live.is_some(), Ordering::Relaxed);
    }

    /// What the policy has learned, as bytes for [`load_policy_state`](Self::load_policy_state); `None` for a policy
    /// that learns nothing.
    ///
    /// ```
    /// use refrain::{Cache, Policy};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().policy(Policy::Hazard).build()?;
    /// assert!(cache.policy_state().is_some());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn policy_state(&self) -> Option<Vec<u8>> {
        let inner = &self.inner;
        inner.store.policy_state(inner.clock.elapsed())
    }

    /// Goes on from what [`policy_state`](Self::policy_state) returned, perhaps in an earlier run of the program.
    ///
    /// The rates of reuse carry over to any cache. The keys that were remembered after they had left are recognized
    /// only within the process that remembered them, as hashes of keys are seeded anew in each.
    ///
    /// # Errors
    ///
    /// [`StateError`](crate::StateError) when the bytes are not a whole state that this version reads, or the policy has
    /// none. Nothing has changed then.
    ///
    /// ```
    /// use refrain::Cache;
    ///
    /// let warm: Cache<u64, u64> = Cache::builder().build()?;
    /// let fresh: Cache<u64, u64> = Cache::builder().build()?;
    /// let state = warm.policy_state().unwrap();
    /// assert!(fresh.load_policy_state(&state).is_ok());
    /// assert!(fresh.load_policy_state(&state[1..]).is_err());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn load_policy_state(&self, state: &[u8]) -> Result<(), crate::StateError> {
        let inner = &self.inner;
        inner.store.load_policy_state(state, inner.clock.elapsed())
    }
}
