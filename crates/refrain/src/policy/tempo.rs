//! How many requests come in a time: what tells how many an entry that expires can still be used by.
#![expect(clippy::cast_precision_loss, reason = "a rate is rough")]

use std::time::Duration;

use super::Moment;

/// A rate is taken over at least this time, and at least [`REQUESTS_MIN`] requests.
const WINDOW: Duration = Duration::from_millis(100);
const REQUESTS_MIN: u64 = 64;

/// Requests a second, as of late.
#[derive(Debug, Clone, Default)]
pub(super) struct Tempo {
    since: Moment,
    requests_per_second: Option<f32>,
}

impl Tempo {
    /// Measures the rate anew if the time has come for it.
    #[inline]
    pub(super) fn keep(&mut self, now: Moment) {
        let time = now.time.saturating_sub(self.since.time);
        let requests = now.tick.saturating_sub(self.since.tick);
        if time < WINDOW || requests < REQUESTS_MIN {
            return;
        }
        let newest = requests as f32 / time.as_secs_f32();
        let rate = (self.requests_per_second).map_or(newest, |rate| f32::midpoint(rate, newest));
        self.requests_per_second = Some(rate);
        self.since = now;
    }

    /// How many requests to expect in `time`; `None` until there is anything to go by.
    pub(super) fn requests_in(&self, time: Duration) -> Option<f32> {
        Some(self.requests_per_second? * time.as_secs_f32())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_measured_rate_nothing_is_expected() {
        let mut tempo = Tempo::default();
        for tick in 0..1000 {
            tempo.keep(Moment {
                tick,
                time: Duration::ZERO,
            });
        }
        assert_eq!(tempo.requests_in(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_time_is_so_many_requests() {
        let mut tempo = Tempo::default();
        for tenth in 1..=40 {
            tempo.keep(Moment {
                tick: tenth * 500,
                time: Duration::from_millis(100 * tenth),
            });
        }
        let requests = tempo.requests_in(Duration::from_secs(2));
        let requests = requests.expect("a rate is known");
        assert!((requests - 10_000.0).abs() < 100.0, "{requests}");
    }
}
