//! Each argument of the attributes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use refrain::{AnyValue, Cache, Key, cached_result, cached_result_sync, function_stats};

use crate::any_cache;

type AnyCache = Cache<Key, AnyValue>;

#[test]
fn a_result_lives_as_long_as_it_is_told() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(
        cache = cache,
        ignore(cache),
        ttl = if draft { Duration::from_secs(1) } else { Duration::from_secs(60) },
    )]
    fn paint(cache: &AnyCache, draft: bool) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    let (cache, hands) = any_cache();
    assert_eq!((paint(&cache, true), paint(&cache, false)), (0, 1));
    hands.advance(Duration::from_secs(2));
    assert_eq!((paint(&cache, true), paint(&cache, false)), (2, 1));
    hands.advance(Duration::from_secs(60));
    assert_eq!(paint(&cache, false), 3);
}

#[test]
fn the_shortest_and_longest_life() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(cache = cache, ignore(cache), ttl = ttl)]
    fn paint(cache: &AnyCache, ttl: Option<Duration>) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    let (cache, hands) = any_cache();
    let zero = Some(Duration::ZERO);
    assert_eq!((paint(&cache, zero), paint(&cache, zero)), (0, 1));
    let most = Some(Duration::MAX);
    assert_eq!(paint(&cache, most), 2);
    cache.set_time_to_live(Some(Duration::from_secs(5)));
    assert_eq!(paint(&cache, None), 3);
    hands.advance(Duration::from_secs(6));
    assert_eq!((paint(&cache, most), paint(&cache, None)), (2, 4));
}

#[test]
fn cost_and_tags_reach_the_entry() {
    #[cached_result_sync(
        cache = cache,
        ignore(cache),
        cost = Duration::from_secs(90) * pages,
        tags = [format!("user:{user}"), "model:v2".to_owned()],
        name = "settings::book",
    )]
    fn book(cache: &AnyCache, user: &str, pages: u32) -> String {
        user.repeat(pages as usize)
    }

    let (cache, _) = any_cache();
    book(&cache, "ada", 2);
    book(&cache, "bob", 1);
    let costs: Duration = (cache.entries(None, 10).entries.iter())
        .map(|(_, info)| info.cost)
        .sum();
    assert_eq!(costs, Duration::from_secs(270));
    assert_eq!(cache.invalidate_tag("user:ada"), 1);
    assert_eq!(cache.invalidate_tag("function:settings::book"), 1);
}

#[test]
fn results_are_weighed_by_their_type_or_as_told() {
    struct Mesh(Vec<u8>);

    impl Clone for Mesh {
        fn clone(&self) -> Self {
            Self(self.0.clone())
        }
    }

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn bytes(cache: &AnyCache, count: usize) -> Vec<u8> {
        vec![0; count]
    }

    #[cached_result_sync(cache = cache, ignore(cache), weight = |mesh| mesh.0.len())]
    fn mesh(cache: &AnyCache, count: usize) -> Result<Mesh, std::fmt::Error> {
        Ok(Mesh(vec![0; count]))
    }

    let (cache, _) = any_cache();
    bytes(&cache, 1000);
    assert_eq!(cache.weight_bytes(), 1000 + 24 + 32);
    cache.invalidate_all();
    assert_eq!(mesh(&cache, 1000).unwrap().0.len(), 1000);
    assert_eq!(cache.weight_bytes(), 1000);
}

#[test]
fn the_weigher_of_a_typed_cache_is_asked_unless_the_weight_is_told() {
    let cache: Cache<Key, String> = Cache::builder()
        .weigher(|_, text: &String| text.len() as u64)
        .build()
        .unwrap();

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn stars(cache: &Cache<Key, String>, count: usize) -> String {
        "*".repeat(count)
    }

    #[cached_result_sync(cache = cache, ignore(cache), weight = |_| 1000_u64)]
    fn heavy(cache: &Cache<Key, String>) -> String {
        String::new()
    }

    stars(&cache, 10);
    assert_eq!(cache.weight_bytes(), 10);
    heavy(&cache);
    assert_eq!(cache.weight_bytes(), 1010);
}

#[test]
fn a_result_heavier_than_the_cache_is_returned_and_not_stored() {
    let cache: AnyCache = Cache::builder().capacity_bytes(1000).build().unwrap();

    #[cached_result_sync(cache = cache, ignore(cache))]
    fn bytes(cache: &AnyCache, count: usize) -> Vec<u8> {
        vec![0; count]
    }

    assert_eq!(bytes(&cache, 100).len(), 100);
    assert_eq!(bytes(&cache, 1001).len(), 1001);
    assert_eq!(cache.len(), 1);
    let enormous: AnyCache = Cache::builder().capacity_bytes(u64::MAX).build().unwrap();

    #[cached_result_sync(cache = enormous, ignore(enormous), weight = |_| u64::MAX)]
    fn claims(enormous: &AnyCache) -> u8 {
        7
    }

    assert_eq!((claims(&enormous), claims(&enormous)), (7, 7));
}

#[tokio::test]
async fn a_call_with_the_cache_switched_off_leaves_no_trace() {
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[cached_result_sync(cache = cache, ignore(cache), enabled = !cache.is_empty() || wanted)]
    fn paint(cache: &AnyCache, wanted: bool) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    #[cached_result(cache = cache, ignore(cache), enabled = false)]
    async fn print(cache: AnyCache) -> u32 {
        RUNS.fetch_add(1, Ordering::Relaxed)
    }

    let (cache, _) = any_cache();
    assert_eq!((paint(&cache, false), paint(&cache, false)), (0, 1));
    assert_eq!(
        (print(cache.clone()).await, print(cache.clone()).await),
        (2, 3)
    );
    let stats = cache.stats();
    assert_eq!((cache.len(), stats.hits, stats.misses), (0, 0, 0));
    assert_eq!((paint(&cache, true), paint(&cache, true)), (4, 4));
}

#[test]
fn each_call_of_a_function_is_counted_once() {
    #[cached_result_sync(name = "settings::counted", enabled = number != 0)]
    fn counted(number: u32) -> Result<u32, String> {
        if number == 1 {
            return Err("one".to_owned());
        }
        Ok(number)
    }

    for number in [0, 0, 1, 1, 1, 2, 3, 3, 3, 3] {
        let _ = counted(number);
    }
    let stats = function_stats();
    let counted = stats
        .iter()
        .find(|stats| stats.name == "settings::counted")
        .expect("it was called");
    assert_eq!(counted.uncached, 2);
    assert_eq!((counted.misses, counted.failures), (5, 3));
    assert_eq!((counted.hits, counted.collapsed), (3, 0));
    assert!(counted.file.ends_with("settings.rs"));
}
