//! The clock of a cache of the library: the machine's, or one that is moved by hand before each operation. Files take the
//! time of a user's clock for seconds since 1970.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use pyo3::prelude::*;
use refrain::FakeClock;

use crate::clock::Clock;

pub(crate) enum Time {
    /// The library asks the machine, and a thread of its own removes what has expired.
    Machine,
    /// Moved on by each call that uses the cache. For clocks of the user's, and for child processes: the thread that the
    /// parent had for alarms does not exist there, and its locks may be held for ever.
    Stepped {
        hands: FakeClock,
        clock: Clock,
        moved_to: Mutex<f64>,
    },
}

impl Time {
    pub(crate) fn stepped(py: Python<'_>, clock: Clock) -> PyResult<(Self, refrain::Clock)> {
        let now = clock.now(py)?;
        let since_1970 = Duration::try_from_secs_f64(now).unwrap_or_default();
        let (time, hands) = refrain::Clock::fake_at(SystemTime::UNIX_EPOCH + since_1970);
        let moved_to = Mutex::new(now);
        let stepped = Self::Stepped {
            hands,
            clock,
            moved_to,
        };
        Ok((stepped, time))
    }

    /// Moves the cache's time on to now. A clock that goes backwards stands still.
    pub(crate) fn step(&self, py: Python<'_>) -> PyResult<()> {
        let Self::Stepped {
            hands,
            clock,
            moved_to,
        } = self
        else {
            return Ok(());
        };
        let now = clock.now(py)?;
        let by = {
            let mut moved_to = moved_to.lock().unwrap_or_else(PoisonError::into_inner);
            let by = now - *moved_to;
            *moved_to = moved_to.max(now);
            by
        };
        if by > 0.0 {
            hands.advance(Duration::try_from_secs_f64(by).unwrap_or(Duration::MAX));
        }
        Ok(())
    }

    /// Whether only calls move it on.
    pub(crate) fn is_stepped(&self) -> bool {
        matches!(self, Self::Stepped { .. })
    }

    pub(crate) fn function(&self) -> Option<&Py<PyAny>> {
        match self {
            Self::Machine => None,
            Self::Stepped { clock, .. } => clock.function(),
        }
    }
}
