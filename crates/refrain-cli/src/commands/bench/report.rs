use std::fmt::Write;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Outcome;
use super::machine::Machine;
use super::measure::{Bench, Run, Scenario};
use crate::args::BatchArguments;
use crate::output::{self, Table, lossy};

/// A hit may take this long, for results of 1 MB.
const TARGET_HIT_SECONDS: f64 = 0.001;
/// The speed-up may miss the theoretical one by this share.
const TARGET_SPEED_UP_SHARE: f64 = 0.97;
/// More than this share of the requests is served without a generation.
const TARGET_HIT_RATE: f64 = 0.6;
/// Memory may grow by this share more than the results have bytes.
const TARGET_MEMORY_OVERHEAD: f64 = 0.1;

/// All figures of one invocation.
#[derive(Debug)]
pub(super) struct Report {
    machine: Machine,
    setting: Setting,
    batches: Vec<Batch>,
    hits: Vec<Latencies>,
    targets: Vec<Target>,
}

/// What was measured, in words and numbers of the command line.
#[derive(Debug)]
struct Setting {
    requests: usize,
    repeats: usize,
    rounds: usize,
    side: u32,
    quality: u8,
    seed: u64,
    generation_seconds: f64,
    picture_bytes: u64,
    result_bytes: u64,
    stored_bytes: u64,
    theoretical_speed_up: f64,
}

/// One scenario with the cache, and the same without it.
#[derive(Debug)]
struct Batch {
    name: String,
    with_cache: Spread,
    without_cache: Spread,
    speed_up: Spread,
    hit_rate: Spread,
    hits: usize,
    collapsed: usize,
    generated: usize,
    memory_overhead: Spread,
    anonymous_overhead: Spread,
    peak_bytes: Spread,
}

/// How long hits took.
#[derive(Debug)]
struct Latencies {
    name: &'static str,
    count: usize,
    p50: f64,
    p99: f64,
    max: f64,
    /// Processor time of one hit in milliseconds: server, client.
    processor: Option<(f64, f64)>,
}

/// The middle of several rounds, and both ends.
#[derive(Debug, Clone, Copy)]
struct Spread {
    median: f64,
    min: f64,
    max: f64,
}

#[derive(Debug)]
struct Target {
    what: String,
    wanted: String,
    measured: String,
    met: bool,
}

impl Report {
    pub(super) fn new(
        bench: &Bench,
        arguments: &BatchArguments,
        cores: usize,
        runs: &[Run],
    ) -> Self {
        let setting = Setting {
            requests: bench.workload.order.len(),
            repeats: bench.workload.repeats(),
            rounds: arguments.rounds,
            side: arguments.side,
            quality: arguments.quality,
            seed: arguments.seed,
            generation_seconds: bench.calibration.generation.as_secs_f64(),
            picture_bytes: bench.picture_bytes / bench.workload.distinct as u64,
            result_bytes: bench.calibration.result_bytes,
            stored_bytes: runs.first().map_or(0, |run| run.stored_bytes),
            theoretical_speed_up: bench.workload.theoretical_speed_up(),
        };
        let batches: Vec<Batch> = Scenario::all(arguments.parallel)
            .into_iter()
            .filter(|scenario| scenario.cached)
            .map(|scenario| Batch::of(scenario, runs))
            .collect();
        let hits = latencies(runs);
        let targets = targets(&setting, &batches, &hits);
        Self {
            machine: Machine::this(cores),
            setting,
            batches,
            hits,
            targets,
        }
    }

    pub(super) fn to_text(&self) -> String {
        let Setting {
            requests,
            repeats,
            rounds,
            side,
            quality,
            seed,
            ..
        } = self.setting;
        let mut text = String::new();
        let machine = &self.machine;
        let _ = writeln!(
            text,
            "{}, {} cores, {} MB, {}, refrain {}",
            machine.processor, machine.cores, machine.memory_mb, machine.system, machine.refrain
        );
        let _ = writeln!(
            text,
            "{requests} requests of which {repeats} repeat, {rounds} rounds, seed {seed}\n\
             pictures of {side} x {side} with {} on average, quality {quality}, results of {}\n\
             one generation takes {}\n",
            output::bytes(self.setting.picture_bytes),
            output::bytes(self.setting.result_bytes),
            output::duration(self.setting.generation_seconds),
        );
        text.push_str(&self.batch_table());
        text.push('\n');
        text.push_str(&self.hit_table());
        text.push('\n');
        text.push_str(&self.target_table());
        text
    }

