//! How much of the processor other processes took, from what the kernel says. Elsewhere than on Linux: never anything.

use std::time::Duration;

use crate::stopwatch;

/// What the kernel counted for the calling thread.
#[derive(Debug, Clone, Copy)]
pub(super) struct ThreadTime {
    pub(super) ran: Duration,
    /// Ready to run while something else did.
    pub(super) waited: Duration,
}

impl ThreadTime {
    pub(super) fn now() -> Self {
        let waited = std::fs::read_to_string("/proc/thread-self/schedstat")
            .ok()
            .and_then(|line| Self::read_waited(&line));
        Self {
            ran: stopwatch::thread_time(),
            waited: waited.unwrap_or_default(),
        }
    }

    /// Nanoseconds run, nanoseconds waited, number of turns.
    fn read_waited(line: &str) -> Option<Duration> {
        let waited = line.split_whitespace().nth(1)?;
        waited.parse().ok().map(Duration::from_nanos)
    }

    pub(super) fn since(self, before: Self) -> Self {
        Self {
            ran: self.ran.saturating_sub(before.ran),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

/// What the kernel counted for the whole machine, in ticks of 10 ms.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineTime {
    idle_ticks: u64,
}

impl MachineTime {
    pub(super) fn now() -> Option<Self> {
        Self::read(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn read(stat: &str) -> Option<Self> {
        let mut ticks = stat.lines().next()?.split_whitespace().skip(4);
        let idle: u64 = ticks.next()?.parse().ok()?;
        let waiting_for_disk: u64 = ticks.next()?.parse().ok()?;
        Some(Self {
            idle_ticks: idle + waiting_for_disk,
        })
    }

    pub(super) fn idle_since(self, before: Self) -> Duration {
        Duration::from_millis(10 * self.idle_ticks.saturating_sub(before.idle_ticks))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_lines_are_read() {
        let waited = ThreadTime::read_waited("814310 13841 2\n");
        assert_eq!(waited, Some(Duration::from_nanos(13_841)));

        let stat = "cpu  212845 0 20767 365375 1198 0 159 243 0 0\ncpu0 1 2 3\n";
        let idle = MachineTime::read(stat).unwrap().idle_ticks;
        assert_eq!(idle, 365_375 + 1198);
    }

    #[test]
    fn a_line_that_makes_no_sense_is_no_disturbance() {
        assert!(ThreadTime::read_waited("").is_none());
        assert!(MachineTime::read("cpu  1 2").is_none());
    }
}
