//! Random scripts of calls and faults against a model: whatever happens, no caller is given a wrong value or waits for ever.
//!
//! The model knows for each key the oldest version that a caller that comes now may be given. It grows with each
//! invalidation, and with each value that has taken the place of another.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use refrain::tier::{Tier, Tiers};
use refrain::{
    Answer, BytesCodec, Cache, Capacity, ComputeError, EntryOptions, Insertion, Outcome,
    TieredCache,
};

use super::contract::key;
use super::driving::{Time, poll_once};
use super::faulty::{Fault, Faults, FaultyTier};
use super::memory::MemoryTier;
use crate::{Random, payload};

const KEYS: u64 = 4;
const STEPS: u64 = 80;
const LIFETIME: Duration = Duration::from_secs(600);

/// A result's time begins when it is stored, which may wait for the deadlines of a few tiers.
const SLACK: Duration = Duration::from_secs(100);

const TAG: &str = "even";

type Given = Result<Answer<Bytes>, ComputeError<String>>;

/// A caller on its way.
struct Caller {
    number: u64,
    /// The oldest version that it may be given.
    floor: u64,
    came: Duration,
    refreshes: bool,
    future: Pin<Box<dyn Future<Output = Given>>>,
}

struct Script {
    seed: u64,
    random: Random,
    time: Time,
    cache: TieredCache<Bytes>,
    faults: Vec<Faults>,
    /// By key.
    floors: HashMap<u64, u64>,
    versions: Arc<AtomicU64>,
    /// When each version was made.
    made: Arc<Mutex<HashMap<u64, Duration>>>,
    callers: Vec<Caller>,
    /// What has happened so far, for the message of a failure.
    told: Vec<String>,
}

/// Plays a random script for each seed, with a tier that `make` makes among one to three faulty ones.
///
/// `patience` as in [`contract`](super::contract).
///
/// # Panics
///
/// If a caller is given what it may not be given, or waits for ever; the message has the seed.
pub fn try_faults(
    seeds: impl IntoIterator<Item = u64>,
    patience: Duration,
    make: impl Fn(&refrain::Clock) -> Box<dyn Tier>,
) {
    for seed in seeds {
        let play = || Script::new(seed, patience, &make).play();
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(play));
        assert!(
            played.is_ok(),
            "the script of seed {seed} failed, see above"
        );
    }
}

impl Script {
    fn new(seed: u64, patience: Duration, make: &dyn Fn(&refrain::Clock) -> Box<dyn Tier>) -> Self {
        let mut random = Random::new(seed);
        let time = Time::new(patience);
        let names = ["above", "between", "below"];
        let count = 1 + usize::try_from(random.below(3)).expect("it is small");
        let of_the_caller = random.below(count as u64);
        let mut builder = Tiers::builder().clock(time.clock.clone());
        let mut faults = Vec::new();
        for (at, name) in (0..).zip(&names[..count]) {
            let tier: Box<dyn Tier> = if at == of_the_caller {
                make(&time.clock)
            } else {
                Box::new(MemoryTier::new(&time.clock).named(name).in_pieces_of(1000))
            };
            let (tier, script) = FaultyTier::new(tier);
            builder = builder.tier(tier);
            faults.push(script);
        }
        let memory = Cache::builder()
            .capacity_entries(1 + random.below(3))
            .time_to_live(LIFETIME)
            .clock(time.clock.clone())
            .build()
            .expect("the settings are in range");
        Self {
            seed,
            random,
            cache: TieredCache::new(memory, builder.build(), BytesCodec),
            time,
            faults,
            floors: HashMap::new(),
            versions: Arc::new(AtomicU64::new(1)),
            made: Arc::default(),
            callers: Vec::new(),
            told: Vec::new(),
        }
    }

    fn play(mut self) {
        for _ in 0..STEPS {
            match self.random.below(20) {
                0..=6 => self.come(),
                7..=11 => self.poll(),
                12 | 13 => self.plant(),
                14 => self.invalidate(),
                15 => self.insert(),
                16 => self
                    .time
                    .hands
                    .advance(Duration::from_secs(self.random.below(120))),
                17 => self.peek(),
                18 => {
                    // What the memory holds is evicted. What is being computed is not overtaken by that.
                    let memory = self.cache.memory();
                    let capacity = memory.capacity();
                    memory.set_capacity(Capacity {
                        entries: 0,
                        ..capacity
                    });
                    memory.set_capacity(capacity);
                    self.tell("the memory is emptied");
                }
                _ => {
                    self.tell("all is released");
                    self.faults.iter().for_each(Faults::release);
                }
            }
        }
        self.end();
    }

