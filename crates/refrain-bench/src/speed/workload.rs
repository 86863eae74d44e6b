//! What the threads ask of a cache, and how it is filled before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::ValueEnum;
use serde::Serialize;

use crate::keys::BenchKey;
use crate::payload::Payload;
use crate::sequence;
use crate::subject::{Limit, Subject, Visitor};

/// Operations between two looks at the clock: a few microseconds.
const BATCH: usize = 256;

/// Threads at most.
pub(crate) const MAX_THREADS: usize = 16;

/// What is asked of the caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Workload {
    /// 1,000,000 entries, all lookups hit
    #[value(name = "hit-1000k")]
    #[serde(rename = "hit-1000k")]
    Hit1000k,
    /// 10,000 entries, all lookups hit: what a cache of megabyte results looks like
    #[value(name = "hit-10k")]
    #[serde(rename = "hit-10k")]
    Hit10k,
    /// 2,000,000 keys, room for 200,000: look up, and insert what is missing
    Through,
    /// The same by the cache's own `get_or_compute`
    ThroughOwn,
    /// The same keys and room: three lookups, then an insert, whatever was found
    Mixed,
    /// Room for 200,000: inserts of keys that have never been seen
    Churn,
}

impl Workload {
    /// Whether there is anything to measure for a map that grows for ever.
    pub(crate) fn suits_maps(self) -> bool {
        self != Self::Churn
    }

    pub(crate) fn is_hit(self) -> bool {
        matches!(self, Self::Hit1000k | Self::Hit10k)
    }

    fn universe(self) -> u32 {
        match self {
            Self::Hit1000k => 1_000_000,
            Self::Hit10k => 10_000,
            _ => 2_000_000,
        }
    }

    /// With a fifth to spare where everything has to stay, because some caches give each of their parts a share.
    pub(crate) fn limit(self) -> Limit {
        Limit::Entries(match self {
            Self::Hit1000k => 1_200_000,
            Self::Hit10k => 12_000,
            _ => 200_000,
        })
    }

    /// For each thread, the keys in the order in which it asks for them; `length` is rounded up to whole batches.
    pub(crate) fn keys<K: BenchKey>(self, threads: usize, length: usize) -> Arc<[Box<[K]>]> {
        if self == Self::Churn {
            return Arc::from([]);
        }
        let length = length.next_multiple_of(BATCH);
        (0..threads as u64)
            .map(|thread| {
                let ids = sequence::zipf(self.universe(), length, 42 + thread);
                ids.into_iter().map(K::from_id).collect()
            })
            .collect()
    }
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.pad(value.get_name())
    }
}

/// What one thread did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) operations: u64,
    pub(crate) lookups: u64,
    pub(crate) hits: u64,
    /// Values that belong to another key. More than 0 ends the measurement.
    pub(crate) wrong: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.lookups += other.lookups;
        self.hits += other.hits;
        self.wrong += other.wrong;
    }
}

/// A filled cache and a workload, ready to run on any thread at any time.
pub(crate) trait Lane: Send + Sync {
    /// The next few operations of this thread.
    fn batch(&self, thread: usize) -> Tally;
}

/// Fills a cache as its workload asks and makes a [`Lane`] of it.
pub(crate) struct Fill<K> {
    pub(crate) workload: Workload,
    pub(crate) keys: Arc<[Box<[K]>]>,
    /// Operations that bring an evicting workload into its steady state.
    pub(crate) warm_up: u64,
}

impl<K: BenchKey> Visitor<K, Arc<Payload>> for Fill<K> {
    type Output = Arc<dyn Lane>;

    fn visit<S: Subject<K, Arc<Payload>>>(self, subject: S) -> Self::Output {
        if self.workload.is_hit() {
            for id in sequence::shuffled(self.workload.universe(), 7) {
                let key = K::from_id(id);
                subject.insert(key, Payload::of(&key));
            }
        }
        let lane = CacheLane {
            subject,
            workload: self.workload,
            cursors: std::array::from_fn(|_| Cursor(AtomicUsize::new(0))),
            keys: self.keys,
        };
        if !self.workload.is_hit() {
            let mut done = 0;
            while done < self.warm_up {
                done += lane.batch(0).operations;
            }
        }
        Arc::new(lane)
    }
}

