use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use fastrand::Rng;
use refrain::{Capacity, Clock, FakeClock, Insertion, Key, Policy};

use super::*;
use crate::error::OpenError;
use crate::format::MAX_METADATA_BYTES;
use crate::names::file_of;
use crate::storage::simulated::{Fault, SimulatedDisk};
use crate::{DiskTier, NewEntry};

mod contract;
mod faults;
mod model;
mod readers;
mod spools;
mod streams;
mod versions;

const BLOCK: u64 = 4096;

/// A disk, and the time that passes on it.
struct World {
    disk: SimulatedDisk,
    clock: Clock,
    hands: FakeClock,
    capacity: Capacity,
}

impl World {
    fn new(blocks: u64) -> Self {
        let (clock, hands) = Clock::fake();
        Self {
            disk: SimulatedDisk::default(),
            clock,
            hands,
            capacity: Capacity {
                bytes: blocks * BLOCK,
                entries: u64::MAX,
            },
        }
    }

    fn try_open(&self) -> Result<DiskTier, OpenError> {
        self.disk.limit(None);
        let tier = DiskTier::at("simulated")
            .capacity_bytes(self.capacity.bytes)
            .policy(Policy::Lru)
            .clock(self.clock.clone())
            .open_in(Arc::new(self.disk.clone()))?;
        self.disk.limit(Some(self.capacity.bytes));
        Ok(tier)
    }

    fn open(&self) -> DiskTier {
        self.try_open().unwrap()
    }

    fn fail(&self, at: u64, from_then_on: bool, kind: ErrorKind) {
        self.disk.plan(Some(Fault {
            at,
            from_then_on,
            kind,
        }));
    }
}

fn key(n: u8) -> Key {
    Key::from_bytes([n; 32])
}

fn put(tier: &DiskTier, n: u8, body: &[u8]) -> Insertion {
    tier.store(&tier.begin(), &key(n), &NewEntry::new(body))
        .unwrap()
}

fn body(tier: &DiskTier, n: u8) -> Option<Vec<u8>> {
    let entry = tier.load(&key(n)).unwrap();
    entry.map(|entry| entry.body.to_vec())
}

#[test]
fn what_was_stored_is_there_after_a_power_cut_with_all_that_was_said_of_it() {
    let world = World::new(100);
    let tier = world.open();
    let entry = NewEntry::new(b"solid")
        .codec("text")
        .media_type("model/stl")
        .file_name("cube.stl")
        .field("http.status", "203")
        .field("http.header", "a: 1")
        .field("http.header", "b: 2")
        .tags(["model:v2", "user:7"])
        .cost(Duration::from_secs(125))
        .time_to_live(Some(Duration::from_secs(60)));
    let stored = tier.store(&tier.begin(), &key(1), &entry).unwrap();
    assert_eq!(stored, Insertion::Stored);
    drop(tier);
    world.disk.cut_power(&mut Rng::with_seed(1));
    world.hands.advance(Duration::from_secs(10));
    let tier = world.open();
    let found = tier.load(&key(1)).unwrap().unwrap();
    assert_eq!(&found.body[..], b"solid");
    assert_eq!(found.codec, "text");
    assert_eq!(found.media_type(), "model/stl");
    assert_eq!(found.file_name(), "cube.stl");
    let names: Vec<&str> = found.fields.iter().map(|(name, _)| &**name).collect();
    let expected = [
        "media_type",
        "file_name",
        "http.status",
        "http.header",
        "http.header",
    ];
    assert_eq!(names, expected, "in this order");
    assert!(found.values("http.header").eq([b"a: 1", b"b: 2"]));
    assert_eq!(found.tags, ["model:v2", "user:7"]);
    assert_eq!(found.cost, Duration::from_secs(125));
    assert_eq!(found.age, Duration::from_secs(10));
    assert_eq!(found.expires_in, Some(Duration::from_secs(50)));
    tier.validate();
}

