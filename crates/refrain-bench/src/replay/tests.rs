use std::path::{Path, PathBuf};

use super::*;
use crate::subject::SubjectName;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(format!("{name}.bin.xz"))
}

#[test]
fn small_traces_save_what_the_study_says_or_more() {
    let expected = Expected::known();
    for name in ["t11-small", "t12-small-drift"] {
        let trace = Trace::read(&fixture(name), usize::MAX).expect("the fixture is there");
        for capacity in ["30e", "300e", "5%"] {
            let row = expected.row(name, capacity).expect("the study has it");
            let bytes = trace.capacity_bytes(capacity).expect("it is a capacity");
            for policy in POLICIES {
                let missed = (saved(policy, bytes, &trace, None) - row.saved(policy)) * 100.0;
                let is_better = policy == "hazard" && missed > 0.0;
                assert!(
                    missed.abs() < 0.55 || is_better,
                    "{policy} on {name} at {capacity}: {missed:+.2} points"
                );
            }
        }
    }
}

#[test]
fn the_default_policy_is_expected_to_be_ahead_of_every_rival_in_the_mean() {
    let expected = Expected::known();
    let points = [
        "t01-zipf0.9",
        "t07-studio",
        "t09-recency",
        "t14-regimes",
        "gentd26-coarse",
    ]
    .map(|trace| expected.row(trace, "300e").expect("the study has it"));
    let mean = |policy: &str| points.iter().map(|row| row.saved(policy)).sum::<f64>();
    for (rival, _) in points[0].rivals() {
        assert!(mean("hazard") > mean(rival), "{rival}");
    }
}

#[test]
fn drawn_weights_and_costs_are_the_same_each_time_and_differ_by_seed() {
    let plain = Trace::of(
        (0..2000_u64)
            .map(|at| trace::Request {
                key: at % 500,
                weight_bytes: 1,
                cost_seconds: 0.001,
            })
            .collect(),
    );
    assert!(!plain.is_complete());
    let [one, again, other] = [1, 1, 2].map(|seed| plain.drawn(seed));
    assert!(one.is_complete());
    let weights = |trace: &Trace| {
        trace
            .requests
            .iter()
            .map(|request| request.weight_bytes)
            .collect::<Vec<_>>()
    };
    assert_eq!(weights(&one), weights(&again));
    assert_ne!(weights(&one), weights(&other));
    assert_eq!(
        one.requests[0].weight_bytes, one.requests[500].weight_bytes,
        "by key"
    );
}

#[test]
fn whole_caches_save_what_their_policies_do_at_any_speed() {
    let trace = Trace::read(&fixture("t12-small-drift"), usize::MAX).expect("the fixture is there");
    for capacity in ["30e", "10%"] {
        let bytes = trace.capacity_bytes(capacity).expect("it is a capacity");
        for (name, policy) in [
            (SubjectName::Refrain, "hazard"),
            (SubjectName::RefrainLru, "lru"),
        ] {
            let by_cache = caches::saved(name, &trace, bytes);
            let by_policy = saved(policy, bytes, &trace, None);
            assert!(
                (by_cache - by_policy).abs() < 0.005,
                "{name} at {capacity}: {by_cache} and {by_policy}"
            );
        }
        let (fast, slow) = (
            caches::saved(SubjectName::Refrain, &trace, bytes),
            caches::saved_at_a_second_each(&trace, bytes),
        );
        assert!((fast - slow).abs() < 0.005, "{fast} and {slow}");
        for rival in [SubjectName::Moka, SubjectName::QuickCache] {
            assert!(caches::saved(rival, &trace, bytes) < fast, "{rival}");
        }
    }
}

#[test]
fn in_units_the_saving_is_the_hit_ratio() {
    let trace = Trace::read(&fixture("t11-small"), usize::MAX).expect("the fixture is there");
    let units = trace.in_units();
    assert!(units.requests.iter().all(|one| one.weight_bytes == 1));
    assert_eq!(units.capacity_bytes("30e").expect("it is a capacity"), 30);
    assert_eq!(units.entries_in(30), 30);
}

#[test]
fn a_capacity_is_entries_or_a_part() {
    let trace = Trace::read(&fixture("t11-small"), 5000).expect("the fixture is there");
    let all = trace.capacity_bytes("100%").expect("it is a capacity");
    assert_eq!(
        trace.capacity_bytes("5%").expect("it is a capacity"),
        all / 20
    );
    assert!(trace.capacity_bytes("1e").expect("it is a capacity") < all / 100);
    for given in ["", "5", "e", "-3e", "x%"] {
        let refused = trace.capacity_bytes(given).expect_err("it means nothing");
        assert!(refused.to_string().contains(given));
    }
}

#[test]
fn a_trace_that_is_not_there_or_was_damaged_is_named() {
    let missing = Trace::read(Path::new("no/such.bin.xz"), 10).expect_err("it is not there");
    assert!(missing.to_string().contains("no/such.bin.xz"));
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    assert!(Trace::read(&manifest, 10).is_err(), "it is not compressed");
}
