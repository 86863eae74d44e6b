//! What one request costs the policies alone, by the number of entries.

use std::time::Duration;

use refrain::policy::{Admission, Candidate, Eviction, Hit, Moment, Policy, Residents, Space};

use crate::stopwatch;

const POLICIES: [(Policy, &str); 2] = [(Policy::Lru, "lru"), (Policy::Hazard, "hazard")];

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Numbers of entries
    #[arg(long, value_delimiter = ',', default_values_t = [1000, 10_000, 100_000, 1_000_000, 10_000_000])]
    entries: Vec<u32>,
    /// Requests that are timed
    #[arg(long, default_value_t = 1_000_000)]
    requests: u32,
    /// Requests a second that the policies are told of: beyond some thousands they spare effort
    #[arg(long, default_value_t = 1_000_000)]
    rate: u64,
}

pub(crate) fn run(options: &Options) {
    println!("Nanoseconds a request. *churn*: every request stores a new key and evicts one.");
    println!("*mixed*: three of four requests are hits of random entries.\n");
    println!("| policy | entries | churn | mixed | bytes an entry |");
    println!("|---|--:|--:|--:|--:|");
    for (policy, name) in POLICIES {
        for &entries in &options.entries {
            let mut bed = Bed::full(policy, entries, options.rate);
            let bytes = bed.eviction.memory_bytes() / entries as usize;
            let churn = bed.nanoseconds(options.requests, 0);
            let mixed = bed.nanoseconds(options.requests, 3);
            println!("| {name} | {entries} | {churn:.0} | {mixed:.0} | {bytes} |");
        }
    }
}

/// A policy over entries that have nothing but what policies ask for.
struct Bed {
    eviction: Eviction,
    entries: Entries,
    now: Moment,
    /// Ticks a second.
    rate: u64,
    random: u64,
    hits: Vec<Hit>,
    victims: Vec<u32>,
}

struct Entries(Vec<Entry>);

#[derive(Clone, Copy)]
struct Entry {
    word: u64,
    fingerprint: u64,
    weight_bytes: u32,
    cost_seconds: f32,
}

impl Residents for Entries {
    fn word(&self, slot: u32) -> u64 {
        self.0[slot as usize].word
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        u64::from(self.0[slot as usize].weight_bytes)
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        self.0[slot as usize].cost_seconds
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        self.0[slot as usize].fingerprint
    }

    fn expires(&self, _slot: u32) -> Option<Duration> {
        None
    }
}

impl Bed {
    fn full(policy: Policy, entries: u32, rate: u64) -> Self {
        let mut bed = Self {
            eviction: Eviction::new(policy),
            entries: Entries(Vec::new()),
            now: Moment::default(),
            rate,
            random: 1,
            hits: Vec::new(),
            victims: Vec::new(),
        };
        for _ in 0..entries {
            bed.tick();
            bed.store(0);
        }
        // The second time around, slots do not come in order any more.
        for _ in 0..entries {
            bed.hit();
        }
        for _ in 0..entries / 2 {
            bed.miss();
        }
        bed
    }

    fn nanoseconds(&mut self, requests: u32, hits: u32) -> f64 {
        let start = stopwatch::now();
        for _ in 0..requests / (hits + 1) {
            for _ in 0..hits {
                self.hit();
            }
            self.miss();
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(requests)
    }

    fn tick(&mut self) {
        self.now.tick += 1;
        self.now.time = Duration::from_nanos(self.now.tick * (1_000_000_000 / self.rate));
    }

    fn next(&mut self) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        self.random >> 32
    }

    fn hit(&mut self) {
        self.tick();
        let slot = (self.next() * self.entries.0.len() as u64) >> 32;
        let slot = u32::try_from(slot).expect("a part of the entries");
        let reported = self
            .eviction
            .sampling()
            .takes(self.entries.fingerprint(slot));
        let word = &mut self.entries.0[slot as usize].word;
        if reported {
            self.hits.push(Hit {
                slot,
                before: *word,
                tick: self.now.tick,
            });
        }
        *word = self.eviction.policy().touch(*word, self.now.tick);
    }

    fn miss(&mut self) {
        self.tick();
        self.eviction.learn(&self.entries, &self.hits, self.now);
        self.hits.clear();
        self.store(1);
    }

    fn store(&mut self, missing_entries: u64) {
        let kind = self.next();
        let candidate = Candidate {
            fingerprint: kind << 32 | self.next(),
            weight_bytes: 1000 + kind % 3000,
            cost_seconds: 1.0,
            expires: None,
        };
        let space = Space {
            held_bytes: self.entries.0.len() as u64 * 2500,
            missing_bytes: 0,
            missing_entries,
        };
        self.eviction
            .miss(&self.entries, candidate.fingerprint, self.now);
        let admission = self.eviction.admit(
            &self.entries,
            &candidate,
            space,
            self.now,
            &mut self.victims,
        );
        let Admission::Admit { word } = admission else {
            return;
        };
        let entry = Entry {
            word,
            fingerprint: candidate.fingerprint,
            weight_bytes: u32::try_from(candidate.weight_bytes).expect("a few thousand"),
            cost_seconds: candidate.cost_seconds,
        };
        let slot = if let Some(slot) = self.victims.pop() {
            self.entries.0[slot as usize] = entry;
            slot
        } else {
            self.entries.0.push(entry);
            u32::try_from(self.entries.0.len() - 1).expect("some millions")
        };
        self.eviction.insert(&self.entries, slot, self.now);
    }
}
