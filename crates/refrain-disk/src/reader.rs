//! A reader of a folder to which another process writes.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use refrain::tier::{Body, BoxFuture, TierEntry, TierError};
use refrain::{Capacity, Clock, Key};

use crate::body::{DiskBody, OpenFiles};
use crate::entry::DiskEntry;
use crate::error::DiskError;
use crate::names::{CHANGES, weight_of};
use crate::opened::{Opened, opened};
use crate::pool::{Pool, flatten};
use crate::recovery::{Refusal, scan};
use crate::storage::{Folder, Storage, capacity_in};
use crate::tier::entry_of_tier;

/// Reads entries of a folder that another process may write to at the same time, and changes nothing there: an entry that
/// it reads does not count as used.
///
/// ```
/// use refrain::Key;
/// use refrain_disk::{DiskReader, DiskTier, NewEntry};
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let reader = DiskReader::at(dir.path());
/// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
/// assert_eq!(reader.load(&key)?, None);
/// tier.store(&tier.begin(), &key, &NewEntry::new(b"picture"))?;
/// assert_eq!(&reader.load(&key)?.expect("it was stored").body[..], b"picture");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DiskReader {
    storage: Arc<dyn Storage>,
    open_files: Arc<OpenFiles>,
    clock: Clock,
    loads: Pool,
}

/// What is known of an entry without reading its body.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListedEntry {
    /// Its key.
    pub key: Key,
    /// Bytes that its file takes, in blocks of 4 KiB.
    pub weight_bytes: u64,
    /// What computing it took.
    pub cost: Duration,
    /// The time left to it; for ever, if there is none.
    pub expires_in: Option<Duration>,
    /// Its tags.
    pub tags: Vec<String>,
}

/// Loads at the same time, each on a thread that waits for the disk.
const MOST_LOADS: usize = 16;

impl DiskReader {
    /// Reads from `dir`. It need not exist yet: until then everything is a miss.
    ///
    /// ```
    /// use refrain::Key;
    /// let reader = refrain_disk::DiskReader::at("/nowhere");
    /// assert_eq!(reader.load(&Key::from_bytes([7; 32])).unwrap(), None);
    /// ```
    pub fn at(dir: impl AsRef<Path>) -> Self {
        Self {
            storage: Arc::new(Folder::new(dir.as_ref())),
            open_files: OpenFiles::new(OpenFiles::DEFAULT),
            clock: Clock::monotonic(),
            loads: Pool::new("refrain-disk-load", MOST_LOADS),
        }
    }

    /// As [`load`](Self::load), for a stack of tiers: a thread of the reader's own waits for the disk.
    ///
    /// ```
    /// use refrain::{Key, block_on};
    /// let dir = tempfile::tempdir()?;
    /// let reader = refrain_disk::DiskReader::at(dir.path());
    /// assert!(block_on(reader.load_entry(Key::from_bytes([7; 32])))?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_entry(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        let (storage, now) = (Arc::clone(&self.storage), self.clock.wall());
        let loaded = self.loads.run(move || {
            let read = |opened: Opened| opened.whole(now);
            Ok(fresh(opened(&*storage, &key, read)?))
        });
        Box::pin(async move {
            let entry = flatten(loaded.await)?;
            Ok(entry.map(|entry| {
                let digest = entry.body_digest;
                entry_of_tier(entry.map_body(|bytes| Body::with_digest(bytes, digest)))
            }))
        })
    }

    /// All entries that are fresh and whole outside their bodies, in no particular order. O(entries); reads at least 1 KiB of each.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`].
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskReader, DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// tier.store(&tier.begin(), &Key::from_bytes([7; 32]), &NewEntry::new(b"picture").tags(["model:v1"]))?;
    /// let entries = DiskReader::at(dir.path()).entries()?;
    /// assert_eq!((entries.len(), entries[0].weight_bytes), (1, 4096));
    /// assert_eq!(entries[0].tags, ["model:v1"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self) -> Result<Vec<ListedEntry>, DiskError> {
        let scanned = scan(&*self.storage, self.clock.wall(), false);
        let (found, _) = scanned.map_err(Refusal::into_error)?;
        let listed = found.into_iter().map(|entry| ListedEntry {
            key: entry.key,
            weight_bytes: weight_of(entry.file_bytes),
            cost: entry.metadata.cost(),
            expires_in: entry.expires_in,
            tags: entry.metadata.tags,
        });
        Ok(listed.collect())
    }

    /// The limits of the folder, once a tier has opened it.
    ///
    /// ```
    /// use refrain_disk::{DiskReader, DiskTier};
    /// let dir = tempfile::tempdir()?;
    /// assert_eq!(DiskReader::at(dir.path()).capacity(), None);
    /// let tier = DiskTier::at(dir.path()).capacity_bytes(1 << 20).open()?;
    /// assert_eq!(DiskReader::at(dir.path()).capacity(), Some(tier.capacity()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity(&self) -> Option<Capacity> {
        let log = self.storage.open(CHANGES).ok()?;
        capacity_in(&*log)
    }

    /// The fresh entry for `key`, as far as the clock on the wall can tell. A damaged file is no entry.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`].
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let reader = refrain_disk::DiskReader::at(dir.path());
    /// assert_eq!(reader.load(&Key::from_bytes([7; 32]))?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, key: &Key) -> Result<Option<DiskEntry>, DiskError> {
        let now = self.clock.wall();
        let read = |opened: Opened| opened.whole(now);
        Ok(fresh(opened(&*self.storage, key, read)?))
    }

    /// As [`load`](Self::load), with a handle to read the body by.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`].
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let reader = refrain_disk::DiskReader::at(dir.path());
    /// assert!(reader.load_streamed(&Key::from_bytes([7; 32]))?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_streamed(&self, key: &Key) -> Result<Option<DiskEntry<DiskBody>>, DiskError> {
        let now = self.clock.wall();
        let read = |opened: Opened| {
            opened.streamed(now, (&self.storage, &self.open_files), Box::new(|_| {}))
        };
        Ok(fresh(opened(&*self.storage, key, read)?))
    }
}

fn fresh<B>(entry: Option<DiskEntry<B>>) -> Option<DiskEntry<B>> {
    entry.filter(|entry| entry.expires_in.is_none_or(|left| !left.is_zero()))
}
