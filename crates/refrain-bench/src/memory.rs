//! Heap memory per entry of every cache, by a counting allocator.
//!
//! Each cache gets a process of its own, so that nothing another one put off freeing is counted for it.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::child;
use crate::counting_allocator::{self, Usage};
use crate::keys::{BenchKey, Digest};
use crate::machine;
use crate::subject::{Limit, Subject, SubjectName, Visitor};

/// Long enough for the slowest cache on a busy machine.
const PATIENCE: Duration = Duration::from_mins(10);

const KEY_BYTES: i64 = 32;

/// The two counters in front of a value behind an `Arc`.
const ARC_BYTES: i64 = 16;

/// Sizes of values whose total overhead is measured, and how many of them are held.
const PAYLOADS: [(u64, u64); 3] = [(1 << 10, 100_000), (64 << 10, 2000), (1 << 20, 250)];

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Caches to measure [default: all]
    #[arg(long, value_delimiter = ',', value_name = "CACHE")]
    only: Vec<SubjectName>,
    /// Entries to hold
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1000..=100_000_000))]
    entries: u64,
    /// Measure one cache in this process and print what was found as JSON
    #[arg(long, hide = true)]
    child: Option<SubjectName>,
}

/// What one cache takes.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    empty_bytes: i64,
    fresh: PerEntry,
    /// After four times as many distinct keys as there is room for. Not for maps, which do not evict.
    churned: Option<PerEntry>,
    /// For each of [`PAYLOADS`].
    overhead: Vec<PayloadOverhead>,
}

/// Bytes beyond the key's own 32 and the block that the value points to; the 16 bytes of that pointer are included.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PerEntry {
    requested: f64,
    rounded: f64,
    blocks: f64,
    resident: u64,
}

/// In percent of the payload, after churn.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct PayloadOverhead {
    /// All that the heap holds beyond the payload, as `malloc` rounds it.
    whole_percent: f64,
    /// The same without the keys, the counters of the `Arc`s and the rounding.
    own_percent: f64,
}

pub(crate) fn run(options: &Options) {
    if let Some(subject) = options.child {
        let measured = measure(subject, options.entries);
        println!("{}", serde_json::json!(measured));
        return;
    }
    let subjects = if options.only.is_empty() {
        SubjectName::all()
    } else {
        &options.only
    };
    println!("{}\n", machine::description());
    println!(
        "Bytes per entry beyond the 32-byte key and the value's own block (its 16-byte pointer included), {} entries; \
         and, after churn, the cache's own bytes in percent of values of 1 KiB, 64 KiB and 1 MiB (in brackets: all \
         that the heap holds beyond the values: keys, reference counts and rounding too).\n",
        options.entries
    );
    println!(
        "| cache | fresh: requested | malloc | blocks | churned: requested | malloc | blocks | resident | empty KB | \
         1 KiB | 64 KiB | 1 MiB |\n|---|{}",
        "--:|".repeat(11)
    );
    for subject in subjects {
        let name = subject.to_string();
        let entries = options.entries.to_string();
        let arguments = ["memory", "--entries", &entries, "--child", &name];
        match child::ask::<Measured>(&arguments, PATIENCE) {
            Ok(measured) => print(&name, &measured),
            Err(error) => println!("| {name} | {error} |"),
        }
    }
}

fn print(name: &str, measured: &Measured) {
    let fresh = measured.fresh;
    print!(
        "| {name} | {:.1} | {:.1} | {:.2} |",
        fresh.requested, fresh.rounded, fresh.blocks
    );
    match measured.churned {
        Some(churned) => print!(
            " {:.1} | {:.1} | {:.2} | {} |",
            churned.requested, churned.rounded, churned.blocks, churned.resident
        ),
        None => print!(" | | | |"),
    }
    print!(" {} |", measured.empty_bytes / 1024);
    for overhead in &measured.overhead {
        print!(
            " {:.2} % ({:.2} %) |",
            overhead.own_percent, overhead.whole_percent
        );
    }
    println!();
}

