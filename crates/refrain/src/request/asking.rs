//! The steps of one request, the same for a caller that blocks and for one that awaits.
//!
//! [`Asking::next`] says what to do: take the answer, compute, or wait. The two loops that do it differ in how they
//! wait and in nothing else.

use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::beside::{Beside, Role};
use crate::block_on::block_on;
use crate::cache::{Begun, Cache, Joined, RequestOptions, Wanted};
use crate::catch::{CatchUnwind, catch};
use crate::computed::Computed;
use crate::error::ComputeError;
use crate::flight::{Flight, FlightId, Landing, Refusal, Settled, Waiting, enter, enter_and_block};

/// A request on its way to an answer.
pub(crate) struct Asking<'a, K, V, B> {
    cache: &'a Cache<K, V>,
    key: K,
    hash: u64,
    options: RequestOptions,
    beside: B,
}

/// What a request has to do next.
enum Step<T, V: Send + Sync + 'static, E> {
    Answered(Result<T, ComputeError<E>>),
    /// Compute for this flight.
    Lead(Arc<Flight<V>>),
    /// Compute for this caller alone; whether the request is counted already.
    Alone {
        counted: bool,
    },
    Wait(Waiting<V>, Joined<V>),
}

/// What a wait came to.
enum Waited<V> {
    Landed(Arc<Landing<V>>),
    TimedOut,
    /// The caller's own code panicked, with this message.
    Panicked(Arc<str>),
}

impl<'a, K, V, B> Asking<'a, K, V, B>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn new(cache: &'a Cache<K, V>, key: K, options: RequestOptions, beside: B) -> Self {
        let hash = cache.inner.hash(&key);
        Self::with_hash(cache, key, hash, options, beside)
    }

    pub(super) fn with_hash(
        cache: &'a Cache<K, V>,
        key: K,
        hash: u64,
        mut options: RequestOptions,
        beside: B,
    ) -> Self {
        if let (Some(limit), None) = (options.wait_at_most, options.deadline) {
            options.deadline = Some(cache.inner.clock.elapsed().saturating_add(limit));
        }
        Self {
            cache,
            key,
            hash,
            options,
            beside,
        }
    }
}

