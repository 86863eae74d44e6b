//! A body that is still being written, and can be read so far: what is in the file from there, the rest from memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::error::DiskError;
use crate::format::{CHUNK_BYTES, Digest, HEAD_BYTES};
use crate::reading::{Place, Unreadable, size};
use crate::storage::StoredFile;

/// A handle to read by what has been written so far, for readers of a computation that goes on.
///
/// It can be read after the writer has ended, too, as long as the entry was stored.
///
/// ```
/// use refrain::Key;
/// use refrain_disk::DiskTier;
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let mut writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
/// let so_far = writer.so_far();
/// writer.write(b"once upon")?;
/// assert_eq!(so_far.len(), 9);
/// assert_eq!(&so_far.read_at(5, 100)?[..], b"upon");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct UnfinishedBody {
    grown: Arc<Grown>,
    /// The chunk that was read last: the next bytes are probably in it too.
    last: Mutex<Option<(u64, Bytes)>>,
}

impl Clone for UnfinishedBody {
    fn clone(&self) -> Self {
        Self::new(&self.grown)
    }
}

/// What has come of a body so far.
#[derive(Debug, Default)]
pub(crate) struct Grown(Mutex<Chunks>);

#[derive(Debug, Default)]
struct Chunks {
    file: Option<Arc<dyn StoredFile>>,
    /// Of the chunks in the file.
    digests: Vec<Digest>,
    /// Length of the body in the file.
    in_file: u64,
    /// A whole chunk that is on its way into the file.
    leaving: Option<Bytes>,
    /// What comes after it.
    tail: Vec<u8>,
}

/// Where a chunk is.
enum Found<'a> {
    InMemory(MutexGuard<'a, Chunks>),
    InFile(Arc<dyn StoredFile>, Place, Digest),
}

impl UnfinishedBody {
    pub(crate) fn new(grown: &Arc<Grown>) -> Self {
        Self {
            grown: Arc::clone(grown),
            last: Mutex::new(None),
        }
    }

    /// Bytes there are so far.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
    /// assert_eq!(writer.so_far().len(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> u64 {
        let grown = self.grown.lock();
        grown.in_file + (grown.leaving.as_ref().map_or(0, Bytes::len) + grown.tail.len()) as u64
    }

    /// Whether there are none yet.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let mut writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
    /// writer.write(b"x")?;
    /// assert!(!writer.so_far().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some bytes from `offset` on: at most `most`, and none beyond the chunk that `offset` is in, of 256 KiB. None at all if
    /// there are none yet.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`]; [`DiskError::Damaged`] if the file is not as it was written.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// let mut writer = tier.writer(tier.begin(), &Key::from_bytes([7; 32]));
    /// writer.write(b"abc")?;
    /// let so_far = writer.so_far();
    /// assert_eq!((&so_far.read_at(1, 1)?[..], &so_far.read_at(3, 9)?[..]), (&b"b"[..], &b""[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_at(&self, offset: u64, most: usize) -> Result<Bytes, DiskError> {
        let chunk_bytes = u64::from(CHUNK_BYTES);
        let (number, skipped) = (offset / chunk_bytes, size(offset % chunk_bytes));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let chunk = match &*last {
            Some((of, chunk)) if *of == number => chunk.clone(),
            _ => match self.grown.find(number) {
                Found::InMemory(chunks) => return Ok(chunks.in_memory(number, skipped, most)),
                Found::InFile(file, place, digest) => read(&*file, place, digest)?,
            },
        };
        *last = Some((number, chunk.clone()));
        let from = skipped.min(chunk.len());
        Ok(chunk.slice(from..from.saturating_add(most).min(chunk.len())))
    }
}

/// A chunk from the file, verified.
fn read(file: &dyn StoredFile, place: Place, digest: Digest) -> Result<Bytes, DiskError> {
    let mut bytes = Vec::with_capacity(size(place.len));
    let name = || "an unfinished file".to_owned();
    match place.read_chunk(file, &digest, 0, &mut bytes) {
        Ok(()) => Ok(Bytes::from(bytes)),
        Err(Unreadable::Io(source)) => Err(DiskError::Io {
            action: "read",
            file: name(),
            source,
        }),
        Err(Unreadable::Damaged(damage)) => Err(DiskError::Damaged {
            file: name(),
            reason: damage.to_string(),
        }),
    }
}

impl Grown {
    /// Takes bytes up to the end of a chunk: how many, and the chunk if it is whole.
    pub(crate) fn take(&self, bytes: &[u8]) -> (usize, Option<Bytes>) {
        let mut chunks = self.lock();
        let room = CHUNK_BYTES as usize - chunks.tail.len();
        let taken = room.min(bytes.len());
        chunks.tail.extend_from_slice(&bytes[..taken]);
        (taken, (taken == room).then(|| chunks.leave()))
    }

    /// What is left when no more bytes come: less than a chunk.
    pub(crate) fn take_rest(&self) -> Bytes {
        self.lock().leave()
    }

    /// Notes that the chunk that was taken last is in the file.
    pub(crate) fn is_in(&self, file: &Arc<dyn StoredFile>, len: usize, digest: Digest) {
        let mut chunks = self.lock();
        chunks.file.get_or_insert_with(|| Arc::clone(file));
        chunks.digests.push(digest);
        chunks.in_file += len as u64;
        chunks.leaving = None;
    }

    /// Where a chunk is.
    fn find(&self, number: u64) -> Found<'_> {
        let chunks = self.lock();
        let (Some(file), Some(digest)) = (&chunks.file, chunks.digests.get(size(number))) else {
            return Found::InMemory(chunks);
        };
        let from = number * u64::from(CHUNK_BYTES);
        let place = Place {
            at: HEAD_BYTES as u64 + from,
            len: (chunks.in_file - from).min(u64::from(CHUNK_BYTES)),
            chunk_bytes: CHUNK_BYTES,
        };
        Found::InFile(Arc::clone(file), place, *digest)
    }

    fn lock(&self) -> MutexGuard<'_, Chunks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Chunks {
    /// Bytes of a chunk that is not in the file, as far as it has come.
    fn in_memory(&self, number: u64, from: usize, most: usize) -> Bytes {
        let part = |len: usize| from.min(len)..from.saturating_add(most).min(len);
        match (number - self.digests.len() as u64, &self.leaving) {
            (0, Some(leaving)) => leaving.slice(part(leaving.len())),
            (0, None) | (1, Some(_)) => Bytes::copy_from_slice(&self.tail[part(self.tail.len())]),
            _ => Bytes::new(),
        }
    }

    /// Takes the tail as the chunk that is written next. It can be read until it is in the file.
    fn leave(&mut self) -> Bytes {
        let chunk = Bytes::from(std::mem::take(&mut self.tail));
        self.leaving = Some(chunk.clone());
        chunk
    }
}