    fn batch_table(&self) -> String {
        let mut heading = vec!["batch"];
        heading.extend(self.batches.iter().map(|batch| batch.name.as_str()));
        let mut table = Table::new(&heading, &[1, 2]);
        let mut row = |name: &str, cell: &dyn Fn(&Batch) -> String| {
            let cells = self.batches.iter().map(cell);
            table.row(std::iter::once(name.to_owned()).chain(cells));
        };
        row("without the cache", &|batch| batch.without_cache.seconds());
        row("with the cache", &|batch| batch.with_cache.seconds());
        row("speed-up", &|batch| batch.speed_up.times());
        let theoretical = self.setting.theoretical_speed_up;
        row("theoretical", &|_| format!("{theoretical:.3} x"));
        row("hit rate", &|batch| batch.hit_rate.percent());
        row("hits, collapsed, generated", &|batch| {
            format!("{}, {}, {}", batch.hits, batch.collapsed, batch.generated)
        });
        row("results", &|_| output::bytes(self.setting.stored_bytes));
        row("memory overhead", &|batch| batch.memory_overhead.percent());
        row("  of it not of files", &|batch| {
            batch.anonymous_overhead.percent()
        });
        row("peak memory", &|batch| batch.peak_bytes.megabytes());
        table.to_text()
    }

    fn hit_table(&self) -> String {
        let heading = [
            "hits",
            "count",
            "p50",
            "p99",
            "max",
            "processor of server, client",
        ];
        let mut table = Table::new(&heading, &[1, 2, 3, 4, 5]);
        for hits in &self.hits {
            table.row([
                hits.name.to_owned(),
                hits.count.to_string(),
                output::duration(hits.p50),
                output::duration(hits.p99),
                output::duration(hits.max),
                hits.processor.map_or_else(String::new, |(server, client)| {
                    format!("{server:.2} ms, {client:.2} ms")
                }),
            ]);
        }
        table.to_text()
    }

    fn target_table(&self) -> String {
        let mut table = Table::new(&["target", "wanted", "measured", ""], &[]);
        for target in &self.targets {
            table.row([
                target.what.clone(),
                target.wanted.clone(),
                target.measured.clone(),
                if target.met { "met" } else { "MISSED" }.to_owned(),
            ]);
        }
        table.to_text()
    }

    pub(super) fn to_json(&self) -> Value {
        let setting = &self.setting;
        json!({
            "machine": self.machine,
            "setting": {
                "requests": setting.requests,
                "repeats": setting.repeats,
                "rounds": setting.rounds,
                "side": setting.side,
                "quality": setting.quality,
                "seed": setting.seed,
                "generation_seconds": setting.generation_seconds,
                "mean_picture_bytes": setting.picture_bytes,
                "result_bytes": setting.result_bytes,
                "stored_bytes": setting.stored_bytes,
                "theoretical_speed_up": setting.theoretical_speed_up,
            },
            "batches": self.batches.iter().map(Batch::to_json).collect::<Vec<_>>(),
            "hits": self.hits.iter().map(Latencies::to_json).collect::<Vec<_>>(),
            "targets": self.targets.iter().map(Target::to_json).collect::<Vec<_>>(),
        })
    }
}