    /// All goes well from now on: what waits gets its answer, and what is owed is paid.
    fn end(&mut self) {
        self.faults.iter().for_each(Faults::release);
        for caller in std::mem::take(&mut self.callers) {
            let Caller {
                number,
                floor,
                came,
                refreshes,
                future,
            } = caller;
            let given = self.time.drive(future);
            self.check(number, floor, came, refreshes, given);
        }
        self.time.hands.advance(Duration::from_secs(10));
        for number in 0..KEYS {
            self.cache.memory().remove(&key(number));
            let floor = self.floor(number);
            let came = self.time.clock.elapsed();
            if let Some(answer) = self
                .time
                .drive(self.cache.entry(key(number)).stored_async())
            {
                self.judge(number, floor, came, &answer);
            }
        }
        self.cache.memory().validate();
        assert_eq!(self.cache.memory().stats().flights, 0);
    }

    fn floor(&self, number: u64) -> u64 {
        self.floors.get(&number).copied().unwrap_or(0)
    }

    fn raise(&mut self, number: u64, floor: u64) {
        let known = self.floors.entry(number).or_default();
        *known = floor.max(*known);
    }

    fn tell(&mut self, what: &str) {
        self.told
            .push(format!("{:?}: {what}", self.time.clock.elapsed()));
    }

    /// A caller comes, and may wait.
    fn come(&mut self) {
        let number = self.random.below(KEYS);
        let refreshes = self.random.one_in(5);
        self.tell(&format!(
            "a caller for {number} comes, refresh: {refreshes}"
        ));
        let polls = self.random.below(4);
        let fails = self.random.one_in(12);
        let length = usize::try_from(self.random.below(9000)).expect("it is small");
        let cost = Duration::from_secs(self.random.below(100));
        let (cache, versions) = (self.cache.clone(), Arc::clone(&self.versions));
        let (made, clock) = (Arc::clone(&self.made), self.time.clock.clone());
        let computation = async move {
            let version = versions.fetch_add(1, Ordering::Relaxed);
            for _ in 0..polls {
                yield_once().await;
            }
            if fails {
                return Err("as the script says".to_owned());
            }
            let now = clock.elapsed();
            made.lock().expect("not poisoned").insert(version, now);
            Ok(Bytes::from(payload::of(number, version, length)))
        };
        let future = async move {
            let mut request = cache.entry(key(number)).cost(cost);
            if number.is_multiple_of(2) {
                request = request.tags([TAG]);
            }
            if refreshes {
                request = request.refresh();
            }
            request.get_or_try_compute_async(computation).await
        };
        self.callers.push(Caller {
            number,
            floor: self.floor(number),
            came: self.time.clock.elapsed(),
            refreshes,
            future: Box::pin(future),
        });
    }

    /// One of those that wait gets further, or leaves.
    fn poll(&mut self) {
        if self.callers.is_empty() {
            return;
        }
        let at = usize::try_from(self.random.below(self.callers.len() as u64)).expect("small");
        if self.random.one_in(15) {
            drop(self.callers.swap_remove(at));
            return;
        }
        let polled = poll_once(self.callers[at].future.as_mut());
        if let Poll::Ready(given) = polled {
            let caller = self.callers.swap_remove(at);
            self.check(
                caller.number,
                caller.floor,
                caller.came,
                caller.refreshes,
                given,
            );
        }
    }

