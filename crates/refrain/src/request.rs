//! One request with options of its own, answered with how the answer came to be.

mod asking;
mod beside;
mod options;
mod side;

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use crate::cache::{Cache, RequestOptions};
use crate::computed::Computed;
use crate::entry::Answer;
use crate::error::ComputeError;
pub(crate) use asking::Asking;
pub use beside::Role;
pub(crate) use beside::{Beside, Nothing, WithSide};
pub(crate) use options::option_setters;
pub use side::SideRequest;

/// A request for one key; made by [`Cache::entry`].
///
/// ```
/// use refrain::{Cache, Outcome};
/// use std::time::Duration;
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let answer = cache
///     .entry(1)
///     .tags(["model:v2"])
///     .time_to_live(Duration::from_secs(3600))
///     .get_or_compute(|| 10)
///     .unwrap();
/// assert_eq!(answer.value, 10);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[must_use = "nothing happens before one of the `get_or_…` methods"]
pub struct EntryRequest<'a, K, V> {
    cache: &'a Cache<K, V>,
    key: K,
    /// Of the key, if it is known already.
    hash: Option<u64>,
    options: RequestOptions,
}

impl<'a, K, V> EntryRequest<'a, K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(cache: &'a Cache<K, V>, key: K) -> Self {
        Self {
            cache,
            key,
            hash: None,
            options: RequestOptions::default(),
        }
    }

    /// The key, which has this hash, has been looked up just now, and nothing was found.
    pub(crate) fn looked_up(mut self, hash: u64) -> Self {
        self.hash = Some(hash);
        self.options.looked_up = true;
        self
    }

    option_setters!();

    /// Gives the flight a side value, for all its callers to look at while it runs: progress, or a result that grows.
    ///
    /// `make` is called only if this caller computes, once. See [`SideRequest`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let answer = cache.entry(1).side(|| Arc::new("side")).get_or_compute(|side| side.len() as u64);
    /// assert_eq!(answer.unwrap().value, 4);
    ///
    /// let hit = cache.entry(1).side(|| Arc::new(panic!("not called"))).get_or_compute(|_: Arc<()>| 99);
    /// assert_eq!(hit.unwrap().value, 4);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn side<S: Any + Send + Sync, M: FnOnce() -> Arc<S>>(
        self,
        make: M,
    ) -> SideRequest<'a, K, V, S, M, impl FnMut(&Arc<S>, Role)> {
        SideRequest::new(self, make, |_: &Arc<S>, _: Role| {})
    }

    /// [`Cache::get_or_compute`] with these options.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_compute`], and [`ComputeError::TimedOut`].
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.entry(1).get_or_compute(|| 10).unwrap().value, 10);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_or_compute<R: Into<Computed<V>>>(
        self,
        compute: impl FnOnce() -> R,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.get_or_try_compute(|| Ok(compute()))
    }

    /// [`Cache::get_or_try_compute`] with these options.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_try_compute`], and [`ComputeError::TimedOut`].
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let answer = cache.entry(1).get_or_try_compute(|| "10".parse::<u64>());
    /// assert_eq!(answer.unwrap().value, 10);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_or_try_compute<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self,
        compute: impl FnOnce() -> Result<R, E>,
    ) -> Result<Answer<V>, ComputeError<E>> {
        self.asking(Nothing).compute(|()| compute())
    }

    /// [`Cache::get_or_compute_async`] with these options.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_compute`], and [`ComputeError::TimedOut`] and [`ComputeError::Cancelled`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.entry(1).get_or_compute_async(async { 10 }).await?.value, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_compute_async<R: Into<Computed<V>> + Send + 'static>(
        self,
        compute: impl Future<Output = R> + Send + 'static,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.get_or_try_compute_async(async { Ok(compute.await) })
            .await
    }

    /// [`Cache::get_or_try_compute_async`] with these options.
    ///
    /// # Errors
    ///
    /// As [`Cache::get_or_try_compute`], and [`ComputeError::TimedOut`] and [`ComputeError::Cancelled`].
    ///
    /// ```
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let answer = cache.entry(1).get_or_try_compute_async(async { "10".parse::<u64>() }).await?;
    /// assert_eq!(answer.value, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_try_compute_async<R, E>(
        self,
        compute: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        self.asking(Nothing).compute_async(|()| compute).await
    }

    /// The request on its way, with what its caller does beside asking.
    pub(crate) fn asking<B>(self, beside: B) -> Asking<'a, K, V, B> {
        match self.hash {
            Some(hash) => Asking::with_hash(self.cache, self.key, hash, self.options, beside),
            None => Asking::new(self.cache, self.key, self.options, beside),
        }
    }
}

impl<K: fmt::Debug, V> fmt::Debug for EntryRequest<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryRequest")
            .field("key", &self.key)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
