#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "small numbers, and a loop of which LRU saves nothing at all"
)]

use proptest::prelude::*;

use super::super::Policy;
use super::super::testing::{Simulated, candidate};
use super::*;

/// Reproducible numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

fn saved_on(policy: Policy, capacity_bytes: u64, requests: &[(u64, u64, f32)]) -> f32 {
    let mut cache = Simulated::new(policy, capacity_bytes);
    let (mut saved, mut all) = (0.0, 0.0);
    for &(key, weight_bytes, cost) in requests {
        all += cost;
        if cache.request(key, weight_bytes, cost) {
            saved += cost;
        }
    }
    cache.validate();
    saved / all
}

#[test]
fn of_a_loop_larger_than_the_cache_it_keeps_a_part() {
    let requests: Vec<_> = (0..20_000).map(|tick| (tick % 300, 1, 1.0)).collect();
    let (lru, hazard) = (
        saved_on(Policy::Lru, 100, &requests),
        saved_on(Policy::Hazard, 100, &requests),
    );
    assert_eq!(lru, 0.0);
    assert!(hazard > 0.25, "{hazard} of at most a third");
}

#[test]
fn dear_things_that_never_come_back_do_not_displace_cheap_ones_that_do() {
    let mut random = Random(1);
    let mut requests = Vec::new();
    for tick in 0..30_000 {
        if tick % 2 == 0 {
            requests.push((1_000_000 + tick, 1000, 100.0));
        } else {
            requests.push((random.below(40), 1000, 2.0));
        }
    }
    let hazard = saved_on(Policy::Hazard, 40_000, &requests);
    // All that can be saved are the cheap ones, a fiftieth of the cost.
    assert!(hazard > 0.015, "{hazard} of at most 0.02");
}

#[test]
fn what_was_popular_and_is_not_any_more_leaves() {
    let mut random = Random(2);
    let requests: Vec<_> = (0..20_000)
        .map(|tick| (random.below(100) + tick / 10_000 * 1000, 1, 1.0))
        .collect();
    let hazard = saved_on(Policy::Hazard, 60, &requests);
    assert!(hazard > 0.5, "{hazard} of at most 0.6");
}

#[test]
fn the_same_requests_lead_to_the_same_entries() {
    let run = || {
        let mut random = Random(3);
        let mut cache = Simulated::new(Policy::Hazard, 5000);
        for _ in 0..5000 {
            let key = random.below(50) * random.below(50);
            cache.request(key, 1 + key % 300, 1.0 + (key % 17) as f32);
        }
        (cache.keys(), format!("{:?}", cache.eviction))
    };
    assert!(run() == run());
}

#[test]
fn a_key_declined_is_remembered_and_admitted_when_it_comes_back_often() {
    let mut cache = Simulated::new(Policy::Hazard, 100);
    for _ in 0..20 {
        cache.request(1, 100, 50.0);
    }
    assert!(!cache.request(2, 100, 20.0));
    assert_eq!(
        cache.keys(),
        [1],
        "once used, it is not worth what is there"
    );
    for _ in 0..200 {
        cache.request(2, 100, 20.0);
    }
    assert_eq!(cache.keys(), [2]);
}

#[test]
fn an_evicted_key_comes_back_with_its_history() {
    let mut cache = Simulated::new(Policy::Hazard, 100);
    for _ in 0..10 {
        cache.request(1, 100, 1.0);
    }
    let evicted = cache.eviction.evict(&cache.table, cache.now);
    cache.table.free(evicted.expect("there is an entry"));
    cache.forget_weights();
    cache.request(1, 100, 1.0);
    let slot = cache.slot_of(1).expect("it fits");
    assert_eq!(word::Uses::of(cache.table.row(slot).word).count, 11);
}

#[test]
fn an_entry_removed_is_forgotten() {
    let mut cache = Simulated::new(Policy::Hazard, 1000);
    for _ in 0..10 {
        cache.request(1, 100, 1.0);
    }
    let slot = cache.slot_of(1).expect("it fits");
    assert!(cache.eviction.remove(&cache.table, slot));
    assert!(!cache.eviction.remove(&cache.table, slot), "it is gone");
    cache.table.free(slot);
    cache.forget_weights();
    cache.request(1, 100, 1.0);
    let slot = cache.slot_of(1).expect("it fits");
    assert_eq!(word::Uses::of(cache.table.row(slot).word).count, 1);
}

#[test]
fn an_expired_entry_leaves_first() {
    let mut cache = Simulated::new(Policy::Hazard, 30);
    for key in 0..3 {
        cache.request_expiring(Candidate {
            cost_seconds: 1.0 + key as f32 * 100.0,
            expires: (key == 2).then_some(Duration::from_secs(50)),
            ..candidate(key, 10)
        });
    }
    cache.now.time += Duration::from_secs(40);
    assert_eq!(cache.eviction.worst(&cache.table, cache.now), Some(0));
    cache.now.time += Duration::from_secs(40);
    for key in 10..14 {
        cache.request(key, 10, 1.0);
    }
    assert!(!cache.keys().contains(&2));
}

