//! The time of day, counted on the monotonic clock so that it never jumps.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use refrain::Clock;

/// The clock of the cache, and the time of day it shows.
#[derive(Debug, Clone)]
pub(crate) struct WallClock {
    clock: Clock,
    zero: Timestamp,
}

impl WallClock {
    pub(crate) fn new(clock: Clock) -> Self {
        let zero = shifted(Timestamp::now(), clock.elapsed(), false);
        Self { clock, zero }
    }

    /// Time since the clock was made.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// The time of day.
    pub(crate) fn now(&self) -> Timestamp {
        shifted(self.zero, self.clock.elapsed(), true)
    }

    /// The time of day `ago` before now.
    pub(crate) fn before(&self, ago: Duration) -> Timestamp {
        shifted(self.now(), ago, false)
    }

    /// The time of day `ahead` after now.
    pub(crate) fn after(&self, ahead: Duration) -> Timestamp {
        shifted(self.now(), ahead, true)
    }
}

/// Saturates at the ends of what a timestamp can say.
fn shifted(from: Timestamp, by: Duration, forward: bool) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    let by = if forward { by } else { -by };
    from.saturating_add(by).unwrap_or(from)
}

/// A timestamp as documents show it: RFC 3339 in UTC, to the millisecond.
pub(crate) fn rfc3339(timestamp: Timestamp) -> String {
    format!("{timestamp:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_follows_the_clock_and_saturates() {
        let (clock, hands) = Clock::fake();
        let wall = WallClock::new(clock);
        let start = wall.now();
        hands.advance(Duration::from_secs(90));
        assert_eq!(wall.now().duration_since(start).as_secs(), 90);
        assert_eq!(wall.before(Duration::from_secs(90)), start);
        assert_eq!(wall.after(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn timestamps_are_written_in_rfc_3339() {
        assert_eq!(rfc3339(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
