//! The real cache beside a model of a few lines, over seeded random operations with time moved by hand.
//!
//! `REFRAIN_SIM_OPS` sets how many operations for each policy (by default 2 million over the three of them; the long
//! proof takes 10^9: CONTRIBUTING.md), `REFRAIN_SIM_SEED` the first seed. A failure prints the seed; with it the
//! run repeats to the letter.

use std::collections::HashMap;
use std::time::Duration;

use refrain::{
    Cache, Capacity, Clock, ComputeError, Computed, EntryOptions, FakeClock, Insertion, Outcome,
    Policy,
};
use refrain_testkit::Random;

/// A value that proves whose it is: key, write number, and weight.
type Value = (u64, u64, u64);

#[derive(Clone)]
struct Known {
    value: Value,
    expires: Option<u64>,
    tag: u64,
    /// When it was used last; the smallest goes first under `lru`.
    used: u64,
}

/// What the cache should hold, for `lru` to the entry, for the other policies at most.
struct Model {
    entries: HashMap<u64, Known>,
    capacity: Capacity,
    exact: bool,
    uses: u64,
}

impl Model {
    fn expire(&mut self, now: u64) {
        self.entries
            .retain(|_, known| known.expires.is_none_or(|due| due > now));
    }

    fn weight(&self) -> u64 {
        self.entries.values().map(|known| known.value.2).sum()
    }

    fn shrink(&mut self, bytes: u64, entries: u64) {
        if !self.exact {
            return;
        }
        while self.weight() > bytes || self.entries.len() as u64 > entries {
            let oldest = self.entries.iter().min_by_key(|(_, known)| known.used);
            let oldest = *oldest.expect("something is too much").0;
            self.entries.remove(&oldest);
        }
    }

    fn insert(&mut self, key: u64, value: Value, expires: Option<u64>, tag: u64, now: u64) {
        self.entries.remove(&key);
        let dead = expires.is_some_and(|due| due <= now);
        if dead || value.2 > self.capacity.bytes || self.capacity.entries == 0 {
            return;
        }
        self.shrink(self.capacity.bytes - value.2, self.capacity.entries - 1);
        self.uses += 1;
        let used = self.uses;
        self.entries.insert(
            key,
            Known {
                value,
                expires,
                tag,
                used,
            },
        );
    }

    fn touch(&mut self, key: u64) {
        self.uses += 1;
        if let Some(known) = self.entries.get_mut(&key) {
            known.used = self.uses;
        }
    }
}

struct Simulation {
    cache: Cache<u64, Value>,
    hands: FakeClock,
    now: u64,
    model: Model,
    random: Random,
    keys: u64,
    writes: u64,
}

impl Simulation {
    fn new(seed: u64, policy: Policy) -> Self {
        let mut random = Random::new(seed);
        let capacity = Capacity {
            bytes: 1 + random.below(400),
            entries: 1 + random.below(30),
        };
        let (clock, hands) = Clock::fake();
        let cache = Cache::builder()
            .policy(policy)
            .clock(clock)
            .capacity_bytes(capacity.bytes)
            .capacity_entries(capacity.entries)
            .weigher(|_, value: &Value| value.2)
            .build()
            .expect("the settings are in range");
        Self {
            cache,
            hands,
            now: 0,
            model: Model {
                entries: HashMap::new(),
                capacity,
                exact: policy == Policy::Lru,
                uses: 0,
            },
            keys: 1 + random.below(60),
            random,
            writes: 0,
        }
    }

    fn step(&mut self) {
        let key = self.random.below(self.keys);
        match self.random.below(100) {
            0..40 => self.get(key),
            40..60 => self.insert(key),
            60..80 => self.compute(key),
            80..84 => self.compute_badly(key),
            84..88 => self.invalidate(key),
            88..90 => self.invalidate_tag(),
            90..92 => self.invalidate_while_computing(key),
            92..98 => self.advance(),
            98 => self.resize(),
            _ => {
                if self.random.below(50) == 0 {
                    self.cache.invalidate_all();
                    self.model.entries.clear();
                }
            }
        }
    }

