//! Whether a bound in bytes is one: how much really lives while several threads write.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use serde::{Deserialize, Serialize};

use crate::child;
use crate::counting_allocator;
use crate::keys::{BenchKey, Digest};
use crate::machine;
use crate::stopwatch;
use crate::subject::{Limit, Subject, SubjectName, Visitor};

/// Values are as likely between 1 and 2 KiB as between 512 KiB and 1 MiB.
const SMALLEST_BITS: f64 = 10.0;
const LARGEST_BITS: f64 = 20.0;

/// The mean of such values is about 148 KiB; what some caches need to know beforehand.
const MEAN_BYTES: u64 = 148 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Caches to measure [default: all that can be bounded in bytes]
    #[arg(long, value_delimiter = ',', value_name = "CACHE")]
    only: Vec<SubjectName>,
    /// Capacity in MiB
    #[arg(long, default_value_t = 256, value_name = "MIB", value_parser = clap::value_parser!(u64).range(1..=16_384))]
    capacity_mib: u64,
    /// Threads that insert new keys as fast as they can
    #[arg(long, default_value_t = 8, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    writers: u64,
    /// How long they do so
    #[arg(long, default_value_t = 5, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Measure one cache in this process and print what was found as JSON
    #[arg(long, hide = true)]
    child: Option<SubjectName>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    /// Of the heap, by the counting allocator.
    peak_bytes: i64,
    /// The most that the cache itself said it held.
    peak_accounted_bytes: u64,
    inserts: u64,
    resident: u64,
}

pub(crate) fn run(options: &Options) {
    if let Some(subject) = options.child {
        println!("{}", serde_json::json!(measure(subject, options)));
        return;
    }
    let all: Vec<SubjectName> = SubjectName::all()
        .iter()
        .copied()
        .filter(|name| name.weighs())
        .collect();
    let subjects = if options.only.is_empty() {
        &all
    } else {
        &options.only
    };
    println!("{}\n", machine::description());
    println!(
        "Capacity {} MiB, values of 1 KiB to 1 MiB, {} writers for {} s. Up to {} MiB are in the writers' hands.\n",
        options.capacity_mib, options.writers, options.seconds, options.writers
    );
    println!(
        "| cache | peak of the heap, MiB | of the capacity | peak it accounted for, MiB | inserts/s |\n|---|--:|--:|--:|--:|"
    );
    for subject in subjects {
        if !subject.weighs() {
            println!("| {subject} | cannot be bounded in bytes |");
            continue;
        }
        let arguments = [
            "bound",
            "--capacity-mib",
            &options.capacity_mib.to_string(),
            "--writers",
            &options.writers.to_string(),
            "--seconds",
            &options.seconds.to_string(),
            "--child",
            &subject.to_string(),
        ];
        let patience = Duration::from_secs(60 + 4 * options.seconds);
        match child::ask::<Measured>(&arguments, patience) {
            Ok(measured) => print(*subject, options, &measured),
            Err(error) => println!("| {subject} | {error} |"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a heap, below 2^52")]
fn print(subject: SubjectName, options: &Options, measured: &Measured) {
    let mib = |bytes: f64| bytes / f64::from(1 << 20);
    let peak = mib(measured.peak_bytes as f64);
    println!(
        "| {subject} | {peak:.1} | {:.2} | {:.1} | {} |",
        peak / options.capacity_mib as f64,
        mib(measured.peak_accounted_bytes as f64),
        measured.inserts / options.seconds,
    );
}

fn measure(subject: SubjectName, options: &Options) -> Measured {
    counting_allocator::start();
    let bytes = options.capacity_mib << 20;
    let limit = Limit::Bytes {
        bytes,
        entries: bytes / MEAN_BYTES,
    };
    let writing = Writing {
        writers: options.writers,
        time: Duration::from_secs(options.seconds),
    };
    subject.build(limit, writing)
}

struct Writing {
    writers: u64,
    time: Duration,
}

impl Visitor<Digest, Arc<[u8]>> for Writing {
    type Output = Measured;

    fn visit<S: Subject<Digest, Arc<[u8]>>>(self, subject: S) -> Measured {
        let accounted = AtomicU64::new(0);
        let inserts = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for writer in 0..self.writers {
                let (subject, accounted, inserts) = (&subject, &accounted, &inserts);
                scope.spawn(move || {
                    let done = write(writer, self.time, subject, accounted);
                    inserts.fetch_add(done, Ordering::Relaxed);
                });
            }
        });
        Measured {
            peak_bytes: counting_allocator::peak_requested_bytes(),
            peak_accounted_bytes: accounted.into_inner(),
            inserts: inserts.into_inner(),
            resident: subject.entries(),
        }
    }
}

/// Inserts new keys for `time` and returns how many.
fn write(
    writer: u64,
    time: Duration,
    subject: &impl Subject<Digest, Arc<[u8]>>,
    accounted: &AtomicU64,
) -> u64 {
    let mut random = SmallRng::seed_from_u64(writer);
    let start = stopwatch::now();
    let mut done = 0;
    while start.elapsed() < time {
        for _ in 0..16 {
            let bits = random.random_range(SMALLEST_BITS..LARGEST_BITS);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 1 KiB and 1 MiB"
            )]
            let length = bits.exp2() as usize;
            let value = std::iter::repeat_n(random.random(), length).collect();
            subject.insert(Digest::from_id(writer << 40 | done), value);
            done += 1;
        }
        accounted.fetch_max(subject.weight(), Ordering::Relaxed);
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_cache_accounts_for_stays_within_its_capacity() {
        let limit = Limit::Bytes {
            bytes: 8 << 20,
            entries: 50,
        };
        let writing = Writing {
            writers: 3,
            time: Duration::from_millis(20),
        };
        let measured = SubjectName::RefrainLru.build(limit, writing);
        assert!(measured.inserts > 0);
        assert!(measured.peak_accounted_bytes <= 8 << 20);
        assert!(measured.resident > 0);
    }
}
