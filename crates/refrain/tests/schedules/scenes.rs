//! What the threads of each scene do.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};

use refrain::{Cache, Clock, ComputeError, Outcome, Policy, Role};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread;
use shuttle::{Config, Runner};

use crate::stage::{KEYS, Key, Stage};

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is not a number"))
    })
}

/// Scenes that share the schedules that are asked for.
const SCENES: u64 = 9;

/// Tries `scene` under schedules of two kinds: all choices by chance, and few changes of priority (Burckhardt et
/// al., "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs", ASPLOS 2010).
#[expect(clippy::print_stdout, reason = "a failure shows it")]
fn try_schedules(scene: fn()) {
    let each =
        usize::try_from(number("REFRAIN_SCHEDULES", 5_000).div_ceil(SCENES)).expect("few enough");
    let seed = number("REFRAIN_SEED", 1);
    println!("{each} schedules, REFRAIN_SEED={seed}");
    let mut config = Config::new();
    config.silence_warnings = true;
    // Panics are told in words, which takes more than the 32 KiB that a thread has otherwise.
    config.stack_size = 1 << 18;
    let random = RandomScheduler::new_from_seed(seed, each - each / 3);
    Runner::new(random, config.clone()).run(scene);
    let few_changes = PctScheduler::new_from_seed(seed, 3, each / 3);
    Runner::new(few_changes, config).run(scene);
}

fn any_policy() -> Policy {
    [Policy::Lru, Policy::Hazard][thread_rng().gen_range(0..2)]
}

fn join_all(threads: Vec<thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().expect("no thread panics");
    }
}

/// Three threads with calls of all kinds.
fn calls_of_all_kinds(entries: u64, calls: u32, keys: u64) {
    let stage = Stage::new(any_policy(), entries);
    let threads = (0..3)
        .map(|_| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || {
                for _ in 0..calls {
                    let key = Key(thread_rng().gen_range(0..keys));
                    match thread_rng().gen_range(0..20) {
                        0..4 => stage.get(key),
                        4..8 => stage.insert(key),
                        8..11 => stage.get_or_compute(key),
                        11..13 => stage.get_or_compute_async(key),
                        13..15 => stage.invalidate(key),
                        15 => stage.remove(key),
                        16 => stage.invalidate_tag(key),
                        17 => stage.invalidate_all(),
                        18 if entries < KEYS => stage.resize(thread_rng().gen_range(0..=entries)),
                        _ => stage.cache.validate(),
                    }
                }
            })
        })
        .collect();
    join_all(threads);
    stage.end();
}

#[test]
fn calls_on_one_key_have_an_order() {
    try_schedules(|| calls_of_all_kinds(KEYS, 4, 1));
}

#[test]
fn calls_on_three_keys_have_an_order() {
    try_schedules(|| calls_of_all_kinds(KEYS, 4, KEYS));
}

#[test]
fn calls_have_an_order_and_limits_hold_while_entries_are_evicted() {
    try_schedules(|| calls_of_all_kinds(2, 3, KEYS));
}

/// Readers clone while a writer replaces and takes out what they clone.
#[test]
fn readers_get_whole_values_while_one_is_replaced_again_and_again() {
    try_schedules(|| {
        let stage = Stage::new(any_policy(), KEYS);
        stage.insert(Key(0));
        let mut threads: Vec<_> = (0..3)
            .map(|_| {
                let stage = Arc::clone(&stage);
                thread::spawn(move || (0..3).for_each(|_| stage.get(Key(0))))
            })
            .collect();
        let writer = Arc::clone(&stage);
        threads.push(thread::spawn(move || {
            for at in 0..4 {
                match at % 3 {
                    2 => writer.invalidate(Key(0)),
                    _ => writer.insert(Key(0)),
                }
            }
        }));
        join_all(threads);
        stage.end();
    });
}

#[test]
fn invalidations_are_final_whatever_is_being_computed() {
    try_schedules(|| {
        let stage = Stage::new(Policy::Lru, KEYS);
        let computing = (0..2).map(|_| {
            let stage = Arc::clone(&stage);
            thread::spawn(move || (0..2).for_each(|_| stage.get_or_compute(Key(0))))
        });
        let mut threads: Vec<_> = computing.collect();
        let how = thread_rng().gen_range(0..4);
        let over = Arc::clone(&stage);
        threads.push(thread::spawn(move || {
            match how {
                0 => over.invalidate(Key(0)),
                1 => over.invalidate_tag(Key(0)),
                2 => over.invalidate_all(),
                _ => over.insert(Key(0)),
            }
            over.get_or_compute_async(Key(0));
        }));
        join_all(threads);
        stage.end();
    });
}

