//! The limit in bytes is one of the heap too, whatever several threads do at once.

use std::process::Command;

const MIB: i64 = 1 << 20;

/// Eight writers insert values of up to 1 MiB for a second, and a counting allocator tells the most that ever lived.
///
/// Beyond the capacity there is what the running calls have in their hands, of each writer the value that it brings and
/// those that leave for it, which weigh as much and at most one more; and 4 MiB for all that is no value.
fn the_heap_stays_within_the_capacity(subject: &str) {
    let (capacity, writers) = (64, 8);
    let output = Command::new(env!("CARGO_BIN_EXE_refrain-bench"))
        .args(["bound", "--seconds", "1", "--child", subject])
        .args(["--capacity-mib", &capacity.to_string()])
        .args(["--writers", &writers.to_string()])
        .output()
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let number = |name: &str| told[name].as_i64().expect("it is told");
    assert!(number("inserts") > 1_000, "{told}");
    assert!(number("peak_accounted_bytes") <= capacity * MIB, "{told}");
    let in_hand = writers * 3 * MIB;
    assert!(
        number("peak_bytes") <= (capacity + 4) * MIB + in_hand,
        "{told}"
    );
    assert!(number("peak_bytes") > capacity * MIB / 2, "{told}");
}

#[test]
fn the_heap_stays_within_the_capacity_under_the_default_policy() {
    the_heap_stays_within_the_capacity("refrain");
}

#[test]
fn the_heap_stays_within_the_capacity_under_lru() {
    the_heap_stays_within_the_capacity("refrain-lru");
}
