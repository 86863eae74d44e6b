//! The one place that asks for the time: what is measured here is time itself.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement needs the clock of the machine"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Processor time that the calling thread has used: stands still while other processes run.
pub(crate) fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("processor time is not negative")
}
