//! Write to a temporary file, sync, rename, sync the folder: from an entry in memory to one that a power cut leaves in place.

use std::io;
use std::sync::Arc;

use refrain::tier::{Invalidated, Ticket};
use refrain::{Capacity, Insertion, Key};

use super::firsts::Firsts;
use super::watching::Watch;
use super::{DiskTier, Inner, Resident, options};
use crate::entry::NewEntry;
use crate::error::DiskError;
use crate::format::{self, HEAD_BYTES, MAX_METADATA_BYTES, Metadata, Sealed, Sealing};
use crate::metadata::EntryMetadata;
use crate::names::{ENTRIES, TEMPORARY, dir_of, file_of, weight_of};
use crate::stats::count;
use crate::storage::{Change, StoredFile};

/// What only a thread that changes files knows.
#[derive(Debug)]
pub(super) struct Writer {
    /// Folders in which files have been removed that a power cut would bring back.
    pub(super) unsynced: Firsts,
    /// Folders that are known to be there.
    made: Firsts,
    /// Another process may have the folder by now: entries that expire only now are no longer this tier's.
    pub(super) is_closed: bool,
    /// Stacks above that are told of what others invalidate, and what they have yet to be told.
    pub(super) watches: Vec<Arc<Watch>>,
    pub(super) heard: Vec<Invalidated>,
}

impl Writer {
    /// What the last process left unsynced is not known.
    pub(super) fn new() -> Self {
        Self {
            unsynced: Firsts::all(),
            made: Firsts::default(),
            is_closed: false,
            watches: Vec::new(),
            heard: Vec::new(),
        }
    }
}

/// What the operating system said, to what, of which file.
pub(super) type Failure = (io::Error, &'static str, String);

impl From<Failure> for DiskError {
    fn from((source, action, file): Failure) -> Self {
        Self::Io {
            action,
            file,
            source,
        }
    }
}

/// An entry on its way.
pub(super) struct Incoming<'a> {
    pub(super) key: &'a Key,
    pub(super) metadata: &'a Metadata,
    /// Bytes its file takes.
    pub(super) weight: u64,
}

/// Up to here copying the bytes together costs less than writing them in pieces.
const SHORT_BYTES: usize = 64 << 10;
/// Longer pieces are written more slowly than several of this length.
const PIECE_BYTES: usize = 256 << 10;

impl DiskTier {
    /// Stores an entry, in the place of an older one, and says what became of it. What is [`Insertion::Stored`] survives a
    /// power cut.
    ///
    /// `ticket` was taken before the computation began. Other threads that store meanwhile wait; those that load do not.
    ///
    /// # Errors
    ///
    /// [`DiskError`]: it is not stored. An older entry for the key before is gone too: it is older than what the caller
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
        let sealed = Sealing::whole(entry.body());
        inner.noted_store(inner.store(ticket, key, (entry.body(), &sealed), entry.about()))
    }
}

impl Inner {
    pub(super) fn noted_store(
        &self,
        stored: Result<Insertion, DiskError>,
    ) -> Result<Insertion, DiskError> {
        match &stored {
            Ok(Insertion::Stored) => count(&self.counters.stores),
            Ok(_) => {}
            Err(error) => self.count_error(error),
        }
        stored
    }

    /// Stores a body that is there as a whole.
    pub(super) fn store(
        &self,
        ticket: &Ticket,
        key: &Key,
        (body, sealed): (&[u8], &Sealed),
        about: &EntryMetadata,
    ) -> Result<Insertion, DiskError> {
        let metadata = about.written(self.clock.wall());
        let foot = foot(key, sealed, &metadata);
        let mut writer = self.turn()?;
        if writer.is_closed {
            return Err(DiskError::GivenUp);
        }
        if is_overtaken(ticket, key, &metadata) {
            return Ok(Insertion::Invalidated);
        }
        let stored = foot.and_then(|foot| {
            let entry = Incoming {
                key,
                metadata: &metadata,
                weight: weight_of((HEAD_BYTES + foot.len()) as u64 + sealed.body_len),
            };
            let parts = [&format::head(key), body, &*foot];
            self.breaker.check()?;
            let mut stored = self.attempt(&mut writer, &entry, parts);
            if let Err(DiskError::Io { source, .. }) = &stored
                && is_full(source)
            {
                self.give_back(entry.weight);
                stored = self.attempt(&mut writer, &entry, parts);
            }
            self.noted(stored)
        });
        self.settle(&mut writer, key, stored)
    }

    /// After a failure no older entry may come back, which the caller has a newer value for.
    pub(super) fn settle(
        &self,
        writer: &mut Writer,
        key: &Key,
        stored: Result<Insertion, DiskError>,
    ) -> Result<Insertion, DiskError> {
        if stored.is_err() {
            self.index.remove(key);
        }
        // What cannot be removed now is tried again before anything else is stored.
        let _ = self.sweep(writer);
        stored
    }

