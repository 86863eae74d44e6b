//! The disk tier: a cache whose values are files.
//!
//! Which entries there are, what they weigh and which one goes next is kept by an index: a [`Cache`] from keys to next to
//! nothing, with the same budget, policy and times to live as the memory tier. Files follow it, under one lock:
//!
//! 1. *Reserve.* The entry is put into the index. What the index evicts for it loses its file before the new one begins.
//! 2. *Write.* A temporary file is written and synced, renamed, and its folder synced.
//! 3. *Acknowledge.* From now on the entry can be loaded, and its caller is told so.
//!
//! An entry that leaves the index for whatever reason is put on a list, and its file removed by the next thread that has the
//! lock, unless the index has an entry for its key again by then that can be read.
//!
//! A body that comes piece by piece is written and synced outside the lock, and its bytes are taken from the limit of the index
//! as it grows.

mod builder;
mod drafts;
mod firsts;
mod leasing;
mod loading;
mod lower;
mod removing;
mod room;
mod spool;
mod streaming;
mod turn;
mod watching;
mod writing;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use refrain::tier::{Breaker, Invalidations, Ticket};
use refrain::{Cache, Capacity, Clock, Cursor, EntriesPage, EntryOptions, Key};

use crate::body::OpenFiles;
use crate::error::DiskError;
use crate::format::Metadata;
use crate::names::dir_of;
use crate::pool::Pool;
use crate::stats::{Counters, DiskStats, count, read};
use crate::storage::{Sharing, Storage};
pub use builder::DiskTierBuilder;
use drafts::Drafts;
use leasing::Waiting;
pub(crate) use lower::entry_of_tier;
use removing::Departed;
use room::Room;
pub use spool::{Spool, SpooledSoFar};
pub use streaming::EntryWriter;
use writing::Writer;

/// Results in the files of one folder; see the [crate](crate) for what it promises.
///
/// All methods may be called from many threads. They wait for the disk: in asynchronous code call them where waiting is
/// allowed, as in `spawn_blocking`.
#[derive(Debug)]
pub struct DiskTier(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    storage: Arc<dyn Storage>,
    index: Cache<Key, Resident>,
    room: Room,
    clock: Clock,
    breaker: Breaker,
    invalidations: Invalidations,
    /// Held by a thread that changes the files of entries.
    writer: Mutex<Writer>,
    departed: Departed,
    drafts: Drafts,
    /// With other processes and tiers; not of a simulated disk.
    sharing: Option<Sharing>,
    waiting: Waiting,
    /// Of entries that are written as they come.
    draft_files: Arc<OpenFiles>,
    /// Of entries that are read.
    open_files: Arc<OpenFiles>,
    /// Threads that read, and threads that change files, for callers that poll futures.
    loads: Pool,
    stores: Pool,
    counters: Counters,
}

/// An entry of the index.
#[derive(Debug, Clone, Copy)]
struct Resident {
    /// Not while its first file is being written.
    readable: bool,
}

impl Drop for DiskTier {
    /// The last tier that goes leaves nothing open.
    fn drop(&mut self) {
        self.close();
    }
}

