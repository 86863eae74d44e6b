//! A circuit breaker: a disk that fails is left alone for a while, so that it costs little time.
//!
//! A circuit breaker (Nygard, "Release It!", 2007): after some failures in a row nothing is tried until a pause is over;
//! then the next caller tries, and its success ends the state.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use refrain::Clock;

use crate::DiskError;

/// One failure may be the file's own.
const FAILURES: u32 = 3;
/// Back within five seconds after the disk is.
const PAUSE: Duration = Duration::from_secs(4);

#[derive(Debug)]
pub(crate) struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Nothing is tried before.
    until: Duration,
}

impl Breaker {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// An error while the disk is to be left alone.
    pub(crate) fn check(&self) -> Result<(), DiskError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { failures, until } = *state;
        if failures < FAILURES {
            return Ok(());
        }
        let now = self.clock.elapsed();
        if now < until {
            return Err(DiskError::Suspended {
                failures,
                again_in: until.saturating_sub(now),
            });
        }
        // This one tries; the others wait until it is known how that ends.
        state.until = now.saturating_add(PAUSE);
        Ok(())
    }

    pub(crate) fn succeeded(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = 0;
    }

    pub(crate) fn failed(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        state.until = self.clock.elapsed().saturating_add(PAUSE);
    }

    pub(crate) fn is_open(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures >= FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_give_the_disk_a_pause_and_one_success_ends_it() {
        let (clock, hands) = Clock::fake();
        let breaker = Breaker::new(clock);
        breaker.failed();
        breaker.failed();
        breaker.succeeded();
        breaker.failed();
        breaker.failed();
        assert!(breaker.check().is_ok() && !breaker.is_open());
        breaker.failed();
        let refused = breaker.check().unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the disk failed 3 times in a row and is left alone for another 4 s"
        );
        hands.advance(PAUSE);
        assert!(breaker.check().is_ok(), "one tries");
        assert!(breaker.check().is_err(), "the others wait for how it ends");
        breaker.succeeded();
        assert!(breaker.check().is_ok() && !breaker.is_open());
    }
}
