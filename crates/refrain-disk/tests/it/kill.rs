//! A process that stores is killed at any moment.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use fastrand::Rng;
use refrain::Insertion;
use refrain_disk::{DiskTier, EntryMetadata, NewEntry};

use crate::payload::{key, payload, version};

const DIR: &str = "REFRAIN_DISK_KILL_DIR";
const KEYS: u64 = 40;

/// Stores and invalidates for as long as it lives, and tells each that has been acknowledged.
#[test]
#[ignore = "the process that is killed"]
fn stores_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let tier = DiskTier::at(dir).open().unwrap();
    tier.validate();
    let mut rng = Rng::new();
    let mut out = std::io::stdout().lock();
    loop {
        let (n, number) = (rng.u64(..KEYS), rng.u64(..));
        if rng.u8(..10) == 0 {
            writeln!(out, "begin {n} 0").unwrap();
            tier.invalidate(&key(n)).unwrap();
            writeln!(out, "gone {n} 0").unwrap();
            continue;
        }
        let bytes = payload(n, number, rng.usize(..700_000));
        writeln!(out, "begin {n} {number}").unwrap();
        let stored = if rng.bool() {
            tier.store(&tier.begin(), &key(n), &NewEntry::new(&bytes))
        } else {
            let mut writer = tier.writer(tier.begin(), &key(n));
            for piece in bytes.chunks(50_000) {
                writer.write(piece).unwrap();
            }
            writer.finish(&EntryMetadata::default())
        };
        assert_eq!(stored.unwrap(), Insertion::Stored);
        writeln!(out, "stored {n} {number}").unwrap();
    }
}

/// Tells each entry that is there, every byte of it verified.
#[test]
#[ignore = "asked by tests/power.py"]
fn tells_what_is_there() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let tier = DiskTier::at(dir).open().unwrap();
    tier.validate();
    for n in 0..KEYS {
        if let Some(entry) = tier.load(&key(n)).unwrap() {
            println!("there {n} {}", version(n, &entry.body));
        }
    }
    println!("damaged {} 0", tier.stats().damaged);
}

/// What may be found, and whether something has to be.
#[derive(Debug, Default)]
struct Known {
    allowed: Vec<u64>,
    is_there: bool,
}

#[test]
fn what_was_acknowledged_is_there_after_kill_9_and_nothing_is_torn() {
    let rounds: u64 =
        std::env::var("REFRAIN_DISK_KILLS").map_or(25, |kills| kills.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    let seed = 7;
    let mut rng = Rng::with_seed(seed);
    let mut acknowledged = 0;
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--ignored",
                "--exact",
                "--nocapture",
                "kill::stores_until_it_is_killed",
            ])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = 0;
        let until = rng.u32(1..60);
        let mut killed = false;
        // After the kill the rest of what it told is read: all of that happened.
        while let Some(Ok(line)) = lines.next() {
            let mut words = line.split(' ');
            let word = words.next().unwrap_or_default();
            let mut number = || words.next().and_then(|text| text.parse::<u64>().ok());
            let (Some(n), Some(number)) = (number(), number()) else {
                continue;
            };
            let known = known.entry(n).or_default();
            match word {
                // From here on the old one, the new one, or none.
                "begin" => {
                    known.allowed.extend((number != 0).then_some(number));
                    known.is_there = false;
                }
                "stored" => {
                    acknowledged += 1;
                    *known = Known {
                        allowed: vec![number],
                        is_there: true,
                    };
                }
                "gone" => *known = Known::default(),
                _ => continue,
            }
            told += 1;
            if told >= until && !killed {
                child.kill().unwrap();
                killed = true;
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(killed, "round {round}: it ended by itself");
        let tier = DiskTier::at(dir.path()).open().unwrap();
        tier.validate();
        assert_eq!(tier.stats().damaged, 0, "round {round}");
        for (n, known) in &known {
            let found = tier.load(&key(*n)).unwrap();
            let found = found.map(|entry| version(*n, &entry.body));
            match found {
                Some(version) => assert!(known.allowed.contains(&version), "round {round}: {n}"),
                None => assert!(!known.is_there, "round {round}: {n} was acknowledged"),
            }
        }
    }
    assert!(acknowledged > rounds, "{acknowledged} were stored");
}
