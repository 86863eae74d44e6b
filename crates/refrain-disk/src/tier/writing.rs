//! From an entry in memory to one that a power cut leaves in place.

use std::io;

use refrain::{Capacity, Entry, EntryOptions, Insertion, Key};

use super::{DiskTier, Inner, Resident, options};
use crate::entry::NewEntry;
use crate::error::DiskError;
use crate::format::{MAX_METADATA_BYTES, Metadata};
use crate::invalidations::Ticket;
use crate::names::{ENTRIES, TEMPORARY, UNFINISHED, dir_of, file_of};
use crate::stats::count;

/// What only the one who changes files knows.
#[derive(Debug)]
pub(super) struct Writer {
    /// Folders in which files have been removed that a power cut would bring back.
    pub(super) unsynced: Firsts,
    /// Folders that are known to be there.
    made: Firsts,
    /// Somebody else may have the folder by now: entries that expire only now are no longer this tier's.
    pub(super) is_closed: bool,
}

impl Writer {
    /// Nobody knows what the last process left unsynced.
    pub(super) fn new() -> Self {
        Self {
            unsynced: Firsts([u128::MAX; 2]),
            made: Firsts::default(),
            is_closed: false,
        }
    }
}

/// A set of folders, by the first byte of their keys.
#[derive(Debug, Default)]
pub(super) struct Firsts([u128; 2]);

impl Firsts {
    pub(super) fn insert(&mut self, first: u8) {
        self.0[usize::from(first >> 7)] |= 1 << (first & 127);
    }

    pub(super) fn remove(&mut self, first: u8) {
        self.0[usize::from(first >> 7)] &= !(1 << (first & 127));
    }

    fn contains(&self, first: u8) -> bool {
        self.0[usize::from(first >> 7)] >> (first & 127) & 1 == 1
    }

    /// Those in the set: `only` that one, or all.
    pub(super) fn among(&self, only: Option<u8>) -> Vec<u8> {
        (0..=u8::MAX)
            .filter(|first| only.is_none_or(|only| only == *first) && self.contains(*first))
            .collect()
    }
}

/// How far a file had come when writing it failed.
enum Failure {
    /// What was there before, if anything, is there still.
    Before(io::Error, Step),
    /// It has taken the place of what was there before, perhaps not for good.
    After(io::Error, Step),
}

/// What was tried, on which file.
type Step = (&'static str, String);

/// What was there for the key before.
type Former = Option<Entry<Resident>>;

/// Space is given out in blocks.
const BLOCK: u64 = 4096;

/// Bytes that a file of this length takes.
pub(super) fn weight_of(file_bytes: u64) -> u64 {
    // At the very end whole blocks do not fit: no tier is so large.
    file_bytes
        .checked_next_multiple_of(BLOCK)
        .unwrap_or(u64::MAX)
}

impl DiskTier {
    /// Stores an entry, in the place of an older one, and says what became of it. What is [`Insertion::Stored`] survives a
    /// power cut.
    ///
    /// `ticket` was taken before the computation began. Others who store meanwhile wait; those who load do not.
    ///
    /// # Errors
    ///
    /// [`DiskError`]: nothing was stored. If the disk is full, entries are evicted and it is tried once more before.
    ///
    /// ```
    /// use refrain::{Insertion, Key};
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).capacity_bytes(8192).open()?;
    /// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
    /// let stored = tier.store(&tier.begin(), &key, &NewEntry::new(&[0; 5000]))?;
    /// assert_eq!(stored, Insertion::Stored);
    /// let stored = tier.store(&tier.begin(), &key, &NewEntry::new(&[0; 9000]))?;
    /// assert_eq!(stored, Insertion::Overweight);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store(
        &self,
        ticket: &Ticket,
        key: &Key,
        entry: &NewEntry<'_>,
    ) -> Result<Insertion, DiskError> {
        let inner = &*self.0;
        let stored = inner.store(ticket, key, entry);
        match &stored {
            Ok(Insertion::Stored) => count(&inner.counters.stores),
            Ok(_) => {}
            Err(error) => inner.count_error(error),
        }
        stored
    }
}

impl Inner {
    fn store(
        &self,
        ticket: &Ticket,
        key: &Key,
        entry: &NewEntry<'_>,
    ) -> Result<Insertion, DiskError> {
        let head = entry.head(key, self.clock.wall());
        let Some(start) = head.encode() else {
            return Err(DiskError::MetadataTooLong {
                limit: MAX_METADATA_BYTES,
            });
        };
        let parts = [&*start, entry.body()];
        let weight = weight_of((start.len() as u64).saturating_add(head.body_len));
        let mut writer = self.writer();
        if ticket.is_overtaken(key, &head.metadata.tags) {
            return Ok(Insertion::Invalidated);
        }
        self.breaker.check()?;
        let mut stored = self.attempt(&mut writer, key, &head.metadata, weight, parts);
        if let Err(DiskError::Io { source, .. }) = &stored
            && is_full(source)
        {
            self.give_back(weight);
            stored = self.attempt(&mut writer, key, &head.metadata, weight, parts);
        }
        let swept = self.sweep(&mut writer);
        self.noted(stored.and_then(|stored| swept.map(|()| stored)))
    }

