//! A cache with a stopwatch beside it: every call is noted down, and looked through when all have ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use refrain::{Answer, Cache, Capacity, Clock, Computed, EntryOptions, Insertion, Outcome, Policy};

use crate::history::{
    Birth, Deed, Room, Step, Version, assert_explained, assert_nobody_got_what_was_over,
};

/// Keys 0 and 1 have the same hash, as have 2 and 3: only the key itself tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) u64);

impl std::hash::Hash for Key {
    fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
        (self.0 / 2).hash(hasher);
    }
}

/// A value that proves whose it is, and that notices when it is looked at after it was dropped.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) key: Key,
    pub(crate) version: Version,
    /// Never freed: a thread that looks too late is to find it.
    alive: &'static AtomicBool,
}

impl Value {
    fn new(key: Key, version: Version) -> Self {
        let alive = Box::leak(Box::new(AtomicBool::new(true)));
        Self {
            key,
            version,
            alive,
        }
    }

    fn assert_alive(&self) {
        assert!(self.alive.load(Ordering::Relaxed), "{self:?} was dropped");
    }
}

impl Clone for Value {
    fn clone(&self) -> Self {
        self.assert_alive();
        // Others run in the middle of it.
        shuttle::thread::yield_now();
        self.assert_alive();
        Self::new(self.key, self.version)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(
            self.alive.swap(false, Ordering::Relaxed),
            "{self:?} is dropped twice"
        );
    }
}

/// What is asked of one schedule: a cache, and all that happened to it.
pub(crate) struct Stage {
    pub(crate) cache: Cache<Key, Value>,
    now: AtomicU64,
    versions: AtomicU64,
    steps: Mutex<Vec<(Key, Step)>>,
    births: Mutex<Vec<(Key, Birth)>>,
    room: Room,
}

/// Keys of a scene.
pub(crate) const KEYS: u64 = 3;

/// The tag of all entries for `key`.
fn tag(key: Key) -> String {
    format!("k{}", key.0)
}

fn options(key: Key) -> EntryOptions {
    EntryOptions::default().weight_bytes(1).tags([tag(key)])
}

impl Stage {
    pub(crate) fn new(policy: Policy, entries: u64) -> Arc<Self> {
        let (clock, _) = Clock::fake();
        let cache = Cache::builder()
            .clock(clock)
            .policy(policy)
            .capacity_entries(entries)
            .build()
            .expect("the settings are in range");
        Arc::new(Self {
            cache,
            now: AtomicU64::new(0),
            versions: AtomicU64::new(0),
            steps: Mutex::default(),
            births: Mutex::default(),
            room: if entries >= KEYS {
                Room::Ample
            } else {
                Room::Scarce
            },
        })
    }

    fn tick(&self) -> u64 {
        self.now.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, key: Key, began: u64, ended: u64, deed: Deed) {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        steps.push((key, Step { began, ended, deed }));
    }

    fn born(&self, key: Key, at: u64) -> Value {
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        self.is_from(key, version, at);
        Value::new(key, version)
    }

    fn is_from(&self, key: Key, version: Version, at: u64) {
        let mut births = self.births.lock().unwrap_or_else(PoisonError::into_inner);
        births.retain(|(_, birth)| birth.version != version);
        births.push((key, Birth { version, at }));
    }

    pub(crate) fn get(&self, key: Key) {
        let began = self.tick();
        let seen = self.cache.get(&key);
        self.saw(key, began, seen);
    }

    fn saw(&self, key: Key, began: u64, seen: Option<Value>) {
        let version = seen.as_ref().map(|value| value.version);
        assert!(
            seen.is_none_or(|value| value.key == key),
            "another key's value"
        );
        self.note(key, began, self.tick(), Deed::Saw(version));
    }

    pub(crate) fn insert(&self, key: Key) {
        let began = self.tick();
        let value = self.born(key, u64::MAX);
        let version = value.version;
        let deed = match self.cache.insert_with(key, value, options(key)) {
            Insertion::Stored => Deed::Wrote(version),
            _ => Deed::Cleared,
        };
        let ended = self.tick();
        // Until it has ended, it may come after whatever else goes on.
        self.is_from(key, version, ended);
        self.note(key, began, ended, deed);
    }

