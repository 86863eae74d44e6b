//! Whether readers notice that the capacity changes: how long the longest lookup takes meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use refrain::{Cache, Capacity, Policy};

use crate::keys::{BenchKey, Digest};
use crate::payload::Payload;
use crate::sequence;
use crate::stopwatch;
use crate::subject::SubjectName;

const ENTRIES: [u32; 3] = [10_000, 100_000, 1_000_000];

pub(super) fn print(subjects: impl Iterator<Item = SubjectName>) {
    println!(
        "\nOne thread reads while another one halves the capacity in entries, which evicts half of them.\n\n\
         | cache | entries | halving takes, ms | longest read before, ms | longest read meanwhile, ms |\n|---|{}",
        "--:|".repeat(4)
    );
    for subject in subjects {
        let policy = match subject {
            SubjectName::Refrain => Policy::default(),
            SubjectName::RefrainLru => Policy::Lru,
            _ => continue,
        };
        for entries in ENTRIES {
            let measured = measure(policy, entries);
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            println!(
                "| {subject} | {entries} | {:.2} | {:.2} | {:.2} |",
                ms(measured.halving),
                ms(measured.longest_before),
                ms(measured.longest_meanwhile)
            );
        }
    }
}

struct Measured {
    halving: Duration,
    longest_before: Duration,
    longest_meanwhile: Duration,
}

fn measure(policy: Policy, entries: u32) -> Measured {
    let cache: Cache<Digest, Arc<Payload>> = Cache::builder()
        .policy(policy)
        .capacity_entries(u64::from(entries))
        .build()
        .expect("the settings make sense");
    for id in 0..u64::from(entries) {
        let key = Digest::from_id(id);
        cache.insert(key, Payload::of(&key));
    }
    let order = sequence::shuffled(entries, 5);
    let reading = Barrier::new(2);
    let halved = AtomicBool::new(false);
    let longest_before = longest_read(&cache, &order, order.len());
    let (halving, longest_meanwhile) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            reading.wait();
            let mut longest = Duration::ZERO;
            // Relaxed: when the reader stops, to a batch, does not matter.
            loop {
                longest = longest.max(longest_read(&cache, &order, 1000));
                if halved.load(Ordering::Relaxed) {
                    return longest;
                }
            }
        });
        reading.wait();
        let start = stopwatch::now();
        cache.set_capacity(Capacity {
            entries: u64::from(entries / 2),
            ..cache.capacity()
        });
        let halving = start.elapsed();
        halved.store(true, Ordering::Relaxed);
        (halving, reader.join().expect("reading does not panic"))
    });
    assert!(cache.len() <= u64::from(entries / 2));
    Measured {
        halving,
        longest_before,
        longest_meanwhile,
    }
}

/// The longest of `reads` lookups.
fn longest_read(cache: &Cache<Digest, Arc<Payload>>, order: &[u64], reads: usize) -> Duration {
    let mut longest = Duration::ZERO;
    for id in order.iter().cycle().take(reads) {
        let key = Digest::from_id(*id);
        let start = stopwatch::now();
        std::hint::black_box(cache.get(&key));
        longest = longest.max(start.elapsed());
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_go_on_while_the_capacity_is_halved() {
        let measured = measure(Policy::Lru, 10_000);
        assert!(measured.halving > Duration::ZERO);
        assert!(measured.longest_meanwhile > Duration::ZERO);
    }
}
