//! Cooperative driving: an asynchronous computation that any of its waiters polls onward.
//!
//! The future is taken out of its place while it is polled, so that no lock is held while user code runs, and put
//! back when it is not finished.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use super::{Flight, enter};
use crate::block_on::block_on;
use crate::catch::wake_all;
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard, thread};

/// A future without its type: what a spawner is given to run, and what a tier answers with.
///
/// ```
/// let task: refrain::BoxFuture = Box::pin(async {});
/// drop(task);
/// let seven: refrain::BoxFuture<u64> = Box::pin(async { 7 });
/// assert_eq!(refrain::block_on(seven), 7);
/// ```
pub type BoxFuture<T = ()> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The computation of one flight, if it is asynchronous and not finished.
pub(crate) struct Work {
    place: Mutex<Option<BoxFuture>>,
    /// Set by a wake-up. The thread that puts the future back looks at it, so that a wake-up during a poll is not lost.
    woken: AtomicBool,
    /// A task of its own keeps it going when callers leave.
    has_driver: AtomicBool,
}

impl Work {
    pub(super) fn none() -> Self {
        Self {
            place: Mutex::new(None),
            woken: AtomicBool::new(false),
            has_driver: AtomicBool::new(false),
        }
    }

    pub(crate) fn set(&self, future: BoxFuture) {
        *self.lock() = Some(future);
        self.woken.store(true, Ordering::SeqCst);
    }

    /// True once: the caller becomes the driver, which keeps it going.
    pub(crate) fn claim_driver(&self) -> bool {
        !self.has_driver.swap(true, Ordering::Relaxed)
    }

    /// The driver is gone before the end.
    pub(super) fn release_driver(&self) {
        self.has_driver.store(false, Ordering::Relaxed);
    }

    /// Whether there is a computation here that no thread is inside of.
    pub(super) fn is_waiting(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> MutexGuard<'_, Option<BoxFuture>> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the computation unless a thread is inside it; then that thread drops it.
    pub(crate) fn drop_future(&self) {
        let future = self.lock().take();
        drop(future);
    }
}

/// A wake-up of the computation wakes all callers and tasks that could drive it.
struct WakeAll<V>(Arc<Flight<V>>);

impl<V: Send + Sync + 'static> Wake for WakeAll<V> {
    fn wake(self: Arc<Self>) {
        // SeqCst pairs with the swap in `drive`: either the driver sees the flag, or the wakers below see the driver's
        // own waker, which it notes down before it polls.
        self.0.work.woken.store(true, Ordering::SeqCst);
        wake_all(self.0.wakers());
    }
}

/// Polls the computation of `flight` once, if it can get further. The caller's own waker is noted down in the flight
/// already.
pub(super) fn drive<V: Send + Sync + 'static>(flight: &Arc<Flight<V>>) {
    let Some(mut future) = take_woken(&flight.work) else {
        return;
    };
    let waker = Waker::from(Arc::new(WakeAll(Arc::clone(flight))));
    let finished = {
        let _inside = enter(&flight.id);
        future
            .as_mut()
            .poll(&mut Context::from_waker(&waker))
            .is_ready()
    };
    if finished {
        return;
    }
    *flight.work.lock() = Some(future);
    if flight.landing().is_some() {
        // Cancelled while it was being polled.
        flight.work.drop_future();
    } else if flight.work.woken.load(Ordering::SeqCst) {
        // Woken while it was out of its place: a caller that came to drive it then found nothing.
        waker.wake();
    }
}

/// The computation, if it was woken and no thread is inside it.
fn take_woken(work: &Work) -> Option<BoxFuture> {
    while work.woken.swap(false, Ordering::SeqCst) {
        if let Some(future) = work.lock().take() {
            return Some(future);
        }
        // A thread is inside it, or it is finished. The flag is for that thread: either it sees the flag after it has
        // put the future back, or the future is back already and is taken in the next round.
        work.woken.store(true, Ordering::SeqCst);
        if !work.is_waiting() {
            return None;
        }
    }
    None
}

/// Drives `flight` until it has landed. This is what a spawned task runs.
/// The caller has claimed to be the driver; a task that is dropped hands that on.
pub(crate) fn drive_to_end<V: Send + Sync + 'static>(
    flight: Arc<Flight<V>>,
) -> impl Future<Output = ()> + Send {
    let driver = Driver {
        flight,
        waiter: super::NEXT_WAITER.fetch_add(1, Ordering::Relaxed),
    };
    poll_fn(move |context| {
        let Driver { flight, waiter } = &driver;
        if flight.landing_or_wake(*waiter, context.waker()).is_some() {
            return Poll::Ready(());
        }
        drive(flight);
        match flight.landing() {
            Some(_) => Poll::Ready(()),
            None => Poll::Pending,
        }
    })
}

/// Has a thread finish the computation of `flight`, if no other driver does.
pub(super) fn keep_going<V: Send + Sync + 'static>(flight: &Arc<Flight<V>>) {
    if !flight.work.is_waiting() || !flight.work.claim_driver() {
        return;
    }
    let orphan = Arc::clone(flight);
    let spawned = thread::Builder::new()
        .name("refrain-orphan".to_owned())
        .spawn(move || block_on(drive_to_end(orphan)));
    if spawned.is_err() {
        // Out of threads: the next caller for the key drives it.
        flight.work.release_driver();
    }
}

struct Driver<V: Send + Sync + 'static> {
    flight: Arc<Flight<V>>,
    waiter: u64,
}

impl<V: Send + Sync + 'static> Drop for Driver<V> {
    fn drop(&mut self) {
        let flight = &self.flight;
        if flight.landing().is_some() {
            return;
        }
        flight.forget_waker(self.waiter);
        flight.work.release_driver();
        if flight.waiters() == 0 {
            keep_going(flight);
        }
    }
}
