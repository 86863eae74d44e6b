//! What each operation takes as the cache grows: one that is O(1) takes the same, but for misses of the processor's
//! own caches; the maps and lists beside it show what those cost by themselves.

mod resize;

use std::sync::Arc;
use std::time::Duration;

use crate::keys::{BenchKey, Digest};
use crate::machine;
use crate::payload::Payload;
use crate::sequence;
use crate::statistics::median;
use crate::stopwatch;
use crate::subject::{Limit, Subject, SubjectName, Visitor};

/// Operations behind each figure of a repetition, at least.
const OPERATIONS: u32 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Caches to measure
    #[arg(long, value_delimiter = ',', value_name = "CACHE", default_values = ["refrain", "refrain-lru", "hashlink+mutex"])]
    only: Vec<SubjectName>,
    /// Numbers of entries
    #[arg(long, value_delimiter = ',', value_name = "N", default_values_t = [1000, 10_000, 100_000, 1_000_000, 10_000_000], value_parser = clap::value_parser!(u32).range(10..=100_000_000))]
    entries: Vec<u32>,
    /// Repetitions of which the median counts
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: u32,
}

pub(crate) fn run(options: &Options) {
    println!("{}\n", machine::description());
    println!(
        "Nanoseconds of processor time per operation in one thread, medians of {} repetitions.\n",
        options.repetitions
    );
    println!(
        "| cache | entries | get | insert | remove | insert and evict |\n|---|{}",
        "--:|".repeat(5)
    );
    for subject in &options.only {
        for entries in &options.entries {
            let times: Vec<Times> = (0..options.repetitions)
                .map(|_| repetition(*subject, *entries))
                .collect();
            let of = |operation: fn(&Times) -> f64| {
                median(&times.iter().map(operation).collect::<Vec<f64>>())
            };
            println!(
                "| {subject} | {entries} | {:.0} | {:.0} | {:.0} | {:.0} |",
                of(|t| t.get),
                of(|t| t.insert),
                of(|t| t.remove),
                of(|t| t.evict)
            );
        }
    }
    resize::print(options.only.iter().copied());
}

/// Nanoseconds per operation.
struct Times {
    get: f64,
    insert: f64,
    remove: f64,
    evict: f64,
}

/// As many passes as a figure needs, each with a cache of its own.
fn repetition(subject: SubjectName, entries: u32) -> Times {
    let passes = OPERATIONS.div_ceil(entries);
    let order = sequence::shuffled(entries, 11);
    let mut total = Pass::default();
    for _ in 0..passes {
        let pass = subject.build::<Digest, _, _>(
            Limit::Entries(u64::from(entries)),
            Operations { order: &order },
        );
        total.get += pass.get;
        total.insert += pass.insert;
        total.remove += pass.remove;
        total.evict += pass.evict;
    }
    let each = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(passes) / f64::from(entries);
    Times {
        get: each(total.get),
        insert: each(total.insert),
        remove: each(total.remove),
        evict: each(total.evict),
    }
}

/// Times of as many operations of each kind as there are entries.
#[derive(Default)]
struct Pass {
    get: Duration,
    insert: Duration,
    remove: Duration,
    evict: Duration,
}

struct Operations<'a> {
    /// All numbers below the number of entries.
    order: &'a [u64],
}

impl Visitor<Digest, Arc<Payload>> for Operations<'_> {
    type Output = Pass;

    fn visit<S: Subject<Digest, Arc<Payload>>>(self, subject: S) -> Pass {
        let entries = self.order.len() as u64;
        let insert = |id: u64| {
            let key = Digest::from_id(id);
            subject.insert(key, Payload::of(&key));
        };
        let filling = timed(0..entries, insert);
        let get = timed(self.order.iter().copied(), |id| {
            // Caches that give each of their parts a share of the room have evicted a few already.
            std::hint::black_box(subject.get(&Digest::from_id(id)).is_some());
        });
        let remove = timed(self.order.iter().copied(), |id| {
            subject.remove(&Digest::from_id(id));
        });
        (0..entries).for_each(insert);
        Pass {
            get,
            insert: filling,
            remove,
            evict: timed(entries..2 * entries, insert),
        }
    }
}

fn timed(ids: impl Iterator<Item = u64>, operation: impl Fn(u64)) -> Duration {
    let start = stopwatch::thread_time();
    ids.for_each(operation);
    stopwatch::thread_time().saturating_sub(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_takes_some_time() {
        let order = sequence::shuffled(1000, 1);
        let pass =
            SubjectName::RefrainLru.build(Limit::Entries(1000), Operations { order: &order });
        let times = [pass.get, pass.insert, pass.remove, pass.evict];
        assert!(times.iter().all(|time| *time > Duration::ZERO), "{times:?}");
    }
}