#[test]
fn media_type_and_file_name_come_from_the_headers_of_an_answer_too() {
    let world = World::new(100);
    let tier = world.open();
    let answer = NewEntry::new(b"solid")
        .field("http.header", "Content-Type: model/stl")
        .field(
            "http.header",
            "content-disposition: attachment; filename=\"cube.stl\"",
        );
    for (entry, names) in [
        (answer.clone(), ("model/stl", "cube.stl")),
        (NewEntry::new(b"x"), ("application/octet-stream", "")),
        (
            answer.media_type("model/obj").file_name("cube.obj"),
            ("model/obj", "cube.obj"),
        ),
    ] {
        tier.store(&tier.begin(), &key(1), &entry).unwrap();
        let found = tier.load(&key(1)).unwrap().unwrap();
        assert_eq!((found.media_type(), found.file_name()), names);
    }
}

#[test]
fn the_file_of_the_entry_that_was_used_longest_ago_goes_before_a_new_one_is_written() {
    let world = World::new(3);
    let tier = world.open();
    for n in 1..=3 {
        put(&tier, n, b"x");
        world.hands.advance(Duration::from_secs(1));
    }
    assert!(body(&tier, 1).is_some());
    put(&tier, 4, b"x");
    assert_eq!(body(&tier, 2), None);
    assert_eq!(world.disk.occupied(), 3 * BLOCK);
    assert_eq!(tier.stats().evictions, 1);
    tier.validate();
}

#[test]
fn a_restart_remembers_the_order_of_use() {
    let world = World::new(3);
    let tier = world.open();
    for n in 1..=3 {
        put(&tier, n, b"x");
    }
    for n in [2, 3, 1] {
        world.hands.advance(Duration::from_secs(1));
        assert!(body(&tier, n).is_some());
    }
    drop(tier);
    let tier = world.open();
    put(&tier, 4, b"x");
    assert_eq!(body(&tier, 2), None, "it was used longest ago");
    assert!(body(&tier, 1).is_some() && body(&tier, 3).is_some());
}

#[test]
fn one_entry_may_fill_the_whole_tier_and_no_more() {
    let world = World::new(2);
    let tier = world.open();
    let largest = vec![7; 2 * 4096 - 400];
    assert_eq!(put(&tier, 1, &largest), Insertion::Stored);
    assert_eq!(put(&tier, 2, &[7; 2 * 4096]), Insertion::Overweight);
    assert_eq!(
        body(&tier, 1).unwrap(),
        largest,
        "nothing was evicted for it"
    );
    // A newer value for the same key fits only without the old one.
    assert_eq!(put(&tier, 1, &vec![8; largest.len()]), Insertion::Stored);
    assert_eq!(body(&tier, 1).unwrap()[0], 8);
    tier.validate();
}

#[test]
fn an_entry_is_there_until_its_time_is_over_also_after_a_restart() {
    let world = World::new(9);
    let tier = world.open();
    let entry = NewEntry::new(b"x").time_to_live(Some(Duration::from_secs(60)));
    tier.store(&tier.begin(), &key(1), &entry).unwrap();
    world.hands.advance(Duration::from_secs(59));
    assert!(body(&tier, 1).is_some());
    drop(tier);
    let tier = world.open();
    assert!(body(&tier, 1).is_some());
    world.hands.advance(Duration::from_secs(1));
    assert_eq!(body(&tier, 1), None);
    tier.validate();
    assert_eq!(world.disk.occupied(), 0, "its file is gone");
    let entry = NewEntry::new(b"x").time_to_live(Some(Duration::ZERO));
    let stored = tier.store(&tier.begin(), &key(1), &entry).unwrap();
    assert_eq!(stored, Insertion::Expired);
}

