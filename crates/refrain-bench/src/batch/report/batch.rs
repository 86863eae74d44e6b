//! One scenario with the cache beside the same without it.

use serde_json::{Value, json};

use super::spread::Spread;
use crate::batch::client::Outcome;
use crate::batch::lossy;
use crate::batch::measure::Run;
use crate::batch::scenario::Scenario;

/// One scenario with the cache, and the same without it.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) name: String,
    pub(super) with_cache: Spread,
    pub(super) without_cache: Spread,
    pub(super) speed_up: Spread,
    /// The same by the processor time of the server, which other programs do not lengthen.
    pub(super) processor_speed_up: Spread,
    /// Share of the processors that other programs took.
    pub(super) others: Spread,
    pub(super) hit_rate: Spread,
    pub(super) hits: usize,
    pub(super) collapsed: usize,
    pub(super) generated: usize,
    pub(super) memory_overhead: Spread,
    pub(super) anonymous_overhead: Spread,
    pub(super) peak_bytes: Spread,
}

impl Batch {
    pub(super) fn of(scenario: Scenario, runs: &[Run], cores: usize) -> Self {
        let of = |cached| {
            let wanted = Scenario { cached, ..scenario };
            runs.iter().filter(move |run| run.scenario == wanted)
        };
        let seconds = |cached| Spread::of(of(cached).map(|run| run.wall.as_secs_f64()));
        let pairs = of(false).zip(of(true));
        let overhead = |growth: u64, run: &Run| lossy(growth) / lossy(run.stored_bytes) - 1.0;
        let count = |wanted| of(true).next().map_or(0, |run| count(run, wanted));
        let name = match scenario.parallel {
            1 => "in order".to_owned(),
            parallel => format!("{parallel} at a time"),
        };
        Self {
            name,
            with_cache: seconds(true),
            without_cache: seconds(false),
            speed_up: Spread::of(
                pairs.map(|(without, with)| without.wall.as_secs_f64() / with.wall.as_secs_f64()),
            ),
            processor_speed_up: Spread::of(
                of(false).zip(of(true)).map(|(without, with)| {
                    without.server.as_secs_f64() / with.server.as_secs_f64()
                }),
            ),
            others: Spread::of(of(true).chain(of(false)).map(|run| {
                run.others.as_secs_f64() / (run.wall.as_secs_f64() * lossy(cores as u64))
            })),
            hit_rate: Spread::of(of(true).map(|run| {
                1.0 - lossy(self::count(run, Outcome::Generated) as u64)
                    / lossy(run.answers.len() as u64)
            })),
            hits: count(Outcome::Hit),
            collapsed: count(Outcome::Collapsed),
            generated: count(Outcome::Generated),
            memory_overhead: Spread::of(of(true).map(|run| {
                let growth = run.after.resident.saturating_sub(run.before.resident);
                overhead(growth, run)
            })),
            anonymous_overhead: Spread::of(of(true).map(|run| {
                let growth = run.after.anonymous.saturating_sub(run.before.anonymous);
                overhead(growth, run)
            })),
            peak_bytes: Spread::of(of(true).map(|run| lossy(run.after.peak))),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "seconds_with_cache": self.with_cache.to_json(),
            "seconds_without_cache": self.without_cache.to_json(),
            "speed_up": self.speed_up.to_json(),
            "processor_speed_up": self.processor_speed_up.to_json(),
            "share_of_other_programs": self.others.to_json(),
            "hit_rate": self.hit_rate.to_json(),
            "hits": self.hits,
            "collapsed": self.collapsed,
            "generated": self.generated,
            "memory_overhead": self.memory_overhead.to_json(),
            "anonymous_memory_overhead": self.anonymous_overhead.to_json(),
            "peak_memory_bytes": self.peak_bytes.to_json(),
        })
    }
}

fn count(run: &Run, wanted: Outcome) -> usize {
    let answers = run.answers.iter();
    answers.filter(|answer| answer.outcome == wanted).count()
}
