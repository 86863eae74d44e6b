//! Polling of what other processes do. They share no condition to wait on and no clock that a test could move.

#![expect(
    clippy::disallowed_methods,
    reason = "other processes have the time of the machine, and wake nobody here"
)]

use std::time::{Duration, Instant, SystemTime};

/// Lets some time pass before others are looked at again.
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Pauses that grow, until it has taken too long.
pub(super) struct Pauses {
    began: Instant,
    next: Duration,
    longest: Duration,
    patience: Duration,
}

impl Pauses {
    pub(super) fn new(shortest: Duration, longest: Duration, patience: Duration) -> Self {
        Self {
            began: Instant::now(),
            next: shortest,
            longest,
            patience,
        }
    }

    /// False, without a pause, if it has taken too long.
    pub(super) fn pause(&mut self) -> bool {
        if self.began.elapsed() >= self.patience {
            return false;
        }
        pause(self.next);
        self.next = (self.next * 2).min(self.longest);
        true
    }
}

/// Seconds since 1970, the same for all processes of a machine.
pub(super) fn seconds_of_machine() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
