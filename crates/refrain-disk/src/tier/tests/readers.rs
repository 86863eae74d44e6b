//! Loading while something is written.

use std::io;
use std::sync::{Arc, Mutex, Weak};

use super::*;
use crate::DiskEntry;
use crate::storage::Start;

/// A disk on which somebody loads just before a new file takes its place.
#[derive(Debug)]
struct LookedAt {
    disk: SimulatedDisk,
    tier: Arc<Mutex<Weak<Inner>>>,
    seen: Arc<Mutex<Vec<Option<DiskEntry>>>>,
}

impl Storage for LookedAt {
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        if let Some(tier) = self.tier.lock().unwrap().upgrade() {
            let entry = tier.load(&key(1)).unwrap();
            self.seen.lock().unwrap().push(entry);
        }
        self.disk.rename(from, to)
    }

    fn make_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.make_dir(dir)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        self.disk.read(file)
    }
    fn read_start(&self, file: &str, most: usize) -> io::Result<Start> {
        self.disk.read_start(file, most)
    }
    fn write_new(&self, file: &str, parts: [&[u8]; 2]) -> io::Result<()> {
        self.disk.write_new(file, parts)
    }
    fn remove(&self, file: &str) -> io::Result<()> {
        self.disk.remove(file)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
    fn mark_used(&self, file: &str, at: SystemTime) -> io::Result<()> {
        self.disk.mark_used(file, at)
    }
}

#[test]
fn who_loads_while_a_newer_value_is_written_gets_the_old_one_with_its_own_time_to_live() {
    let (clock, _hands) = Clock::fake();
    let (tier, seen) = (Arc::default(), Arc::default());
    let disk = LookedAt {
        disk: SimulatedDisk::default(),
        tier: Arc::clone(&tier),
        seen: Arc::clone(&seen),
    };
    let opened = DiskTier::at("simulated")
        .clock(clock)
        .open_in(Box::new(disk))
        .unwrap();
    *tier.lock().unwrap() = Arc::downgrade(&opened.0);
    let store = |bytes: &[u8], seconds| {
        let entry = NewEntry::new(bytes).time_to_live(Some(Duration::from_secs(seconds)));
        opened.store(&opened.begin(), &key(1), &entry).unwrap();
    };
    store(b"old", 60);
    store(b"new", 3600);
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], None, "there was none before");
    let old = seen[1].as_ref().unwrap();
    assert_eq!(
        (&old.body[..], old.expires_in),
        (&b"old"[..], Some(Duration::from_secs(60)))
    );
}
