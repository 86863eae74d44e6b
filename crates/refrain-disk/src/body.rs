//! Random access to a body in a file: each chunk is compared with its digest before a byte of it is given out.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::error::DiskError;
use crate::format::{DIGEST_BYTES, Digest};
use crate::reading::{Place, Unreadable, room_for, size};
use crate::storage::{Storage, StoredFile};

/// Most bytes that one call gives. What is longer is read by several.
const MOST_BYTES: usize = 16 << 20;

/// A handle to read the body of an entry by, from any place on, without the rest of it in memory.
///
/// A byte leaves only after its chunk has been compared with its digest. When the entry is evicted, invalidated or replaced
/// meanwhile, the handle goes on to give the bytes it was opened for, or fails with [`DiskError::Gone`]; it never gives others.
/// It holds one chunk in memory. A clone has its own.
///
/// ```
/// use refrain::Key;
/// use refrain_disk::{DiskTier, NewEntry};
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// let key = Key::from_bytes([7; 32]);
/// tier.store(&tier.begin(), &key, &NewEntry::new(b"a long body"))?;
/// let entry = tier.load_streamed(&key)?.expect("it was stored");
/// assert_eq!(entry.body.len(), 11);
/// assert_eq!(&entry.body.read_at(2, 4)?[..], b"long");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DiskBody {
    shared: Arc<Shared>,
    /// The chunk that was read last: the next bytes are probably in it too.
    last: Mutex<Option<(u64, Bytes)>>,
}

/// What a handle does when it finds its file damaged.
pub(crate) type OnDamage = Box<dyn Fn(&Digest) + Send + Sync>;

struct Shared {
    place: Place,
    digests: Vec<u8>,
    /// Of the file.
    seal: Digest,
    file: Access,
    name: String,
    on_damage: OnDamage,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.name)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

enum Access {
    /// The bytes are there until it is closed.
    Open(
        Box<dyn StoredFile>,
        #[expect(dead_code, reason = "counts while it is there")] Turn,
    ),
    /// Opened for each chunk, as too many are open already. Another file may have its name by then.
    ByName(Arc<dyn Storage>),
}

/// How many files may be kept open at once.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    open: AtomicUsize,
    most: usize,
}

/// One of the files that may be open at once.
#[derive(Debug)]
pub(crate) struct Turn(Arc<OpenFiles>);

impl Drop for Turn {
    fn drop(&mut self) {
        // Relaxed: a count orders nothing.
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl OpenFiles {
    /// A process may have a thousand files open where the system has no other setting.
    pub(crate) const DEFAULT: usize = 128;

    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            most,
        })
    }

    pub(crate) fn take(self: &Arc<Self>) -> Option<Turn> {
        let taken = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < self.most).then_some(open + 1)
            });
        taken.ok().map(|_| Turn(Arc::clone(self)))
    }
}

impl DiskBody {
    /// The body in `file`, which is open now and stays so if not too many are.
    pub(crate) fn new(
        file: Box<dyn StoredFile>,
        name: String,
        (place, digests, seal): (Place, Vec<u8>, Digest),
        (storage, open_files): (&Arc<dyn Storage>, &Arc<OpenFiles>),
        on_damage: OnDamage,
    ) -> Self {
        let file = match open_files.take() {
            Some(turn) => Access::Open(file, turn),
            None => Access::ByName(Arc::clone(storage)),
        };
        Self {
            shared: Arc::new(Shared {
                place,
                digests,
                seal,
                file,
                name,
                on_damage,
            }),
            last: Mutex::new(None),
        }
    }