impl<K, V, B> Asking<'_, K, V, B>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
    B: Beside,
{
    /// What is wanted of the entry, computed on this thread if there is none.
    pub(crate) fn compute<T, R, E>(
        mut self,
        compute: impl FnOnce(B::Given) -> Result<R, E>,
    ) -> Result<T, ComputeError<E>>
    where
        T: Wanted<V>,
        R: Into<Computed<V>>,
        E: Send + Sync + 'static,
    {
        let mut step = self.next();
        loop {
            step = match step {
                Step::Answered(answer) => return answer,
                Step::Lead(flight) => {
                    let given = self.lead(&flight)?;
                    let (inner, options) = (&self.cache.inner, &self.options);
                    let compute = || compute(given);
                    let landing =
                        inner.compute_here(&self.key, self.hash, &flight, options, compute);
                    let landing = landing.or_else(|| flight.landing().map(Settled::Shared));
                    return self.answer_of_leader(landing);
                }
                Step::Alone { counted } => return self.compute_alone(compute, counted),
                Step::Wait(waiting, joined) => {
                    let waited = block_on(self.wait(waiting, &joined));
                    self.after(waited, &joined)
                }
            };
        }
    }

    /// What is wanted of the entry, computed by a future of the cache's own if there is none.
    pub(crate) async fn compute_async<T, R, E, F>(
        mut self,
        compute: impl FnOnce(B::Given) -> F,
    ) -> Result<T, ComputeError<E>>
    where
        T: Wanted<V>,
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
        F: Future<Output = Result<R, E>> + Send + 'static,
    {
        let mut step = self.next();
        loop {
            step = match step {
                Step::Answered(answer) => return answer,
                Step::Lead(flight) => {
                    let given = self.lead(&flight)?;
                    let compute = match catch(|| compute(given)) {
                        Ok(future) => future,
                        Err(message) => return Err(self.crash(&flight, message)),
                    };
                    let inner = &self.cache.inner;
                    let waiting =
                        inner.compute_there(&self.key, self.hash, &flight, &self.options, compute);
                    return match waiting.await {
                        None => Err(self.timed_out()),
                        Some(landing) => self.answer_of_leader(Some(Settled::Shared(landing))),
                    };
                }
                Step::Alone { counted } => {
                    return self.compute_alone_async(compute, counted).await;
                }
                Step::Wait(waiting, joined) => {
                    let waited = self.wait(waiting, &joined).await;
                    self.after(waited, &joined)
                }
            };
        }
    }

    /// Computes on this thread outside of any flight. `counted`: the request is counted already.
    pub(crate) fn compute_alone<T, R, E>(
        mut self,
        compute: impl FnOnce(B::Given) -> Result<R, E>,
        counted: bool,
    ) -> Result<T, ComputeError<E>>
    where
        T: Wanted<V>,
        R: Into<Computed<V>>,
    {
        let given = self.alone()?;
        let inner = &self.cache.inner;
        let began = inner.clock.elapsed();
        let result = {
            let _inside = enter_and_block(&FlightId::next(&inner.name));
            catch(|| compute(given).map(Into::into))
        };
        inner.unshared(self.hash, began, &self.options, counted, result)
    }

    /// [`compute_alone`](Self::compute_alone) for asynchronous code.
    pub(crate) async fn compute_alone_async<T, R, E, F>(
        mut self,
        compute: impl FnOnce(B::Given) -> F,
        counted: bool,
    ) -> Result<T, ComputeError<E>>
    where
        T: Wanted<V>,
        R: Into<Computed<V>>,
        F: Future<Output = Result<R, E>>,
    {
        let given = self.alone()?;
        let inner = &self.cache.inner;
        let began = inner.clock.elapsed();
        let result = match catch(|| compute(given)) {
            Ok(future) => inside_of_its_own(&inner.name, future).await,
            Err(message) => Err(message),
        };
        let result = result.and_then(|result| catch(|| result.map(Into::into)));
        inner.unshared(self.hash, began, &self.options, counted, result)
    }

    /// Looks the key up and, if nothing is there, takes a place in a flight.
    fn next<T: Wanted<V>, E>(&mut self) -> Step<T, V, E> {
        let inner = &self.cache.inner;
        match inner.begin(&self.key, self.hash, &self.options) {
            Begun::Hit(entry) => Step::Answered(Ok(T::hit(entry))),
            Begun::Refused(refusal) => Step::Answered(Err(refused(refusal))),
            Begun::Lead(flight) => Step::Lead(flight),
            Begun::Alone => Step::Alone { counted: false },
            Begun::Wait(waiting, joined) => Step::Wait(waiting, joined),
        }
    }

    /// What follows from the end of a wait.
    fn after<T: Wanted<V>, E: Send + Sync + 'static>(
        &mut self,
        waited: Waited<V>,
        joined: &Joined<V>,
    ) -> Step<T, V, E> {
        let landing = match waited {
            Waited::Landed(landing) => landing,
            Waited::TimedOut => return Step::Answered(Err(self.timed_out())),
            Waited::Panicked(message) => {
                return Step::Answered(Err(ComputeError::Panicked { message }));
            }
        };
        let inner = &self.cache.inner;
        if inner.looks_again(self.hash, joined, &landing) {
            self.options.looked_up = false;
            return self.next();
        }
        match inner.answer(Settled::Shared(landing), false) {
            Some(answer) => Step::Answered(answer),
            None => Step::Alone { counted: true },
        }
    }

    /// Waits for a flight, and tells the caller of its side value as soon as there is one.
    async fn wait(&mut self, mut waiting: Waiting<V>, joined: &Joined<V>) -> Waited<V> {
        let mut told = !B::HAS_SIDE;
        poll_fn(|context| {
            if let Err(message) = self.tell(joined, &mut told) {
                return Poll::Ready(Waited::Panicked(message));
            }
            let polled = Pin::new(&mut waiting).poll(context);
            // It may have been set before this caller's waker was noted down, and thus without a wake-up.
            if let Err(message) = self.tell(joined, &mut told) {
                return Poll::Ready(Waited::Panicked(message));
            }
            polled.map(|landing| landing.map_or(Waited::TimedOut, Waited::Landed))
        })
        .await
    }

    fn tell(&mut self, joined: &Joined<V>, told: &mut bool) -> Result<(), Arc<str>> {
        if *told {
            return Ok(());
        }
        let Some(side) = joined.side() else {
            return Ok(());
        };
        *told = true;
        catch(|| self.beside.joined(side))
    }

    /// Makes the side value of the flight that this caller leads.
    fn lead<E>(&mut self, flight: &Arc<Flight<V>>) -> Result<B::Given, ComputeError<E>> {
        if !B::HAS_SIDE {
            return Ok(self.beside.begin(Role::Leader, |_| {}));
        }
        let begun = catch(|| {
            self.beside
                .begin(Role::Leader, |side| flight.set_side(side))
        });
        begun.map_err(|message| self.crash(flight, message))
    }

    /// Makes a side value for this caller alone.
    fn alone<E>(&mut self) -> Result<B::Given, ComputeError<E>> {
        let begun = catch(|| self.beside.begin(Role::Alone, |_| {}));
        begun.map_err(|message| ComputeError::Panicked { message })
    }

    /// Ends the flight that this caller leads by a panic of the caller's code.
    fn crash<E>(&self, flight: &Arc<Flight<V>>, message: Arc<str>) -> ComputeError<E> {
        let inner = &self.cache.inner;
        inner.crash(self.hash, flight, Arc::clone(&message));
        ComputeError::Panicked { message }
    }

    fn answer_of_leader<T: Wanted<V>, E: Send + Sync + 'static>(
        &self,
        landing: Option<Settled<V>>,
    ) -> Result<T, ComputeError<E>> {
        landing
            .and_then(|landing| self.cache.inner.answer(landing, true))
            .unwrap_or(Err(ComputeError::Cancelled))
    }

    fn timed_out<E>(&self) -> ComputeError<E> {
        ComputeError::TimedOut {
            after: self.options.wait_at_most.unwrap_or_default(),
        }
    }
}

/// Runs a computation that no flight has, so that others can tell when it waits for itself.
async fn inside_of_its_own<F: Future>(cache: &Arc<str>, future: F) -> Result<F::Output, Arc<str>> {
    let id = FlightId::next(cache);
    let mut future = CatchUnwind(Box::pin(future));
    poll_fn(move |context| {
        let _inside = enter(&id);
        Pin::new(&mut future).poll(context)
    })
    .await
}

fn refused<E>(refusal: Refusal) -> ComputeError<E> {
    match refusal {
        Refusal::Recursive(path) => ComputeError::Recursive { path },
        Refusal::TooManyWaiters(limit) => ComputeError::TooManyWaiters { limit },
    }
}