    fn options(&mut self) -> (EntryOptions, Option<u64>, u64) {
        let tag = self.random.below(5);
        let span = match self.random.below(4) {
            0 => None,
            1 => Some(0),
            _ => Some(self.random.below(3_000)),
        };
        let mut options = EntryOptions::default().tags([format!("t{tag}")]);
        if let Some(span) = span {
            options = options.time_to_live(Duration::from_millis(span));
        }
        (options, span.map(|span| self.now + span), tag)
    }

    fn value(&mut self, key: u64) -> Value {
        self.writes += 1;
        let weight = match self.random.below(20) {
            0 => 0,
            1 => self.model.capacity.bytes + self.random.below(3),
            2 => u64::MAX,
            _ => self.random.below(60),
        };
        (key, self.writes, weight)
    }

    /// What the cache may say about `key`: exactly the model's value under `lru`, that or nothing otherwise.
    fn check(&mut self, key: u64, got: Option<Value>) {
        let known = self.model.entries.get(&key).map(|known| known.value);
        if self.model.exact || got.is_some() {
            assert_eq!(got, known, "key {key}");
        } else {
            self.model.entries.remove(&key);
        }
    }

    fn get(&mut self, key: u64) {
        self.model.expire(self.now);
        let got = self.cache.get(&key);
        self.check(key, got);
        self.model.touch(key);
    }

    fn insert(&mut self, key: u64) {
        let (value, (options, expires, tag)) = (self.value(key), self.options());
        let insertion = self.cache.insert_with(key, value, options);
        self.model.expire(self.now);
        self.model.insert(key, value, expires, tag, self.now);
        let stored = self.model.entries.contains_key(&key);
        if self.model.exact {
            assert_eq!(insertion == Insertion::Stored, stored, "{insertion:?}");
        } else if insertion != Insertion::Stored {
            self.model.entries.remove(&key);
        }
    }

    fn compute(&mut self, key: u64) {
        self.model.expire(self.now);
        let (value, (options, expires, tag)) = (self.value(key), self.options());
        let answer = self
            .cache
            .entry(key)
            .get_or_compute(|| Computed::new(value).with(options))
            .expect("it computes");
        match answer.outcome {
            Outcome::Hit => {
                self.check(key, Some(answer.value));
                self.model.touch(key);
            }
            Outcome::Computed { stored, .. } => {
                self.check(key, None);
                assert_eq!(answer.value, value);
                self.model.insert(key, value, expires, tag, self.now);
                if stored.memory() != Insertion::Stored {
                    assert!(!self.model.exact || !self.model.entries.contains_key(&key));
                    self.model.entries.remove(&key);
                }
            }
            Outcome::Collapsed { .. } => panic!("there is one caller"),
            Outcome::Loaded { .. } | Outcome::Bypassed { .. } => panic!("there is no lower tier"),
        }
    }

    /// Errors, panics, and computations that need themselves leave everything as it was.
    fn compute_badly(&mut self, key: u64) {
        self.model.expire(self.now);
        let kind = self.random.below(3);
        let inner = self.cache.clone();
        let result = self.cache.get_or_try_compute(key, || match kind {
            0 => Err::<Value, _>("planted"),
            1 => std::panic::resume_unwind(Box::new("planted")),
            _ => match inner.get_or_try_compute::<Value, &str>(key, || Err("ran twice")) {
                Err(ComputeError::Recursive { .. }) => Err("recursive"),
                other => panic!("{other:?}"),
            },
        });
        match result {
            Ok(value) => {
                self.check(key, Some(value));
                self.model.touch(key);
            }
            Err(_) => self.check(key, None),
        }
    }