    /// Length of the body.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"body"))?;
    /// assert_eq!(tier.load_streamed(&key)?.expect("it was stored").body.len(), 4);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn len(&self) -> u64 {
        self.shared.place.len
    }

    /// Whether it has no bytes.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b""))?;
    /// assert!(tier.load_streamed(&key)?.expect("it was stored").body.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes from `offset` on: `most` of them, or as many as there are, or 16 MiB. None from the end on.
    ///
    /// # Errors
    ///
    /// [`DiskError::Io`]; [`DiskError::Damaged`] if the bytes are not as they were written; [`DiskError::Gone`] if the file was
    /// not kept open and is another one by now.
    ///
    /// ```
    /// # use refrain::Key;
    /// # use refrain_disk::{DiskTier, NewEntry};
    /// # let dir = tempfile::tempdir()?;
    /// # let tier = DiskTier::at(dir.path()).open()?;
    /// # let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"abc"))?;
    /// let body = tier.load_streamed(&key)?.expect("it was stored").body;
    /// assert_eq!((&body.read_at(1, 100)?[..], &body.read_at(3, 100)?[..]), (&b"bc"[..], &b""[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_at(&self, offset: u64, most: usize) -> Result<Bytes, DiskError> {
        let left = size(self.len().saturating_sub(offset));
        let wanted = most.min(left).min(MOST_BYTES);
        if wanted == 0 {
            return Ok(Bytes::new());
        }
        let chunk_bytes = u64::from(self.shared.place.chunk_bytes);
        let (mut number, skipped) = (offset / chunk_bytes, size(offset % chunk_bytes));
        let chunk = self.chunk(number)?;
        if skipped + wanted <= chunk.len() {
            return Ok(chunk.slice(skipped..skipped + wanted));
        }
        let mut bytes = Vec::with_capacity(wanted);
        bytes.extend_from_slice(&chunk[skipped..]);
        while bytes.len() < wanted {
            number += 1;
            let chunk = self.chunk(number)?;
            let more = chunk.len().min(wanted - bytes.len());
            bytes.extend_from_slice(&chunk[..more]);
        }
        Ok(Bytes::from(bytes))
    }

    /// The same, if the bytes are in the chunk that was read last.
    pub(crate) fn at_hand(&self, offset: u64, most: usize) -> Option<Bytes> {
        let wanted = most.min(size(self.len().saturating_sub(offset)));
        let chunk_bytes = u64::from(self.shared.place.chunk_bytes);
        let skipped = size(offset % chunk_bytes);
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((of, chunk)) if *of == offset / chunk_bytes && skipped + wanted <= chunk.len() => {
                Some(chunk.slice(skipped..skipped + wanted))
            }
            _ => None,
        }
    }

    /// A chunk, verified.
    fn chunk(&self, number: u64) -> Result<Bytes, DiskError> {
        if let Some((of, chunk)) = &*self.last.lock().unwrap_or_else(PoisonError::into_inner)
            && *of == number
        {
            return Ok(chunk.clone());
        }
        let chunk = Bytes::from(self.shared.read_chunk(number)?);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((number, chunk.clone()));
        Ok(chunk)
    }
}

impl Clone for DiskBody {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            last: Mutex::new(None),
        }
    }
}

impl Shared {
    fn read_chunk(&self, number: u64) -> Result<Vec<u8>, DiskError> {
        let read = |file: &dyn StoredFile| {
            let (_, len) = self.place.chunk(number);
            let mut bytes = room_for(len as u64)?;
            self.place
                .read_chunk(file, &self.digests, number, &mut bytes)?;
            Ok(bytes)
        };
        let failed = |source| DiskError::Io {
            action: "read",
            file: self.name.clone(),
            source,
        };
        match &self.file {
            Access::Open(file, _) => read(&**file).map_err(|unreadable| match unreadable {
                Unreadable::Io(source) => failed(source),
                Unreadable::Damaged(damage) => {
                    (self.on_damage)(&self.seal);
                    DiskError::Damaged {
                        file: self.name.clone(),
                        reason: damage.to_string(),
                    }
                }
            }),
            Access::ByName(storage) => {
                let opened = storage.open(&self.name).map_err(Unreadable::Io);
                opened
                    .and_then(|file| read(&*file))
                    .map_err(|unreadable| match unreadable {
                        Unreadable::Io(source) if source.kind() != io::ErrorKind::NotFound => {
                            failed(source)
                        }
                        _ => DiskError::Gone {
                            file: self.name.clone(),
                        },
                    })
            }
        }
    }
}

/// The whole body, every chunk compared with its digest.
pub(crate) fn read_whole(
    file: &dyn StoredFile,
    place: Place,
    digests: &[u8],
) -> Result<Bytes, Unreadable> {
    let mut bytes = room_for(place.len)?;
    for number in 0..(digests.len() / DIGEST_BYTES) as u64 {
        place.read_chunk(file, digests, number, &mut bytes)?;
    }
    Ok(Bytes::from(bytes))
}
