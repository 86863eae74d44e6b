//! A circuit breaker (Nygard, "Release It!", 2007): what fails again and again is left alone for a while.
//!
//! After some failures in a row nothing is tried until a pause is over; then the next caller tries, and its success ends
//! the state.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// One failure may be the entry's own.
const FAILURES: u32 = 3;
/// Back within five seconds after the tier is.
const PAUSE: Duration = Duration::from_secs(4);

/// Counts failures in a row, and says when to leave a tier alone.
///
/// ```
/// use refrain::Clock;
/// use refrain::tier::Breaker;
/// use std::time::Duration;
///
/// let (clock, hands) = Clock::fake();
/// let breaker = Breaker::new(clock);
/// (0..3).for_each(|_| breaker.failed());
/// let refused = breaker.check().unwrap_err();
/// assert_eq!(refused.to_string(), "it failed 3 times in a row and is left alone for another 4 s");
/// hands.advance(Duration::from_secs(4));
/// assert!(breaker.check().is_ok(), "one tries");
/// assert!(breaker.check().is_err(), "the others wait for how that ends");
/// breaker.succeeded();
/// assert!(breaker.check().is_ok() && !breaker.is_open());
/// ```
#[derive(Debug)]
pub struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

/// For how long something is left alone, and why.
///
/// ```
/// use refrain::tier::Suspension;
/// use std::time::Duration;
///
/// let pause = Suspension { failures: 3, again_in: Duration::from_secs(4) };
/// assert_eq!(pause.to_string(), "it failed 3 times in a row and is left alone for another 4 s");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it failed {failures} times in a row and is left alone for another {} s", again_in.as_secs())]
pub struct Suspension {
    /// How often it failed.
    pub failures: u32,
    /// For how long it is left alone yet.
    pub again_in: Duration,
}

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Nothing is tried before.
    until: Duration,
}

impl Breaker {
    /// A breaker that lets everything through.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Whether to try now.
    ///
    /// # Errors
    ///
    /// [`Suspension`], while the tier is to be left alone.
    pub fn check(&self) -> Result<(), Suspension> {
        let mut state = self.lock();
        let State { failures, until } = *state;
        if failures < FAILURES {
            return Ok(());
        }
        let now = self.clock.elapsed();
        if now < until {
            let again_in = until.saturating_sub(now);
            return Err(Suspension { failures, again_in });
        }
        // This caller tries; the others wait until it is known how that ends.
        state.until = now.saturating_add(PAUSE);
        Ok(())
    }

    /// What was tried succeeded.
    pub fn succeeded(&self) {
        self.lock().failures = 0;
    }

    /// What was tried failed.
    pub fn failed(&self) {
        let mut state = self.lock();
        state.failures = state.failures.saturating_add(1);
        state.until = self.clock.elapsed().saturating_add(PAUSE);
    }

    /// Whether the tier is left alone for the moment.
    pub fn is_open(&self) -> bool {
        self.lock().failures >= FAILURES
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
