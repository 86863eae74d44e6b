//! The most memory a process has had at once, as the system counts it, while a large body is written and read.

#![cfg(target_os = "linux")]

use std::process::Command;

use refrain::{Insertion, Key};
use refrain_disk::{DiskTier, EntryMetadata};

const DIR: &str = "REFRAIN_DISK_MEMORY_DIR";
const BODY_BYTES: u64 = 200_000_000;

/// A number of KiB that the system tells of this process.
fn told(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_whitespace().next());
    let number = number.and_then(|number| number.parse().ok());
    number.expect("it is a number of KiB")
}

#[test]
#[ignore = "the process whose memory is measured"]
fn writes_and_reads_a_large_body() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let tier = DiskTier::at(dir).open().unwrap();
    let key = Key::from_bytes([7; 32]);
    let piece: Vec<u8> = (0..100_000).map(|at: u32| at.to_le_bytes()[1]).collect();
    let before = told("VmRSS:");
    let mut writer = tier.writer(tier.begin(), &key);
    let so_far = writer.so_far();
    for _ in 0..BODY_BYTES / piece.len() as u64 {
        writer.write(&piece).unwrap();
    }
    assert_eq!(so_far.read_at(BODY_BYTES / 2, piece.len()).unwrap(), piece);
    let stored = writer.finish(&EntryMetadata::default()).unwrap();
    assert_eq!(stored, Insertion::Stored);
    println!("written {} KiB", told("VmHWM:") - before);
    let body = tier.load_streamed(&key).unwrap().unwrap().body;
    assert_eq!(body.len(), BODY_BYTES);
    let mut at = 0;
    while at < body.len() {
        let read = body.read_at(at, piece.len()).unwrap();
        assert_eq!(read, piece);
        at += read.len() as u64;
    }
    println!("more {} KiB", told("VmHWM:") - before);
}

#[test]
fn a_body_of_200_mb_is_written_and_read_with_less_than_16_mb_more_memory() {
    let dir = tempfile::tempdir().unwrap();
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("memory::writes_and_reads_a_large_body")
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{text}");
    let more = text.lines().find_map(|line| line.strip_prefix("more "));
    let kib = more.and_then(|more| more.strip_suffix(" KiB")).unwrap();
    assert!(kib.parse::<u64>().unwrap() < 16_000, "{text}");
    println!("{text}");
}