#[test]
fn an_entry_lives_its_own_time_at_most_after_the_wall_clock_was_set_back() {
    let mut world = World::new(9);
    let late = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    (world.clock, world.hands) = Clock::fake_at(late);
    let tier = world.open();
    let entry = NewEntry::new(b"x").time_to_live(Some(Duration::from_secs(60)));
    tier.store(&tier.begin(), &key(1), &entry).unwrap();
    drop(tier);
    (world.clock, world.hands) = Clock::fake();
    let tier = world.open();
    assert!(body(&tier, 1).is_some());
    world.hands.advance(Duration::from_secs(60));
    assert_eq!(body(&tier, 1), None);
}

#[test]
fn what_was_invalidated_does_not_come_back_by_a_power_cut() {
    for seed in 0..50 {
        let world = World::new(2);
        let tier = world.open();
        for n in 1..=4 {
            let entry = NewEntry::new(b"x").tags(["all"]);
            tier.store(&tier.begin(), &key(n), &entry).unwrap();
        }
        // 1 and 2 have been evicted; a power cut may bring them back, until they are invalidated.
        assert!(!tier.invalidate(&key(1)).unwrap());
        assert_eq!(tier.invalidate_tag("all").unwrap(), 2);
        drop(tier);
        world.disk.cut_power(&mut Rng::with_seed(seed));
        let tier = world.open();
        assert!(tier.is_empty(), "seed {seed}");
        put(&tier, 1, b"x");
        tier.invalidate_all().unwrap();
        drop(tier);
        world.disk.cut_power(&mut Rng::with_seed(seed));
        assert!(world.open().is_empty(), "seed {seed}");
    }
}

#[test]
fn a_result_of_before_an_invalidation_is_not_stored() {
    let world = World::new(9);
    let tier = world.open();
    let entry = NewEntry::new(b"old").tags(["model:v1"]);
    let store = |ticket| tier.store(&ticket, &key(1), &entry).unwrap();
    let ticket = tier.begin();
    tier.invalidate(&key(2)).unwrap();
    assert_eq!(store(ticket), Insertion::Stored, "another key");
    let ticket = tier.begin();
    tier.invalidate(&key(1)).unwrap();
    assert_eq!(store(ticket), Insertion::Invalidated);
    let ticket = tier.begin();
    tier.invalidate_tag("model:v1").unwrap();
    assert_eq!(store(ticket), Insertion::Invalidated);
    let ticket = tier.begin();
    tier.invalidate_all().unwrap();
    assert_eq!(store(ticket), Insertion::Invalidated);
    assert_eq!(store(tier.begin()), Insertion::Stored);
}

#[test]
fn a_damaged_file_is_a_miss_and_goes() {
    let world = World::new(9);
    let tier = world.open();
    for n in 1..=3 {
        put(&tier, n, b"picture");
    }
    world.disk.tamper(&file_of(&key(1)), |file| {
        let last = file.len() - 1;
        file[last] ^= 1;
    });
    assert_eq!(body(&tier, 1), None);
    assert_eq!((tier.stats().damaged, tier.stats().errors), (1, 0));
    assert_eq!(tier.len(), 2);
    tier.validate();
    // Damage at the head is found by the next start already.
    world.disk.tamper(&file_of(&key(2)), |file| file[30] ^= 1);
    drop(tier);
    let tier = world.open();
    assert_eq!((tier.len(), tier.stats().damaged), (1, 1));
    assert!(body(&tier, 3).is_some());
    tier.validate();
}

#[test]
fn a_swapped_file_is_a_miss() {
    let world = World::new(9);
    let tier = world.open();
    put(&tier, 1, b"mine");
    put(&tier, 2, b"other");
    let other = world.disk.contents(&file_of(&key(2)));
    world.disk.tamper(&file_of(&key(1)), |file| *file = other);
    assert_eq!(body(&tier, 1), None);
}

#[test]
fn use_elsewhere_keeps_an_entry_from_being_evicted() {
    let world = World::new(2);
    let tier = world.open();
    put(&tier, 1, b"x");
    world.hands.advance(Duration::from_secs(1));
    put(&tier, 2, b"x");
    world.hands.advance(Duration::from_secs(1));
    assert!(tier.touch(&key(1)) && !tier.touch(&key(3)));
    put(&tier, 3, b"x");
    assert!(tier.contains(&key(1)) && !tier.contains(&key(2)));
}

