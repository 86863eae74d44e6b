//! How fast requests come, which says how much work each of them may cause.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "rates are rough"
)]

use std::time::Duration;

use super::{Moment, Sampling};

/// What is to be expected is told from rates over at least this time, and at least [`REQUESTS_MIN`] requests.
const WINDOW: Duration = Duration::from_millis(100);
/// How much work may be done now, from rates over at least this time: a burst is over before much was done in vain.
const BURST: Duration = Duration::from_millis(1);
const REQUESTS_MIN: u64 = 64;

/// Entries whose index is computed anew before one is evicted; more gains 0.1 points in `docs/eviction.md`.
const REVIEWS_MAX: f32 = 64.0;
const REVIEWS_MIN: f32 = 0.125;
/// As many of them a second take some 4 % of a processor.
const REVIEWS_PER_SECOND: f32 = 1e6;
/// So many at least are looked at in one go: they lie side by side.
const REVIEWS_TOGETHER: f32 = 8.0;
/// Never fewer than one key in this power of two.
const POWER_MAX: u32 = 8;
/// Uses that are learned from take as much.
const LEARNED_PER_SECOND: f32 = 5e4;
/// And so do keys that are remembered after they have left.
const REMEMBERED_PER_SECOND: f32 = 2e5;

/// Requests and admissions a second, as of late.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    lately: Measure,
    now: Measure,
    effort: Effort,
    /// Reviews that are due.
    due: f32,
}

/// What the rates come to: asked for with each request, and computed when they are measured.
#[derive(Debug, Clone, Copy)]
struct Effort {
    reviews: f32,
    sampling: Sampling,
    learning: Sampling,
    remembering: Sampling,
}

/// Rates over windows of at least some time.
#[derive(Debug, Clone)]
struct Measure {
    window: Duration,
    since: Moment,
    admissions: u32,
    rates: Option<Rates>,
}

#[derive(Debug, Clone, Copy)]
struct Rates {
    requests: f32,
    admissions: f32,
}

impl Default for Pace {
    fn default() -> Self {
        let (lately, now) = (Measure::over(WINDOW), Measure::over(BURST));
        Self {
            effort: Effort::at(lately.rates, now.rates),
            lately,
            now,
            due: 0.0,
        }
    }
}

impl Measure {
    fn over(window: Duration) -> Self {
        Self {
            window,
            since: Moment::default(),
            admissions: 0,
            rates: None,
        }
    }

    fn keep(&mut self, now: Moment) -> bool {
        let time = now.time.saturating_sub(self.since.time);
        let requests = now.tick.saturating_sub(self.since.tick);
        if time < self.window || requests < REQUESTS_MIN {
            return false;
        }
        let newest = Rates {
            requests: requests as f32 / time.as_secs_f32(),
            admissions: self.admissions as f32 / time.as_secs_f32(),
        };
        self.rates = Some(match self.rates {
            None => newest,
            Some(rates) => Rates {
                requests: f32::midpoint(rates.requests, newest.requests),
                admissions: f32::midpoint(rates.admissions, newest.admissions),
            },
        });
        self.since = now;
        self.admissions = 0;
        true
    }
}

impl Pace {
    /// Counts an admission that is decided.
    #[inline]
    pub(super) fn admission(&mut self) {
        for measure in [&mut self.lately, &mut self.now] {
            measure.admissions = measure.admissions.saturating_add(1);
        }
    }

    /// Measures the rates anew if the time has come for it.
    #[inline]
    pub(super) fn keep(&mut self, now: Moment) {
        if now.time.saturating_sub(self.now.since.time) >= BURST {
            self.measure(now);
        }
    }

    fn measure(&mut self, now: Moment) {
        let lately = self.lately.keep(now);
        if self.now.keep(now) || lately {
            self.effort = Effort::at(self.lately.rates, self.now.rates);
        }
    }

    /// How many requests to expect in `time`; `None` until there is anything to go by.
    pub(super) fn requests_in(&self, time: Duration) -> Option<f32> {
        let rates = self.lately.rates?;
        Some(rates.requests * time.as_secs_f32())
    }

