//! Never a wrong byte, while entries come and go under the readers' hands.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use refrain::{Cache, EntryOptions, Policy};
use refrain_testkit::mixed;

/// A value that proves whose it is.
#[derive(Clone, Debug, PartialEq)]
struct Named {
    key: u64,
    version: u64,
    check: Arc<[u64; 8]>,
}

fn named(key: u64, version: u64) -> Named {
    Named {
        key,
        version,
        check: Arc::new([key.wrapping_mul(31) ^ version; 8]),
    }
}

impl Named {
    fn is_whole(&self, key: u64) -> bool {
        self.key == key && *self.check == [key.wrapping_mul(31) ^ self.version; 8]
    }
}

/// Two writers replace their own keys and crowd each other out; two readers see whole values of the key they asked
/// for, and never an older one after a newer one.
fn readers_see_whole_values_in_order(policy: Policy) {
    const KEYS: u64 = 2_000;
    let cache: Cache<u64, Named> = Cache::builder()
        .policy(policy)
        .capacity_entries(700)
        .build()
        .expect("the settings are in range");
    let stop = AtomicBool::new(false);
    let seen = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut newest = HashMap::new();
                let mut step = 0;
                while !stop.load(Ordering::Relaxed) {
                    step += 1;
                    let key = mixed(step) % KEYS;
                    if let Some(value) = cache.get(&key) {
                        assert!(value.is_whole(key), "{value:?} for {key}");
                        let newest = newest.entry(key).or_insert(value.version);
                        assert!(value.version >= *newest, "{key} went back in time");
                        *newest = value.version;
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        let writers: Vec<_> = (0..2)
            .map(|writer| {
                let cache = &cache;
                scope.spawn(move || {
                    for version in 0..60_000 {
                        let key = mixed(version * 2 + writer) % KEYS / 2 * 2 + writer;
                        match version % 7 {
                            0 => drop(cache.invalidate(&key)),
                            _ => drop(cache.insert(key, named(key, version))),
                        }
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("no writer panics");
        }
        stop.store(true, Ordering::Relaxed);
    });
    cache.validate();
    assert!(cache.len() <= 700);
    assert!(seen.load(Ordering::Relaxed) > 0, "the readers met values");
}

#[test]
fn readers_see_whole_values_in_order_under_lru() {
    readers_see_whole_values_in_order(Policy::Lru);
}

#[test]
fn readers_see_whole_values_in_order_under_hazard() {
    readers_see_whole_values_in_order(Policy::Hazard);
}

#[test]
fn an_entry_that_stays_is_found_by_every_lookup_while_the_index_grows() {
    let cache: Cache<u64, Named> = Cache::builder().build().expect("the settings are in range");
    for key in 0..500 {
        cache.insert(key, named(key, 0));
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for key in 0..500 {
                        assert!(cache.get(&key).is_some(), "{key} was lost");
                    }
                }
            });
        }
        for key in 500..60_000 {
            cache.insert(key, named(key, 0));
        }
        for key in 500..60_000 {
            cache.invalidate(&key);
        }
        stop.store(true, Ordering::Relaxed);
    });
    cache.validate();
    assert_eq!(cache.stats().misses, 0);
}

#[test]
fn counts_are_exact_whatever_the_number_of_threads() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    cache.insert(1, 1);
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for _ in 0..100 {
                scope.spawn(|| {
                    for key in 0..30 {
                        cache.get(&(key % 2));
                    }
                });
            }
        });
    }
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.misses), (3 * 100 * 15, 3 * 100 * 15));
    // An entry's own count may lose one of two hits at one instant, and never gains any.
    let counted = || cache.peek_entry(&1).expect("it is there").info.hits;
    let before = counted();
    assert!((1..=4500).contains(&before), "{before}");
    cache.get(&1);
    assert_eq!(counted(), before + 1);
}

#[test]
fn keys_whose_hashes_are_all_alike_are_served_and_refused_beyond_a_page() {
    #[derive(Clone, PartialEq, Eq)]
    struct Alike(u64);
    impl std::hash::Hash for Alike {
        fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
    }
    let cache: Cache<Alike, u64> = Cache::builder().build().expect("the settings are in range");
    for key in 0..1_000 {
        cache.insert(Alike(key), key);
    }
    cache.validate();
    for key in 0..1_000 {
        assert!(cache.get(&Alike(key)).is_none_or(|value| value == key));
    }
    assert!(cache.len() >= 300);
    assert_eq!(cache.stats().declined, 1_000 - cache.len());
}

#[test]
fn panics_in_eq_and_clone_reach_the_caller_and_harm_nobody() {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    static ARMED: AtomicBool = AtomicBool::new(false);

    fn trip() {
        assert!(!ARMED.swap(false, Ordering::SeqCst), "planted");
    }
    #[derive(Eq)]
    struct Key(u64);
    impl std::hash::Hash for Key {
        fn hash<H: std::hash::Hasher>(&self, hasher: &mut H) {
            self.0.hash(hasher);
        }
    }
    impl Clone for Key {
        fn clone(&self) -> Self {
            Self(self.0)
        }
    }
    impl PartialEq for Key {
        fn eq(&self, other: &Self) -> bool {
            trip();
            self.0 == other.0
        }
    }
    #[derive(Debug, PartialEq)]
    struct Value(u64);
    impl Clone for Value {
        fn clone(&self) -> Self {
            trip();
            Self(self.0)
        }
    }
    let cache: Cache<Key, Value> = Cache::builder().build().expect("the settings are in range");
    cache.insert(Key(1), Value(1));
    for _ in 0..10 {
        ARMED.store(true, Ordering::SeqCst);
        let tripped = catch_unwind(AssertUnwindSafe(|| cache.get(&Key(1))));
        assert!(tripped.is_err());
        assert_eq!(cache.get(&Key(1)), Some(Value(1)));
        ARMED.store(true, Ordering::SeqCst);
        let tripped = catch_unwind(AssertUnwindSafe(|| cache.insert(Key(1), Value(1))));
        assert!(tripped.is_err());
        ARMED.store(false, Ordering::SeqCst);
        cache.validate();
    }
}

/// An entry grows and shrinks, so that another one has to leave for it every second time.
#[test]
fn an_entry_that_is_replaced_by_a_heavier_one_is_found_by_every_lookup() {
    for policy in [Policy::Lru, Policy::Hazard] {
        let cache: Cache<u64, Named> = Cache::builder()
            .policy(policy)
            .capacity_bytes(100)
            .weigher(|_, value: &Named| 20 + 40 * (value.version % 2))
            .build()
            .expect("the settings are in range");
        cache.insert(0, named(0, 0));
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let value = cache.get(&0).expect("it is there all the time");
                        assert!(value.is_whole(0), "{value:?}");
                    }
                });
            }
            for version in 1..20_000 {
                // Dear, so that no policy prefers the fillers to it.
                let dear = EntryOptions::default().cost(Duration::from_secs(1_000));
                cache.insert_with(0, named(0, version), dear);
                if version % 2 == 0 {
                    for filler in 1..4 {
                        cache.insert(filler, named(filler, 0));
                    }
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        cache.validate();
    }
}
