//! Operations per second of every cache, measured in short slices that take turns.
//!
//! On a machine that others use too, a minute can be half as fast as the one before.
//! So no cache is measured in one stretch: in each round every cache gets a slice of some tens of milliseconds, a
//! slice that other processes disturbed is repeated, and caches are compared round by round.

mod crew;
mod disturbance;
mod report;
mod targets;
mod workload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use crate::keys::{BenchKey, Digest};
use crate::machine;
use crate::subject::SubjectName;
use crew::{Crew, Slice, SliceLength};
use workload::{Fill, Lane, MAX_THREADS, Workload};

/// A slice is repeated when other processes took more than this share of the processor time that it needed.
const DISTURBED: f64 = 0.1;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Caches to measure [default: all]
    #[arg(long, value_delimiter = ',', value_name = "CACHE")]
    only: Vec<SubjectName>,
    /// Workloads to measure [default: all]
    #[arg(long, value_delimiter = ',', value_name = "WORKLOAD")]
    workload: Vec<Workload>,
    /// Kinds of key [default: both; with --quick, digest]
    #[arg(long, value_delimiter = ',', value_name = "KIND")]
    keys: Vec<KeyKind>,
    /// Numbers of threads, 1 to 16 [default: 1,2,4; with --quick, 1,2]
    #[arg(long, value_delimiter = ',', value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_THREADS as u64))]
    threads: Vec<u64>,
    /// Slices of each cache in each cell [default: 9; with --quick, 5]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    rounds: Option<u64>,
    /// Length of a slice in milliseconds [default: 80; with --quick, 40]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=60_000))]
    slice_ms: Option<u64>,
    /// How often a slice that other processes disturbed is repeated
    #[arg(long, value_name = "N", default_value_t = 4)]
    repeats: u64,
    /// Fewer and shorter slices: for a first look while changing code
    #[arg(long)]
    quick: bool,
    /// Also write every slice to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A measurement that cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpeedError {
    #[error(
        "{subject} returned {wrong} values that belong to other keys, in {workload} with {threads} threads"
    )]
    WrongValue {
        subject: SubjectName,
        wrong: u64,
        workload: Workload,
        threads: usize,
    },
    #[error("cannot write `{path}`: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum KeyKind {
    /// 32 bytes
    Digest,
    /// 8 bytes
    U64,
}

/// One workload with one kind of key and one number of threads.
#[derive(Debug, Serialize)]
struct Cell {
    keys: KeyKind,
    workload: Workload,
    threads: usize,
    series: Vec<Series>,
}

/// The slices of one cache in one cell.
#[derive(Debug, Serialize)]
struct Series {
    subject: SubjectName,
    operations_per_second: Vec<f64>,
    cpu_nanoseconds: Vec<f64>,
    hit_percent: f64,
    /// Slices that stayed disturbed after all repeats.
    disturbed_slices: usize,
}

impl Cell {
    fn of(&self, subject: SubjectName) -> Option<&Series> {
        self.series.iter().find(|series| series.subject == subject)
    }

    /// The evicting rival with the highest median.
    fn best_rival(&self) -> Option<&Series> {
        self.series
            .iter()
            .filter(|series| series.subject.is_rival())
            .max_by(|a, b| a.median().total_cmp(&b.median()))
    }
}

impl Series {
    fn median(&self) -> f64 {
        crate::statistics::median(&self.operations_per_second)
    }

    fn ratio_to(&self, other: &Self) -> f64 {
        crate::statistics::paired_ratio(&self.operations_per_second, &other.operations_per_second)
    }
}

/// The options with their defaults filled in.
struct Plan {
    subjects: Vec<SubjectName>,
    workloads: Vec<Workload>,
    keys: Vec<KeyKind>,
    threads: Vec<usize>,
    rounds: u64,
    repeats: u64,
    length: SliceLength,
    sequence_length: usize,
    fill_operations: u64,
}

impl Plan {
    fn new(options: &Options) -> Self {
        let or = |chosen: &[u64], default: &[u64]| -> Vec<usize> {
            let numbers = if chosen.is_empty() { default } else { chosen };
            numbers
                .iter()
                .map(|threads| usize::try_from(*threads).expect("at most 16"))
                .collect()
        };
        let quick = options.quick;
        let measured = options.slice_ms.unwrap_or(if quick { 40 } else { 80 });
        Self {
            subjects: chosen_or(&options.only, SubjectName::all()),
            workloads: chosen_or(&options.workload, Workload::value_variants()),
            keys: chosen_or(
                &options.keys,
                if quick {
                    &[KeyKind::Digest]
                } else {
                    KeyKind::value_variants()
                },
            ),
            threads: or(&options.threads, if quick { &[1, 2] } else { &[1, 2, 4] }),
            rounds: options.rounds.unwrap_or(if quick { 5 } else { 9 }),
            repeats: options.repeats,
            length: SliceLength {
                warm_up: Duration::from_millis(measured.div_ceil(3)),
                measured: Duration::from_millis(measured),
            },
            sequence_length: if quick { 1 << 21 } else { 1 << 22 },
            fill_operations: if quick { 1_000_000 } else { 3_000_000 },
        }
    }
}

