//! An entry that is written as its body comes: an append to a temporary file, chunk by chunk, outside the lock.
//!
//! Bytes are reserved before each chunk is written, so that a body of unknown length stays within the one limit. What is not
//! a whole chunk yet is in memory, and so is a body that never has one: it is stored as if it had been there at once.

use std::sync::Arc;

use bytes::Bytes;
use refrain::tier::Ticket;
use refrain::{Insertion, Key};

use super::writing::{Incoming, foot, is_full, is_overtaken};
use super::{DiskTier, Inner};
use crate::body::Turn;
use crate::error::DiskError;
use crate::format::{self, Digest, HEAD_BYTES, Sealing};
use crate::metadata::EntryMetadata;
use crate::names::weight_of;
use crate::storage::{Change, StoredFile};
use crate::unfinished::{Grown, UnfinishedBody};

/// An entry on its way to the disk, whose body comes piece by piece and whose metadata come last.
///
/// Dropped without [`finish`](Self::finish), it leaves nothing.
///
/// ```
/// use refrain::{Insertion, Key};
/// use refrain_disk::{DiskTier, EntryMetadata};
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let key = Key::from_bytes([7; 32]);
/// let mut writer = tier.writer(tier.begin(), &key);
/// for piece in ["once ", "upon ", "a time"] {
///     writer.write(piece.as_bytes())?;
/// }
/// let stored = writer.finish(&EntryMetadata::default().media_type("text/plain"))?;
/// assert_eq!(stored, Insertion::Stored);
/// assert_eq!(&tier.load(&key)?.expect("it was stored").body[..], b"once upon a time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is stored before `finish`"]
pub struct EntryWriter {
    tier: Arc<Inner>,
    ticket: Ticket,
    key: Key,
    sealing: Sealing,
    /// Once there is a whole chunk.
    draft: Option<Draft>,
    /// After an error.
    is_given_up: bool,
    /// The digest that the whole body is known to have.
    expected: Option<Digest>,
    grown: Arc<Grown>,
}

/// A file that is being written, and the bytes it may take.
#[derive(Debug)]
struct Draft {
    name: String,
    file: Arc<dyn StoredFile>,
    reserved: u64,
    #[expect(dead_code, reason = "counts while it is there")]
    turn: Turn,
}

impl DiskTier {
    /// Begins to write an entry whose body comes piece by piece. Nothing is asked of the disk before there is a whole chunk.
    ///
    /// `ticket` was taken before the computation began.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// drop(tier.writer(tier.begin(), &Key::from_bytes([7; 32])));
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn writer(&self, ticket: Ticket, key: &Key) -> EntryWriter {
        EntryWriter::new(&self.0, ticket, *key)
    }
}

impl EntryWriter {
    pub(super) fn new(tier: &Arc<Inner>, ticket: Ticket, key: Key) -> Self {
        Self {
            tier: Arc::clone(tier),
            ticket,
            key,
            sealing: Sealing::default(),
            draft: None,
            is_given_up: false,
            expected: None,
            grown: Arc::default(),
        }
    }

    /// Refuses a body that does not have this digest in the end.
    pub(super) fn expect_digest(&mut self, digest: Option<Digest>) {
        self.expected = digest;
    }

