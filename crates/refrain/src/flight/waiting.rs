//! A caller's place in a flight, as a future: it waits, drives the computation onward, and leaves when it is dropped.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use super::graph::{self, Edge};
use super::work::{drive, keep_going};
use super::{Flight, Landing, NEXT_WAITER, OnAbandoned};
use crate::clock::{Alarm, Clock};

/// What to do about a flight that was cancelled because its last caller left.
pub(crate) type Abandoned<V> = Box<dyn Fn(&Arc<Flight<V>>) + Send + Sync>;

/// One caller waiting for one flight, as a future of its landing.
pub(crate) struct Waiting<V: Send + Sync + 'static> {
    flight: Arc<Flight<V>>,
    waiter: u64,
    edge: Option<Edge>,
    deadline: Option<Duration>,
    clock: Clock,
    alarm: Option<Alarm>,
    ended: bool,
    abandoned: Abandoned<V>,
}

/// Why a caller may not wait.
#[derive(Debug)]
pub(crate) enum Refusal {
    Recursive(Arc<str>),
    TooManyWaiters(u32),
}

impl<V: Clone + Send + Sync + 'static> Waiting<V> {
    /// Joins `flight`. `abandoned` is called when the last caller has left a flight that was then cancelled.
    pub(crate) fn join(
        flight: &Arc<Flight<V>>,
        limit: u32,
        deadline: Option<Duration>,
        clock: &Clock,
        abandoned: Abandoned<V>,
    ) -> Result<Self, Refusal> {
        let edge = match graph::current() {
            None => None,
            Some(from) => Some(graph::wait_for(&from, &flight.id).map_err(Refusal::Recursive)?),
        };
        flight.add_waiter(limit).map_err(Refusal::TooManyWaiters)?;
        Ok(Self::of(flight, edge, deadline, clock, abandoned))
    }

    /// The place of the leader, which is counted already and waits for no other flight.
    pub(crate) fn lead(
        flight: &Arc<Flight<V>>,
        deadline: Option<Duration>,
        clock: &Clock,
        abandoned: Abandoned<V>,
    ) -> Self {
        let edge = graph::current().and_then(|from| graph::wait_for(&from, &flight.id).ok());
        Self::of(flight, edge, deadline, clock, abandoned)
    }

    fn of(
        flight: &Arc<Flight<V>>,
        edge: Option<Edge>,
        deadline: Option<Duration>,
        clock: &Clock,
        abandoned: Abandoned<V>,
    ) -> Self {
        Self {
            flight: Arc::clone(flight),
            waiter: NEXT_WAITER.fetch_add(1, Ordering::Relaxed),
            edge,
            deadline,
            clock: clock.clone(),
            alarm: None,
            ended: false,
            abandoned,
        }
    }
}

impl<V: Send + Sync + 'static> Future for Waiting<V> {
    /// `None` when the deadline passed first.
    type Output = Option<Arc<Landing<V>>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        // The waker is noted down before the computation is driven: a wake-up during the poll finds it.
        let mut landing = this.flight.landing_or_wake(this.waiter, context.waker());
        if landing.is_none() {
            drive(&this.flight);
            landing = this.flight.landing();
        }
        if let Some(landing) = landing {
            this.ended = true;
            this.edge = None;
            this.alarm = None;
            return Poll::Ready(Some(landing));
        }
        if let Some(deadline) = this.deadline {
            if this.clock.elapsed() >= deadline {
                return Poll::Ready(None);
            }
            this.alarm = Some(this.clock.alarm(deadline, context.waker().clone()));
            // The moment may have come between the two lines above.
            if this.clock.elapsed() >= deadline {
                return Poll::Ready(None);
            }
        }
        Poll::Pending
    }
}

impl<V: Send + Sync + 'static> Drop for Waiting<V> {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        self.flight.forget_waker(self.waiter);
        if !self.flight.remove_waiter() {
            return;
        }
        match self.flight.on_abandoned {
            OnAbandoned::Cancel => {
                if self.flight.cancel_if_abandoned() {
                    (self.abandoned)(&self.flight);
                    self.flight.work.drop_future();
                }
            }
            OnAbandoned::Finish => keep_going(&self.flight),
        }
    }
}