impl Plan {
    fn most_threads(&self) -> usize {
        self.threads.iter().copied().max().unwrap_or(1)
    }
}

fn chosen_or<T: Copy>(chosen: &[T], all: &[T]) -> Vec<T> {
    if chosen.is_empty() { all } else { chosen }.to_vec()
}

pub(crate) fn run(options: &Options) -> Result<(), SpeedError> {
    let plan = Plan::new(options);
    let crew = Crew::new(plan.most_threads());
    let mut cells = Vec::new();
    for keys in &plan.keys {
        for workload in &plan.workloads {
            match keys {
                KeyKind::Digest => measure::<Digest>(&plan, *keys, *workload, &crew, &mut cells)?,
                KeyKind::U64 => measure::<u64>(&plan, *keys, *workload, &crew, &mut cells)?,
            }
        }
    }
    let machine = machine::description();
    report::print(&machine, &plan, &cells);
    targets::print(&plan.subjects, &cells);
    if let Some(path) = &options.json {
        let document = serde_json::json!({ "machine": machine, "cells": cells });
        std::fs::write(path, format!("{document:#}\n")).map_err(|source| SpeedError::Write {
            path: path.clone(),
            source,
        })?;
    }
    Ok(())
}

/// All cells of one workload and one kind of key: the caches are filled once.
fn measure<K: BenchKey>(
    plan: &Plan,
    keys: KeyKind,
    workload: Workload,
    crew: &Crew,
    cells: &mut Vec<Cell>,
) -> Result<(), SpeedError> {
    let sequence = workload.keys::<K>(plan.most_threads(), plan.sequence_length);
    let mut lanes: Vec<(SubjectName, Arc<dyn Lane>)> = Vec::new();
    for subject in &plan.subjects {
        if subject.is_map() && !workload.suits_maps() {
            continue;
        }
        eprint!("\rfilling {workload} {keys:?} {subject:<20}");
        let fill = Fill {
            workload,
            keys: Arc::clone(&sequence),
            warm_up: plan.fill_operations,
        };
        lanes.push((*subject, subject.build(workload.limit(), fill)));
    }
    for threads in &plan.threads {
        eprint!(
            "\rmeasuring {workload} {keys:?} {threads} threads{:<20}",
            ""
        );
        let mut series: Vec<Vec<Slice>> = vec![Vec::new(); lanes.len()];
        for round in 0..plan.rounds {
            // Each round begins with another cache, so that none always follows the same neighbor.
            let first = usize::try_from(round).expect("at most 10,000") % lanes.len().max(1);
            for place in 0..lanes.len() {
                let index = (first + place) % lanes.len();
                let slice = undisturbed(plan, crew, &lanes[index].1, *threads);
                if slice.tally.wrong > 0 {
                    return Err(SpeedError::WrongValue {
                        subject: lanes[index].0,
                        wrong: slice.tally.wrong,
                        workload,
                        threads: *threads,
                    });
                }
                series[index].push(slice);
            }
        }
        cells.push(Cell {
            keys,
            workload,
            threads: *threads,
            series: lanes
                .iter()
                .zip(&series)
                .map(|((subject, _), slices)| summed_up(*subject, slices))
                .collect(),
        });
    }
    eprint!("\r{:<60}\r", "");
    Ok(())
}

/// A slice, repeated while other processes disturb it; the least disturbed one when all of them were.
fn undisturbed(plan: &Plan, crew: &Crew, lane: &Arc<dyn Lane>, threads: usize) -> Slice {
    let mut best = crew.slice(lane, threads, plan.length);
    for _ in 0..plan.repeats {
        if best.disturbed <= DISTURBED {
            break;
        }
        let again = crew.slice(lane, threads, plan.length);
        if again.disturbed < best.disturbed || again.tally.wrong > 0 {
            best = again;
        }
    }
    best
}

#[expect(
    clippy::cast_precision_loss,
    reason = "operations of some slices, far below 2^52"
)]
fn summed_up(subject: SubjectName, slices: &[Slice]) -> Series {
    let sum = |of: fn(&Slice) -> u64| slices.iter().map(of).sum::<u64>() as f64;
    Series {
        subject,
        operations_per_second: slices.iter().map(|s| s.operations_per_second).collect(),
        cpu_nanoseconds: slices.iter().map(|s| s.cpu_nanoseconds).collect(),
        hit_percent: 100.0 * sum(|s| s.tally.hits) / sum(|s| s.tally.lookups),
        disturbed_slices: slices.iter().filter(|s| s.disturbed > DISTURBED).count(),
    }
}