#[test]
fn an_entry_that_will_expire_before_its_next_use_leaves_first() {
    let mut cache = Simulated::new(Policy::Hazard, 1000);
    for tick in 0..6000 {
        let key = tick % 60;
        cache.request_expiring(Candidate {
            expires: (key >= 40).then_some(Duration::from_secs(6025)),
            ..candidate(key, 10)
        });
        // Measures the rate of requests.
        if tick % 100 == 0 {
            cache.request(1000 + tick, 2000, 1.0);
        }
    }
    let mut left = Vec::new();
    for _ in 0..20 {
        let slot = cache
            .eviction
            .evict(&cache.table, cache.now)
            .expect("there are 60");
        left.push(cache.table.row(slot).fingerprint);
    }
    let expiring = left.iter().filter(|key| **key >= 40).count();
    assert!(expiring >= 18, "{left:?}");
}

#[test]
fn hits_that_are_lost_break_nothing() {
    let mut cache = Simulated::new(Policy::Hazard, 500);
    let mut random = Random(5);
    for round in 0..5000 {
        cache.request(random.below(90), 10, 1.0);
        if round % 3 != 0 {
            cache.lose_hits();
        }
    }
    cache.validate();
    assert!(!cache.keys().is_empty());
}

#[test]
fn reports_of_slots_that_have_changed_hands_break_nothing() {
    let mut cache = Simulated::new(Policy::Hazard, 100);
    for key in 0..200 {
        cache.request(key, 10, 1.0);
    }
    let stale: Vec<_> = (0..30)
        .map(|slot| Hit {
            slot,
            before: touch(0, u64::from(slot)),
            tick: 40 + u64::from(slot),
        })
        .collect();
    cache.eviction.learn(&cache.table, &stale, cache.now);
    cache.request(500, 10, 1.0);
    cache.validate();
}

#[test]
fn an_entry_takes_fourteen_bytes_and_as_much_history_as_its_weight_allows() {
    let mut cache = Simulated::new(Policy::Hazard, u64::MAX);
    let entries = 50_000_u32;
    let empty = cache.eviction.memory_bytes();
    for slot in 0..entries {
        cache
            .table
            .fill(slot, touch(0, u64::from(slot)), &candidate(0, 100));
        cache.eviction.insert(&cache.table, slot, Moment::default());
    }
    let bytes = cache.eviction.memory_bytes() - empty;
    assert!(
        bytes <= entries as usize * 16,
        "{bytes} bytes for {entries} entries"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_is_asked_the_structure_stays_whole(
        ops in prop::collection::vec((0..8_u8, 0..60_u64, 1..40_u64, 0..50_u64), 1..400),
    ) {
        let mut cache = Simulated::new(Policy::Hazard, 300);
        for (kind, key, weight, cost) in ops {
            let slot = cache.slot_of(key);
            match (kind, slot) {
                (0, Some(slot)) => prop_assert!(cache.eviction.remove(&cache.table, slot)),
                (1, Some(slot)) => prop_assert!(cache.eviction.expire(&cache.table, slot, cache.now)),
                (2, _) => {
                    let worst = cache.eviction.worst(&cache.table, cache.now);
                    prop_assert_eq!(worst.is_none(), cache.keys().is_empty());
                    continue;
                }
                (3, _) => {
                    cache.now.tick += 1 << (cost % 44);
                    continue;
                }
                _ => {
                    cache.request_expiring(Candidate {
                        cost_seconds: cost as f32 * cost as f32,
                        expires: (kind == 4).then(|| Duration::from_secs(weight * 20)),
                        ..candidate(key, weight * weight / 4)
                    });
                    cache.validate();
                    continue;
                }
            }
            cache.table.free(slot.expect("matched above"));
            cache.forget_weights();
            cache.validate();
        }
    }
}

#[test]
fn what_it_keeps_does_not_depend_on_how_fast_requests_come() {
    let run = |pause: Duration| {
        let mut random = Random(7);
        let mut cache = Simulated::new(Policy::Hazard, 3000);
        cache.pause = pause;
        for _ in 0..20_000 {
            let key = random.below(60) * random.below(60);
            cache.request(key, 1 + key % 100, 1.0 + (key % 7) as f32);
        }
        cache.keys()
    };
    assert_eq!(run(Duration::from_secs(1)), run(Duration::from_nanos(100)));
}

#[test]
fn the_work_of_an_admission_is_bounded() {
    let mut cache = Simulated::new(Policy::Hazard, 5000);
    for key in 0..5000 {
        cache.request(key, 1, 1.0);
    }
    // A million hits nobody reported, and all of them learned to be worth nothing.
    cache.now.tick += 1_000_000;
    cache.table.asked.take();
    cache.request(9999, 1, 1.0);
    let asked = cache.table.asked.take();
    assert!(
        asked < 2 * (round::REVIEWS_MAX + u64::from(CORRECTIONS_MAX)),
        "{asked} words"
    );
}