impl DiskTier {
    /// Lets go of the folder, as dropping the tier does, when what is being written at this moment is done. From now on nothing is
    /// stored or removed here.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// tier.close();
    /// assert!(refrain_disk::DiskTier::at(dir.path()).open().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close(&self) {
        let mut writer = self.0.writer();
        if !writer.is_closed {
            writer.is_closed = true;
            if let Some(sharing) = &self.0.sharing {
                sharing.leave();
            }
        }
    }

    /// A moment at which a computation begins whose result is to be stored. O(1).
    ///
    /// ```
    /// use refrain::{Insertion, Key};
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
    /// let ticket = tier.begin();
    /// tier.invalidate(&key)?; // while it is computed
    /// let stored = tier.store(&ticket, &key, &NewEntry::new(b"made from old weights"))?;
    /// assert_eq!(stored, Insertion::Invalidated);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&self) -> Ticket {
        self.0.invalidations.begin()
    }

    /// What is being computed for `key` now is not stored: the caller knows better what belongs there. What is there
    /// stays. O(1).
    ///
    /// ```
    /// use refrain::{Insertion, Key};
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
    /// let ticket = tier.begin();
    /// tier.overtake(&key);
    /// assert_eq!(tier.store(&tier.begin(), &key, &NewEntry::new(b"set by hand"))?, Insertion::Stored);
    /// assert_eq!(tier.store(&ticket, &key, &NewEntry::new(b"computed"))?, Insertion::Invalidated);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn overtake(&self, key: &Key) {
        self.0.invalidations.key(key);
    }

    /// Bytes that the files may take, in blocks of 4 KiB, and entries there may be: of all processes that have the folder open.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).capacity_bytes(1 << 20).open()?;
    /// assert_eq!(tier.capacity().bytes, 1 << 20);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity(&self) -> Capacity {
        self.0.room.capacity()
    }

    /// Sets other limits; evicts at once what is over them.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`] if a file could not be removed. It is tried again before the next one is stored.
    ///
    /// ```
    /// use refrain::{Capacity, Key};
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// tier.store(&tier.begin(), &Key::from_bytes([7; 32]), &NewEntry::new(b"picture"))?;
    /// tier.set_capacity(Capacity { bytes: 4095, entries: 10 })?;
    /// assert!(tier.is_empty(), "a file takes a block at least");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set_capacity(&self, capacity: Capacity) -> Result<(), DiskError> {
        let inner = &*self.0;
        let mut writer = inner.turn()?;
        inner.tell_capacity(capacity)?;
        inner.resize_room(capacity);
        inner.sweep(&mut writer)
    }

    /// Some entries, from where `cursor` left off, and what is known of them; in no particular order.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// tier.store(&tier.begin(), &Key::from_bytes([7; 32]), &NewEntry::new(b"picture"))?;
    /// let page = tier.entries(None, 100);
    /// assert_eq!(page.entries[0].1.weight_bytes, 4096);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self, cursor: Option<Cursor>, limit: usize) -> EntriesPage<Key> {
        self.0.look_at_news();
        self.0.index.entries(cursor, limit)
    }

    /// Whether there is a fresh entry for `key`. Asks the index, and what other processes have changed; counted as neither hit nor miss.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// assert!(!tier.contains(&Key::from_bytes([7; 32])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn contains(&self, key: &Key) -> bool {
        self.0.knows(key) || {
            self.0.look_at_news();
            self.0.knows(key)
        }
    }

    /// Counts a use of the entry for `key` that the tier would not hear of, as of a copy in memory: so that what is used most
    /// is not the first to be evicted here. Whether there is one. O(1), and asks nothing of the disk.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// assert!(!tier.touch(&Key::from_bytes([7; 32])));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn touch(&self, key: &Key) -> bool {
        // An expired one would be taken out, and its file with it, which is for callers that may wait.
        self.0.knows(key) && self.0.index.hit(key).is_some()
    }

    /// How many entries there are.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// assert_eq!(refrain_disk::DiskTier::at(dir.path()).open()?.len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> u64 {
        self.0.look_at_news();
        self.0.index.len()
    }

    /// Whether there are none.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// assert!(refrain_disk::DiskTier::at(dir.path()).open()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the tier did since it was opened, and what it holds.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let stats = refrain_disk::DiskTier::at(dir.path()).capacity_bytes(1 << 20).open()?.stats();
    /// assert_eq!((stats.bytes, stats.capacity_bytes), (0, 1 << 20));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stats(&self) -> DiskStats {
        self.0.look_at_news();
        self.0.stats()
    }

    /// Checks the whole structure, and that there is a file for every entry and none besides. For tests.
    ///
    /// # Panics
    ///
    /// If it is not as it should be.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// refrain_disk::DiskTier::at(dir.path()).open()?.validate();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn validate(&self) {
        self.0.validate();
    }
}

impl Inner {
    /// Whether the index has a file for `key`. Asks nothing of the disk.
    fn knows(&self, key: &Key) -> bool {
        let there = self.index.peek_entry(key);
        there.is_some_and(|entry| entry.value.readable)
    }

    /// Asks nothing of the disk.
    fn stats(&self) -> DiskStats {
        let (index, own) = (self.index.stats(), &self.counters);
        DiskStats {
            hits: read(&own.hits),
            misses: read(&own.misses),
            stores: read(&own.stores),
            evictions: index.evictions_by_count + index.evictions_by_size,
            expirations: index.expirations,
            invalidations: index.invalidations,
            overweight: index.overweight + read(&own.overweight),
            declined: index.declined,
            damaged: read(&own.damaged),
            errors: read(&own.errors),
            skipped: read(&own.skipped),
            entries: index.entries,
            bytes: index.weight_bytes + self.room.unfinished(),
            capacity_bytes: self.room.capacity().bytes,
            suspended: self.breaker.is_open(),
        }
    }

    /// Tells the breaker how an operation on the disk ended.
    fn noted<T>(&self, outcome: Result<T, DiskError>) -> Result<T, DiskError> {
        match &outcome {
            Ok(_) => self.breaker.succeeded(),
            Err(_) => self.breaker.failed(),
        }
        outcome
    }

    fn count_error(&self, error: &DiskError) {
        count(match error {
            DiskError::Suspended { .. } => &self.counters.skipped,
            DiskError::TooLarge { .. } => &self.counters.overweight,
            _ => &self.counters.errors,
        });
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn validate(&self) {
        let mut writer = self.turn().expect("no other process keeps its turn");
        self.index.validate();
        self.sweep(&mut writer).expect("files can be removed");
        let mut files = std::collections::BTreeSet::new();
        for first in 0..=u8::MAX {
            let names = self.storage.list(&dir_of(first)).unwrap_or_default();
            files.extend(names.iter().filter_map(|name| name.parse::<Key>().ok()));
        }
        let mut cursor = None;
        loop {
            let page = self.index.entries(cursor, 1000);
            for (key, _) in page.entries {
                assert!(files.remove(&key), "the entry {key} has a file");
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert!(files.is_empty(), "no entry has these files: {files:?}");
    }
}

/// How the index is to keep an entry.
fn options(metadata: &Metadata, weight_bytes: u64, clock: &Clock) -> EntryOptions {
    let options = EntryOptions::default()
        .weight_bytes(weight_bytes)
        .cost(metadata.cost())
        .tags(metadata.tags.iter().map(String::as_str));
    match metadata.expires_in(clock.wall()) {
        Some(left) => options.time_to_live(left),
        None => options,
    }
}

#[cfg(test)]
mod tests;
