//! Invalidated is gone: no value whose computation began before is seen after.

use refrain::{Cache, Computed, EntryOptions, Insertion, Outcome};

fn cache() -> Cache<u64, u64> {
    Cache::builder().build().expect("the settings are in range")
}

#[test]
fn a_value_whose_computation_began_before_an_invalidation_is_not_stored() {
    let cache = cache();
    let inner = cache.clone();
    let answer = cache
        .entry(1)
        .get_or_compute(|| {
            inner.invalidate(&1);
            10
        })
        .expect("computed");
    assert_eq!(answer.value, 10);
    assert_eq!(
        answer.outcome,
        Outcome::Computed {
            stored: Insertion::Invalidated.into(),
            refreshed: false
        }
    );
    assert_eq!(cache.get(&1), None);
    assert_eq!(cache.stats().flights, 0);
}

#[test]
fn invalidating_everything_reaches_running_computations() {
    let cache = cache();
    let inner = cache.clone();
    cache.insert(2, 2);
    cache
        .get_or_compute(1, || {
            assert_eq!(inner.invalidate_all(), 1);
            10
        })
        .expect("computed");
    assert!(cache.is_empty());
    assert_eq!(cache.stats().flights, 0);
}

#[test]
fn invalidating_a_tag_reaches_a_computation_that_names_it_only_at_its_end() {
    let cache = cache();
    let inner = cache.clone();
    cache
        .get_or_compute(1, || {
            inner.invalidate_tag("old");
            Computed::new(10).with(EntryOptions::default().tags(["old"]))
        })
        .expect("computed");
    assert_eq!(cache.get(&1), None);
    cache
        .get_or_compute(2, || {
            inner.invalidate_tag("other");
            Computed::new(10).with(EntryOptions::default().tags(["old"]))
        })
        .expect("computed");
    assert_eq!(
        cache.get(&2),
        Some(10),
        "another tag is none of its business"
    );
}

#[test]
fn a_caller_after_the_invalidation_starts_anew() {
    let cache = cache();
    let inner = cache.clone();
    let outer = cache
        .get_or_compute(1, || {
            inner.invalidate(&1);
            let again = inner.get_or_compute(1, || 20).expect("a flight of its own");
            assert_eq!(again, 20);
            10
        })
        .expect("computed");
    assert_eq!(outer, 10);
    assert_eq!(
        cache.get(&1),
        Some(20),
        "the newer computation is the one kept"
    );
}

#[test]
fn a_write_during_a_computation_wins_over_it() {
    let cache = cache();
    let inner = cache.clone();
    cache
        .get_or_compute(1, || {
            inner.insert(1, 99);
            10
        })
        .expect("computed");
    assert_eq!(cache.get(&1), Some(99));
}

#[test]
fn more_invalidations_than_are_remembered_count_as_meant() {
    let cache = cache();
    let inner = cache.clone();
    cache
        .get_or_compute(1, || {
            for n in 0..3000 {
                inner.invalidate_tag(&format!("unrelated-{n}"));
            }
            10
        })
        .expect("computed");
    assert_eq!(cache.get(&1), None, "doubt is a miss");
}

#[test]
fn a_predicate_of_tags_takes_what_it_means() {
    let cache = cache();
    for key in 0..1000 {
        let tags = [format!("tenant:{}", key % 10), "all".to_owned()];
        cache.insert_with(key, key, EntryOptions::default().tags(tags));
    }
    let gone = cache.invalidate_if_tags(|tags| tags.iter().any(|tag| &**tag == "tenant:3"));
    assert_eq!((gone, cache.len()), (100, 900));
    cache.validate();
}