fn measure(subject: SubjectName, entries: u64) -> Measured {
    counting_allocator::start();
    // With a fifth to spare, because some caches give each of their parts a share.
    let roomy = Limit::Entries(entries + entries / 5);
    let (empty, fresh) = subject.build(roomy, Fill::new(entries));
    let churned = (!subject.is_map()).then(|| {
        let (_, churned) = subject.build(Limit::Entries(entries), Fill::new(4 * entries));
        churned
    });
    let overhead = PAYLOADS.map(|(size, count)| {
        let limit = if subject.weighs() {
            Limit::Bytes {
                bytes: size * count,
                entries: count,
            }
        } else {
            Limit::Entries(count)
        };
        let keys = if subject.is_map() { count } else { 4 * count };
        subject.build(limit, Overhead::new(keys, size))
    });
    Measured {
        empty_bytes: empty.requested,
        fresh,
        churned,
        overhead: overhead.to_vec(),
    }
}

/// Inserts so many keys and tells what the empty cache took, and each entry after it.
struct Fill {
    keys: u64,
    /// One value for all keys, so that its block is not the cache's.
    value: Arc<[u8]>,
    before: Usage,
}

impl Fill {
    fn new(keys: u64) -> Self {
        let value = Arc::from([0; 8]);
        Self {
            keys,
            value,
            before: counting_allocator::usage(),
        }
    }
}

impl Visitor<Digest, Arc<[u8]>> for Fill {
    type Output = (Usage, PerEntry);

    fn visit<S: Subject<Digest, Arc<[u8]>>>(self, subject: S) -> Self::Output {
        let empty = counting_allocator::usage() - self.before;
        for id in 0..self.keys {
            subject.insert(Digest::from_id(id), Arc::clone(&self.value));
        }
        let resident = subject.entries();
        let used = counting_allocator::usage() - self.before;
        let each = |total: i64| as_f64(total) / as_f64(resident.cast_signed());
        let key = as_f64(KEY_BYTES);
        let per_entry = PerEntry {
            requested: each(used.requested) - key,
            rounded: each(used.rounded) - key,
            blocks: each(used.blocks),
            resident,
        };
        (empty, per_entry)
    }
}

/// Inserts so many keys with values of `size` bytes and tells what the heap holds beyond them.
struct Overhead {
    keys: u64,
    size: u64,
    before: Usage,
}

impl Overhead {
    fn new(keys: u64, size: u64) -> Self {
        Self {
            keys,
            size,
            before: counting_allocator::usage(),
        }
    }
}

impl Visitor<Digest, Arc<[u8]>> for Overhead {
    type Output = PayloadOverhead;

    fn visit<S: Subject<Digest, Arc<[u8]>>>(self, subject: S) -> PayloadOverhead {
        let length = usize::try_from(self.size).expect("1 MiB at most");
        for id in 0..self.keys {
            let value = std::iter::repeat_n(0, length).collect();
            subject.insert(Digest::from_id(id), value);
        }
        let entries = subject.entries().cast_signed();
        let payload = entries * self.size.cast_signed();
        let used = counting_allocator::usage() - self.before;
        let own = used.requested - payload - entries * (KEY_BYTES + ARC_BYTES);
        PayloadOverhead {
            whole_percent: 100.0 * as_f64(used.rounded - payload) / as_f64(payload),
            own_percent: 100.0 * as_f64(own) / as_f64(payload),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bytes of a heap, below 2^52")]
fn as_f64(bytes: i64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_takes_at_least_the_pointer_to_its_value() {
        counting_allocator::start();
        let limit = Limit::Entries(1_000_000);
        let (_, measured) = SubjectName::RefrainLru.build(limit, Fill::new(500_000));
        assert_eq!(measured.resident, 500_000);
        // Other tests allocate at the same time, but not much beside half a million entries.
        assert!(measured.requested > 16.0, "{measured:?}");
    }
}
