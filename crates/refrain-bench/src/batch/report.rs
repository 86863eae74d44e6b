//! The figures of one invocation, as tables for people or as JSON for programs.

use serde_json::{Value, json};

use super::Options;
use super::measure::{Bench, Run};
use super::scenario::Scenario;
use crate::machine;

use batch::Batch;
use latencies::{Latencies, latencies};
use spread::{megabytes, milliseconds};
use targets::{Target, targets};

mod batch;
mod latencies;
mod spread;
mod targets;

/// All figures of one invocation.
#[derive(Debug)]
pub(super) struct Report {
    machine: String,
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

impl Report {
    pub(super) fn new(bench: &Bench, options: &Options, runs: &[Run]) -> Self {
        let setting = Setting {
            requests: bench.workload.order.len(),
            repeats: bench.workload.repeats(),
            rounds: options.rounds,
            side: options.side,
            quality: options.quality,
            seed: options.seed,
            generation_seconds: bench.calibration.generation.as_secs_f64(),
            picture_bytes: bench.picture_bytes / bench.workload.distinct as u64,
            result_bytes: bench.calibration.result_bytes,
            stored_bytes: runs.first().map_or(0, |run| run.stored_bytes),
            theoretical_speed_up: bench.workload.theoretical_speed_up(),
        };
        let batches: Vec<Batch> = Scenario::all(options.parallel)
            .into_iter()
            .filter(|scenario| scenario.cached)
            .map(|scenario| Batch::of(scenario, runs, machine::cores()))
            .collect();
        let hits = latencies(runs);
        let targets = targets(&setting, &batches, &hits);
        Self {
            machine: machine::description(),
            setting,
            batches,
            hits,
            targets,
        }
    }

    /// Prints the report as tables of Markdown.
    pub(super) fn print(&self) {
        let Setting {
            requests,
            repeats,
            rounds,
            side,
            quality,
            seed,
            ..
        } = self.setting;
        println!("{}\n", self.machine);
        println!(
            "{requests} requests of which {repeats} repeat, {rounds} rounds, seed {seed};\n\
             pictures of {side} x {side} with {} on average, quality {quality}, results of {};\n\
             one generation takes {}.\n",
            megabytes(self.setting.picture_bytes),
            megabytes(self.setting.result_bytes),
            milliseconds(self.setting.generation_seconds),
        );
        self.print_batches();
        println!();
        self.print_hits();
        println!();
        self.print_targets();
    }

    fn print_batches(&self) {
        let names = self.batches.iter().map(|batch| batch.name.clone());
        print_row("batch", names);
        println!("|---|{}", "--:|".repeat(self.batches.len()));
        let row = |name: &str, cell: &dyn Fn(&Batch) -> String| {
            print_row(name, self.batches.iter().map(cell));
        };
        row("without the cache", &|batch| batch.without_cache.seconds());
        row("with the cache", &|batch| batch.with_cache.seconds());
        row("speed-up", &|batch| batch.speed_up.times());
        row("speed-up in processor time", &|batch| {
            batch.processor_speed_up.times()
        });
        let theoretical = self.setting.theoretical_speed_up;
        row("theoretical speed-up", &|_| format!("{theoretical:.3} x"));
        row("hit rate", &|batch| batch.hit_rate.percent());
        row("hits, collapsed, generated", &|batch| {
            format!("{}, {}, {}", batch.hits, batch.collapsed, batch.generated)
        });
        row("results", &|_| megabytes(self.setting.stored_bytes));
        row("memory overhead", &|batch| batch.memory_overhead.percent());
        row("memory overhead, not of files", &|batch| {
            batch.anonymous_overhead.percent()
        });
        row("peak memory", &|batch| batch.peak_bytes.megabytes());
        row("other programs took", &|batch| batch.others.percent());
    }

    fn print_hits(&self) {
        println!("| hits | count | p50 | p99 | max | processor of server, client |");
        println!("|---|--:|--:|--:|--:|--:|");
        for hits in &self.hits {
            let processor = hits.processor.map_or_else(String::new, |(server, client)| {
                format!("{server:.2} ms, {client:.2} ms")
            });
            let times = [hits.p50, hits.p99, hits.max].map(milliseconds);
            let cells = [
                vec![hits.count.to_string()],
                times.to_vec(),
                vec![processor],
            ];
            print_row(hits.name, cells.concat());
        }
    }

    fn print_targets(&self) {
        println!("| target | wanted | measured | |\n|---|---|---|---|");
        for target in &self.targets {
            let met = if target.met { "met" } else { "MISSED" };
            let cells = [
                target.wanted.clone(),
                target.measured.clone(),
                met.to_owned(),
            ];
            print_row(&target.what, cells);
        }
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

fn print_row(name: &str, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().collect();
    println!("| {name} | {} |", cells.join(" | "));
}
