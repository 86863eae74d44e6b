//! A caller that comes after an invalidation sees nothing older, one that comes during a write finds the value, and no
//! callers wait in a circle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::Duration;

use refrain::{Cache, ComputeError, Computed, EntryOptions};

fn cache() -> Cache<u64, u64> {
    Cache::builder().build().expect("the settings are in range")
}

fn tagged() -> Computed<u64> {
    Computed::new(1).with(EntryOptions::default().tags(["a"]))
}

/// What a caller is given that comes after `invalidate` and joins the computation that ran before.
fn given_to_a_late_caller(
    first: impl FnOnce() -> Computed<u64> + Send + 'static,
    invalidate: impl FnOnce(&Cache<u64, u64>),
) -> (u64, Option<u64>) {
    given_to_a_caller_between(first, invalidate, |_| {})
}

/// The same, with `later` called after that caller has come.
fn given_to_a_caller_between(
    first: impl FnOnce() -> Computed<u64> + Send + 'static,
    invalidate: impl FnOnce(&Cache<u64, u64>),
    later: impl FnOnce(&Cache<u64, u64>),
) -> (u64, Option<u64>) {
    let cache = cache();
    let (release, released) = mpsc::channel::<()>();
    let (begun, began) = mpsc::channel();
    let computing = cache.clone();
    let leader = std::thread::spawn(move || {
        computing.get_or_compute(1, || {
            let _ = begun.send(());
            let _ = released.recv();
            first()
        })
    });
    began.recv().expect("the leader computes");
    invalidate(&cache);
    let late = cache.clone();
    let (arrive, arrived) = mpsc::channel();
    let waiter = std::thread::spawn(move || {
        let _ = arrive.send(());
        late.entry(1).tags(["a"]).get_or_compute(|| 2)
    });
    arrived.recv().expect("the late caller comes");
    // It joins, or computes by itself: either way the counters tell.
    while cache.stats().collapsed == 0 && cache.stats().computations == 0 {
        std::thread::yield_now();
    }
    later(&cache);
    drop(release);
    assert_eq!(leader.join().expect("it ends").ok(), Some(1));
    let answer = waiter.join().expect("it ends").expect("it computes");
    (answer.value, cache.get(&1))
}

#[test]
fn a_caller_after_an_invalidation_by_tag_is_not_given_what_began_before() {
    let (given, stored) = given_to_a_late_caller(tagged, |cache| {
        cache.invalidate_tag("a");
    });
    assert_eq!((given, stored), (2, Some(2)));
}

#[test]
fn a_caller_after_an_invalidation_by_tag_is_not_given_what_is_only_shared() {
    let (given, stored) = given_to_a_late_caller(
        || tagged().share_only(),
        |cache| {
            cache.invalidate_tag("a");
        },
    );
    assert_eq!((given, stored), (2, Some(2)));
}

#[test]
fn a_caller_after_so_many_invalidations_that_some_are_forgotten_starts_anew() {
    let (given, stored) = given_to_a_late_caller(tagged, |cache| {
        cache.invalidate_tag("a");
        for other in 0..2_000 {
            cache.invalidate_tag(&other.to_string());
        }
    });
    assert_eq!((given, stored), (2, Some(2)));
}

#[test]
fn a_caller_between_two_invalidations_by_tag_is_not_given_what_began_before_the_first() {
    let again = |cache: &Cache<u64, u64>| {
        cache.invalidate_tag("a");
    };
    let (given, stored) = given_to_a_caller_between(tagged, again, again);
    assert_eq!((given, stored), (2, Some(2)));
}

#[test]
fn a_write_makes_nobody_forget_the_invalidation_before_a_late_caller() {
    let (given, _) = given_to_a_caller_between(
        tagged,
        |cache| {
            cache.invalidate_tag("a");
        },
        |cache| {
            cache.insert(1, 3);
            cache.invalidate_tag("b");
        },
    );
    assert_eq!(given, 3, "what was written since");
}

#[test]
fn an_invalidation_of_another_tag_lets_late_callers_share() {
    let (given, stored) = given_to_a_late_caller(tagged, |cache| {
        cache.invalidate_tag("b");
    });
    assert_eq!((given, stored), (1, Some(1)));
}

#[test]
fn an_entry_that_is_replaced_is_never_missed() {
    let cache = cache();
    cache.insert(1, 0);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for version in 0..1_000 {
                    cache.insert(1, version);
                }
            }
        });
        let missed = (0..2_000_000).filter(|_| cache.get(&1).is_none()).count();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(missed, 0);
    });
}

#[test]
fn a_cycle_through_a_computation_inside_another_gets_an_error_instead_of_hanging() {
    let cache = cache();
    let both = std::sync::Arc::new(Barrier::new(2));
    let (send, ended) = mpsc::channel();
    let (first, second) = (cache.clone(), cache);
    let (met, send_too) = (std::sync::Arc::clone(&both), send.clone());
    std::thread::spawn(move || {
        let value = first.get_or_try_compute(1, || {
            first
                .get_or_try_compute(2, || {
                    met.wait();
                    first
                        .get_or_try_compute(3, || Ok::<u64, ComputeError<()>>(3))
                        .map_err(drop)
                })
                .map_err(drop)
        });
        send_too.send(value.is_err())
    });
    std::thread::spawn(move || {
        let value = second.get_or_try_compute(3, || {
            both.wait();
            second
                .get_or_try_compute(1, || Ok::<u64, ComputeError<()>>(1))
                .map_err(drop)
        });
        send.send(value.is_err())
    });
    let told: Vec<_> = (0..2)
        .map(|_| {
            ended
                .recv_timeout(Duration::from_secs(20))
                .expect("every call ends")
        })
        .collect();
    assert!(told.contains(&true), "somebody is told of the cycle");
}

#[test]
fn resetting_the_counts_under_load_resets_them() {
    let cache = cache();
    cache.insert(1, 10);
    let stop = AtomicBool::new(false);
    let asked = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                asked.fetch_add(1, Ordering::SeqCst);
                cache.get(&1);
            }
        });
        let mut kept = 0;
        for _ in 0..20_000 {
            let before = asked.load(Ordering::SeqCst);
            cache.reset_stats();
            let hits = cache.stats().hits;
            // One more: a hit asked for before the reset may be counted after it.
            kept += u32::from(hits > asked.load(Ordering::SeqCst) - before + 1);
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(kept, 0, "counts from before the reset");
    });
}