    /// Reserves, writes, and acknowledges.
    fn attempt(
        &self,
        writer: &mut Writer,
        key: &Key,
        metadata: &Metadata,
        weight: u64,
        parts: [&[u8]; 2],
    ) -> Result<Insertion, DiskError> {
        let former = self.index.peek_entry(key);
        let reserved = self.reserve(key, metadata, weight, &former);
        if reserved != Insertion::Stored {
            self.sweep(writer)?;
            return Ok(reserved);
        }
        let failure = match self.sweep(writer) {
            Ok(()) => match self.write(writer, key, parts) {
                Ok(()) => {
                    let options = options(metadata, weight, &self.clock);
                    let resident = Resident { readable: true };
                    return Ok(self.index.insert_with(*key, resident, options));
                }
                Err(failure) => failure,
            },
            Err(error) => {
                self.restore(key, former);
                return Err(error);
            }
        };
        // Folders may have been taken away, by somebody who wiped the cache.
        writer.made = Firsts::default();
        let (source, (action, file)) = match failure {
            Failure::Before(source, step) => {
                self.restore(key, former);
                (source, step)
            }
            Failure::After(source, step) => {
                self.index.remove(key);
                (source, step)
            }
        };
        Err(DiskError::Io {
            action,
            file,
            source,
        })
    }

    /// Has the index hold room for the new file, and for the old one as long as that is there.
    fn reserve(&self, key: &Key, metadata: &Metadata, weight: u64, former: &Former) -> Insertion {
        let occupied = former.as_ref().map_or(0, |entry| entry.info.weight_bytes);
        let hold = |bytes, readable| {
            let options = options(metadata, bytes, &self.clock);
            self.index.insert_with(*key, Resident { readable }, options)
        };
        if former.is_none() {
            return hold(weight, false);
        }
        match weight.checked_add(occupied).map(|both| hold(both, true)) {
            // There is no room for both: the old one goes first.
            None | Some(Insertion::Overweight) => hold(weight, false),
            Some(reserved) => reserved,
        }
    }

    /// Puts the entry back that was there before.
    fn restore(&self, key: &Key, former: Former) {
        let is_there = self.index.peek_entry(key);
        let was_kept = is_there.is_some_and(|entry| entry.value.readable);
        let Some(Entry { info, .. }) = former.filter(|_| was_kept) else {
            self.index.remove(key);
            return;
        };
        let options = EntryOptions::default()
            .weight_bytes(info.weight_bytes)
            .cost(info.cost)
            .tags(info.tags.iter().map(|tag| &**tag));
        let options = match info.expires_in {
            Some(left) => options.time_to_live(left),
            None => options,
        };
        self.index
            .insert_with(*key, Resident { readable: true }, options);
    }

    fn write(&self, writer: &mut Writer, key: &Key, parts: [&[u8]; 2]) -> Result<(), Failure> {
        let unfinished = |error, action| {
            // If it stays, it is removed before the next one is written, or at the next start.
            let _ = self.storage.remove(UNFINISHED);
            Failure::Before(error, (action, UNFINISHED.to_owned()))
        };
        let again = match self.storage.write_new(UNFINISHED, parts) {
            Ok(()) => Ok(false),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => self.make_folders(writer).map(|()| true),
                io::ErrorKind::AlreadyExists => self.storage.remove(UNFINISHED).map(|()| true),
                _ => Err(error),
            },
        };
        let written = again.and_then(|again| {
            if again {
                self.storage.write_new(UNFINISHED, parts)
            } else {
                Ok(())
            }
        });
        written.map_err(|error| unfinished(error, "write"))?;
        let first = key.as_bytes()[0];
        let dir = dir_of(first);
        if !writer.made.contains(first) {
            let made = self.storage.make_dir(&dir);
            made.map_err(|error| unfinished(error, "make the folder of"))?;
            writer.made.insert(first);
        }
        let file = file_of(key);
        let renamed = self.storage.rename(UNFINISHED, &file);
        renamed.map_err(|error| unfinished(error, "rename"))?;
        match self.storage.sync_dir(&dir) {
            Ok(()) => {
                writer.unsynced.remove(first);
                Ok(())
            }
            Err(error) => {
                writer.unsynced.insert(first);
                Err(Failure::After(error, ("sync the folder of", file)))
            }
        }
    }

    fn make_folders(&self, writer: &mut Writer) -> io::Result<()> {
        writer.made = Firsts::default();
        self.storage.make_dir(ENTRIES)?;
        self.storage.make_dir(TEMPORARY)
    }

    /// The disk is full before the tier is: others use it too. Entries go for as much as is to be written.
    fn give_back(&self, weight: u64) {
        let capacity = self.index.capacity();
        let less = self.index.weight_bytes().saturating_sub(weight);
        self.index.set_capacity(Capacity {
            bytes: capacity.bytes.min(less),
            entries: capacity.entries,
        });
        self.index.set_capacity(capacity);
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
