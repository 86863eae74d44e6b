//! Several tiers of one folder: in one process for what has an order, in real processes for what has none.

#![expect(
    clippy::disallowed_methods,
    reason = "processes have the time of the machine, which cannot be moved"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use refrain::tier::{Invalidated, Invalidations, Tier, Tiers};
use refrain::{BytesCodec, Cache, Capacity, Insertion, Key, TieredCache, block_on};
use refrain_disk::{DiskError, DiskTier, EntryMetadata, NewEntry};

use crate::payload::{key, payload, version};

const DIR: &str = "REFRAIN_DISK_SHARED_DIR";
const BLOCK: u64 = 4096;
/// Longer than any of this takes, so that what hangs fails.
const LONG: Duration = Duration::from_secs(60);

fn open(dir: &tempfile::TempDir, blocks: u64) -> DiskTier {
    let builder = DiskTier::at(dir.path()).capacity_bytes(blocks * BLOCK);
    builder
        .policy(refrain::Policy::Lru)
        .open()
        .expect("nothing goes wrong")
}

fn put(tier: &DiskTier, n: u64, body: &[u8]) -> Insertion {
    let stored = tier.store(&tier.begin(), &key(n), &NewEntry::new(body).tags(["tag"]));
    stored.expect("nothing goes wrong")
}

fn body(tier: &DiskTier, n: u64) -> Option<Bytes> {
    tier.load(&key(n))
        .expect("nothing goes wrong")
        .map(|entry| entry.body)
}

fn occupied(dir: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)
        .expect("nothing goes wrong")
        .flatten()
    {
        let Ok(about) = entry.metadata() else {
            continue;
        };
        bytes += if about.is_dir() {
            occupied(&entry.path())
        } else {
            about.len().next_multiple_of(BLOCK)
        };
    }
    bytes
}

#[test]
fn what_one_tier_stores_replaces_or_removes_is_so_for_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(&dir, 100), open(&dir, 100));
    put(&first, 1, b"one");
    assert_eq!(body(&second, 1).unwrap(), "one");
    assert!(second.contains(&key(1)) && second.len() == 1);
    put(&second, 1, b"another");
    assert_eq!(body(&first, 1).unwrap(), "another");
    assert!(first.invalidate(&key(1)).unwrap());
    assert_eq!((body(&second, 1), second.len()), (None, 0));
    put(&first, 2, b"two");
    assert_eq!(second.invalidate_tag("tag").unwrap(), 1);
    assert_eq!(body(&first, 2), None);
    put(&first, 3, b"three");
    assert_eq!(second.invalidate_all().unwrap(), 1);
    assert_eq!(body(&first, 3), None);
    for tier in [&first, &second] {
        tier.validate();
        assert_eq!(tier.stats().damaged, 0);
    }
}

type Invalidate = fn(&DiskTier) -> Result<(), DiskError>;

#[test]
fn a_computation_that_began_before_another_tier_invalidated_is_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(&dir, 1000), open(&dir, 1000));
    let ways: [(&str, Invalidate); 3] = [
        ("key", |tier| tier.invalidate(&key(1)).map(drop)),
        ("tag", |tier| tier.invalidate_tag("tag").map(drop)),
        ("all", |tier| tier.invalidate_all().map(drop)),
    ];
    for (way, invalidate) in ways {
        let entry = NewEntry::new(b"of old weights").tags(["tag"]);
        let ticket = second.begin();
        let mut writer = second.writer(second.begin(), &key(1));
        writer.write(&vec![7; 600_000]).unwrap();
        invalidate(&first).unwrap();
        let stored = second.store(&ticket, &key(1), &entry).unwrap();
        assert_eq!(stored, Insertion::Invalidated, "{way}");
        let metadata = EntryMetadata::default().tags(["tag"]);
        assert_eq!(
            writer.finish(&metadata).unwrap(),
            Insertion::Invalidated,
            "{way}"
        );
        assert_eq!(
            put(&second, 1, b"of new weights"),
            Insertion::Stored,
            "{way}"
        );
        assert_eq!(body(&first, 1).unwrap(), "of new weights");
    }
}

#[test]
fn there_is_one_limit_for_all_tiers_of_a_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(&dir, 4), open(&dir, 1000));
    assert_eq!(second.capacity().bytes, 4 * BLOCK, "that of the first one");
    for n in 0..20 {
        put(if n % 2 == 0 { &first } else { &second }, n, b"x");
        assert!(occupied(&dir.path().join("v2")) <= 4 * BLOCK);
    }
    assert_eq!((first.len(), second.len()), (4, 4));
    let mut writer = second.writer(second.begin(), &key(100));
    writer.write(&vec![1; 300_000]).unwrap_err();
    first
        .set_capacity(Capacity {
            bytes: 100 * BLOCK,
            entries: 50,
        })
        .unwrap();
    let mut writer = second.writer(second.begin(), &key(100));
    writer.write(&vec![1; 300_000]).unwrap();
    for n in 0..60 {
        put(&first, n, b"x");
        assert!(occupied(&dir.path().join("v2")) <= 100 * BLOCK);
    }
    assert!(
        first.len() <= 100 - 65,
        "the other one's file takes 65 blocks"
    );
    drop(writer);
    assert_eq!(second.capacity().entries, 50);
}

