//! The coarse monotonic clock: the time of the last tick of the system's timer, some milliseconds ago, for a fifth of the
//! price.

use std::time::Duration;

#[cfg(target_os = "linux")]
pub(super) use linux::Coarse;

#[cfg(target_os = "linux")]
mod linux {
    use rustix::time::{ClockId, Timespec, clock_gettime};

    use super::Duration;

    #[derive(Clone)]
    pub(in super::super) struct Coarse {
        start: Timespec,
    }

    impl Coarse {
        pub(in super::super) fn starting_now() -> Self {
            Self {
                start: clock_gettime(ClockId::Monotonic),
            }
        }

        pub(in super::super) fn elapsed(&self) -> Option<Duration> {
            let now = clock_gettime(ClockId::MonotonicCoarse);
            let elapsed = now.checked_sub(self.start)?;
            // Before the first tick it lies behind the start.
            Some(Duration::try_from(elapsed).unwrap_or_default())
        }
    }
}

/// Where there is no such clock, the exact one is asked.
#[cfg(not(target_os = "linux"))]
#[derive(Clone)]
pub(super) struct Coarse;

#[cfg(not(target_os = "linux"))]
impl Coarse {
    pub(super) fn starting_now() -> Self {
        Self
    }

    pub(super) fn elapsed(&self) -> Option<Duration> {
        None
    }
}
