//! One request to a memory with lower tiers: the options of a request to the memory, and what is accepted of what is
//! stored.

use std::any::Any;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::obtaining::{Accept, Obtaining, Task};
use crate::block_on::block_on;
use crate::cache::RequestOptions;
use crate::computed::Computed;
use crate::entry::{Answer, EntryInfo};
use crate::error::ComputeError;
use crate::flight::is_inside;
use crate::key::Key;
use crate::outcome::{BypassReason, Outcome};
use crate::request::{Asking, Beside, Nothing, Role, WithSide, option_setters};
use crate::store::Judged;

/// How often a request begins again because what others had loaded or stored is not accepted. Once is usual.
const ATTEMPTS: u32 = 3;

/// A request for one key; made by [`TieredCache::entry`](crate::TieredCache::entry).
///
/// ```
/// use refrain::tier::Tiers;
/// use refrain::{BytesCodec, Cache, Key, Outcome, TieredCache};
/// use std::time::Duration;
///
/// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
/// let answer = cache
///     .entry(Key::from_bytes([7; 32]))
///     .tags(["model:v2"])
///     .time_to_live(Duration::from_secs(3600))
///     .accept(|_value, info| info.age < Duration::from_secs(60))
///     .get_or_compute(|| bytes::Bytes::from("picture"))
///     .unwrap();
/// assert!(matches!(answer.outcome, Outcome::Computed { .. }));
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[must_use = "nothing happens before one of the `get_or_…` methods"]
pub struct TieredRequest<'a, V> {
    cache: &'a Arc<Obtaining<V>>,
    key: Key,
    options: RequestOptions,
    /// Whether it may wait for another process that computes the same; `None`, if no other is to wait for it either.
    waits: Option<bool>,
    accept: Option<Accept<V>>,
}

/// A request whose flight has a side value; made by [`TieredRequest::side`]. See [`SideRequest`](crate::SideRequest).
///
/// ```
/// use refrain::tier::Tiers;
/// use refrain::{BytesCodec, Cache, Key, TieredCache};
/// use std::sync::Arc;
///
/// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
/// let request = cache.entry(Key::from_bytes([7; 32])).side(|| Arc::new("progress"));
/// assert_eq!(request.get_or_compute(|side| bytes::Bytes::from(*side)).unwrap().value, "progress");
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[must_use = "nothing happens before one of the `get_or_…` methods"]
pub struct TieredSideRequest<'a, V, S, M, J> {
    request: TieredRequest<'a, V>,
    side: WithSide<S, M, J>,
}

