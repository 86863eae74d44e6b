//! A deadline on the cache's clock, without a runtime: the alarm wakes the caller, which then stops waiting.
//!
//! What is overdue goes on: a thread of its own drives it to its end, and until then the tier counts as overdue and is not
//! asked anything else.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::error::TierError;
use crate::block_on::block_on;
use crate::catch::catch;
use crate::clock::{Alarm, Clock};
use crate::flight::BoxFuture;
use crate::sync::thread;

/// An operation of a tier, until its deadline. A panic in it is an error.
pub(super) struct Timed<T: Send + 'static> {
    /// Taken when it has ended or is overdue.
    operation: Option<BoxFuture<Result<T, TierError>>>,
    limit: Duration,
    due: Duration,
    clock: Clock,
    alarm: Option<Alarm>,
    overdue: Arc<Overdue>,
}

/// The operations of one tier that have passed their deadline and go on.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    count: AtomicUsize,
    handed_over: Mutex<HandedOver>,
}

#[derive(Default)]
struct HandedOver {
    /// Those that the thread has yet to take.
    operations: Vec<BoxFuture>,
    /// Whether there is a thread, and how to wake it once it waits.
    has_driver: bool,
    driver: Option<Waker>,
}

impl std::fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HandedOver")
            .field("operations", &self.operations.len())
            .finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Timed<T> {
    pub(super) fn new(
        operation: BoxFuture<Result<T, TierError>>,
        limit: Duration,
        clock: &Clock,
        overdue: &Arc<Overdue>,
    ) -> Self {
        Self {
            operation: Some(operation),
            limit,
            due: clock.elapsed().saturating_add(limit),
            clock: clock.clone(),
            alarm: None,
            overdue: Arc::clone(overdue),
        }
    }

    fn is_due(&self) -> bool {
        self.clock.elapsed() >= self.due
    }
}

impl<T: Send + 'static> Future for Timed<T> {
    type Output = Result<T, TierError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(operation) = &mut this.operation else {
            return Poll::Pending;
        };
        match catch(|| operation.as_mut().poll(context)) {
            Ok(Poll::Pending) => {}
            ended => {
                let operation = this.operation.take();
                this.alarm = None;
                // Its drop is foreign code as well.
                let dropped = catch(|| drop(operation));
                return Poll::Ready(match (ended, dropped) {
                    (Ok(Poll::Ready(result)), Ok(())) => result,
                    (Err(message), _) | (_, Err(message)) => Err(TierError::Panicked { message }),
                    (Ok(Poll::Pending), _) => return Poll::Pending,
                });
            }
        }
        if !this.is_due() {
            this.alarm = Some(this.clock.alarm(this.due, context.waker().clone()));
            // The moment may have come between the two lines above.
            if !this.is_due() {
                return Poll::Pending;
            }
        }
        this.alarm = None;
        if let Some(operation) = this.operation.take() {
            Overdue::hand_over(&this.overdue, operation);
        }
        Poll::Ready(Err(TierError::Overdue { limit: this.limit }))
    }
}

impl<T: Send + 'static> Drop for Timed<T> {
    fn drop(&mut self) {
        let operation = self.operation.take();
        // Foreign code that panics in the drop of a caller's future would end the process if that panics already.
        let _ = catch(|| drop(operation));
    }
}

/// Counts one operation as overdue until it is dropped.
struct Counted(Arc<Overdue>);

impl Drop for Counted {
    fn drop(&mut self) {
        // Relaxed: a count orders nothing.
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Overdue {
    /// Whether the tier has not answered in time and is still to.
    pub(super) fn any(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    fn hand_over<T: Send + 'static>(
        overdue: &Arc<Self>,
        operation: BoxFuture<Result<T, TierError>>,
    ) {
        overdue.count.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(overdue));
        let to_its_end: BoxFuture = Box::pin(async move {
            let _counted = counted;
            let _ = operation.await;
        });
        let (waker, needs_driver) = {
            let mut handed_over = overdue.lock();
            handed_over.operations.push(to_its_end);
            let needs_driver = !std::mem::replace(&mut handed_over.has_driver, true);
            (handed_over.driver.take(), needs_driver)
        };
        if let Some(waker) = waker {
            waker.wake();
        }
        if needs_driver {
            let driver = Arc::clone(overdue);
            let spawned = thread::Builder::new()
                .name("refrain-overdue".to_owned())
                .spawn(move || block_on(driver.drive()));
            if spawned.is_err() {
                // Out of threads: they are given up, and the next operation meets its own deadline.
                let given_up = {
                    let mut handed_over = overdue.lock();
                    handed_over.has_driver = false;
                    std::mem::take(&mut handed_over.operations)
                };
                let _ = catch(|| drop(given_up));
            }
        }
    }

    /// Drives what is handed over, until nothing is left.
    async fn drive(self: Arc<Self>) {
        let mut driven: Vec<BoxFuture> = Vec::new();
        std::future::poll_fn(move |context| {
            loop {
                driven.append(&mut self.lock().operations);
                driven.retain_mut(|operation| {
                    // One that panics has ended.
                    matches!(
                        catch(|| operation.as_mut().poll(context)),
                        Ok(Poll::Pending)
                    )
                });
                let mut handed_over = self.lock();
                if !handed_over.operations.is_empty() {
                    continue;
                }
                if driven.is_empty() {
                    handed_over.has_driver = false;
                    handed_over.driver = None;
                    return Poll::Ready(());
                }
                handed_over.driver = Some(context.waker().clone());
                return Poll::Pending;
            }
        })
        .await;
    }

    fn lock(&self) -> MutexGuard<'_, HandedOver> {
        self.handed_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
