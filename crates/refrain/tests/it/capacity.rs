//! Never over the limit: one budget for the whole cache, in exact order of use.

use std::sync::{Arc, Mutex};

use refrain::{Cache, Capacity, EntryOptions, Insertion, Policy, RemovalCause};
use refrain_testkit::mixed;

fn weighed(bytes: u64, entries: u64) -> Cache<u64, u64> {
    Cache::builder()
        .policy(Policy::Lru)
        .capacity_bytes(bytes)
        .capacity_entries(entries)
        .weigher(|_, weight: &u64| *weight)
        .build()
        .expect("the settings are in range")
}

#[test]
fn the_least_recently_used_entry_goes_first() {
    let cache = weighed(u64::MAX, 3);
    for key in 0..3 {
        cache.insert(key, 1);
    }
    assert!(cache.get(&0).is_some());
    cache.insert(3, 1);
    assert!(cache.peek_entry(&1).is_none(), "1 was the oldest in use");
    assert!(cache.peek_entry(&0).is_some());
    cache.validate();
}

#[test]
fn one_entry_may_be_as_large_as_the_whole_cache() {
    let cache = weighed(1 << 30, 1000);
    for key in 0..100 {
        cache.insert(key, 1 << 20);
    }
    assert_eq!(cache.insert(1000, 1 << 30), Insertion::Stored);
    assert_eq!((cache.len(), cache.weight_bytes()), (1, 1 << 30));
    cache.validate();
}

#[test]
fn an_entry_heavier_than_the_cache_is_not_stored_and_evicts_nothing() {
    let cache = weighed(100, 10);
    cache.insert(1, 60);
    assert_eq!(cache.insert(2, 101), Insertion::Overweight);
    assert_eq!(cache.insert(3, u64::MAX), Insertion::Overweight);
    assert_eq!((cache.len(), cache.stats().evictions()), (1, 0));
    assert_eq!(cache.stats().overweight, 2);
}

#[test]
fn a_value_too_heavy_to_replace_another_still_removes_it() {
    let cache = weighed(100, 10);
    cache.insert(1, 60);
    cache.insert(1, 101);
    assert_eq!(cache.get(&1), None, "the older value has been superseded");
}

#[test]
fn replacing_evicts_nothing_that_still_fits() {
    let cache = weighed(100, 10);
    cache.insert(1, 40);
    cache.insert(2, 60);
    cache.insert(1, 40);
    assert_eq!((cache.len(), cache.weight_bytes()), (2, 100));
    cache.insert(1, 41);
    assert_eq!((cache.len(), cache.weight_bytes()), (1, 41));
    assert_eq!(cache.stats().evictions_by_size, 1);
    cache.validate();
}

#[test]
fn weightless_entries_fit_into_a_cache_of_no_bytes() {
    let cache = weighed(0, 10);
    assert_eq!(cache.insert(1, 0), Insertion::Stored);
    assert_eq!(cache.insert(2, 1), Insertion::Overweight);
}

#[test]
fn a_cache_of_no_entries_stores_nothing() {
    let cache = weighed(100, 0);
    assert_eq!(cache.insert(1, 1), Insertion::Overweight);
    assert_eq!(cache.get_or_compute(1, || 1).expect("computed"), 1);
    assert!(cache.is_empty());
}

#[test]
fn shrinking_evicts_at_once_and_by_cause() {
    let cache = weighed(1000, 100);
    for key in 0..10 {
        cache.insert(key, 10);
    }
    cache.set_capacity(Capacity {
        bytes: 1000,
        entries: 6,
    });
    cache.set_capacity(Capacity {
        bytes: 20,
        entries: 6,
    });
    let stats = cache.stats();
    assert_eq!((stats.entries, stats.weight_bytes), (2, 20));
    assert_eq!((stats.evictions_by_count, stats.evictions_by_size), (4, 4));
    assert_eq!(stats.peak_weight_bytes, 100);
    cache.validate();
}

#[test]
fn the_listener_learns_why_each_entry_left() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let cache: Cache<u64, u64> = Cache::builder()
        .policy(Policy::Lru)
        .capacity_entries(2)
        .eviction_listener(move |key: &u64, _, cause| {
            log.lock()
                .expect("no test thread panics")
                .push((*key, cause));
        })
        .build()
        .expect("the settings are in range");
    cache.insert(1, 1);
    cache.insert(1, 2);
    cache.insert(2, 2);
    cache.insert(3, 3);
    cache.invalidate(&3);
    assert_eq!(
        *seen.lock().expect("no test thread panics"),
        [
            (1, RemovalCause::Replaced),
            (1, RemovalCause::EvictedByCount),
            (3, RemovalCause::Invalidated)
        ]
    );
}

#[test]
fn a_panicking_listener_harms_nobody() {
    let cache: Cache<u64, u64> = Cache::builder()
        .policy(Policy::Lru)
        .capacity_entries(1)
        .eviction_listener(|_, _, _| panic!("planted"))
        .build()
        .expect("the settings are in range");
    cache.insert(1, 1);
    cache.insert(2, 2);
    assert_eq!((cache.len(), cache.stats().listener_panics), (1, 1));
    cache.validate();
}

#[test]
fn a_panicking_weigher_changes_nothing_and_loses_no_computed_value() {
    let cache: Cache<u64, u64> = Cache::builder()
        .weigher(|key, _| if *key == 7 { panic!("planted") } else { 1 })
        .build()
        .expect("the settings are in range");
    cache.insert(1, 1);
    let insert = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| cache.insert(7, 7)));
    assert!(insert.is_err());
    assert_eq!(cache.get_or_compute(7, || 70).expect("computed"), 70);
    assert_eq!((cache.len(), cache.get(&7)), (1, None));
    cache.validate();
}

#[test]
fn a_stated_weight_is_used_instead_of_the_weighers() {
    let cache = weighed(100, 10);
    cache.insert_with(1, 99, EntryOptions::default().weight_bytes(5));
    assert_eq!(cache.weight_bytes(), 5);
}

#[test]
fn pages_list_every_entry_once() {
    let cache = weighed(u64::MAX, 1000);
    for key in 0..100 {
        cache.insert(key, 1);
    }
    for key in (0..100).step_by(3) {
        cache.invalidate(&key);
    }
    let (mut keys, mut cursor) = (Vec::new(), None);
    loop {
        let page = cache.entries(cursor, 7);
        keys.extend(page.entries.into_iter().map(|(key, _)| key));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    keys.sort_unstable();
    let expected: Vec<u64> = (0..100).filter(|key| key % 3 != 0).collect();
    assert_eq!(keys, expected);
}

#[test]
fn accounted_bytes_stay_within_the_limit_under_eight_writers() {
    let cache = weighed(10_000, 64);
    std::thread::scope(|scope| {
        for writer in 0..8_u64 {
            let cache = &cache;
            scope.spawn(move || {
                for step in 0..5_000 {
                    let number = mixed(writer * 5_000 + step);
                    cache.insert(number % 500, number >> 40 & 0xFFF);
                    assert!(cache.weight_bytes() <= 10_000 && cache.len() <= 64);
                }
            });
        }
    });
    cache.validate();
    assert!(cache.stats().peak_weight_bytes <= 10_000);
}
