//! The batch of requests that repeat, small enough to be quick, and the same in every part as the measurement.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;

/// The `refrain` of this workspace, built if it is not there.
fn refrain() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "refrain-cli"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .expect("cargo runs");
    assert!(built.success());
    let beside = PathBuf::from(env!("CARGO_BIN_EXE_refrain-bench"));
    let target = beside
        .ancestors()
        .nth(2)
        .expect("a folder for each profile");
    target.join("debug/refrain")
}

fn batch(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_refrain-bench"))
        .arg("batch")
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn a_batch_is_measured_with_and_without_the_cache() {
    let program = refrain();
    let program = program.to_str().expect("a path in UTF-8");
    let ran = batch(&[
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
        "--program",
        program,
        "--json",
    ]);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}");
    let report: Value = serde_json::from_slice(&ran.stdout).expect("it is JSON");
    assert_eq!(report["setting"]["repeats"], 7);
    let batches = report["batches"].as_array().expect("a list");
    let names: Vec<&Value> = batches.iter().map(|batch| &batch["name"]).collect();
    assert_eq!(names, ["in order", "4 at a time"]);
    for batch in batches {
        let count = |name: &str| batch[name].as_u64().expect("a count");
        assert_eq!(count("generated"), 3, "{batch}");
        assert_eq!(count("hits") + count("collapsed"), 7, "{batch}");
        let median = |name: &str| batch[name]["median"].as_f64().expect("a number");
        assert!((median("hit_rate") - 0.7).abs() < 1e-9);
        assert!(median("speed_up") > 0.0);
    }
    assert_eq!(batches[0]["hits"], 7);
    let alone = &report["hits"][1];
    assert!(alone["p50_seconds"].as_f64() <= alone["p99_seconds"].as_f64());
    assert!(
        said.contains("round 1 of 2: in order, with the cache"),
        "{said}"
    );
}

#[test]
fn a_batch_that_cannot_be_is_refused() {
    for (arguments, wrong) in [
        (
            ["--requests", "3", "--distinct", "4"],
            "`--distinct` is 4 but there are only 3 requests",
        ),
        (
            ["--side", "16", "--program", "no/such/refrain"],
            "there is no program at `no/such/refrain`",
        ),
    ] {
        let refused = batch(&arguments);
        assert!(!refused.status.success());
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(wrong), "{said}");
    }
}
