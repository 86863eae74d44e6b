//! Interleavings: what other threads do while a file is written.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};

use super::*;
use crate::storage::StoredFile;

/// What happens just before a new file takes its place.
type Meanwhile = Arc<Mutex<Box<dyn Fn() + Send>>>;

/// A disk that lets something else happen in the middle of a store.
struct Slow {
    disk: SimulatedDisk,
    meanwhile: Meanwhile,
}

impl fmt::Debug for Slow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slow").finish_non_exhaustive()
    }
}

impl Storage for Slow {
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.meanwhile.lock().unwrap()();
        self.disk.rename(from, to)
    }

    fn make_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.make_dir(dir)
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }
    fn open(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        self.disk.open(file)
    }
    fn create(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        self.disk.create(file)
    }
    fn remove(&self, file: &str) -> io::Result<()> {
        self.disk.remove(file)
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

fn on_slow_disk() -> (Arc<DiskTier>, Meanwhile) {
    let meanwhile: Meanwhile = Arc::new(Mutex::new(Box::new(|| {})));
    let disk = Slow {
        disk: SimulatedDisk::default(),
        meanwhile: Arc::clone(&meanwhile),
    };
    let (clock, _hands) = Clock::fake();
    let tier = DiskTier::at("simulated").clock(clock);
    (Arc::new(tier.open_in(Arc::new(disk)).unwrap()), meanwhile)
}

#[test]
fn a_load_while_a_newer_value_is_written_gets_the_old_one_with_its_own_time_to_live() {
    let (tier, meanwhile) = on_slow_disk();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = {
        let (tier, seen) = (Arc::clone(&tier), Arc::clone(&seen));
        move || seen.lock().unwrap().push(tier.load(&key(1)).unwrap())
    };
    *meanwhile.lock().unwrap() = Box::new(look);
    for (bytes, seconds) in [(b"old", 60), (b"new", 3600)] {
        let entry = NewEntry::new(bytes).time_to_live(Some(Duration::from_secs(seconds)));
        tier.store(&tier.begin(), &key(1), &entry).unwrap();
    }
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], None, "there was none before");
    let old = seen[1].as_ref().unwrap();
    assert_eq!(&old.body[..], b"old");
    assert_eq!(old.expires_in, Some(Duration::from_secs(60)));
}

#[test]
fn what_is_invalidated_is_not_given_to_any_caller_while_the_disk_makes_its_removal_wait() {
    type Removal = fn(&DiskTier) -> bool;
    let removals: [Removal; 3] = [
        |tier| tier.invalidate(&key(1)).unwrap(),
        |tier| tier.invalidate_tag("t").unwrap() == 1,
        |tier| tier.invalidate_all().unwrap() >= 2,
    ];
    for remove in removals {
        let (tier, meanwhile) = on_slow_disk();
        let entry = NewEntry::new(b"x").tags(["t"]);
        tier.store(&tier.begin(), &key(1), &entry).unwrap();
        let removing = Arc::new(Mutex::new(None));
        let begin = {
            let (tier, removing) = (Arc::clone(&tier), Arc::clone(&removing));
            move || {
                let waiting = Arc::clone(&tier);
                *removing.lock().unwrap() = Some(std::thread::spawn(move || remove(&waiting)));
                // It waits for the store that goes on here; the entry is gone all the same.
                while tier.contains(&key(1)) {
                    std::thread::yield_now();
                }
                assert_eq!(tier.load(&key(1)).unwrap(), None);
            }
        };
        *meanwhile.lock().unwrap() = Box::new(begin);
        put(&tier, 2, b"x");
        let removing = removing.lock().unwrap().take().unwrap();
        assert!(removing.join().unwrap(), "it says what was there");
        tier.validate();
    }
}
