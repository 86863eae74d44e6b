//! Many threads at once, and another process that reads.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fastrand::Rng;
use refrain::{Insertion, Key};
use refrain_disk::{DiskError, DiskReader, DiskTier, EntryMetadata, NewEntry, OpenError};

use crate::payload::{key, payload, version};

fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(about) if about.is_dir() => bytes_in(&entry.path()),
        Ok(about) => about.len().next_multiple_of(4096),
        Err(_) => 0,
    });
    sizes.sum()
}

#[test]
fn threads_store_load_and_invalidate_at_once_within_the_limit_and_never_see_a_wrong_byte() {
    const LIMIT: u64 = 2 << 20;
    let dir = tempfile::tempdir().unwrap();
    let tier = DiskTier::at(dir.path())
        .capacity_bytes(LIMIT)
        .open()
        .unwrap();
    let reader = DiskReader::at(dir.path());
    let (done, versions, found) = (AtomicBool::new(false), AtomicU64::new(1), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let (tier, versions) = (&tier, &versions);
                scope.spawn(move || {
                    let mut rng = Rng::with_seed(thread);
                    for _ in 0..150 {
                        let n = rng.u64(..60);
                        if rng.u8(..8) == 0 {
                            tier.invalidate(&key(n)).unwrap();
                            continue;
                        }
                        let version = versions.fetch_add(1, Ordering::Relaxed);
                        let bytes = payload(n, version, rng.usize(..500_000));
                        let stored = if rng.bool() {
                            tier.store(&tier.begin(), &key(n), &NewEntry::new(&bytes))
                        } else {
                            let mut writer = tier.writer(tier.begin(), &key(n));
                            if writer.write(&bytes).is_err() || rng.u8(..9) == 0 {
                                continue;
                            }
                            writer.finish(&EntryMetadata::default())
                        };
                        let stored = match stored {
                            Err(DiskError::TooLarge { .. }) => continue,
                            stored => stored.unwrap(),
                        };
                        let expected = [
                            Insertion::Stored,
                            Insertion::Declined,
                            Insertion::Invalidated,
                            // Where others are growing there is less room.
                            Insertion::Overweight,
                        ];
                        assert!(expected.contains(&stored), "{stored:?}");
                    }
                })
            })
            .collect();
        for thread in 4..8 {
            let (tier, reader, done, found) = (&tier, &reader, &done, &found);
            scope.spawn(move || {
                let mut rng = Rng::with_seed(thread);
                while !done.load(Ordering::Relaxed) {
                    let n = rng.u64(..60);
                    let body = match rng.u8(..3) {
                        0 => tier.load(&key(n)).unwrap().map(|entry| entry.body),
                        1 => reader.load(&key(n)).unwrap().map(|entry| entry.body),
                        _ => tier.load_streamed(&key(n)).unwrap().map(|entry| {
                            let half = usize::try_from(entry.body.len()).unwrap() / 2;
                            let first = entry.body.read_at(0, half).unwrap();
                            let then = entry.body.read_at(half as u64, usize::MAX).unwrap();
                            [first, then].concat().into()
                        }),
                    };
                    if let Some(body) = body {
                        version(n, &body);
                        found.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        // Whatever becomes of the writers, the others end too.
        let ended: Vec<_> = writers
            .into_iter()
            .map(std::thread::ScopedJoinHandle::join)
            .collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "a writer panicked");
    });
    tier.validate();
    assert!(found.into_inner() > 0);
    assert_eq!(bytes_in(&dir.path().join("v2")), tier.stats().bytes);
    assert_eq!(tier.stats().damaged, 0);
}

#[test]
fn a_folder_that_an_older_build_writes_to_can_only_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let tier = DiskTier::at(dir.path()).open().unwrap();
    tier.store(&tier.begin(), &key(1), &NewEntry::new(b"x"))
        .unwrap();
    drop(tier);
    let old = std::fs::File::open(dir.path().join("lock")).unwrap();
    old.lock().unwrap();
    let refused = DiskTier::at(dir.path()).open().unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }));
    let text = refused.to_string();
    assert!(
        text.contains("an older build that shares with no other process writes to it"),
        "{text}"
    );
    assert!(DiskReader::at(dir.path()).load(&key(1)).unwrap().is_some());
    drop(old);
    assert_eq!(DiskTier::at(dir.path()).open().unwrap().len(), 1);
}

#[test]
fn a_folder_that_cannot_be_made_is_named_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let refused = DiskTier::at(file.join("cache")).open().unwrap_err();
    let text = refused.to_string();
    assert!(text.starts_with("cannot open disk tier at `"), "{text}");
    assert!(std::error::Error::source(&refused).is_some());
}

#[test]
fn changed_and_cut_files_are_never_served() {
    let dir = tempfile::tempdir().unwrap();
    let tier = DiskTier::at(dir.path()).open().unwrap();
    let reader = DiskReader::at(dir.path());
    let bytes = payload(1, 1, 20_000);
    let key: Key = key(1);
    let file = {
        let name = key.to_string();
        dir.path().join("v2").join(&name[..2]).join(name)
    };
    let mut rng = Rng::with_seed(3);
    for round in 0..400 {
        tier.store(&tier.begin(), &key, &NewEntry::new(&bytes))
            .unwrap();
        let mut there = std::fs::read(&file).unwrap();
        match round % 4 {
            0 => there.truncate(rng.usize(..there.len())),
            1 => {
                let at = rng.usize(..there.len() / 4096) * 4096;
                there[at..at + 4096].fill(0);
            }
            _ => {
                let at = rng.usize(..there.len());
                there[at] ^= 1 << rng.u8(..8);
            }
        }
        std::fs::write(&file, there).unwrap();
        assert_eq!(reader.load(&key).unwrap(), None, "round {round}");
        assert_eq!(tier.load(&key).unwrap(), None, "round {round}");
        assert!(!file.exists());
    }
    assert_eq!(tier.stats().damaged, 400);
    tier.validate();
}
