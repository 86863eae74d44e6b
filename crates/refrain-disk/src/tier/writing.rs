//! From an entry in memory to one that a power cut leaves in place.

use std::io;

use refrain::{Capacity, Insertion, Key};

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

/// What the operating system said, to what, of which file.
type Failure = (io::Error, &'static str, String);

/// An entry on its way.
struct NewFile<'a> {
    key: &'a Key,
    metadata: &'a Metadata,
    weight: u64,
    parts: [&'a [u8]; 2],
}

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
    /// [`DiskError`]: nothing was stored, and what was stored for the key before is gone too: it is older than what the caller
    /// has, and would come back. If the disk is full, entries are evicted and it is tried once more before.
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
        let start = head.encode().ok_or(DiskError::MetadataTooLong {
            limit: MAX_METADATA_BYTES,
        });
        let mut writer = self.writer();
        if ticket.is_overtaken(key, &head.metadata.tags) {
            return Ok(Insertion::Invalidated);
        }
        let stored = start.and_then(|start| {
            let weight = weight_of((start.len() as u64).saturating_add(head.body_len));
            let file = NewFile {
                key,
                metadata: &head.metadata,
                weight,
                parts: [&*start, entry.body()],
            };
            self.breaker.check()?;
            let mut stored = self.attempt(&mut writer, &file);
            if let Err(DiskError::Io { source, .. }) = &stored
                && is_full(source)
            {
                self.give_back(weight);
                stored = self.attempt(&mut writer, &file);
            }
            self.noted(stored)
        });
        if stored.is_err() {
            self.index.remove(key);
        }
        // What cannot be removed now is tried again before anything else is stored.
        let _ = self.sweep(&mut writer);
        stored
    }

    /// Reserves, writes, and acknowledges.
    fn attempt(&self, writer: &mut Writer, file: &NewFile<'_>) -> Result<Insertion, DiskError> {
        let reserved = self.reserve(file);
        self.sweep(writer)?;
        if reserved != Insertion::Stored {
            return Ok(reserved);
        }
        if let Err((source, action, file)) = self.write(writer, file) {
            // Folders may have been taken away, by somebody who wiped the cache.
            writer.made = Firsts::default();
            return Err(DiskError::Io {
                action,
                file,
                source,
            });
        }
        Ok(self.hold(file, file.weight, true))
    }

    /// Has the index hold room for the new file, and for the old one as long as that is there.
    fn reserve(&self, file: &NewFile<'_>) -> Insertion {
        let Some(old) = self.index.peek_entry(file.key) else {
            return self.hold(file, file.weight, false);
        };
        let both = file.weight.checked_add(old.info.weight_bytes);
        match both.map(|both| self.hold(file, both, old.value.readable)) {
            // There is no room for both: the old one goes first.
            None | Some(Insertion::Overweight) => self.hold(file, file.weight, false),
            Some(reserved) => reserved,
        }
    }

    fn hold(&self, file: &NewFile<'_>, bytes: u64, readable: bool) -> Insertion {
        let options = options(file.metadata, bytes, &self.clock);
        self.index
            .insert_with(*file.key, Resident { readable }, options)
    }

    fn write(&self, writer: &mut Writer, file: &NewFile<'_>) -> Result<(), Failure> {
        let unfinished = |error, action| {
            // If it stays, it is removed before the next one is written, or at the next start.
            let _ = self.storage.remove(UNFINISHED);
            (error, action, UNFINISHED.to_owned())
        };
        let again = match self.storage.write_new(UNFINISHED, file.parts) {
            Ok(()) => Ok(false),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => self.make_folders(writer).map(|()| true),
                io::ErrorKind::AlreadyExists => self.storage.remove(UNFINISHED).map(|()| true),
                _ => Err(error),
            },
        };
        let written = again.and_then(|again| {
            if again {
                self.storage.write_new(UNFINISHED, file.parts)
            } else {
                Ok(())
            }
        });
        written.map_err(|error| unfinished(error, "write"))?;
        let first = file.key.as_bytes()[0];
        let dir = dir_of(first);
        if !writer.made.contains(first) {
            let made = self.storage.make_dir(&dir);
            made.map_err(|error| unfinished(error, "make the folder of"))?;
            writer.made.insert(first);
        }
        let name = file_of(file.key);
        let renamed = self.storage.rename(UNFINISHED, &name);
        renamed.map_err(|error| unfinished(error, "rename"))?;
        match self.storage.sync_dir(&dir) {
            Ok(()) => {
                writer.unsynced.remove(first);
                Ok(())
            }
            Err(error) => {
                writer.unsynced.insert(first);
                Err((error, "sync the folder of", name))
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
