//! Calls with the same arguments at the same time, on threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use refrain::{AnyValue, Cache, Key, cached_result_sync};

use crate::any_cache;

type AnyCache = Cache<Key, AnyValue>;

/// Two calls, the second of which came while the first computed.
fn together<R: Send>(call: impl Fn() -> R + Sync) -> [R; 2] {
    thread::scope(|scope| {
        let (first, second) = (scope.spawn(&call), scope.spawn(&call));
        [first.join(), second.join()].map(|joined| joined.expect("panics are caught inside"))
    })
}

/// Waits for the other call.
fn until_joined(cache: &AnyCache) {
    while cache.stats().collapsed == 0 {
        thread::yield_now();
    }
}

#[test]
fn many_threads_compute_once() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync]
    fn paint(seed: u64) -> Vec<u8> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        (0..1000).for_each(|_| thread::yield_now());
        vec![seed.to_le_bytes()[0]; 1000]
    }

    let start = Barrier::new(32);
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                start.wait();
                assert_eq!(paint(7), [7; 1000]);
            });
        }
    });
    assert_eq!(RUNS.load(Ordering::Relaxed), 1);
}

#[test]
fn a_panic_reaches_everybody_who_waits() {
    #[cached_result_sync(cache = cache, ignore(cache))]
    fn fragile(cache: &AnyCache) -> u32 {
        until_joined(cache);
        panic!("planted in {}", cache.len());
    }

    let (cache, _) = any_cache();
    let panics = together(|| catch_unwind(AssertUnwindSafe(|| fragile(&cache))).unwrap_err());
    for panic in panics {
        assert_eq!(
            panic.downcast_ref::<String>().expect("text"),
            "planted in 0"
        );
    }
    assert_eq!((cache.stats().computations, cache.len()), (1, 0));
}

#[test]
fn an_error_that_can_be_cloned_is_shared() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn fail(cache: &AnyCache) -> Result<u32, String> {
        until_joined(cache);
        Err(RUNS.fetch_add(1, Ordering::Relaxed).to_string())
    }

    let (cache, _) = any_cache();
    assert_eq!(
        together(|| fail(&cache)),
        [Err("0".to_owned()), Err("0".to_owned())]
    );
}

#[test]
fn who_waited_for_an_error_that_cannot_be_cloned_calls_the_function() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[derive(Debug)]
    struct Unique(u32);

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn fail(cache: &AnyCache) -> Result<u32, Unique> {
        until_joined(cache);
        Err(Unique(RUNS.fetch_add(1, Ordering::Relaxed)))
    }

    let (cache, _) = any_cache();
    let mut found = together(|| fail(&cache)).map(|result| result.unwrap_err().0);
    found.sort_unstable();
    assert_eq!(found, [0, 1]);
}

#[test]
fn another_functions_failure_under_the_same_key_says_nothing() {
    #[cached_result_sync(cache = cache, key = |key| *key)]
    fn fails(cache: &AnyCache, key: Key) -> Result<u32, String> {
        until_joined(cache);
        Err("no GPU".to_owned())
    }

    #[cached_result_sync(cache = cache, key = |key| *key)]
    fn works(cache: &AnyCache, key: Key) -> Result<u32, std::fmt::Error> {
        Ok(7)
    }

    let (cache, _) = any_cache();
    let key = Key::from_bytes([1; 32]);
    thread::scope(|scope| {
        let first = scope.spawn(|| fails(&cache, key));
        while cache.stats().flights == 0 {
            thread::yield_now();
        }
        assert_eq!(works(&cache, key), Ok(7));
        assert!(first.join().expect("no panic").is_err());
    });
}

#[test]
fn a_function_may_call_itself() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync]
    fn fibonacci(number: u32) -> u64 {
        RUNS.fetch_add(1, Ordering::Relaxed);
        match number {
            0 | 1 => number.into(),
            _ => fibonacci(number - 1) + fibonacci(number - 2),
        }
    }

    assert_eq!(fibonacci(80), 23_416_728_348_467_685);
    assert_eq!(RUNS.load(Ordering::Relaxed), 81);
}

#[test]
fn a_function_that_needs_its_own_result_is_simply_called() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync]
    fn even(number: u32) -> bool {
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        run >= 2 || odd(number)
    }

    #[cached_result_sync]
    fn odd(number: u32) -> bool {
        RUNS.fetch_add(1, Ordering::Relaxed);
        even(number)
    }

    assert!(even(7));
    assert_eq!(RUNS.load(Ordering::Relaxed), 3);
}

#[test]
fn what_was_invalidated_while_it_was_computed_is_returned_and_not_stored() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn paint(cache: &AnyCache) -> u32 {
        cache.invalidate_all();
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    let (cache, _) = any_cache();
    assert_eq!((paint(&cache), paint(&cache)), (0, 1));
    assert!(cache.is_empty());
}