fn plain() -> Cache<u64, u64> {
    let (clock, _) = Clock::fake();
    Cache::builder()
        .clock(clock)
        .build()
        .expect("the settings are in range")
}

/// Half of the callers leave after one look.
#[test]
fn it_is_computed_once_though_callers_leave() {
    try_schedules(|| {
        let cache = plain();
        let runs = Arc::new(AtomicU32::new(0));
        let threads = (0..4)
            .map(|caller| {
                let (cache, runs) = (cache.clone(), Arc::clone(&runs));
                thread::spawn(move || {
                    let request = cache.get_or_compute_async(1, async move {
                        runs.fetch_add(1, Ordering::Relaxed);
                        shuttle::future::yield_now().await;
                        10
                    });
                    if caller % 2 == 0 {
                        let mut request = pin!(request);
                        let _ = request
                            .as_mut()
                            .poll(&mut Context::from_waker(Waker::noop()));
                    } else {
                        assert_eq!(shuttle::future::block_on(request).ok(), Some(10));
                    }
                })
            })
            .collect();
        join_all(threads);
        assert_eq!(cache.get_or_compute(1, || 11).ok(), Some(10));
        assert_eq!(runs.load(Ordering::Relaxed), 1, "one computation");
        // The value is there before the last caller that works at it has gone.
        while cache.stats().flights > 0 {
            thread::yield_now();
        }
    });
}

/// The value of a flight says which caller made its side value.
#[test]
fn callers_of_a_flight_share_its_side_value() {
    try_schedules(|| {
        let cache = plain();
        let callers = (0..3).map(|caller: u64| {
            let cache = cache.clone();
            thread::spawn(move || {
                let mut told = Vec::new();
                let make = move || {
                    thread::yield_now();
                    Arc::new(caller)
                };
                let request = cache.entry(1).side(make);
                let request = request.joined(|side, role| told.push((**side, role)));
                let answer = if caller == 0 {
                    request.get_or_compute(|side| {
                        thread::yield_now();
                        *side
                    })
                } else {
                    shuttle::future::block_on(request.get_or_compute_async(|side| async move {
                        shuttle::future::yield_now().await;
                        *side
                    }))
                };
                let answer = answer.expect("a value");
                let expected = match answer.outcome {
                    Outcome::Hit => return,
                    Outcome::Computed { .. } => (caller, Role::Leader),
                    Outcome::Collapsed { .. } => (answer.value, Role::Waiter),
                    outcome => panic!("there is nothing below: {outcome:?}"),
                };
                assert_eq!(told.last(), Some(&expected));
            })
        });
        let mut threads: Vec<_> = callers.collect();
        let retires = thread_rng().gen_bool(0.5);
        let over = cache.clone();
        threads.push(thread::spawn(move || {
            if !retires {
                over.invalidate(&1);
            } else if let Some(side) = over.running_side::<u64>(&1) {
                over.retire_flight(&1, &side);
                let next = over.running_side::<u64>(&1);
                assert!(next.is_none_or(|next| !Arc::ptr_eq(&next, &side)));
            }
        }));
        join_all(threads);
        assert_eq!(cache.stats().flights, 0);
    });
}

#[test]
fn computations_that_need_each_other_all_end() {
    try_schedules(|| {
        let cache = plain();
        let threads = (0..3)
            .map(|key| {
                let cache = cache.clone();
                thread::spawn(move || {
                    let inner = cache.clone();
                    let told = cache.get_or_try_compute(key, move || {
                        match inner.get_or_try_compute((key + 1) % 3, || Err::<u64, _>(())) {
                            Err(ComputeError::Recursive { .. }) => Ok(key),
                            Ok(other) => Ok(other),
                            Err(_) => Err(()),
                        }
                    });
                    assert!(
                        matches!(told, Ok(_) | Err(ComputeError::Failed(_))),
                        "{told:?}"
                    );
                })
            })
            .collect();
        join_all(threads);
        assert_eq!(cache.stats().flights, 0);
    });
}

#[test]
fn panics_and_failures_reach_those_who_wait_and_nobody_later() {
    try_schedules(|| {
        let cache = plain();
        let threads = (0..3)
            .map(|caller| {
                let cache = cache.clone();
                thread::spawn(move || {
                    let told = cache.get_or_try_compute(1, || match caller {
                        0 => Err("planted"),
                        1 => std::panic::resume_unwind(Box::new("planted")),
                        _ => {
                            thread::yield_now();
                            Ok(10)
                        }
                    });
                    match told {
                        Ok(value) => assert_eq!(value, 10),
                        Err(ComputeError::Failed(_) | ComputeError::Panicked { .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                })
            })
            .collect();
        join_all(threads);
        assert_eq!(cache.stats().flights, 0);
        assert_eq!(cache.get_or_compute(1, || 10).ok(), Some(10));
    });
}
