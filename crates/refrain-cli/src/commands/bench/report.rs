use std::fmt::Write;

use serde_json::{Value, json};

use super::machine::Machine;
use super::measure::{Bench, Run, Scenario};
use crate::args::BatchArguments;
use crate::output::{self, Table};

use batch::Batch;
use latencies::{Latencies, latencies};
use targets::{Target, targets};

mod batch;
mod latencies;
mod spread;
mod targets;

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
            .map(|scenario| Batch::of(scenario, runs, cores))
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
        row("  in processor time", &|batch| {
            batch.processor_speed_up.times()
        });
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
        row("other programs took", &|batch| batch.others.percent());
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
