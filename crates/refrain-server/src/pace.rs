//! A token bucket of time: how long a client may keep this server waiting, earned back by each byte that moves.
//!
//! Only time in which the server could go on and the client does not counts: while a generator works or memory is short,
//! no client is late. There is one bucket for the slowest pace at all and a stricter one for when others need what
//! the client holds.

mod body;
mod meter;
mod stream;
mod watch;

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{BYTES_PER_MB, ServerConfig};

pub(crate) use body::PacedBody;
pub(crate) use meter::Meter;
pub(crate) use stream::PacedStream;

/// Bytes a second that a client must move while others need what it holds.
const HURRIED_RATE: u64 = BYTES_PER_MB / 4;
/// How long it may pause then.
const HURRIED_PAUSE: Duration = Duration::from_secs(5);

/// How slow a client may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaceLimits {
    /// How long it may pause.
    pause: Duration,
    /// Bytes a second that make up for a second of waiting; 0 when any byte makes up for everything.
    bytes_per_second: u64,
    /// How long it may keep the server waiting in all, for one body or one answer.
    total: Duration,
}

impl PaceLimits {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        Self {
            pause: config.body_timeout,
            bytes_per_second: config.min_kb_per_second.saturating_mul(1024),
            total: config.transfer_timeout,
        }
    }
}

/// How a client keeps up with one body or one answer.
#[derive(Debug)]
struct Pace {
    limits: PaceLimits,
    /// Waiting that is left before the client is too slow at all.
    patience: Duration,
    /// Waiting that is left before it is too slow for others.
    hurried_patience: Duration,
    total_left: Duration,
    waiting_since: Option<Instant>,
    is_hurried: bool,
}

impl Pace {
    fn new(limits: PaceLimits) -> Self {
        Self {
            limits,
            patience: limits.pause,
            hurried_patience: HURRIED_PAUSE.min(limits.pause),
            total_left: limits.total,
            waiting_since: None,
            is_hurried: false,
        }
    }

    /// The client is to move from now on; gives the moment at which it is late.
    fn wait(&mut self, now: Instant) -> Instant {
        let since = *self.waiting_since.get_or_insert(now);
        let mut left = self.patience.min(self.total_left);
        if self.is_hurried {
            left = left.min(self.hurried_patience);
        }
        since + left
    }

    /// The client has moved `bytes`.
    fn moved(&mut self, now: Instant, bytes: u64) {
        let waited = self
            .waiting_since
            .take()
            .map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
        self.total_left = self.total_left.saturating_sub(waited);
        let (pause, rate) = (self.limits.pause, self.limits.bytes_per_second);
        self.patience = refilled(self.patience, waited, bytes, rate, pause);
        self.hurried_patience = refilled(
            self.hurried_patience,
            waited,
            bytes,
            HURRIED_RATE,
            HURRIED_PAUSE.min(pause),
        );
    }
}

/// What is left of a bucket after `waited`, and after `bytes` have made up for some of it.
fn refilled(left: Duration, waited: Duration, bytes: u64, rate: u64, most: Duration) -> Duration {
    if rate == 0 {
        return most;
    }
    let earned = Duration::from_micros(bytes.saturating_mul(1_000_000) / rate);
    left.saturating_sub(waited).saturating_add(earned).min(most)
}

/// The error of a body or a connection whose client was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client was slower than is allowed")]
pub(crate) struct TooSlow;

impl TooSlow {
    /// Whether `error` or what caused it is this.
    pub(crate) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        std::iter::successors(Some(error), |error| error.source())
            .any(<dyn std::error::Error>::is::<Self>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace(bytes_per_second: u64) -> (Pace, Instant) {
        let limits = PaceLimits {
            pause: 30 * SECOND,
            bytes_per_second,
            total: 600 * SECOND,
        };
        (Pace::new(limits), Instant::now())
    }

    /// When a client that moves `bytes` every `interval` is late, in seconds.
    fn late_after(mut pace: Pace, mut now: Instant, bytes: u64, interval: Duration) -> u64 {
        let began = now;
        loop {
            let late = pace.wait(now);
            now += interval;
            if late <= now {
                return (late - began).as_secs();
            }
            pace.moved(now, bytes);
        }
    }

    #[test]
    fn a_client_that_stands_still_is_late_after_the_pause() {
        let (pace, now) = pace(8192);
        assert_eq!(late_after(pace, now, 0, SECOND), 30);
    }

    #[test]
    fn a_byte_now_and_then_buys_no_time() {
        let (pace, now) = pace(8192);
        assert_eq!(late_after(pace, now, 1, 20 * SECOND), 30);
    }

    #[test]
    fn a_fast_beginning_buys_no_more_than_one_pause() {
        let (mut pace, now) = pace(8192);
        pace.wait(now);
        pace.moved(now + SECOND, 70 << 20);
        assert_eq!(late_after(pace, now + SECOND, 1, 10 * SECOND), 30);
    }

    #[test]
    fn a_client_at_the_least_pace_has_the_total_time() {
        let (pace, now) = pace(8192);
        assert_eq!(late_after(pace, now, 8192, SECOND), 600);
    }

    #[test]
    fn time_in_which_nobody_waits_for_the_client_is_free() {
        let (mut pace, mut now) = pace(8192);
        for _ in 0..1000 {
            let late = pace.wait(now);
            assert!(now < late);
            pace.moved(now, 1);
            now += 60 * SECOND;
        }
    }

    #[test]
    fn without_a_least_pace_any_byte_is_enough() {
        let (pace, now) = pace(0);
        assert_eq!(late_after(pace, now, 1, 29 * SECOND), 600);
    }

    #[test]
    fn a_hurried_client_is_judged_by_the_stricter_pace() {
        let (mut slow, now) = pace(8192);
        slow.is_hurried = true;
        assert!(late_after(slow, now, 60 << 10, SECOND) < 8);
        let (mut fast, now) = pace(8192);
        fast.is_hurried = true;
        assert_eq!(late_after(fast, now, 1 << 20, SECOND), 600);
    }
}
