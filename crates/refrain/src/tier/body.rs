//! The bytes of a result: whole in memory, or in a tier and read piece by piece.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::error::TierError;
use crate::flight::BoxFuture;

/// Bytes that are read where they lie, so that a large body need not be in memory.
///
/// What it gives is verified: a piece that does not have its digest is an error.
///
/// ```
/// use bytes::Bytes;
/// use refrain::tier::{Body, BodySource, BoxFuture, TierError};
/// use std::sync::Arc;
///
/// #[derive(Debug)]
/// struct Zeros(u64);
///
/// impl BodySource for Zeros {
///     fn len(&self) -> u64 {
///         self.0
///     }
///     fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
///         let left = (self.0 - offset).min(len as u64) as usize;
///         Box::pin(async move { Ok(vec![0; left].into()) })
///     }
/// }
///
/// let body = Body::source(Arc::new(Zeros(300_000)));
/// assert_eq!(refrain::block_on(body.read_all())?.len(), 300_000);
/// # Ok::<(), TierError>(())
/// ```
pub trait BodySource: Any + fmt::Debug + Send + Sync {
    /// How many bytes there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The BLAKE3 digest of all bytes, if it is known.
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// Up to `len` bytes from `offset` on: at least one, unless `offset` is the end.
    ///
    /// # Errors
    ///
    /// [`TierError`], if they cannot be read or are not what was stored.
    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>>;
}

/// The bytes of a result. Cloning copies none of them.
///
/// ```
/// use refrain::tier::Body;
///
/// let body = Body::from("two minutes of work");
/// assert_eq!(body.whole().unwrap(), &b"two minutes of work"[..]);
/// assert_eq!(refrain::block_on(body.read_at(4, 7))?, &b"minutes"[..]);
/// # Ok::<(), refrain::tier::TierError>(())
/// ```
#[derive(Clone)]
pub struct Body(Place);

#[derive(Clone)]
enum Place {
    Memory {
        bytes: Bytes,
        digest: Option<[u8; 32]>,
    },
    Source(Arc<dyn BodySource>),
}

/// Bytes that are read at a time where all are wanted.
const PIECE: usize = 256 << 10;

impl Body {
    /// Bytes whose BLAKE3 digest is known already.
    ///
    /// ```
    /// use refrain::tier::Body;
    /// let body = Body::with_digest("abc", [5; 32]);
    /// assert_eq!(body.digest(), Some([5; 32]));
    /// ```
    pub fn with_digest(bytes: impl Into<Bytes>, digest: [u8; 32]) -> Self {
        Self(Place::Memory {
            bytes: bytes.into(),
            digest: Some(digest),
        })
    }

    /// Bytes that are read where they lie; see [`BodySource`].
    pub fn source(source: Arc<dyn BodySource>) -> Self {
        Self(Place::Source(source))
    }

    /// How many bytes there are.
    ///
    /// ```
    /// assert_eq!(refrain::tier::Body::from("abc").len(), 3);
    /// ```
    pub fn len(&self) -> u64 {
        match &self.0 {
            Place::Memory { bytes, .. } => bytes.len() as u64,
            Place::Source(source) => source.len(),
        }
    }

    /// Whether there are none.
    ///
    /// ```
    /// assert!(refrain::tier::Body::from("").is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The BLAKE3 digest of all bytes, if it is known.
    ///
    /// ```
    /// assert_eq!(refrain::tier::Body::from("abc").digest(), None);
    /// ```
    pub fn digest(&self) -> Option<[u8; 32]> {
        match &self.0 {
            Place::Memory { digest, .. } => *digest,
            Place::Source(source) => source.digest(),
        }
    }

    /// All bytes, if they are in memory.
    ///
    /// ```
    /// assert_eq!(refrain::tier::Body::from("abc").whole().unwrap(), &b"abc"[..]);
    /// ```
    pub fn whole(&self) -> Option<&Bytes> {
        match &self.0 {
            Place::Memory { bytes, .. } => Some(bytes),
            Place::Source(_) => None,
        }
    }

