//! The meter of one connection: whether it is idle, and how its client keeps up with bodies and answers.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Pace, PaceLimits};

/// A shared view of one connection. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Meter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: PaceLimits,
    state: Mutex<State>,
    ended: CancellationToken,
}

#[derive(Debug)]
struct State {
    /// Since when no request is being answered: the client is to send a head.
    idle_since: Option<Instant>,
    body: Lane,
    answer: Lane,
}

/// One direction.
#[derive(Debug)]
struct Lane {
    pace: Pace,
    /// Of the task that waits for the client.
    waker: Option<Waker>,
}

/// Which way bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Body,
    Answer,
}

impl Meter {
    pub(crate) fn new(limits: PaceLimits) -> Self {
        Self(Arc::new(Shared {
            limits,
            state: Mutex::new(State {
                idle_since: Some(Instant::now()),
                body: Lane::new(limits),
                answer: Lane::new(limits),
            }),
            ended: CancellationToken::new(),
        }))
    }

    /// A head has come: the client begins anew with a body and an answer.
    pub(crate) fn begin(&self) {
        let mut state = self.lock();
        state.idle_since = None;
        state.body = Lane::new(self.0.limits);
        // What is left of the answer before is still to be read, by a client that sends ahead.
        if state.answer.pace.waiting_since.is_none() {
            state.answer = Lane::new(self.0.limits);
        }
    }

    /// The answer has left for the connection.
    pub(crate) fn answered(&self) {
        self.lock().idle_since = Some(Instant::now());
    }

    /// Since when the connection has waited for a head, with nothing of an answer left to send.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.lock();
        state
            .idle_since
            .filter(|_| state.answer.pace.waiting_since.is_none())
    }

    /// Others need what this connection holds: from now on its client is judged by the stricter pace.
    pub(crate) fn hurry(&self) {
        let mut state = self.lock();
        let State { body, answer, .. } = &mut *state;
        let mut wakers = [None, None];
        for (lane, waker) in [body, answer].into_iter().zip(&mut wakers) {
            if !lane.pace.is_hurried {
                lane.pace.is_hurried = true;
                *waker = lane.waker.take();
            }
        }
        drop(state);
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Whether the client is judged by the stricter pace.
    #[cfg(test)]
    pub(crate) fn is_hurried(&self) -> bool {
        let state = self.lock();
        state.body.pace.is_hurried && state.answer.pace.is_hurried
    }

    /// Ends the connection, whatever it does.
    pub(crate) fn end(&self) {
        self.0.ended.cancel();
    }

    /// Returns once the connection is to end.
    pub(crate) async fn ended(&self) {
        self.0.ended.cancelled().await;
    }

    /// The client is to move; gives the moment at which it is late. `waker` is woken when that moment comes nearer.
    pub(super) fn wait(&self, direction: Direction, waker: &Waker) -> Instant {
        let mut state = self.lock();
        let lane = state.lane(direction);
        match &mut lane.waker {
            Some(kept) => kept.clone_from(waker),
            kept => *kept = Some(waker.clone()),
        }
        lane.pace.wait(Instant::now())
    }

    /// The client has moved `bytes`.
    pub(super) fn moved(&self, direction: Direction, bytes: usize) {
        let mut state = self.lock();
        let pace = &mut state.lane(direction).pace;
        pace.moved(Instant::now(), bytes as u64);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&mut self, direction: Direction) -> &mut Lane {
        match direction {
            Direction::Body => &mut self.body,
            Direction::Answer => &mut self.answer,
        }
    }
}

impl Lane {
    fn new(limits: PaceLimits) -> Self {
        Self {
            pace: Pace::new(limits),
            waker: None,
        }
    }
}