    /// What a computation for `key` does: others run before and after it makes its value.
    fn compute(&self, key: Key, times: &Mutex<Option<(u64, u64)>>) -> Computed<Value> {
        let began = self.tick();
        shuttle::thread::yield_now();
        let value = self.born(key, began);
        shuttle::thread::yield_now();
        *times.lock().unwrap_or_else(PoisonError::into_inner) = Some((began, self.tick()));
        Computed::new(value).with(options(key))
    }

    fn answered(&self, key: Key, began: u64, answer: &Answer<Value>, times: Option<(u64, u64)>) {
        let ended = self.tick();
        let version = answer.value.version;
        assert_eq!(answer.value.key, key, "another key's value");
        match (&answer.outcome, times) {
            (Outcome::Hit, _) => self.note(key, began, ended, Deed::Saw(Some(version))),
            (Outcome::Collapsed { .. }, _) => self.note(key, began, ended, Deed::Given(version)),
            (Outcome::Computed { stored, .. }, Some((from, to))) => {
                self.note(key, began, from, Deed::Saw(None));
                self.note(key, began, ended, Deed::Given(version));
                match stored.memory() {
                    Insertion::Stored => self.note(key, to, ended, Deed::Wrote(version)),
                    Insertion::Invalidated => {}
                    _ => self.note(key, to, ended, Deed::Cleared),
                }
            }
            (Outcome::Computed { .. }, None) => panic!("computed by nobody"),
            (Outcome::Loaded { .. } | Outcome::Bypassed { .. }, _) => {
                panic!("there is no lower tier")
            }
        }
    }

    pub(crate) fn get_or_compute(&self, key: Key) {
        let began = self.tick();
        let times = Mutex::default();
        let answer = self
            .cache
            .entry(key)
            .get_or_compute(|| self.compute(key, &times))
            .expect("it computes");
        let times = *times.lock().unwrap_or_else(PoisonError::into_inner);
        self.answered(key, began, &answer, times);
    }

    pub(crate) fn get_or_compute_async(self: &Arc<Self>, key: Key) {
        let began = self.tick();
        let times = Arc::new(Mutex::default());
        let (stage, noted) = (Arc::clone(self), Arc::clone(&times));
        let request = self.cache.entry(key).get_or_compute_async(async move {
            shuttle::future::yield_now().await;
            stage.compute(key, &noted)
        });
        let answer = shuttle::future::block_on(request).expect("it computes");
        let times = *times.lock().unwrap_or_else(PoisonError::into_inner);
        self.answered(key, began, &answer, times);
    }

    pub(crate) fn remove(&self, key: Key) {
        let began = self.tick();
        let seen = self.cache.remove(&key).map(|value| value.version);
        self.note(key, began, self.tick(), Deed::Removed(seen));
    }

    pub(crate) fn invalidate(&self, key: Key) {
        let began = self.tick();
        let was_there = self.cache.invalidate(&key);
        self.note(key, began, self.tick(), Deed::TookOut { was_there });
    }

    pub(crate) fn invalidate_tag(&self, key: Key) {
        let began = self.tick();
        self.cache.invalidate_tag(&tag(key));
        self.note(key, began, self.tick(), Deed::Cleared);
    }

    pub(crate) fn invalidate_all(&self) {
        let began = self.tick();
        self.cache.invalidate_all();
        let ended = self.tick();
        for key in 0..KEYS {
            self.note(Key(key), began, ended, Deed::Cleared);
        }
    }

    pub(crate) fn resize(&self, entries: u64) {
        assert_eq!(self.room, Room::Scarce, "entries may be evicted by it");
        let bytes = u64::MAX;
        self.cache.set_capacity(Capacity { bytes, entries });
        assert!(self.cache.stats().entries <= 2, "the largest limit of all");
    }

    /// Looks through everything. All threads have ended.
    pub(crate) fn end(&self) {
        for key in (0..KEYS).map(Key) {
            self.get(key);
        }
        self.cache.validate();
        assert_eq!(self.cache.stats().flights, 0, "every computation has ended");
        let steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        let births = self.births.lock().unwrap_or_else(PoisonError::into_inner);
        for key in (0..KEYS).map(Key) {
            let steps: Vec<_> = steps
                .iter()
                .filter(|(of, _)| *of == key)
                .map(|(_, step)| *step)
                .collect();
            let births: Vec<_> = births
                .iter()
                .filter(|(of, _)| *of == key)
                .map(|(_, birth)| *birth)
                .collect();
            assert_explained(&steps, self.room);
            assert_nobody_got_what_was_over(&steps, &births);
        }
    }
}
