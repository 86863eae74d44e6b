//! A circuit breaker (Nygard, *Release It!*, 2007): an upstream that cannot be reached is left alone for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use refrain::Clock;

/// Counts requests that found no server, and says when not to try.
#[derive(Debug)]
pub(super) struct Breaker {
    clock: Clock,
    /// Failures in a row after which it opens.
    failures: u32,
    /// How long it stays open before one request may try.
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Set once it has opened: no request before this but one that tries.
    open_until: Option<Duration>,
    is_tried: bool,
}

/// Whether an upstream is asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BreakerState {
    /// It is.
    Closed,
    /// Requests are refused without asking.
    Open,
}

/// One request that was let through. Dropped without a verdict, it says nothing of the upstream.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    breaker: &'a Breaker,
    is_trial: bool,
}

impl Breaker {
    pub(super) fn new(clock: Clock, failures: u32, pause: Duration) -> Self {
        Self {
            clock,
            failures: failures.max(1),
            pause,
            state: Mutex::default(),
        }
    }

    /// Lets a request through, or says how long none is.
    pub(super) fn admit(&self) -> Result<Attempt<'_>, Duration> {
        let mut state = self.lock();
        let Some(until) = state.open_until else {
            return Ok(self.attempt(false));
        };
        let left = until.saturating_sub(self.clock.elapsed());
        if !left.is_zero() {
            return Err(left);
        }
        if state.is_tried {
            return Err(self.pause);
        }
        state.is_tried = true;
        Ok(self.attempt(true))
    }

    pub(super) fn state(&self) -> BreakerState {
        match self.lock().open_until {
            Some(_) => BreakerState::Open,
            None => BreakerState::Closed,
        }
    }

    fn attempt(&self, is_trial: bool) -> Attempt<'_> {
        Attempt {
            breaker: self,
            is_trial,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The server is there.
    pub(super) fn reached(self) {
        let mut state = self.breaker.lock();
        state.failures = 0;
        state.open_until = None;
    }

    /// It is not. Says whether that has opened the breaker.
    pub(super) fn failed(self) -> bool {
        let now = self.breaker.clock.elapsed();
        let mut state = self.breaker.lock();
        state.failures = state.failures.saturating_add(1);
        let opens = state.failures >= self.breaker.failures;
        let was_open = state.open_until.is_some();
        if opens {
            state.open_until = Some(now.saturating_add(self.breaker.pause));
        }
        opens && !was_open
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.is_trial {
            self.breaker.lock().is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILURES: u32 = 5;
    const PAUSE: Duration = Duration::from_secs(2);

    fn opened() -> (Breaker, refrain::FakeClock) {
        let (clock, hands) = Clock::fake();
        let breaker = Breaker::new(clock, FAILURES, PAUSE);
        for _ in 0..FAILURES {
            breaker.admit().unwrap().failed();
        }
        (breaker, hands)
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let (clock, _) = Clock::fake();
        let breaker = Breaker::new(clock, FAILURES, PAUSE);
        for _ in 0..FAILURES - 1 {
            breaker.admit().unwrap().failed();
        }
        breaker.admit().unwrap().reached();
        assert!(!breaker.admit().unwrap().failed());
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn an_open_one_lets_one_request_try_after_the_pause() {
        let (breaker, hands) = opened();
        assert_eq!(breaker.admit().unwrap_err(), PAUSE);
        hands.advance(PAUSE);
        let trial = breaker.admit().unwrap();
        assert!(breaker.admit().is_err(), "one at a time");
        trial.failed();
        assert!(breaker.admit().is_err(), "the pause begins again");
        hands.advance(PAUSE);
        breaker.admit().unwrap().reached();
        assert!(breaker.admit().is_ok() && breaker.admit().is_ok());
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_its_place_to_another() {
        let (breaker, hands) = opened();
        hands.advance(PAUSE);
        drop(breaker.admit().unwrap());
        assert!(breaker.admit().is_ok());
    }
}