    /// Takes the next bytes of the body. Waits for the disk when a chunk of 256 KiB is full.
    ///
    /// # Errors
    ///
    /// [`DiskError`]: the entry is given up, and all that was written removed. An older entry for the key is gone too, as after
    /// [`DiskTier::store`]. The body has outgrown the tier if it is [`DiskError::TooLarge`].
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskError, DiskTier};
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).capacity_bytes(1 << 20).open()?;
    /// let mut writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
    /// writer.write(&[0; 900_000])?;
    /// let error = writer.write(&[0; 900_000]).unwrap_err();
    /// assert!(matches!(error, DiskError::TooLarge { .. }));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), DiskError> {
        if self.is_given_up {
            return Err(DiskError::GivenUp);
        }
        while !bytes.is_empty() {
            let (taken, full) = self.grown.take(bytes);
            bytes = &bytes[taken..];
            if let Some(chunk) = full {
                let written = self.append(&chunk);
                self.unless_failed(written)?;
            }
        }
        Ok(())
    }

    /// A handle to read what has been written by.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
    /// assert!(writer.so_far().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn so_far(&self) -> UnfinishedBody {
        UnfinishedBody::new(&self.grown)
    }

    /// [`finish`](Self::finish), unless this ticket has been overtaken.
    pub(super) fn finish_if(
        mut self,
        valid: Ticket,
        metadata: &EntryMetadata,
    ) -> Result<Insertion, DiskError> {
        self.ticket = valid;
        self.finish(metadata)
    }

    pub(super) fn is_for(&self, tier: &Arc<Inner>, key: &Key) -> bool {
        Arc::ptr_eq(&self.tier, tier) && self.key == *key
    }

    /// Stores the entry, with the metadata that are known now, and says what became of it: as [`DiskTier::store`].
    ///
    /// # Errors
    ///
    /// As there; [`DiskError::GivenUp`] after an error of [`write`](Self::write).
    ///
    /// ```
    /// use refrain::{Insertion, Key};
    /// use refrain_disk::EntryMetadata;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let key = Key::from_bytes([7; 32]);
    /// let writer = tier.writer(tier.begin(), &key);
    /// tier.invalidate(&key)?;
    /// assert_eq!(writer.finish(&EntryMetadata::default())?, Insertion::Invalidated);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn finish(mut self, metadata: &EntryMetadata) -> Result<Insertion, DiskError> {
        if self.is_given_up {
            return Err(DiskError::GivenUp);
        }
        let last = self.grown.take_rest();
        if self.draft.is_none() {
            if !last.is_empty() {
                self.sealing.chunk(&last);
            }
            let sealed = std::mem::take(&mut self.sealing).finish();
            let checked = sealed.check(self.expected).map_err(DiskError::from);
            let stored = checked.and_then(|()| {
                (self.tier).store(&self.ticket, &self.key, (&last, &sealed), metadata)
            });
            return self.tier.noted_store(stored);
        }
        let written = if last.is_empty() {
            Ok(())
        } else {
            self.append(&last)
        };
        let ended = written.and_then(|()| self.end(metadata));
        let stored = self.unless_failed(ended)?;
        self.tier.noted_store(Ok(stored))
    }

    /// Writes a chunk into the file, which is made for the first one.
    fn append(&mut self, chunk: &Bytes) -> Result<(), DiskError> {
        let offset = HEAD_BYTES as u64 + self.sealing.body_len();
        self.reserve(offset + chunk.len() as u64)?;
        let draft = self.draft.as_ref().expect("room was reserved for it");
        if offset == HEAD_BYTES as u64 {
            self.tier.write_at(draft, 0, &format::head(&self.key))?;
        }
        self.tier.write_at(draft, offset, chunk)?;
        let digest = self.sealing.chunk(chunk);
        self.grown.is_in(&draft.file, chunk.len(), digest);
        Ok(())
    }

    /// Reserves bytes for a file of this length, before they are written.
    fn reserve(&mut self, file_bytes: u64) -> Result<(), DiskError> {
        let tier = &*self.tier;
        let before = self.draft.as_ref().map_or(0, |draft| draft.reserved);
        let more = weight_of(file_bytes).saturating_sub(before);
        if more == 0 {
            return Ok(());
        }
        let mut writer = tier.turn()?;
        if writer.is_closed {
            return Err(DiskError::GivenUp);
        }
        tier.breaker.check()?;
        let turn = match self.draft {
            Some(_) => None,
            None => Some(tier.draft_files.take().ok_or(DiskError::TooManyWriters)?),
        };
        let too_large = |limit| DiskError::TooLarge {
            limit: before + limit,
        };
        tier.take_room(more).map_err(too_large)?;
        let made = tier.sweep(&mut writer).and_then(|()| {
            let Some(turn) = turn else { return Ok(None) };
            let name = tier.next_unfinished();
            let file = tier.create(&mut writer, &name)?;
            Ok(Some(Draft {
                name,
                file,
                reserved: 0,
                turn,
            }))
        });
        match tier.noted(made) {
            Ok(made) => {
                let draft = self.draft.take().or(made);
                if tier.sharing.is_some()
                    && let Some(draft) = &draft
                {
                    // Others count what the file takes. If that fails they see it when it is written.
                    let _ = draft.file.set_len(before + more);
                }
                self.draft = draft.map(|draft| Draft {
                    reserved: before + more,
                    ..draft
                });
                Ok(())
            }
            Err(error) => {
                tier.give_room(more);
                Err(error)
            }
        }
    }

    /// Writes the foot, syncs, and gives the file its place.
    fn end(&mut self, metadata: &EntryMetadata) -> Result<Insertion, DiskError> {
        let sealed = std::mem::take(&mut self.sealing).finish();
        sealed.check(self.expected)?;
        let metadata = metadata.written(self.tier.clock.wall());
        let foot = foot(&self.key, &sealed, &metadata)?;
        let offset = HEAD_BYTES as u64 + sealed.body_len;
        self.reserve(offset + foot.len() as u64)?;
        let draft = self.draft.as_ref().expect("room was reserved for it");
        self.tier.write_at(draft, offset, &foot)?;
        if self.tier.sharing.is_some() {
            let len = draft.file.set_len(offset + foot.len() as u64);
            let len = len.map_err(|error| (error, "write", draft.name.clone()).into());
            self.tier.noted(len)?;
        }
        let synced = draft.file.sync();
        let synced = synced.map_err(|error| (error, "sync", draft.name.clone()).into());
        self.tier.noted(synced)?;
        let entry = Incoming {
            key: &self.key,
            metadata: &metadata,
            weight: draft.reserved,
        };
        let mut writer = self.tier.turn()?;
        if writer.is_closed {
            return Err(DiskError::GivenUp);
        }
        if is_overtaken(&self.ticket, &self.key, &metadata) {
            return Ok(Insertion::Invalidated);
        }
        self.tier.breaker.check()?;
        // From here on the index holds the bytes of the file.
        self.tier.give_room(draft.reserved);
        let reserved = self.tier.reserve(&entry);
        let swept = self.tier.sweep(&mut writer);
        let swept = swept.and_then(|()| self.tier.tell(&[Change::File(self.key)]));
        let placed = swept.and_then(|()| match reserved {
            Insertion::Stored => Ok(self.tier.place(&mut writer, &self.key, &draft.name)?),
            _ => Ok(()),
        });
        match self.tier.noted(placed) {
            Ok(()) if reserved == Insertion::Stored => {
                self.draft = None;
                let stored = self.tier.hold(&entry, entry.weight, true);
                // What cannot be removed now is tried again before anything else is stored.
                let _ = self.tier.sweep(&mut writer);
                Ok(stored)
            }
            ended => {
                // The file is there still, and goes with the draft.
                if ended.is_err() {
                    self.tier.index.remove(&self.key);
                }
                self.tier.count_leftover(draft.reserved);
                ended.map(|()| reserved)
            }
        }
    }

    fn unless_failed<T>(&mut self, done: Result<T, DiskError>) -> Result<T, DiskError> {
        if let Err(error) = &done {
            self.tier.count_error(error);
            self.is_given_up = true;
            self.give_up();
            // An older one would come back in the place of what the caller has.
            self.tier.index.remove(&self.key);
        }
        done
    }

    /// Has the file removed by the next thread that can do so.
    fn give_up(&mut self) {
        if let Some(draft) = self.draft.take() {
            (self.tier.departed).push_unfinished(draft.name, draft.reserved);
            self.tier.sweep_if_idle();
        }
    }
}

impl Drop for EntryWriter {
    fn drop(&mut self) {
        self.give_up();
    }
}

impl Inner {
    /// Writes into a draft; on a full disk once more after some entries have gone.
    fn write_at(&self, draft: &Draft, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let mut written = draft.file.write_at(offset, bytes);
        if written.as_ref().is_err_and(is_full) {
            let mut writer = self.turn()?;
            self.give_back(weight_of(bytes.len() as u64));
            if self.sweep(&mut writer).is_ok() {
                written = draft.file.write_at(offset, bytes);
            }
        }
        self.noted(written.map_err(|error| (error, "write", draft.name.clone()).into()))
    }
}