    /// Where the bytes lie, if that is a source of this type: a tier that wrote them itself need not copy them.
    ///
    /// ```
    /// # use bytes::Bytes;
    /// # use refrain::tier::{Body, BodySource, BoxFuture, TierError};
    /// # #[derive(Debug)]
    /// # struct Zeros(u64);
    /// # impl BodySource for Zeros {
    /// #     fn len(&self) -> u64 { self.0 }
    /// #     fn read_at(&self, _: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
    /// #         Box::pin(async move { Ok(vec![0; len].into()) })
    /// #     }
    /// # }
    /// let body = Body::source(std::sync::Arc::new(Zeros(9)));
    /// assert_eq!(body.downcast::<Zeros>().unwrap().0, 9);
    /// assert!(Body::from("abc").downcast::<Zeros>().is_none());
    /// ```
    pub fn downcast<S: BodySource>(&self) -> Option<&S> {
        match &self.0 {
            Place::Memory { .. } => None,
            Place::Source(source) => (&**source as &dyn Any).downcast_ref(),
        }
    }

    /// Up to `len` bytes from `offset` on; none from the end on.
    ///
    /// # Errors
    ///
    /// [`TierError`], if they cannot be read or are not what was stored. Never for bytes in memory.
    ///
    /// ```
    /// let body = refrain::tier::Body::from("abc");
    /// assert_eq!(refrain::block_on(body.read_at(2, 100))?, &b"c"[..]);
    /// assert!(refrain::block_on(body.read_at(100, 1))?.is_empty());
    /// # Ok::<(), refrain::tier::TierError>(())
    /// ```
    pub fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        match &self.0 {
            Place::Memory { bytes, .. } => {
                let from = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                let piece = bytes.slice(from..from.saturating_add(len).min(bytes.len()));
                Box::pin(async move { Ok(piece) })
            }
            Place::Source(source) => source.read_at(offset, len),
        }
    }

    /// All bytes, read into memory if they are not there. If the digest is known, they are compared with it once more.
    ///
    /// # Errors
    ///
    /// [`TierError`], if they cannot be read or are not what was stored.
    ///
    /// ```
    /// let body = refrain::tier::Body::from("abc");
    /// assert_eq!(refrain::block_on(body.read_all())?, &b"abc"[..]);
    /// # Ok::<(), refrain::tier::TierError>(())
    /// ```
    pub fn read_all(&self) -> BoxFuture<Result<Bytes, TierError>> {
        match &self.0 {
            Place::Memory { bytes, .. } => {
                let bytes = bytes.clone();
                Box::pin(async move { Ok(bytes) })
            }
            Place::Source(source) => Box::pin(read_all(Arc::clone(source))),
        }
    }
}

async fn read_all(source: Arc<dyn BodySource>) -> Result<Bytes, TierError> {
    let length = source.len();
    let mut bytes = BytesMut::new();
    while (bytes.len() as u64) < length {
        let read = bytes.len() as u64;
        let piece = source.read_at(read, PIECE).await?;
        let is_too_long = piece.len() as u64 > length - read;
        if piece.is_empty() || is_too_long {
            return Err(TierError::WrongLength { read, length });
        }
        bytes.extend_from_slice(&piece);
    }
    let wrong = |digest: [u8; 32]| *blake3::hash(&bytes).as_bytes() != digest;
    if source.digest().is_some_and(wrong) {
        return Err(TierError::WrongDigest);
    }
    Ok(bytes.freeze())
}

impl<B: Into<Bytes>> From<B> for Body {
    fn from(bytes: B) -> Self {
        Self(Place::Memory {
            bytes: bytes.into(),
            digest: None,
        })
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("Body");
        told.field("len", &self.len());
        if let Place::Source(source) = &self.0 {
            told.field("source", source);
        }
        told.finish()
    }
}
