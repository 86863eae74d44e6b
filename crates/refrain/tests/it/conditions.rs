//! A lookup with a condition: one lookup, counted once if it is accepted and not at all if it is refused.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain::{Cache, Clock, EntryOptions};

fn cache() -> Cache<u64, u64> {
    Cache::builder()
        .capacity_entries(2)
        .policy(refrain::Policy::Lru)
        .build()
        .expect("the settings are in range")
}

#[test]
fn an_accepted_entry_is_a_hit_and_a_use() {
    let cache = cache();
    let options = EntryOptions::default().cost(Duration::from_secs(3));
    cache.insert_with(1, 10, options.weight_bytes(7));
    cache.insert(2, 20);
    for count in 1..=5 {
        let found = cache.hit_entry_if(&1, |value, info| *value == 10 && info.hits == count - 1);
        let found = found.expect("it is accepted");
        assert_eq!((found.value, found.info.hits), (10, count));
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.bytes_saved), (5, 0, 35));
    assert_eq!(stats.time_saved, Duration::from_secs(15));
    cache.insert(3, 30);
    assert!(
        cache.peek_entry(&1).is_some(),
        "2 was the least recently used"
    );
    assert!(cache.peek_entry(&2).is_none());
}

#[test]
fn a_refused_entry_counts_neither_hit_nor_miss_nor_use() {
    let cache = cache();
    cache.insert(1, 10);
    cache.insert(2, 20);
    for _ in 0..5 {
        assert!(cache.hit_entry_if(&1, |_, _| false).is_none());
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.flights_begun), (0, 0, 0));
    assert_eq!(cache.peek_entry(&1).expect("it stays").info.hits, 0);
    cache.insert(3, 30);
    assert!(
        cache.peek_entry(&1).is_none(),
        "it was the least recently used"
    );
}

#[test]
fn what_is_not_there_or_expired_is_not_judged() {
    let (clock, hands) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder()
        .clock(clock)
        .time_to_live(Duration::from_secs(9))
        .build()
        .expect("the settings are in range");
    let never = |_: &u64, _: &_| -> bool { panic!("there is nothing to judge") };
    assert!(cache.hit_entry_if(&1, never).is_none());
    cache.insert(1, 10);
    hands.advance(Duration::from_secs(9));
    assert!(cache.hit_entry_if(&1, never).is_none());
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses, stats.expirations), (0, 0, 1));
}

#[test]
fn a_condition_may_use_the_cache_and_take_the_very_entry_out() {
    let cache = cache();
    for replaced in [false, true] {
        cache.insert(1, 10);
        let found = cache.hit_entry_if(&1, |_, _| {
            cache.invalidate(&1);
            if replaced {
                // In the place that has just become free.
                cache.insert_with(2, 20, EntryOptions::default().cost(Duration::from_secs(1)));
            }
            true
        });
        assert_eq!(found.expect("it was there").value, 10);
        cache.validate();
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (2, 0), "handed out, so counted");
    let other = cache.peek_entry(&2).expect("it stays");
    assert_eq!(other.info.hits, 0, "the hit was of another entry");
}

#[test]
fn a_condition_that_panics_harms_no_later_caller() {
    let cache = cache();
    cache.insert(1, 10);
    let judged = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cache.hit_entry_if(&1, |_, _| panic!("the condition"))
    }));
    assert!(judged.is_err());
    assert_eq!(cache.stats().hits, 0);
    cache.insert(1, 11);
    assert_eq!(cache.get(&1), Some(11));
    cache.validate();
}

#[test]
fn hits_with_a_condition_are_counted_exactly_by_many_threads() {
    let cache = cache();
    cache.insert(1, 10);
    let accepted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (cache, accepted) = (&cache, &accepted);
            scope.spawn(move || {
                for round in 0..1000 {
                    let take = |_: &u64, _: &_| (round + thread) % 3 == 0;
                    if cache.hit_entry_if(&1, take).is_some() {
                        accepted.fetch_add(1, Ordering::Relaxed);
                    }
                    if round % 100 == 0 {
                        cache.insert(1, round);
                    }
                }
            });
        }
    });
    assert_eq!(cache.stats().hits, accepted.load(Ordering::Relaxed));
    cache.validate();
}