    /// How many entries to look at again now that one has to leave.
    pub(super) fn reviews_due(&mut self) -> usize {
        self.due += self.effort.reviews;
        if self.due < REVIEWS_TOGETHER {
            return 0;
        }
        std::mem::take(&mut self.due) as usize
    }

    /// Which hits are reported.
    pub(super) fn sampling(&self) -> Sampling {
        self.effort.sampling
    }

    /// Which share of the keys to learn from: of those that are reported, fewer in a burst.
    pub(super) fn learning(&self) -> Sampling {
        self.effort.learning
    }

    /// Which share of the keys to remember after they have left.
    pub(super) fn remembering(&self) -> Sampling {
        self.effort.remembering
    }
}

impl Effort {
    fn at(lately: Option<Rates>, now: Option<Rates>) -> Self {
        let (sampling, burst) = (learned_from(lately), learned_from(now));
        let reviews = now.map_or(REVIEWS_MAX, |rates| {
            (REVIEWS_PER_SECOND / rates.admissions).clamp(REVIEWS_MIN, REVIEWS_MAX)
        });
        Self {
            reviews,
            sampling,
            learning: if burst.power() > sampling.power() {
                burst
            } else {
                sampling
            },
            remembering: share(now.map(|rates| rates.admissions / REMEMBERED_PER_SECOND)),
        }
    }
}

fn learned_from(rates: Option<Rates>) -> Sampling {
    share(rates.map(|rates| rates.requests / LEARNED_PER_SECOND))
}

fn share(excess: Option<f32>) -> Sampling {
    let excess = excess.unwrap_or(0.0).max(1.0);
    Sampling::one_in_power_of_two((excess.log2().ceil() as u32).min(POWER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(requests_per_second: u64) -> Pace {
        let mut pace = Pace::default();
        for tenth in 1..=40 {
            pace.admission();
            pace.keep(Moment {
                tick: tenth * requests_per_second / 10,
                time: Duration::from_millis(100 * tenth),
            });
        }
        pace
    }

    #[test]
    fn without_a_measured_rate_no_effort_is_spared() {
        let mut pace = Pace::default();
        for tick in 0..1000 {
            pace.admission();
            pace.keep(Moment {
                tick,
                time: Duration::ZERO,
            });
        }
        assert!((pace.effort.reviews - 64.0).abs() < 0.1);
        assert_eq!(pace.sampling(), Sampling::ALL);
        assert_eq!(pace.requests_in(Duration::from_secs(1)), None);
    }

    #[test]
    fn a_time_is_so_many_requests() {
        let requests = after(5000)
            .requests_in(Duration::from_secs(2))
            .expect("a rate is known");
        assert!((requests - 10_000.0).abs() < 100.0, "{requests}");
    }

    #[test]
    fn fast_requests_are_sampled() {
        assert_eq!(after(40_000).sampling(), Sampling::ALL);
        assert_eq!(after(300_000).sampling(), Sampling::one_in_power_of_two(3));
    }

    #[test]
    fn a_burst_after_a_rest_is_noticed_at_once_and_changes_no_expectation() {
        let mut pace = after(5000);
        let rest = Moment {
            tick: 20_000,
            time: Duration::from_secs(4),
        };
        let expected = pace.requests_in(Duration::from_secs(1));
        for micros in 1..=20_000 {
            pace.admission();
            pace.keep(Moment {
                tick: rest.tick + micros,
                time: rest.time + Duration::from_micros(micros),
            });
        }
        assert!(
            (pace.effort.reviews - 1.0).abs() < 0.1,
            "{}",
            pace.effort.reviews
        );
        assert_eq!(pace.sampling(), Sampling::ALL);
        assert_eq!(pace.learning(), Sampling::one_in_power_of_two(5));
        assert_eq!(pace.requests_in(Duration::from_secs(1)), expected);
    }

    #[test]
    fn many_admissions_share_the_reviews() {
        let mut pace = Pace::default();
        for micros in 0..400_000 {
            pace.admission();
            pace.keep(Moment {
                tick: micros,
                time: Duration::from_micros(micros),
            });
        }
        assert!(
            (pace.effort.reviews - 1.0).abs() < 0.1,
            "{}",
            pace.effort.reviews
        );
        assert_eq!(pace.remembering(), Sampling::one_in_power_of_two(3));
    }
}