#[test]
fn a_smaller_limit_evicts_at_once() {
    let mut world = World::new(9);
    let tier = world.open();
    for n in 1..=9 {
        put(&tier, n, b"x");
    }
    world.capacity.bytes = 2 * BLOCK;
    tier.set_capacity(world.capacity).unwrap();
    assert_eq!(world.disk.occupied(), 2 * BLOCK);
    assert_eq!(tier.stats().capacity_bytes, 2 * BLOCK);
    tier.validate();
}

#[test]
fn what_does_not_fit_into_a_smaller_tier_goes_at_the_start() {
    let mut world = World::new(9);
    let tier = world.open();
    for n in 1..=9 {
        put(&tier, n, b"x");
        world.hands.advance(Duration::from_secs(1));
        assert!(body(&tier, n).is_some());
    }
    drop(tier);
    world.capacity.bytes = 2 * BLOCK;
    let tier = world.open();
    assert_eq!(world.disk.occupied(), 2 * BLOCK);
    assert!(body(&tier, 8).is_some() && body(&tier, 9).is_some());
    tier.validate();
}

#[test]
fn what_is_said_of_an_entry_has_a_limit() {
    let world = World::new(99);
    let tier = world.open();
    let tags = ["x".repeat(MAX_METADATA_BYTES)];
    let entry = NewEntry::new(b"x").tags(tags);
    let error = tier.store(&tier.begin(), &key(1), &entry).unwrap_err();
    assert!(!error.is_retryable());
    assert_eq!(
        error.to_string(),
        "what is said about the entry takes more than 262144 bytes, or a name more than 255; use fewer or shorter fields and tags"
    );
    // A head that does not fit into one read is read in two.
    let tags = ["x".repeat(5000)];
    let entry = NewEntry::new(b"x").tags(tags);
    tier.store(&tier.begin(), &key(1), &entry).unwrap();
    drop(tier);
    assert_eq!(world.open().len(), 1);
}

#[test]
fn files_that_are_not_the_tiers_own_stay() {
    let world = World::new(9);
    drop(world.open());
    world.disk.plant("v2/01/README", b"hello");
    let elsewhere = format!("v2/01/{}", key(2));
    world.disk.plant(&elsewhere, b"?");
    let tier = world.open();
    assert!(tier.is_empty());
    assert_eq!(world.disk.contents("v2/01/README"), b"hello");
    assert_eq!(world.disk.contents(&elsewhere), b"?");
}

#[test]
fn what_was_not_finished_is_taken_away_at_the_start() {
    let world = World::new(9);
    drop(world.open());
    world.disk.plant("v2/unfinished/7", b"half");
    drop(world.open());
    assert_eq!(world.disk.list("v2/unfinished").unwrap(), [""; 0]);
    assert_eq!(world.disk.occupied(), 0);
}

#[test]
fn a_folder_of_a_newer_build_is_left_alone() {
    let world = World::new(9);
    world.disk.make_dir("v3").unwrap();
    let refused = world.try_open().unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot open disk tier at `simulated`: format version 3, this build reads 1 and 2; upgrade, or name an empty folder"
    );
    assert_eq!(world.disk.list("").unwrap(), ["v3"]);
}

#[test]
fn the_files_stay_within_the_limit_at_every_operation_while_threads_store_and_invalidate() {
    let world = World::new(20);
    let tier = world.open();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let tier = &tier;
            scope.spawn(move || {
                let mut rng = Rng::with_seed(thread);
                for _ in 0..300 {
                    let n = rng.u8(..12);
                    match rng.u8(..10) {
                        0 => drop(tier.invalidate(&key(n)).unwrap()),
                        1 => drop(tier.load(&key(n)).unwrap()),
                        _ => drop(put(tier, n, &vec![n; rng.usize(..5 * 4096)])),
                    }
                }
            });
        }
    });
    tier.validate();
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
}
