#![expect(clippy::float_cmp, reason = "hits of all keys are whole numbers")]

use super::super::testing::{Simulated, candidate};
use super::super::{Eviction, Policy};
use super::*;

/// Keys of which some are asked for far more often than others, without end.
fn keys() -> impl Iterator<Item = u64> {
    let mut seed = 1_u64;
    std::iter::repeat_with(move || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let uniform = (seed >> 40) as f64 / f64::from(1 << 24);
        // Spread over 64 bits, as fingerprints are.
        ((uniform.powi(-2) as u64).wrapping_mul(0x2545_f491_4f6c_dd1d)).rotate_left(17)
    })
}

#[test]
fn it_saves_what_exact_lru_saves() {
    let mut lru = Simulated::new(Policy::Lru, 900);
    let mut shadow = ShadowLru::new();
    shadow.set_capacity(900, u64::MAX);
    let (mut hits, mut saved) = (0.0, 0.0);
    for key in keys().take(5000) {
        let (weight, cost) = (1 + key % 90, 1.0 + (key % 7) as f32);
        let hit = lru.request(key, weight, cost);
        if hit {
            hits += 1.0;
            saved += f64::from(cost);
        }
        let candidate = Candidate {
            cost_seconds: cost,
            ..candidate(key, weight)
        };
        shadow.request(&candidate, hit, lru.now);
    }
    shadow.validate();
    let versus = shadow.versus();
    assert_eq!((versus.hits, versus.lru_hits), (hits, hits));
    assert_eq!(
        (versus.saved_seconds, versus.lru_saved_seconds),
        (saved, saved)
    );
    assert_eq!(versus.requests, 5000.0);
}

#[test]
fn of_many_keys_a_sample_tells_the_difference() {
    let requests = 100_000;
    let run = |power| {
        let (mut larger, mut shadow) = (ShadowLru::new(), ShadowLru::new());
        larger.set_capacity(u64::MAX, 4000);
        shadow.set_capacity(u64::MAX, 1000);
        shadow.follow(Sampling::one_in_power_of_two(power));
        for key in keys().take(requests) {
            let before = larger.versus().lru_hits;
            larger.request(&candidate(key, 1), false, Moment::default());
            let hit = larger.versus().lru_hits > before;
            shadow.request(&candidate(key, 1), hit, Moment::default());
        }
        shadow.validate();
        let versus = shadow.versus();
        (versus.hits - versus.lru_hits) / requests as f64
    };
    let (all, some) = (run(0), run(3));
    assert!(all > 0.005, "{all}");
    assert!((some / all - 1.0).abs() < 0.25, "{some} and {all}");
}

#[test]
fn however_many_keys_there_are_few_are_followed() {
    let mut shadow = ShadowLru::new();
    for key in 0..300_000_u64 {
        shadow.request(&candidate(key << 20, 1), false, Moment::default());
    }
    shadow.validate();
    assert!(
        shadow.memory_bytes() < 1 << 20,
        "{} bytes",
        shadow.memory_bytes()
    );
    assert!((shadow.versus().requests / 300_000.0 - 1.0).abs() < 0.1);
}

#[test]
fn what_has_expired_is_no_hit() {
    let mut shadow = ShadowLru::new();
    let entry = Candidate {
        expires: Some(Duration::from_millis(2500)),
        ..candidate(1, 1)
    };
    for (second, hits) in [(0, 0.0), (2, 1.0), (3, 1.0)] {
        let now = Moment {
            tick: second,
            time: Duration::from_secs(second),
        };
        shadow.request(&entry, false, now);
        assert_eq!(shadow.versus().lru_hits, hits, "at {second} seconds");
    }
    shadow.validate();
}

#[test]
fn what_was_invalidated_is_no_hit() {
    let mut shadow = ShadowLru::new();
    for key in [1, 2] {
        shadow.request(&candidate(key, 1), false, Moment::default());
    }
    shadow.remove(1);
    shadow.remove(77);
    shadow.request(&candidate(1, 1), false, Moment::default());
    shadow.request(&candidate(2, 1), false, Moment::default());
    assert_eq!(shadow.versus().lru_hits, 1.0);
    shadow.clear();
    shadow.request(&candidate(2, 1), false, Moment::default());
    assert_eq!(shadow.versus().lru_hits, 1.0);
    shadow.validate();
}

#[test]
fn a_smaller_capacity_holds_less() {
    let mut shadow = ShadowLru::new();
    for key in 0..10 {
        shadow.request(&candidate(key, 10), false, Moment::default());
    }
    shadow.set_capacity(30, 2);
    shadow.validate();
    for key in [8, 9, 0] {
        shadow.request(&candidate(key, 10), false, Moment::default());
    }
    assert_eq!(shadow.versus().lru_hits, 2.0);
}

#[test]
fn the_default_policy_is_compared_and_lru_is_not() {
    assert_eq!(Eviction::new(Policy::Lru).versus_lru(), None);
    let mut cache = Simulated::new(Policy::Hazard, 100);
    for tick in 0..6000 {
        cache.request(tick % 150, 1, 2.0);
    }
    cache.validate();
    let versus = cache.eviction.versus_lru().expect("it is compared");
    assert_eq!(versus.lru_hits, 0.0, "a loop larger than the cache");
    assert!(versus.hits > 2000.0, "{versus:?}");
    assert!((versus.saved_seconds - 2.0 * versus.hits).abs() < 1e-6);
    cache.eviction.reset_versus_lru();
    assert_eq!(cache.eviction.versus_lru(), Some(VersusLru::default()));
}

#[test]
fn what_never_expires_by_any_clock_stays() {
    let mut shadow = ShadowLru::new();
    let endless = Candidate {
        expires: Some(Duration::MAX),
        ..candidate(1, 1)
    };
    for _ in 0..2 {
        shadow.request(&endless, false, Moment::default());
    }
    assert_eq!(shadow.versus().lru_hits, 1.0);
}