    /// Reserves, writes, and acknowledges.
    fn attempt(
        &self,
        writer: &mut Writer,
        entry: &Incoming<'_>,
        parts: [&[u8]; 3],
    ) -> Result<Insertion, DiskError> {
        let reserved = self.reserve(entry);
        self.sweep(writer)?;
        if reserved != Insertion::Stored {
            return Ok(reserved);
        }
        self.tell(&[Change::File(*entry.key)])?;
        let name = self.next_unfinished();
        let written = self.write(writer, &name, parts);
        if let Err(failure) = written.and_then(|()| self.place(writer, entry.key, &name)) {
            // Folders may have been taken away, with the cache that was wiped.
            writer.made = Firsts::default();
            if self.storage.remove(&name).is_err_and(is_there) {
                self.index.remove(entry.key);
                self.count_leftover(entry.weight);
                self.departed.push_unfinished(name, entry.weight);
            }
            return Err(failure.into());
        }
        Ok(self.hold(entry, entry.weight, true))
    }

    /// Has the index hold room for the new file, and for the old one as long as that is there.
    pub(super) fn reserve(&self, entry: &Incoming<'_>) -> Insertion {
        let Some(old) = self.index.peek_entry(entry.key) else {
            return self.hold(entry, entry.weight, false);
        };
        let both = entry.weight.checked_add(old.info.weight_bytes);
        match both.map(|both| self.hold(entry, both, old.value.readable)) {
            // There is no room for both: the old one goes first.
            None | Some(Insertion::Overweight) => self.hold(entry, entry.weight, false),
            Some(reserved) => reserved,
        }
    }

    pub(super) fn hold(&self, entry: &Incoming<'_>, bytes: u64, readable: bool) -> Insertion {
        let options = options(entry.metadata, bytes, &self.clock);
        self.index
            .insert_with(*entry.key, Resident { readable }, options)
    }

    /// Writes a whole file under a name of its own, and syncs it.
    fn write(&self, writer: &mut Writer, name: &str, parts: [&[u8]; 3]) -> Result<(), Failure> {
        let file = self.create(writer, name)?;
        let written = if parts.iter().map(|part| part.len()).sum::<usize>() <= SHORT_BYTES {
            file.write_at(0, &parts.concat())
        } else {
            let mut offset = 0;
            let pieces = parts.iter().flat_map(|part| part.chunks(PIECE_BYTES));
            pieces.into_iter().try_for_each(|piece| {
                file.write_at(offset, piece)?;
                offset += piece.len() as u64;
                Ok(())
            })
        };
        let synced = written.and_then(|()| file.sync());
        synced.map_err(|error| (error, "write", name.to_owned()))
    }

    /// Makes a file for what is not finished.
    pub(super) fn create(
        &self,
        writer: &mut Writer,
        name: &str,
    ) -> Result<Arc<dyn StoredFile>, Failure> {
        let created = match self.storage.create(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self
                .make_folders(writer)
                .and_then(|()| self.storage.create(name)),
            created => created,
        };
        let created = created.map_err(|error| (error, "write", name.to_owned()));
        created.map(Arc::from)
    }

    /// A name that no other unfinished file has.
    pub(super) fn next_unfinished(&self) -> String {
        self.drafts.next()
    }

    /// Gives a finished file its place, and has both survive a power cut.
    pub(super) fn place(&self, writer: &mut Writer, key: &Key, from: &str) -> Result<(), Failure> {
        let first = key.as_bytes()[0];
        let dir = dir_of(first);
        if !writer.made.contains(first) {
            let made = self.storage.make_dir(&dir);
            made.map_err(|error| (error, "make the folder of", from.to_owned()))?;
            writer.made.insert(first);
        }
        let name = file_of(key);
        let renamed = self.storage.rename(from, &name);
        renamed.map_err(|error| (error, "rename", from.to_owned()))?;
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
    pub(super) fn give_back(&self, weight: u64) {
        let capacity = self.index.capacity();
        let less = self.index.weight_bytes().saturating_sub(weight);
        self.index.set_capacity(Capacity {
            bytes: capacity.bytes.min(less),
            entries: capacity.entries,
        });
        self.index.set_capacity(capacity);
    }
}

/// Whether the entry has been invalidated since the ticket was taken.
pub(super) fn is_overtaken(ticket: &Ticket, key: &Key, metadata: &Metadata) -> bool {
    let tags: Vec<Arc<str>> = metadata.tags.iter().map(|tag| Arc::from(&**tag)).collect();
    ticket.is_overtaken(key, &tags)
}

/// The end of a file, or an error if too much is said of the entry.
pub(super) fn foot(key: &Key, sealed: &Sealed, metadata: &Metadata) -> Result<Vec<u8>, DiskError> {
    format::foot(key, sealed, metadata).ok_or(DiskError::MetadataTooLong {
        limit: MAX_METADATA_BYTES,
    })
}

/// Whether a file that could not be removed may be there still.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is asked of results that are used up"
)]
pub(super) fn is_there(error: io::Error) -> bool {
    error.kind() != io::ErrorKind::NotFound
}

pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
