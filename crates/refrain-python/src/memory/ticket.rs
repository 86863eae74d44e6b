//! The ticket of a computation that Python runs: begun here, ended here, and in between anywhere.
//!
//! To the cache it is an asynchronous computation whose future is ready when Python says so. It is polled when it begins, by the
//! thread that waits for the lower tiers, and when it ends. Nothing of it runs under a lock.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::prelude::*;
use refrain::{Answer, ComputeError, Computed, Key, OnAbandoned};

use super::live::Live;
use super::options::Options;
use crate::value::Value;

type Landing = Result<Answer<Value>, ComputeError<Infallible>>;
type Flight = Pin<Box<dyn Future<Output = Landing> + Send>>;

/// A computation that has begun. Dropping it abandons the computation.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Ticket {
    flight: Mutex<State>,
    delivery: Arc<Delivery>,
    live: Arc<Live>,
    key: Key,
    process: u32,
}

enum State {
    /// No thread drives it.
    Idle(Flight),
    /// A thread waits for the lower tiers.
    Driven,
    /// So it does, but its flight is off the table: no other caller gets what it gives.
    Overtaken,
    Ended,
}

/// Where the value comes in; the side value of the flight, which tells it from other flights of its key.
#[derive(Default)]
struct Delivery(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    /// The flight is this ticket's own. What stands behind another one is computed, and not stored.
    leads: bool,
    /// The lower tiers have nothing: Python is to compute.
    is_asked: bool,
    value: Option<Computed<Value>>,
    waker: Option<Waker>,
}

impl Delivery {
    fn lock(&self) -> MutexGuard<'_, Delivered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Computed<Value>> {
        let mut delivered = self.lock();
        delivered.is_asked = true;
        delivered.waker = Some(context.waker().clone());
        delivered.value.take().map_or(Poll::Pending, Poll::Ready)
    }
}

/// Grows in a child process: what was begun by the parent is the parent's.
static PROCESS: AtomicU32 = AtomicU32::new(0);

pub(super) fn enter_child_process() {
    // Relaxed: after a fork there is only one thread.
    PROCESS.fetch_add(1, Ordering::Relaxed);
}

/// The outcome of a request for a key.
pub(super) enum Begun {
    Hit(Answer<Value>),
    Ticket(Ticket),
}

impl Ticket {
    /// Looks for the value in memory, and begins a flight if there is none.
    pub(super) fn begin(
        live: &Arc<Live>,
        key: Key,
        options: &Options,
        refresh: bool,
        waits: Option<bool>,
    ) -> Result<Begun, ComputeError<Infallible>> {
        let delivery = Arc::new(Delivery::default());
        let (cache, side) = (live.cache.clone(), Arc::clone(&delivery));
        let options = options.clone();
        let mut flight: Flight = Box::pin(async move {
            let mut request = cache.entry(key).on_abandoned(OnAbandoned::Cancel);
            if let Some(time_to_live) = options.time_to_live {
                request = request.time_to_live(time_to_live);
            }
            if refresh {
                request = request.refresh();
            }
            request = match waits {
                Some(waits) => request.wait_for_others(waits),
                None => request.without_lease(),
            };
            let request = request.tags(options.tags).side(move || {
                side.lock().leads = true;
                side
            });
            request
                .get_or_try_compute_async(|side| async move {
                    Ok(poll_fn(|context| side.poll(context)).await)
                })
                .await
        });
        match flight
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(landed) => landed.map(Begun::Hit),
            Poll::Pending => Ok(Begun::Ticket(Self {
                flight: Mutex::new(State::Idle(flight)),
                delivery,
                live: Arc::clone(live),
                key,
                process: PROCESS.load(Ordering::Relaxed),
            })),
        }
    }

    /// Ends the computation with its value; `None` if it had been abandoned or is another process's.
    pub(super) fn finish(
        &self,
        py: Python<'_>,
        value: Computed<Value>,
    ) -> PyResult<Option<Landing>> {
        let Some(mut flight) = self.take_to_drive() else {
            return Ok(None);
        };
        let waker = {
            let mut delivered = self.delivery.lock();
            delivered.value = Some(value);
            delivered.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        let landed = self.live.wait(py, flight.as_mut());
        *self.lock() = State::Ended;
        Ok(Some(landed?))
    }

    fn take_to_drive(&self) -> Option<Flight> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Ended) {
            State::Idle(flight) if self.is_of_this_process() => {
                *state = State::Driven;
                Some(flight)
            }
            State::Idle(flight) => {
                // It belongs to a cache whose locks may be held by threads that do not exist here.
                Box::leak(Box::new(flight));
                None
            }
            other => {
                *state = other;
                None
            }
        }
    }

    fn is_of_this_process(&self) -> bool {
        self.process == PROCESS.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let idle = self.take_to_drive();
        let mut state = self.lock();
        if idle.is_some() {
            *state = State::Ended;
        } else if matches!(*state, State::Driven) && self.is_of_this_process() {
            *state = State::Overtaken;
            drop(state);
            self.live.cache.retire_flight(&self.key, &self.delivery);
        }
    }
}

#[pymethods]
impl Ticket {
    /// Whether the lower tiers have yet to be asked, with `load`.
    #[getter]
    fn looks(&self) -> bool {
        let delivered = self.delivery.lock();
        delivered.leads && !delivered.is_asked
    }

    /// What a lower tier has, in a tuple of one; `None` if it is to be computed. Waits for them.
    fn load(&self, py: Python<'_>) -> PyResult<Option<(Py<PyAny>,)>> {
        if !self.looks() {
            return Ok(None);
        }
        let Some(mut flight) = self.take_to_drive() else {
            return Ok(None);
        };
        let (driven, delivery) = (&mut flight, &self.delivery);
        let loaded = self.live.wait_interruptibly(
            py,
            poll_fn(move |context| match driven.as_mut().poll(context) {
                Poll::Pending if delivery.lock().is_asked => Poll::Ready(None),
                polled => polled.map(Some),
            }),
        );
        let mut state = self.lock();
        let goes_on = matches!(loaded, Ok(None)) && matches!(*state, State::Driven);
        *state = if goes_on {
            State::Idle(flight)
        } else {
            State::Ended
        };
        drop(state);
        match loaded? {
            Some(Ok(answer)) => Ok(Some((answer.value.get(py),))),
            // Overtaken: it is computed, and not stored.
            Some(Err(_)) | None => Ok(None),
        }
    }

    /// Ends the computation without a value. What is being loaded for it is for its own caller alone.
    fn abandon(&self) {
        self.end();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.end();
    }
}