    fn invalidate(&mut self, key: u64) {
        self.model.expire(self.now);
        let was_there = self.cache.invalidate(&key);
        let known = self.model.entries.remove(&key).is_some();
        assert!(if self.model.exact {
            was_there == known
        } else {
            known || !was_there
        });
    }

    fn invalidate_tag(&mut self) {
        let tag = self.random.below(5);
        self.cache.invalidate_tag(&format!("t{tag}"));
        self.model.entries.retain(|_, known| known.tag != tag);
    }

    /// The value computed meanwhile is served and not kept, whatever way it was invalidated.
    fn invalidate_while_computing(&mut self, key: u64) {
        self.model.expire(self.now);
        let value = self.value(key);
        let how = self.random.below(3);
        let inner = self.cache.clone();
        let mut ran = false;
        let answer = self
            .cache
            .entry(key)
            .get_or_compute(|| {
                ran = true;
                match how {
                    0 => drop(inner.invalidate(&key)),
                    1 => drop(inner.invalidate_tag("t1")),
                    _ => drop(inner.invalidate_all()),
                }
                Computed::new(value).with(EntryOptions::default().tags(["t1"]))
            })
            .expect("it computes");
        if !ran {
            self.check(key, Some(answer.value));
            self.model.touch(key);
            return;
        }
        self.check(key, None);
        assert_eq!(
            answer.outcome,
            Outcome::Computed {
                stored: Insertion::Invalidated.into(),
                refreshed: false
            }
        );
        match how {
            0 => {}
            1 => self.model.entries.retain(|_, known| known.tag != 1),
            _ => self.model.entries.clear(),
        }
        assert_eq!(self.cache.peek_entry(&key).map(|entry| entry.value), None);
    }

    fn advance(&mut self) {
        let by = self.random.below(500);
        self.now += by;
        self.hands.advance(Duration::from_millis(by));
    }

    fn resize(&mut self) {
        let capacity = Capacity {
            bytes: self.random.below(400),
            entries: self.random.below(30),
        };
        self.model.expire(self.now);
        // Entries that have expired and are still there count as held until a caller looks.
        self.cache.stats();
        self.cache.set_capacity(capacity);
        self.model.shrink(capacity.bytes, capacity.entries);
        self.model.capacity = capacity;
    }

    fn validate(&mut self) {
        self.cache.validate();
        self.model.expire(self.now);
        let stats = self.cache.stats();
        assert_eq!(stats.flights, 0);
        assert!(stats.weight_bytes <= self.model.capacity.bytes);
        assert!(stats.entries <= self.model.capacity.entries);
        let listed = self.cache.entries(None, usize::MAX).entries;
        assert_eq!(listed.len() as u64, stats.entries);
        for (key, info) in listed {
            let known = &self.model.entries[&key];
            assert_eq!(info.weight_bytes, known.value.2);
        }
        if self.model.exact {
            assert_eq!(stats.entries, self.model.entries.len() as u64);
            assert_eq!(stats.weight_bytes, self.model.weight());
        }
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

fn simulate(policy: Policy) {
    const STEPS: u64 = 2_000;
    let first = number("REFRAIN_SIM_SEED", 1);
    let rounds = number("REFRAIN_SIM_OPS", 2_000_000 / 3).div_ceil(STEPS);
    for seed in first..first + rounds {
        let run = std::panic::catch_unwind(|| {
            let mut simulation = Simulation::new(seed, policy);
            for step in 0..STEPS {
                simulation.step();
                if step % 16 == 0 {
                    simulation.validate();
                }
            }
            simulation.validate();
        });
        if let Err(panic) = run {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            panic!("{policy:?} fails with REFRAIN_SIM_SEED={seed} REFRAIN_SIM_OPS={STEPS}: {why}");
        }
    }
}

#[test]
fn lru_holds_exactly_what_the_model_holds() {
    simulate(Policy::Lru);
}

#[test]
fn hazard_never_says_what_the_model_does_not_know() {
    simulate(Policy::Hazard);
}