impl Batch {
    fn of(scenario: Scenario, runs: &[Run]) -> Self {
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

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "seconds_with_cache": self.with_cache.to_json(),
            "seconds_without_cache": self.without_cache.to_json(),
            "speed_up": self.speed_up.to_json(),
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

fn latencies(runs: &[Run]) -> Vec<Latencies> {
    let hits_of = |parallel: fn(usize) -> bool| {
        runs.iter()
            .filter(move |run| run.scenario.cached && parallel(run.scenario.parallel))
            .flat_map(|run| &run.answers)
            .filter(|answer| answer.outcome == Outcome::Hit)
            .map(|answer| answer.took)
            .collect::<Vec<_>>()
    };
    let storms = || runs.iter().filter_map(|run| run.storm.as_ref());
    let processor = {
        let hits: usize = storms()
            .map(|storm| storm.by_request.len() + storm.by_address.len())
            .sum();
        let each = |total: Duration| total.as_secs_f64() * 1e3 / lossy(hits as u64);
        let server = storms().map(|storm| storm.server).sum();
        let client = storms().map(|storm| storm.client).sum();
        (hits > 0).then(|| (each(server), each(client)))
    };
    let by_request = storms()
        .flat_map(|storm| storm.by_request.clone())
        .collect();
    let by_address = storms()
        .flat_map(|storm| storm.by_address.clone())
        .collect();
    [
        Latencies::of(
            "in the batch, in order",
            hits_of(|parallel| parallel == 1),
            None,
        ),
        Latencies::of(
            "in the batch, at a time",
            hits_of(|parallel| parallel > 1),
            None,
        ),
        Latencies::of("alone, by request", by_request, processor),
        Latencies::of("alone, by address", by_address, None),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Latencies {
    fn of(
        name: &'static str,
        mut took: Vec<Duration>,
        processor: Option<(f64, f64)>,
    ) -> Option<Self> {
        took.sort_unstable();
        let seconds = |share| Some(percentile(&took, share)?.as_secs_f64());
        Some(Self {
            name,
            count: took.len(),
            p50: seconds(50)?,
            p99: seconds(99)?,
            max: seconds(100)?,
            processor,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "count": self.count,
            "p50_seconds": self.p50,
            "p99_seconds": self.p99,
            "max_seconds": self.max,
            "server_processor_ms": self.processor.map(|(server, _)| server),
            "client_processor_ms": self.processor.map(|(_, client)| client),
        })
    }
}

/// The smallest of `sorted` that at least `percent` of them do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

impl Spread {
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        let last = values.len().saturating_sub(1);
        Self {
            median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
            min: at(0),
            max: at(last),
        }
    }

    fn seconds(self) -> String {
        self.shown(|value| format!("{value:.2}"), " s")
    }

    fn times(self) -> String {
        self.shown(|value| format!("{value:.3}"), " x")
    }

    fn percent(self) -> String {
        self.shown(|value| format!("{:.1}", value * 100.0), " %")
    }

    fn megabytes(self) -> String {
        self.shown(|value| format!("{:.0}", value / (1024.0 * 1024.0)), " MB")
    }

    /// The median, and the ends when they read differently.
    fn shown(self, show: impl Fn(f64) -> String, unit: &str) -> String {
        let (median, min, max) = (show(self.median), show(self.min), show(self.max));
        if min == max {
            format!("{median}{unit}")
        } else {
            format!("{median}{unit} ({min} to {max})")
        }
    }

    fn to_json(self) -> Value {
        json!({ "median": self.median, "min": self.min, "max": self.max })
    }
}

fn targets(setting: &Setting, batches: &[Batch], hits: &[Latencies]) -> Vec<Target> {
    let mut targets = Vec::new();
    if let Some(alone) = hits.iter().find(|hits| hits.name == "alone, by request") {
        targets.push(Target {
            what: format!("median hit, {}", output::bytes(setting.result_bytes)),
            wanted: format!("at most {}", output::duration(TARGET_HIT_SECONDS)),
            measured: output::duration(alone.p50),
            met: alone.p50 <= TARGET_HIT_SECONDS,
        });
    }
    for batch in batches {
        let share = batch.speed_up.median / setting.theoretical_speed_up;
        targets.push(Target {
            what: format!("speed-up {}", batch.name),
            wanted: format!(
                "at least {:.3} x",
                setting.theoretical_speed_up * TARGET_SPEED_UP_SHARE
            ),
            measured: format!(
                "{:.3} x, {:.1} % of theoretical",
                batch.speed_up.median,
                share * 100.0
            ),
            met: share >= TARGET_SPEED_UP_SHARE,
        });
        targets.push(Target {
            what: format!("hit rate {}", batch.name),
            wanted: format!("above {:.0} %", TARGET_HIT_RATE * 100.0),
            measured: batch.hit_rate.percent(),
            met: batch.hit_rate.min > TARGET_HIT_RATE,
        });
        targets.push(Target {
            what: format!("memory overhead {}", batch.name),
            wanted: format!("below {:.0} %", TARGET_MEMORY_OVERHEAD * 100.0),
            measured: batch.memory_overhead.percent(),
            met: batch.memory_overhead.median < TARGET_MEMORY_OVERHEAD,
        });
    }
    targets
}

impl Target {
    fn to_json(&self) -> Value {
        json!({
            "what": self.what,
            "wanted": self.wanted,
            "measured": self.measured,
            "met": self.met,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<Duration> = (1..=70).map(Duration::from_millis).collect();
        let millis = |percent| percentile(&sorted, percent).unwrap().as_millis();
        assert_eq!((millis(50), millis(99), millis(100)), (35, 70, 70));
        assert_eq!(percentile(&sorted[..1], 50), Some(Duration::from_millis(1)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn a_spread_has_the_middle_and_both_ends() {
        let spread = Spread::of([3.0, 1.0, 2.0, 10.0].into_iter());
        assert_eq!(spread.seconds(), "2.50 s (1.00 to 10.00)");
        assert_eq!(Spread::of([3.0].into_iter()).times(), "3.000 x");
    }
}
