//! A request whose flight has a side value, such as progress or a live body, for its callers to look at while it runs.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;

use super::EntryRequest;
use super::asking::Asking;
use super::beside::{Role, WithSide};
use crate::computed::Computed;
use crate::entry::Answer;
use crate::error::ComputeError;

/// A request whose flight has a side value of type `S`; made by [`EntryRequest::side`].
///
/// The side value belongs to the flight: the leader makes it, and all callers of the flight share it, from before the
/// computation begins. After an invalidation a new caller gets a new flight, and so a new side value. A hit calls none of
/// the closures.
///
/// ```
/// use refrain::Cache;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let answer = cache
///     .entry(1)
///     .side(|| Arc::new(AtomicU32::new(0))) // percent
///     .joined(|progress, _role| assert_eq!(progress.load(Ordering::Relaxed), 0))
///     .get_or_compute(|progress| {
///         progress.store(100, Ordering::Relaxed);
///         10
///     });
/// assert_eq!(answer.unwrap().value, 10);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[must_use = "nothing happens before one of the `get_or_…` methods"]
pub struct SideRequest<'a, K, V, S, M, J> {
    request: EntryRequest<'a, K, V>,
    side: WithSide<S, M, J>,
}

impl<'a, K, V, S, M, J> SideRequest<'a, K, V, S, M, J>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    S: Any + Send + Sync,
    M: FnOnce() -> Arc<S>,
    J: FnMut(&Arc<S>, Role),
{
    pub(super) fn new(request: EntryRequest<'a, K, V>, make: M, joined: J) -> Self {
        Self {
            request,
            side: WithSide::new(Some(make), joined),
        }
    }

    /// Is called once this caller leads, waits or computes alone, before it computes or waits; again if it has to join
    /// another flight. Not called for a flight whose side value has another type or which has none.
    ///
    /// A panic in it is the caller's [`ComputeError::Panicked`]; one of the leader's ends the flight.
    ///
    /// ```
    /// use refrain::{Cache, Role};
    /// use std::sync::Arc;
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// let mut roles = Vec::new();
    /// let request = cache.entry(1).side(|| Arc::new("progress")).joined(|_, role| roles.push(role));
    /// request.get_or_compute(|_| 10).unwrap();
    /// assert_eq!(roles, [Role::Leader]);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn joined<N: FnMut(&Arc<S>, Role)>(self, joined: N) -> SideRequest<'a, K, V, S, M, N> {
        SideRequest {
            request: self.request,
            side: self.side.with_joined(joined),
        }
    }

    /// [`EntryRequest::get_or_compute`], whose computation is given the side value.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_compute`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let answer = cache.entry(1).side(|| Arc::new(5)).get_or_compute(|five| 2 * *five);
    /// assert_eq!(answer.unwrap().value, 10);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_or_compute<R: Into<Computed<V>>>(
        self,
        compute: impl FnOnce(Arc<S>) -> R,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.get_or_try_compute(|side| Ok(compute(side)))
    }

    /// [`EntryRequest::get_or_try_compute`], whose computation is given the side value.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute`].
    ///
    /// ```
    /// use std::sync::Arc;
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let answer = cache.entry(1).side(|| Arc::new("10")).get_or_try_compute(|text| text.parse::<u64>());
    /// assert_eq!(answer.unwrap().value, 10);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_or_try_compute<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self,
        compute: impl FnOnce(Arc<S>) -> Result<R, E>,
    ) -> Result<Answer<V>, ComputeError<E>> {
        self.asking().compute(compute)
    }

    /// [`EntryRequest::get_or_compute_async`], whose computation is given the side value.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_compute_async`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let request = cache.entry(1).side(|| Arc::new(5));
    /// assert_eq!(request.get_or_compute_async(|five| async move { 2 * *five }).await?.value, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_compute_async<R, F>(
        self,
        compute: impl FnOnce(Arc<S>) -> F,
    ) -> Result<Answer<V>, ComputeError<Infallible>>
    where
        R: Into<Computed<V>> + Send + 'static,
        F: Future<Output = R> + Send + 'static,
    {
        let compute = |side| {
            let future = compute(side);
            async move { Ok(future.await) }
        };
        self.get_or_try_compute_async(compute).await
    }

    /// [`EntryRequest::get_or_try_compute_async`], whose computation is given the side value.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute_async`].
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// let request = cache.entry(1).side(|| Arc::new("10"));
    /// let answer = request.get_or_try_compute_async(|text| async move { text.parse::<u64>() }).await?;
    /// assert_eq!(answer.value, 10);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_try_compute_async<R, E, F>(
        self,
        compute: impl FnOnce(Arc<S>) -> F,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.asking().compute_async(compute).await
    }

    fn asking(self) -> Asking<'a, K, V, WithSide<S, M, J>> {
        self.request.asking(self.side)
    }
}

impl<K: fmt::Debug, V, S, M, J> fmt::Debug for SideRequest<'_, K, V, S, M, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SideRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
