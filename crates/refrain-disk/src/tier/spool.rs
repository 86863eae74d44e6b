//! Spooling: a body of unknown length goes to disk while it grows, for tasks that must not block their thread.
//!
//! The file is the one that the entry will have, so nothing is written twice: [`Tier::store`](refrain::tier::Tier::store) knows
//! a spooled body of its own and only gives it metadata and its place.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use refrain::Key;
use refrain::tier::{Body, BodySource, BoxFuture, TierError};

use super::streaming::EntryWriter;
use super::{DiskTier, Inner};
use crate::error::DiskError;
use crate::pool::flatten;
use crate::unfinished::UnfinishedBody;

/// A body that goes to disk while it grows. All work is done on threads of the tier.
///
/// Dropped, it leaves nothing; so does the [`Body`] that it becomes, unless that is stored.
///
/// ```
/// use bytes::Bytes;
/// use refrain::tier::{Metadata, Tier, TierEntry};
/// use refrain::{Insertion, Key, block_on};
/// use refrain_disk::DiskTier;
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let key = Key::from_bytes([7; 32]);
/// let mut spool = tier.spool(&key);
/// block_on(spool.write(vec![Bytes::from("once upon "), Bytes::from("a time")]))?;
/// assert_eq!(block_on(spool.so_far().read_at(5, 4))?, "upon");
/// let digest = *blake3::hash(b"once upon a time").as_bytes();
/// let entry = TierEntry::new(spool.into_body(digest)?, Metadata::new("bytes"));
/// let stored = block_on(Tier::store(&tier, key, entry, tier.begin()))?;
/// assert_eq!(stored, Insertion::Stored);
/// assert_eq!(&tier.load(&key)?.expect("it was stored").body[..], b"once upon a time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Spool {
    tier: Arc<Inner>,
    /// On a thread while it writes, and gone after an error or if that was not waited for.
    writer: Option<EntryWriter>,
    so_far: SpooledSoFar,
}

/// A handle to read by what has been spooled so far. Clones share the body.
///
/// It can be read for as long as there is a handle, whatever becomes of the entry: the file stays open.
pub struct SpooledSoFar {
    /// Each handle has its own: a reader does not wait for the disk that another reads.
    body: Arc<UnfinishedBody>,
    tier: Arc<Inner>,
}

/// A whole body in a file that is not an entry yet.
#[derive(Debug)]
pub(super) struct Spooled {
    so_far: SpooledSoFar,
    digest: [u8; 32],
    writer: Mutex<Option<EntryWriter>>,
}

impl DiskTier {
    /// Begins to spool a body for this key. Nothing is asked of the disk before there is a whole chunk.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// drop(tier.spool(&Key::from_bytes([7; 32])));
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn spool(&self, key: &Key) -> Spool {
        // Whether it is overtaken is asked of the ticket that it is stored with.
        let writer = self.writer(self.begin(), key);
        let body = Arc::new(writer.so_far());
        let tier = Arc::clone(&self.0);
        Spool {
            writer: Some(writer),
            so_far: SpooledSoFar {
                body,
                tier: Arc::clone(&tier),
            },
            tier,
        }
    }
}

impl Spool {
    /// Takes the next bytes of the body. They can be read as soon as this returns.
    ///
    /// # Errors
    ///
    /// [`TierError`]: the entry is given up, as after an error of [`EntryWriter::write`]. What was taken by earlier calls can
    /// still be read. So it is if the future is dropped before it is done.
    ///
    /// ```
    /// use refrain::{Key, block_on};
    /// use refrain_disk::DiskTier;
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).capacity_bytes(1 << 20).open()?;
    /// let mut spool = tier.spool(&Key::from_bytes([7; 32]));
    /// block_on(spool.write(vec![vec![7; 900_000].into()]))?;
    /// assert!(block_on(spool.write(vec![vec![7; 900_000].into()])).is_err(), "more than the tier may hold");
    /// assert_eq!(block_on(spool.so_far().read_at(700_000, 9))?, vec![7; 9]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn write(&mut self, chunks: Vec<Bytes>) -> Result<(), TierError> {
        let Some(mut writer) = self.writer.take() else {
            return Err(TierError::permanent(DiskError::GivenUp));
        };
        let written = self.tier.stores.run(move || {
            chunks.iter().try_for_each(|chunk| writer.write(chunk))?;
            Ok(writer)
        });
        self.writer = Some(flatten(written.await)?);
        Ok(())
    }

    /// A handle to read what has been spooled by.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// assert_eq!(tier.spool(&Key::from_bytes([7; 32])).so_far().len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn so_far(&self) -> SpooledSoFar {
        self.so_far.clone()
    }

    /// The body, now that it is whole, which has this BLAKE3 digest. Stored in the same tier under the same key, it is not
    /// copied; anywhere else, it is read. A body that does not have the digest is not stored.
    ///
    /// # Errors
    ///
    /// [`DiskError::GivenUp`] after an error of [`write`](Self::write).
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let spool = tier.spool(&Key::from_bytes([7; 32]));
    /// assert!(spool.into_body(*blake3::hash(b"").as_bytes())?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn into_body(self, digest: [u8; 32]) -> Result<Body, DiskError> {
        let mut writer = self.writer.ok_or(DiskError::GivenUp)?;
        writer.expect_digest(Some(digest));
        Ok(Body::source(Arc::new(Spooled {
            so_far: self.so_far,
            digest,
            writer: Mutex::new(Some(writer)),
        })))
    }
}

impl SpooledSoFar {
    /// Bytes there are so far.
    ///
    /// ```
    /// use refrain::{Key, block_on};
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let mut spool = tier.spool(&Key::from_bytes([7; 32]));
    /// block_on(spool.write(vec!["abc".into()]))?;
    /// assert_eq!(spool.so_far().len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> u64 {
        self.body.len()
    }

    /// Whether there are none yet.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// assert!(tier.spool(&Key::from_bytes([7; 32])).so_far().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some bytes from `offset` on, as [`UnfinishedBody::read_at`].
    ///
    /// # Errors
    ///
    /// [`TierError`], if they cannot be read or are not what was written.
    ///
    /// ```
    /// use refrain::{Key, block_on};
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let mut spool = tier.spool(&Key::from_bytes([7; 32]));
    /// block_on(spool.write(vec!["abc".into()]))?;
    /// assert_eq!(block_on(spool.so_far().read_at(1, 9))?, "bc");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_at(&self, offset: u64, most: usize) -> BoxFuture<Result<Bytes, TierError>> {
        let (body, tier) = (Arc::clone(&self.body), Arc::clone(&self.tier));
        Box::pin(async move {
            let read = tier.loads.run(move || body.read_at(offset, most));
            flatten(read.await)
        })
    }
}

impl Spooled {
    /// The writer, if it is that of this tier for this key and was not taken before.
    pub(super) fn take(&self, tier: &Arc<Inner>, key: &Key) -> Option<EntryWriter> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.take_if(|writer| writer.is_for(tier, key))
    }
}

impl BodySource for Spooled {
    fn len(&self) -> u64 {
        self.so_far.len()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        // A handle of its own: it waits for no other reader.
        self.so_far.clone().read_at(offset, len)
    }
}

impl Clone for SpooledSoFar {
    fn clone(&self) -> Self {
        Self {
            body: Arc::new(UnfinishedBody::clone(&self.body)),
            tier: Arc::clone(&self.tier),
        }
    }
}

impl fmt::Debug for SpooledSoFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpooledSoFar")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
