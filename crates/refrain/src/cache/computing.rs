//! Single-flight calls: the value that is there, or one computation for all callers that ask at once.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use super::{Cache, JustTheValue};
use crate::computed::Computed;
use crate::error::ComputeError;
use crate::request::{EntryRequest, Nothing};

impl<K, V> Cache<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
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
    /// use refrain::Insertion;
    /// use std::sync::Arc;
    ///
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let request = cache.entry(1).side(|| Arc::new("cancelled"));
    /// let answer = request.get_or_compute(|side| {
    ///     assert!(cache.retire_flight(&1, &side));
    ///     10
    /// }).unwrap();
    /// assert_eq!(answer.outcome.stored().unwrap().memory(), Insertion::Invalidated);
    /// assert_eq!(cache.get(&1), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn retire_flight<S: Any + Send + Sync>(&self, key: &K, side: &Arc<S>) -> bool {
        let hash = self.inner.hash(key);
        let side = Arc::clone(side) as Arc<dyn Any + Send + Sync>;
        self.inner.flights.retire(key, hash, &side)
    }
}
