use serde_json::Value;

use crate::program::Place;

/// Small enough to be quick, and the same in every part as the measurement with the defaults.
const SMALL: [&str; 12] = [
    "bench",
    "batch",
    "--requests",
    "10",
    "--distinct",
    "3",
    "--parallel",
    "4",
    "--hits",
    "20",
    "--side",
    "128",
];

#[test]
fn a_batch_is_measured_with_and_without_the_cache() {
    let mut arguments = SMALL.to_vec();
    arguments.push("--json");
    let ran = Place::new().succeed(&arguments);
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["setting"]["repeats"], 7);
    let batches = report["batches"].as_array().unwrap();
    let names: Vec<&Value> = batches.iter().map(|batch| &batch["name"]).collect();
    assert_eq!(names, ["in order", "4 at a time"]);
    for batch in batches {
        let count = |name: &str| batch[name].as_u64().unwrap();
        assert_eq!(count("generated"), 3, "{batch}");
        assert_eq!(count("hits") + count("collapsed"), 7, "{batch}");
        assert!((batch["hit_rate"]["median"].as_f64().unwrap() - 0.7).abs() < 1e-9);
        assert!(batch["speed_up"]["median"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(batches[0]["hits"], 7);
    let alone = &report["hits"][1];
    assert!(alone["p50_seconds"].as_f64() <= alone["p99_seconds"].as_f64());
    assert!(
        ran.err.contains("round 1 of 2: in order, with the cache"),
        "{}",
        ran.err
    );
}

#[test]
fn a_batch_that_cannot_be_is_refused() {
    let refusal = Place::new().fail(&["bench", "batch", "--requests", "3", "--distinct", "4"]);
    insta::assert_snapshot!(refusal);
}