/// A memory above a tier of its own, as each process has one.
fn cache(dir: &tempfile::TempDir) -> TieredCache<Bytes> {
    let tiers = Tiers::builder().tier(open(dir, 1000)).build();
    TieredCache::new(
        Cache::builder().build().expect("nothing goes wrong"),
        tiers,
        BytesCodec,
    )
}

#[test]
fn one_process_computes_and_the_others_load_what_it_stored() {
    let dir = tempfile::tempdir().unwrap();
    let caches = [cache(&dir), cache(&dir), cache(&dir)];
    let computed = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for cache in &caches {
            scope.spawn(|| {
                let answer = cache.entry(key(1)).get_or_compute(|| {
                    computed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(300));
                    Bytes::from("picture")
                });
                assert_eq!(answer.unwrap().value, "picture");
            });
        }
    });
    assert_eq!(computed.into_inner(), 1);
}

#[test]
fn what_another_process_invalidates_leaves_the_memory_soon() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (cache(&dir), cache(&dir));
    let insert = |cache: &TieredCache<Bytes>| {
        let options = refrain::EntryOptions::default().tags(["tag"]);
        block_on(cache.insert_async(key(1), Bytes::from("old"), options));
    };
    for way in ["key", "tag", "all"] {
        insert(&first);
        let loaded = block_on(second.entry(key(1)).stored_async());
        assert_eq!(loaded.unwrap().value, "old", "{way}");
        match way {
            "key" => drop(block_on(first.invalidate_async(key(1))).unwrap()),
            "tag" => drop(block_on(first.invalidate_tag_async("tag")).unwrap()),
            _ => drop(block_on(first.invalidate_all_async()).unwrap()),
        }
        let began = Instant::now();
        while second.memory().peek_entry(&key(1)).is_some() {
            assert!(began.elapsed() < LONG, "{way}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_computation_of_a_whole_cache_is_not_stored_when_another_one_invalidates_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (cache(&dir), cache(&dir));
    let answer = second.entry(key(1)).get_or_compute(|| {
        block_on(first.invalidate_async(key(1))).unwrap();
        Bytes::from("of old weights")
    });
    assert_eq!(answer.unwrap().value, "of old weights");
    assert!(block_on(first.entry(key(1)).stored_async()).is_none());
    let again = second.entry(key(1)).get_or_compute(|| Bytes::from("new"));
    // The memory is told within a tenth of a second; the disk has it at once.
    let again = again.unwrap().value;
    assert!(again == "new" || again == "of old weights");
    let began = Instant::now();
    loop {
        let now = second.entry(key(1)).get_or_compute(|| Bytes::from("new"));
        if now.unwrap().value == "new" {
            break;
        }
        assert!(began.elapsed() < LONG);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Another process of this test.
struct Other {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Other {
    fn new(dir: &Path, what: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("nothing goes wrong"))
            .args(["--ignored", "--exact", "--nocapture", what])
            .env(DIR, dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nothing goes wrong");
        let lines = BufReader::new(child.stdout.take().expect("nothing goes wrong")).lines();
        Self { child, lines }
    }

    /// Reads on to a line with this word first, and gives the rest of it.
    fn hear(&mut self, word: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.expect("nothing goes wrong");
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
        panic!("the other process ended without `{word}`");
    }

    fn kill(&mut self) {
        self.child.kill().expect("nothing goes wrong");
        self.child.wait().expect("nothing goes wrong");
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the process that is killed"]
fn computes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let tier = DiskTier::at(dir).open().unwrap();
    let lease = block_on(Tier::lease(&tier, key(1), true)).unwrap();
    println!("\nleased {}", lease.is_some());
    let mut writer = tier.writer(tier.begin(), &key(2));
    writer.write(&vec![1; 600_000]).unwrap();
    println!("\nwriting");
    // Killed, or ended with its parent.
    let _ = std::io::stdin().read(&mut [0]);
}

#[test]
fn the_next_process_computes_when_the_one_that_did_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let tier = open(&dir, 1000);
    let mut other = Other::new(dir.path(), "sharing::computes_until_it_is_killed");
    assert_eq!(other.hear("leased"), "true");
    other.hear("writing");
    assert!(
        block_on(Tier::lease(&tier, key(1), false))
            .unwrap()
            .is_none()
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(Tier::lease(&tier, key(1), true)).unwrap());
        std::thread::sleep(Duration::from_millis(100));
        assert!(!waiting.is_finished());
        other.kill();
        let killed = Instant::now();
        let lease = waiting.join().unwrap().expect("its holder is dead");
        assert!(!lease.looks_again() && killed.elapsed() < LONG / 10);
    });
    // What it was writing is removed, and not counted.
    put(&tier, 3, b"x");
    let unfinished = std::fs::read_dir(dir.path().join("v2/unfinished")).unwrap();
    assert_eq!(unfinished.count(), 0);
    tier.validate();
}

const KEYS: u64 = 12;
const LIMIT: u64 = 2 << 20;

/// Stores, reads and invalidates beside others for as long as it lives.
#[test]
#[ignore = "one of several processes"]
fn works_beside_others() {
    let Some(dir) = std::env::var_os(DIR) else {
        return;
    };
    let tier = DiskTier::at(dir).capacity_bytes(LIMIT).open().unwrap();
    let mut rng = Rng::new();
    let mut out = std::io::stdout().lock();
    for _ in 0..1_000_000 {
        let n = rng.u64(..KEYS);
        match rng.u8(..10) {
            0 => drop(tier.invalidate(&key(n)).unwrap()),
            1..4 => {
                if let Some(entry) = tier.load(&key(n)).unwrap() {
                    // Fails on a byte that is not of this key and version.
                    version(n, &entry.body);
                }
            }
            4 => {
                let bytes = payload(n, rng.u64(..), rng.usize(..700_000));
                let mut writer = tier.writer(tier.begin(), &key(n));
                let written = bytes
                    .chunks(50_000)
                    .try_for_each(|piece| writer.write(piece));
                match written.and_then(|()| writer.finish(&EntryMetadata::default())) {
                    Ok(_) | Err(DiskError::TooLarge { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            _ => {
                let bytes = payload(n, rng.u64(..), rng.usize(..300_000));
                let stored = tier.store(&tier.begin(), &key(n), &NewEntry::new(&bytes));
                stored.unwrap();
            }
        }
        writeln!(out, "\ndone").unwrap();
    }
}

#[test]
fn processes_that_are_killed_at_any_moment_leave_a_folder_that_is_whole_and_within_its_limit() {
    let dir = tempfile::tempdir().unwrap();
    let tier = DiskTier::at(dir.path())
        .capacity_bytes(LIMIT)
        .open()
        .unwrap();
    let seed = 7;
    let mut rng = Rng::with_seed(seed);
    let start = || Other::new(dir.path(), "sharing::works_beside_others");
    let mut others = [start(), start(), start()];
    for round in 0..24 {
        let at = rng.usize(..others.len());
        for _ in 0..rng.u32(5..25) {
            others[at].hear("done");
            let turn = std::fs::File::open(dir.path().join("turn")).unwrap();
            // A file that takes another name while this looks around would be seen twice.
            turn.lock().unwrap();
            let occupied = occupied(&dir.path().join("v2"));
            assert!(occupied <= LIMIT, "round {round}: {occupied}");
        }
        others[at].kill();
        others[at] = start();
        for n in 0..KEYS {
            if let Some(entry) = tier.load(&key(n)).unwrap() {
                version(n, &entry.body);
            }
        }
    }
    others.iter_mut().for_each(Other::kill);
    tier.validate();
    assert_eq!(tier.stats().damaged, 0);
    drop(tier);
    let tier = DiskTier::at(dir.path())
        .capacity_bytes(LIMIT)
        .open()
        .unwrap();
    tier.validate();
    assert_eq!(tier.stats().damaged, 0);
}

/// What is said to a stack above, in its order.
#[test]
fn a_stack_is_told_of_what_others_invalidate_and_not_of_what_its_own_tier_does() {
    let dir = tempfile::tempdir().unwrap();
    let (first, second) = (open(&dir, 100), open(&dir, 100));
    let (told, heard) = std::sync::mpsc::channel();
    let log = Invalidations::default();
    let told = std::sync::Mutex::new(told);
    let hear =
        move |invalidated: &Invalidated| told.lock().unwrap().send(invalidated.clone()).is_ok();
    Tier::watch(&second, &log, Arc::new(hear));
    second.invalidate(&key(9)).unwrap();
    let ticket = log.begin();
    first.invalidate(&key(1)).unwrap();
    first.invalidate_tag("tag").unwrap();
    first.invalidate_all().unwrap();
    let expected = [
        Invalidated::Key(key(1)),
        Invalidated::Tag("tag".into()),
        Invalidated::All,
    ];
    for expected in expected {
        assert_eq!(heard.recv_timeout(LONG).unwrap(), expected);
    }
    assert!(ticket.is_overtaken(&Key::from_bytes([5; 32]), &[]));
}
