//! The ticket of a computation that Python runs: begun here, ended here, and in between anywhere.
//!
//! To the cache it is an asynchronous computation whose future is ready when Python says so. It is polled twice, when
//! it begins and when it ends, so no thread waits for it and nothing of it runs under a lock.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use pyo3::prelude::*;
use refrain::{Answer, Cache, ComputeError, Computed, Key, OnAbandoned};

use crate::memory::options::Options;
use crate::value::Value;

type Landing = Result<Answer<Value>, ComputeError<Infallible>>;
type Flight = Pin<Box<dyn Future<Output = Landing> + Send>>;

/// A computation that has begun. Dropping it abandons the computation.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct Ticket {
    flight: Mutex<Option<Flight>>,
    delivery: Arc<Mutex<Delivery>>,
    process: u32,
}

#[derive(Default)]
struct Delivery {
    value: Option<Computed<Value>>,
    waker: Option<Waker>,
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
    /// Looks for the value, and begins a computation if there is none.
    pub(super) fn begin(
        cache: &Cache<Key, Value>,
        key: Key,
        options: &Options,
        refresh: bool,
    ) -> Result<Begun, ComputeError<Infallible>> {
        let delivery = Arc::new(Mutex::new(Delivery::default()));
        let (cache, arrival) = (cache.clone(), Arc::clone(&delivery));
        let options = options.clone();
        let mut flight: Flight = Box::pin(async move {
            let mut request = cache.entry(key).on_abandoned(OnAbandoned::Cancel);
            if let Some(time_to_live) = options.time_to_live {
                request = request.time_to_live(time_to_live);
            }
            if refresh {
                request = request.refresh();
            }
            let request = request.tags(options.tags);
            let value = poll_fn(move |context| {
                let mut arrival = arrival.lock().unwrap_or_else(PoisonError::into_inner);
                arrival.waker = Some(context.waker().clone());
                arrival
                    .value
                    .take()
                    .map_or(Poll::Pending, |value| Poll::Ready(Ok(value)))
            });
            request.get_or_try_compute_async(value).await
        });
        match poll(&mut flight) {
            Some(landed) => landed.map(Begun::Hit),
            None => Ok(Begun::Ticket(Self {
                flight: Mutex::new(Some(flight)),
                delivery,
                process: PROCESS.load(Ordering::Relaxed),
            })),
        }
    }

    /// Ends the computation with its value; `None` if it had been abandoned or is another process's.
    pub(super) fn finish(&self, value: Computed<Value>) -> Option<Landing> {
        let mut flight = self.take()?;
        let waker = {
            let mut delivery = self.delivery.lock().unwrap_or_else(PoisonError::into_inner);
            delivery.value = Some(value);
            delivery.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        poll(&mut flight)
    }

    fn take(&self) -> Option<Flight> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        let flight = flight.take()?;
        if self.process != PROCESS.load(Ordering::Relaxed) {
            // It belongs to a cache whose locks may be held by threads that do not exist here.
            Box::leak(Box::new(flight));
            return None;
        }
        Some(flight)
    }
}

#[pymethods]
impl Ticket {
    /// Ends the computation without a value.
    fn abandon(&self) {
        drop(self.take());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        drop(self.take());
    }
}

fn poll(flight: &mut Flight) -> Option<Landing> {
    match flight
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(landed) => Some(landed),
        Poll::Pending => None,
    }
}