    fn check(&mut self, number: u64, floor: u64, came: Duration, refreshes: bool, given: Given) {
        let answer = match given {
            Ok(answer) => answer,
            Err(error @ (ComputeError::Failed(_) | ComputeError::Cancelled)) => {
                return self.tell(&format!("{number}: {error}"));
            }
            Err(error) => panic!("seed {}: {error}", self.seed),
        };
        let version = self.judge(number, floor, came, &answer);
        self.tell(&format!(
            "{number} is given in version {version}, {:?}",
            answer.outcome
        ));
        // One that joined what was being computed already has no older value replaced.
        let replaced =
            matches!(&answer.outcome, Outcome::Computed { stored, .. } if stored.is_anywhere());
        if refreshes && replaced {
            self.raise(number, version);
        }
        if let Outcome::Hit | Outcome::Loaded { .. } = answer.outcome {
            let tags: Vec<_> = answer.info.tags.iter().map(|tag| &**tag).collect();
            let expected: &[&str] = if number.is_multiple_of(2) {
                &[TAG]
            } else {
                &[]
            };
            assert_eq!(tags, expected, "seed {}: tags of key {number}", self.seed);
        }
    }

    /// The version that a caller was given, which it may be given.
    fn judge(&self, number: u64, floor: u64, came: Duration, answer: &Answer<Bytes>) -> u64 {
        let version = payload::version_of(number, &answer.value);
        let seed = self.seed;
        assert!(
            version >= floor,
            "seed {seed}: key {number} in version {version} by {:?}, though {floor} is the oldest allowed\n{}",
            answer.outcome,
            self.told.join("\n")
        );
        let made = self.made.lock().expect("not poisoned")[&version];
        assert!(
            made + LIFETIME + SLACK > came,
            "seed {seed}: key {number} in version {version}, made at {made:?}, was expired at {came:?}"
        );
        version
    }

    /// Something is going to happen to a tier.
    fn plant(&mut self) {
        const FAULTS: [Fault; 12] = [
            Fault::None,
            Fault::Slow(1),
            Fault::Slow(3),
            Fault::Fails,
            Fault::FailsAfterwards,
            Fault::Refuses,
            Fault::HangsAfterwards,
            Fault::Late,
            Fault::Panics,
            Fault::PanicsLater,
            Fault::BreaksOff,
            Fault::WrongByte,
        ];
        let of = usize::try_from(self.random.below(self.faults.len() as u64)).expect("small");
        let fault = FAULTS[usize::try_from(self.random.below(12)).expect("small")];
        self.tell(&format!("tier {of}: {fault:?}"));
        let faults = &self.faults[of];
        faults.hold();
        if self.random.one_in(8) {
            faults.always(fault);
        } else {
            faults.push(fault);
        }
    }

    fn invalidate(&mut self) {
        // What is made from now on is not meant.
        let floor = self.versions.load(Ordering::Relaxed);
        let number = self.random.below(KEYS);
        self.tell(&format!(
            "invalidated: {number}, or more, before version {floor}"
        ));
        // A tier may fail to confirm it; nothing is loaded from it all the same.
        let cache = self.cache.clone();
        match self.random.below(4) {
            0 => {
                let _ = self.time.drive(cache.invalidate_tag_async(TAG));
                (0..KEYS)
                    .filter(|number| number.is_multiple_of(2))
                    .for_each(|n| self.raise(n, floor));
            }
            1 => {
                let _ = self.time.drive(cache.invalidate_all_async());
                (0..KEYS).for_each(|number| self.raise(number, floor));
            }
            _ => {
                let _ = self.time.drive(cache.invalidate_async(key(number)));
                self.raise(number, floor);
            }
        }
    }

    fn insert(&mut self) {
        let number = self.random.below(KEYS);
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let now = self.time.clock.elapsed();
        self.made.lock().expect("not poisoned").insert(version, now);
        let mut options = EntryOptions::default();
        if number.is_multiple_of(2) {
            options = options.tags([TAG]);
        }
        let value = Bytes::from(payload::of(number, version, 2000));
        let cache = self.cache.clone();
        let inserted = self
            .time
            .drive(cache.insert_async(key(number), value, options));
        self.tell(&format!(
            "{number} is inserted in version {version}: {inserted:?}"
        ));
        if inserted == Insertion::Stored {
            self.raise(number, version);
        }
    }

    fn peek(&mut self) {
        let number = self.random.below(KEYS);
        let (floor, came) = (self.floor(number), self.time.clock.elapsed());
        let cache = self.cache.clone();
        if let Some(answer) = self.time.drive(cache.peek_async(key(number))) {
            self.judge(number, floor, came, &answer);
        }
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(move |context| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
