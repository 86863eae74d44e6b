//! A value that was loaded is an outcome of its own, and counts on its own.

use std::sync::mpsc;
use std::time::Duration;

use refrain::{Cache, Clock, Computed, Insertion, Outcome, TierName};

const DISK: TierName = TierName::new("disk");

#[test]
fn a_load_is_neither_a_miss_nor_a_computation_nor_compute_time() {
    let (clock, hands) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder()
        .clock(clock)
        .weigher(|_, _| 100)
        .build()
        .expect("in range");
    let answer = cache.entry(1).get_or_compute(|| {
        hands.advance(Duration::from_secs(3));
        Computed::new(5).loaded(DISK).cost(Duration::from_secs(90))
    });
    let answer = answer.expect("loaded");
    let collapsed = false;
    let tier = DISK;
    assert_eq!(answer.outcome, Outcome::Loaded { tier, collapsed });
    assert_eq!(answer.info.cost, Duration::from_secs(90));

    let stats = cache.stats();
    assert_eq!(
        (stats.loads, stats.misses, stats.computations, stats.hits),
        (1, 0, 0, 0)
    );
    assert_eq!(stats.compute_time, Duration::ZERO);
    assert_eq!(stats.compute_latency.count(), 0);
    assert_eq!(
        (stats.bytes_loaded, stats.time_saved_by_loads),
        (100, Duration::from_secs(90))
    );
    assert_eq!(stats.time_saved, Duration::ZERO);
    assert_eq!(cache.get(&1), Some(5), "it is in memory now");
    assert_eq!(cache.stats().time_saved, Duration::from_secs(90));

    cache.reset_stats();
    let stats = cache.stats();
    assert_eq!(
        (stats.loads, stats.bytes_loaded, stats.time_saved_by_loads),
        (0, 0, Duration::ZERO)
    );
}

#[test]
fn callers_that_wait_for_a_load_are_collapsed_loads() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("in range");
    let (release, released) = mpsc::channel::<()>();
    let leader = std::thread::spawn({
        let cache = cache.clone();
        move || {
            cache.entry(1).get_or_compute(|| {
                let _ = released.recv();
                Computed::new(5).loaded(DISK).cost(Duration::from_secs(10))
            })
        }
    });
    while cache.stats().flights == 0 {
        std::thread::yield_now();
    }
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let cache = cache.clone();
            std::thread::spawn(move || cache.entry(1).get_or_compute(|| 6))
        })
        .collect();
    while cache.stats().collapsed < 3 {
        std::thread::yield_now();
    }
    drop(release);
    leader.join().expect("it ends").expect("loaded");
    for waiter in waiters {
        let answer = waiter.join().expect("it ends").expect("loaded");
        let (tier, collapsed) = (DISK, true);
        assert_eq!(
            (answer.value, answer.outcome),
            (5, Outcome::Loaded { tier, collapsed })
        );
    }
    let stats = cache.stats();
    assert_eq!(
        (stats.loads, stats.collapsed, stats.collapsed_loads),
        (1, 3, 3)
    );
    assert_eq!((stats.misses, stats.computations), (0, 0));
    assert_eq!(stats.time_saved_by_loads, Duration::from_secs(40));
    assert_eq!(stats.time_saved, Duration::ZERO);
}

#[test]
fn a_load_that_was_invalidated_meanwhile_serves_its_caller_alone() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("in range");
    let answer = cache.entry(1).get_or_compute(|| {
        cache.invalidate(&1);
        Computed::new(5).loaded(DISK)
    });
    assert!(answer.expect("loaded").outcome.was_stored());
    assert_eq!(cache.get(&1), None);
}

#[test]
fn a_miss_is_counted_once_however_its_computation_ends() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("in range");
    assert!(cache.get_or_try_compute(1, || Err::<u64, _>("no")).is_err());
    assert!(cache.get_or_compute(2, || -> u64 { panic!("no") }).is_err());
    cache
        .get_or_compute(3, || Computed::new(1).private())
        .expect("computed");
    // Known as not to be shared: alone, outside of any flight.
    cache
        .get_or_compute(3, || Computed::new(1).private())
        .expect("computed");
    let stored = cache.entry(4).get_or_compute(|| 4).expect("computed");
    assert_eq!(stored.outcome.stored(), Some(&Insertion::Stored.into()));
    let stats = cache.stats();
    assert_eq!((stats.misses, stats.computations), (5, 5));
    assert_eq!((stats.failures, stats.panics, stats.loads), (1, 1, 0));
}