impl<'a, V: Clone + Send + Sync + 'static> TieredRequest<'a, V> {
    pub(super) fn new(cache: &'a Arc<Obtaining<V>>, key: Key) -> Self {
        Self {
            cache,
            key,
            options: RequestOptions::default(),
            waits: Some(true),
            accept: None,
        }
    }

    option_setters!();

    /// Whether this may wait for another process that computes the same, where a tier has leases. Default: true, but never within
    /// another computation: two processes could wait for each other.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let request = cache.entry(Key::from_bytes([7; 32])).wait_for_others(false);
    /// assert_eq!(request.get_or_compute(|| bytes::Bytes::from("picture")).unwrap().value, "picture");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn wait_for_others(mut self, waits: bool) -> Self {
        self.waits = Some(waits);
        self
    }

    /// Has no other process wait for what this computes, and waits for none: for requests that only look.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let request = cache.entry(Key::from_bytes([7; 32])).without_lease();
    /// assert_eq!(request.get_or_compute(|| bytes::Bytes::from("picture")).unwrap().value, "picture");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn without_lease(mut self) -> Self {
        self.waits = None;
        self
    }

    /// Takes a stored or loaded value only if `accept` says so; otherwise the value is computed anew and replaces it. For
    /// callers that want no value older than a minute, for example.
    ///
    /// A value that is computed just now, for this caller or while it waits, is always accepted. A caller to which others'
    /// loads give again and again what it does not accept computes for itself: [`BypassReason::Unwelcome`].
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, EntryOptions, Key, TieredCache};
    ///
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let key = Key::from_bytes([7; 32]);
    /// cache.insert(key, "draft".into(), EntryOptions::default());
    /// let request = cache.entry(key).accept(|value, _info| value != "draft");
    /// assert_eq!(request.get_or_compute(|| bytes::Bytes::from("picture")).unwrap().value, "picture");
    /// assert_eq!(cache.peek(key).unwrap().value, "picture");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn accept(
        mut self,
        accept: impl Fn(&V, &EntryInfo) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.accept = Some(Arc::new(accept));
        self
    }

    /// As [`EntryRequest::side`](crate::EntryRequest::side).
    pub fn side<S: Any + Send + Sync, M: FnOnce() -> Arc<S>>(
        self,
        make: M,
    ) -> TieredSideRequest<'a, V, S, M, impl FnMut(&Arc<S>, Role)> {
        TieredSideRequest {
            request: self,
            side: WithSide::new(Some(make), |_: &Arc<S>, _: Role| {}),
        }
    }

    /// What is stored and accepted, from the first tier that has it; nothing is computed. Counts as a hit, a load or a miss.
    pub async fn stored_async(self) -> Option<Answer<V>> {
        if self.options.refresh {
            return None;
        }
        self.cache.stored(self.key, self.accept.as_ref()).await
    }

    /// [`stored_async`](Self::stored_async), on this thread.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// assert!(cache.entry(Key::from_bytes([7; 32])).stored().is_none());
    /// assert_eq!(cache.memory().stats().misses, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn stored(self) -> Option<Answer<V>> {
        block_on(self.stored_async())
    }

    /// The value, loaded or computed on this thread if it is not in memory.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_compute`](crate::EntryRequest::get_or_compute).
    pub fn get_or_compute<R: Into<Computed<V>>>(
        self,
        compute: impl FnOnce() -> R,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.run(Nothing, |()| Ok(compute()))
    }

    /// The value, loaded or computed on this thread if it is not in memory.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute`](crate::EntryRequest::get_or_try_compute).
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, ComputeError, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let request = cache.entry(Key::from_bytes([7; 32]));
    /// let failed = request.get_or_try_compute(|| Err::<bytes::Bytes, _>("no GPU"));
    /// assert!(matches!(failed, Err(ComputeError::Failed(error)) if *error == "no GPU"));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn get_or_try_compute<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self,
        compute: impl FnOnce() -> Result<R, E>,
    ) -> Result<Answer<V>, ComputeError<E>> {
        self.run(Nothing, |()| compute())
    }

    /// The value, loaded or computed by a future of the cache's own if it is not in memory.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_compute_async`](crate::EntryRequest::get_or_compute_async).
    pub async fn get_or_compute_async<R: Into<Computed<V>> + Send + 'static>(
        self,
        compute: impl Future<Output = R> + Send + 'static,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.get_or_try_compute_async(async { Ok(compute.await) })
            .await
    }

    /// The value, loaded or computed by a future of the cache's own if it is not in memory.
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute_async`](crate::EntryRequest::get_or_try_compute_async).
    pub async fn get_or_try_compute_async<R, E>(
        self,
        compute: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        self.run_async(Nothing, |()| compute).await
    }

    fn run<B, R, E>(
        mut self,
        mut beside: B,
        compute: impl FnOnce(B::Given) -> Result<R, E>,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        B: Beside,
        R: Into<Computed<V>>,
        E: Send + Sync + 'static,
    {
        let cache = self.cache;
        if let Some(hit) = self.begin() {
            return Ok(hit);
        }
        let mut compute = Some(compute);
        for _ in 0..ATTEMPTS {
            let task = self.task();
            let obtain = |given| {
                let compute = compute.take().expect("a request computes once at most");
                let absent = match block_on(cache.load(&task)) {
                    Ok(loaded) => return Ok(loaded),
                    Err(absent) => absent,
                };
                let clock = &cache.memory.inner.clock;
                let began = clock.elapsed();
                let computed = compute(given)?.into();
                let took = clock.elapsed().saturating_sub(began);
                Ok(block_on(cache.keep(&task, computed, took, &absent)))
            };
            let answer: Answer<V> = self.asking(&mut beside).compute(obtain)?;
            if self.is_accepted(&answer) {
                return Ok(answer);
            }
        }
        let compute = compute.take().expect("others answered so far");
        let answer = self.asking(beside).compute_alone(compute, true);
        answer.map(bypassed)
    }

    async fn run_async<B, R, E, F>(
        mut self,
        mut beside: B,
        compute: impl FnOnce(B::Given) -> F,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        B: Beside,
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        if let Some(hit) = self.begin() {
            return Ok(hit);
        }
        let mut compute = Some(compute);
        for _ in 0..ATTEMPTS {
            let (cache, task) = (Arc::clone(self.cache), self.task());
            let obtain = |given| {
                let compute = compute.take().expect("a request computes once at most");
                let computation = compute(given);
                async move {
                    let absent = match cache.load(&task).await {
                        Ok(loaded) => return Ok(loaded),
                        Err(absent) => absent,
                    };
                    let clock = &cache.memory.inner.clock;
                    let began = clock.elapsed();
                    let computed = computation.await?.into();
                    let took = clock.elapsed().saturating_sub(began);
                    Ok(cache.keep(&task, computed, took, &absent).await)
                }
            };
            let asking = self.asking(&mut beside);
            let answer: Answer<V> = asking.compute_async(obtain).await?;
            if self.is_accepted(&answer) {
                return Ok(answer);
            }
        }
        let compute = compute.take().expect("others answered so far");
        let answer = self.asking(beside).compute_alone_async(compute, true).await;
        answer.map(bypassed)
    }

    /// Looks into memory once, with the condition there is; what the flight that follows has to know of that is noted.
    fn begin(&mut self) -> Option<Answer<V>> {
        let limit = self.options.wait_at_most;
        let now = self.cache.memory.inner.clock.elapsed();
        self.options.deadline = limit.map(|limit| now.saturating_add(limit));
        if self.options.refresh {
            return None;
        }
        match self.cache.in_memory(&self.key, self.accept.as_ref()) {
            Judged::Accepted(hit) => return Some(hit),
            Judged::Refused => self.options.refresh = true,
            Judged::Expired | Judged::Nothing => self.options.looked_up = true,
        }
        None
    }

    fn task(&self) -> Task<V> {
        // Asked here, where it is about to wait, and on the thread that would.
        let waits = self.waits.map(|waits| waits && !is_inside());
        Task {
            key: self.key,
            options: self.options.entry.clone(),
            refresh: self.options.refresh,
            waits,
            accept: self.accept.clone(),
        }
    }

    fn asking<B>(&self, beside: B) -> Asking<'a, Key, V, B> {
        Asking::new(&self.cache.memory, self.key, self.options.clone(), beside)
    }

    /// Whether this caller takes the answer. If not, the next attempt looks into no tier.
    fn is_accepted(&mut self, answer: &Answer<V>) -> bool {
        if answer.outcome == Outcome::Hit {
            self.cache.tiers.touch(&self.key);
        }
        let accepted = !answer.outcome.was_stored()
            || (self.accept.as_ref()).is_none_or(|accept| accept(&answer.value, &answer.info));
        self.options.refresh |= !accepted;
        accepted
    }
}

impl<'a, V, S, M, J> TieredSideRequest<'a, V, S, M, J>
where
    V: Clone + Send + Sync + 'static,
    S: Any + Send + Sync,
    M: FnOnce() -> Arc<S>,
    J: FnMut(&Arc<S>, Role),
{
    /// As [`SideRequest::joined`](crate::SideRequest::joined).
    pub fn joined<N: FnMut(&Arc<S>, Role)>(self, joined: N) -> TieredSideRequest<'a, V, S, M, N> {
        TieredSideRequest {
            request: self.request,
            side: self.side.with_joined(joined),
        }
    }

    /// As [`SideRequest::get_or_compute`](crate::SideRequest::get_or_compute).
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_compute`](crate::EntryRequest::get_or_compute).
    pub fn get_or_compute<R: Into<Computed<V>>>(
        self,
        compute: impl FnOnce(Arc<S>) -> R,
    ) -> Result<Answer<V>, ComputeError<Infallible>> {
        self.request.run(self.side, |side| Ok(compute(side)))
    }

    /// As [`SideRequest::get_or_try_compute`](crate::SideRequest::get_or_try_compute).
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute`](crate::EntryRequest::get_or_try_compute).
    pub fn get_or_try_compute<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self,
        compute: impl FnOnce(Arc<S>) -> Result<R, E>,
    ) -> Result<Answer<V>, ComputeError<E>> {
        self.request.run(self.side, compute)
    }

    /// As [`SideRequest::get_or_try_compute_async`](crate::SideRequest::get_or_try_compute_async).
    ///
    /// # Errors
    ///
    /// As [`EntryRequest::get_or_try_compute_async`](crate::EntryRequest::get_or_try_compute_async).
    pub async fn get_or_try_compute_async<R, E, F>(
        self,
        compute: impl FnOnce(Arc<S>) -> F,
    ) -> Result<Answer<V>, ComputeError<E>>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.request.run_async(self.side, compute).await
    }
}

fn bypassed<V>(answer: Answer<V>) -> Answer<V> {
    Answer {
        outcome: Outcome::Bypassed {
            reason: BypassReason::Unwelcome,
        },
        ..answer
    }
}

impl<V> fmt::Debug for TieredRequest<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredRequest")
            .field("key", &self.key)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl<V, S, M, J> fmt::Debug for TieredSideRequest<'_, V, S, M, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredSideRequest")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
