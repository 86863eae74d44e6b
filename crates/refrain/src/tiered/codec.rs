//! Codecs: from values to entries of tiers, and back.

use std::error::Error;

use bytes::Bytes;

use crate::tier::{Metadata, TierEntry};

/// Why a value cannot be written or read.
///
/// ```
/// use refrain::tier::{Metadata, TierEntry};
/// use refrain::{BytesCodec, Codec};
///
/// let error = BytesCodec.decode(&TierEntry::new("{}", Metadata::new("json"))).unwrap_err();
/// assert_eq!(error.to_string(), "codec `json` where `bytes` was expected");
/// ```
pub type CodecError = Box<dyn Error + Send + Sync>;

/// Makes of a value what a tier holds, and the other way round.
///
/// What it panics with or refuses is treated as if it were not there.
///
/// ```
/// use refrain::tier::{Metadata, TierEntry};
/// use refrain::{Codec, CodecError};
///
/// struct Numbers;
///
/// impl Codec<u64> for Numbers {
///     fn encode(&self, value: &u64) -> Result<Option<TierEntry>, CodecError> {
///         Ok(Some(TierEntry::new(value.to_string(), Metadata::new("number"))))
///     }
///     fn decode(&self, entry: &TierEntry) -> Result<u64, CodecError> {
///         let bytes = entry.body.whole().ok_or("the body is not in memory")?;
///         Ok(std::str::from_utf8(bytes)?.parse()?)
///     }
/// }
///
/// let entry = Numbers.encode(&7)?.unwrap();
/// assert_eq!(Numbers.decode(&entry)?, 7);
/// # Ok::<(), CodecError>(())
/// ```
pub trait Codec<V>: Send + Sync + 'static {
    /// The entry that stands for `value`; `None` for one that stays in memory. Tags, cost and times are filled in by the
    /// cache.
    ///
    /// # Errors
    ///
    /// [`CodecError`]; the value stays in memory then.
    fn encode(&self, value: &V) -> Result<Option<TierEntry>, CodecError>;

    /// The value that `entry` stands for. Its age counts from when it was made; the cache's own begins when it comes into
    /// memory.
    ///
    /// # Errors
    ///
    /// [`CodecError`], as for an entry of another version; it is a miss then.
    fn decode(&self, entry: &TierEntry) -> Result<V, CodecError>;

    /// Whether [`decode`](Self::decode) takes large bodies that are not in memory. Default: all bodies are read whole
    /// before.
    fn streams(&self) -> bool {
        false
    }
}

/// The codec of bytes, which stand for themselves.
///
/// ```
/// use bytes::Bytes;
/// use refrain::{BytesCodec, Codec};
///
/// let entry = BytesCodec.encode(&Bytes::from("picture"))?.unwrap();
/// assert_eq!(BytesCodec.decode(&entry)?, "picture");
/// # Ok::<(), refrain::CodecError>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct BytesCodec;

impl Codec<Bytes> for BytesCodec {
    fn encode(&self, value: &Bytes) -> Result<Option<TierEntry>, CodecError> {
        Ok(Some(TierEntry::new(value.clone(), Metadata::new("bytes"))))
    }

    fn decode(&self, entry: &TierEntry) -> Result<Bytes, CodecError> {
        if entry.metadata.codec != "bytes" {
            return Err(format!(
                "codec `{}` where `bytes` was expected",
                entry.metadata.codec
            )
            .into());
        }
        let bytes = entry.body.whole().ok_or("the body is not in memory")?;
        Ok(bytes.clone())
    }
}