struct CacheLane<K, S> {
    subject: S,
    workload: Workload,
    /// Of each thread.
    keys: Arc<[Box<[K]>]>,
    cursors: [Cursor; MAX_THREADS],
}

/// Where a thread is; on a cache line of its own.
#[repr(align(128))]
struct Cursor(AtomicUsize);

impl<K: BenchKey, S: Subject<K, Arc<Payload>>> Lane for CacheLane<K, S> {
    fn batch(&self, thread: usize) -> Tally {
        // Relaxed: only this thread moves its cursor; slices are ordered by channels.
        let cursor = &self.cursors[thread].0;
        let start = cursor.load(Ordering::Relaxed);
        cursor.store(start + BATCH, Ordering::Relaxed);
        let keys = || {
            let keys = &self.keys[thread];
            &keys[start % keys.len()..][..BATCH]
        };
        let mut tally = match self.workload {
            Workload::Hit1000k | Workload::Hit10k => self.hit(keys()),
            Workload::Through => self.through(keys()),
            Workload::ThroughOwn => self.through_own(keys()),
            Workload::Mixed => self.mixed(keys()),
            Workload::Churn => self.churn(thread, start),
        };
        tally.operations = BATCH as u64;
        tally
    }
}

impl<K: BenchKey, S: Subject<K, Arc<Payload>>> CacheLane<K, S> {
    /// Looks `key` up and checks the answer; whether there was one.
    fn look_up(&self, key: &K, tally: &mut Tally) -> bool {
        tally.lookups += 1;
        let Some(found) = self.subject.get(key) else {
            return false;
        };
        tally.hits += 1;
        tally.wrong += u64::from(!S::value(&found).belongs_to(key));
        true
    }

    fn hit(&self, keys: &[K]) -> Tally {
        let mut tally = Tally::default();
        for key in keys {
            self.look_up(key, &mut tally);
        }
        tally
    }

    fn through(&self, keys: &[K]) -> Tally {
        let mut tally = Tally::default();
        for key in keys {
            if !self.look_up(key, &mut tally) {
                self.subject.insert(*key, Payload::of(key));
            }
        }
        tally
    }

    fn through_own(&self, keys: &[K]) -> Tally {
        let mut tally = Tally::default();
        for key in keys {
            let mut computed = false;
            let found = self.subject.get_or_compute(key, || {
                computed = true;
                Payload::of(key)
            });
            tally.lookups += 1;
            tally.hits += u64::from(!computed);
            tally.wrong += u64::from(!S::value(&found).belongs_to(key));
        }
        tally
    }

    fn mixed(&self, keys: &[K]) -> Tally {
        let mut tally = Tally::default();
        for four in keys.chunks_exact(4) {
            let [read @ .., written] = four else { continue };
            for key in read {
                self.look_up(key, &mut tally);
            }
            self.subject.insert(*written, Payload::of(written));
        }
        tally
    }

    fn churn(&self, thread: usize, start: usize) -> Tally {
        for offset in 0..BATCH {
            let id = (thread as u64) << 40 | (start + offset) as u64;
            let key = K::from_id(id);
            self.subject.insert(key, Payload::of(&key));
        }
        Tally::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::SubjectName;

    fn tally_of(workload: Workload, batches: u64) -> Tally {
        let lane = SubjectName::RefrainLru.build(
            workload.limit(),
            Fill::<u64> {
                workload,
                keys: workload.keys(2, 50_000),
                warm_up: 100_000,
            },
        );
        let mut tally = Tally::default();
        (0..batches).for_each(|_| tally.add(lane.batch(1)));
        tally
    }

    #[test]
    fn a_hit_workload_only_hits() {
        let tally = tally_of(Workload::Hit10k, 400);
        assert_eq!(tally.operations, 400 * 256);
        assert_eq!((tally.hits, tally.wrong), (tally.operations, 0));
    }

    #[test]
    fn a_mixed_workload_looks_up_three_times_in_four() {
        let tally = tally_of(Workload::Mixed, 40);
        assert_eq!(tally.lookups * 4, tally.operations * 3);
        assert_eq!(tally.wrong, 0);
    }

    #[test]
    fn churn_never_looks_up() {
        assert_eq!(tally_of(Workload::Churn, 10).lookups, 0);
    }
}
