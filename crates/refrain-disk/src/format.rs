//! An append-only file with a foot: the bytes of an entry, which docs/disk-format.md describes for readers in other
//! languages.
//!
//! A head is written first, then the body in chunks, and last the foot, with all that is known only at the end: the digest of
//! each chunk, the metadata, and a trailer that vouches for everything before it.

mod fields;
pub(crate) mod v1;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use refrain::Key;

/// The version that this build writes. It reads version 1 too.
pub const FORMAT_VERSION: u32 = 2;

pub(crate) const MAGIC: [u8; 8] = *b"RFRNDISK";
/// Magic, version, length of a chunk, the key.
pub(crate) const HEAD_BYTES: usize = 48;
/// Two lengths and three digests.
pub(crate) const TRAILER_BYTES: usize = 108;
/// The part of the trailer that its last digest covers.
const SIGNED_BYTES: usize = 76;
/// More is refused: recovery reads all of it, of every entry.
pub(crate) const MAX_METADATA_BYTES: usize = 256 << 10;
/// Length of all chunks of a body but the last. docs/tiers/disk.md has the measurement behind it.
pub(crate) const CHUNK_BYTES: u32 = 256 << 10;
/// What a chunk of another writer may have.
const CHUNK_LENGTHS: std::ops::RangeInclusive<u32> = (4 << 10)..=(4 << 20);

pub(crate) const DIGEST_BYTES: usize = 32;
/// Of BLAKE3.
pub(crate) type Digest = [u8; DIGEST_BYTES];

/// What a file says of its entry, beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) codec: String,
    pub(crate) tags: Vec<String>,
    /// Microseconds that making it took.
    pub(crate) cost_us: u64,
    /// Milliseconds since 1970.
    pub(crate) written_ms: u64,
    /// Milliseconds since it was made, when it was written.
    pub(crate) age_ms: u64,
    /// Milliseconds since 1970; none is never.
    pub(crate) expires_ms: Option<u64>,
    /// Names and values, in order.
    pub(crate) fields: Vec<(String, Bytes)>,
}

/// Why bytes are not an entry of this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("it is cut off")]
    CutOff,
    #[error("it does not begin as an entry does")]
    Magic,
    #[error("its format version is {0}, this build reads 1 and {FORMAT_VERSION}")]
    Version(u32),
    #[error("its metadata are said to have {0} bytes, allowed are {MAX_METADATA_BYTES}")]
    MetadataLength(u32),
    #[error("its chunks are said to have {0} bytes, allowed are powers of two from 4 KiB to 4 MiB")]
    ChunkLength(u32),
    #[error("its head or its foot does not have the digest that it names")]
    Seal,
    #[error("its metadata cannot be read")]
    Metadata,
    #[error("its list of digests does not have the digest that its foot names")]
    List,
    #[error("a chunk of its body does not have its digest")]
    Body,
    #[error("its length is not what its foot says")]
    Length,
    #[error("it is of another key")]
    Key,
}

/// The bytes before the body.
pub(crate) fn head(key: &Key) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    head[12..16].copy_from_slice(&CHUNK_BYTES.to_le_bytes());
    head[16..].copy_from_slice(key.as_bytes());
    head
}

/// The format version that a file's first bytes name.
pub(crate) fn version_in(start: &[u8]) -> Result<u32, Damage> {
    let start = start.get(..12).ok_or(Damage::CutOff)?;
    if start[..8] != MAGIC {
        return Err(Damage::Magic);
    }
    Ok(u32::from_le_bytes(array(&start[8..])))
}

/// The length of a chunk that the head names.
pub(crate) fn chunk_bytes_in(head: &[u8; HEAD_BYTES]) -> Result<u32, Damage> {
    let chunk = u32::from_le_bytes(array(&head[12..16]));
    if CHUNK_LENGTHS.contains(&chunk) && chunk.is_power_of_two() {
        Ok(chunk)
    } else {
        Err(Damage::ChunkLength(chunk))
    }
}

/// Digests of a body, taken chunk by chunk as they come.
#[derive(Debug, Default)]
pub(crate) struct Sealing {
    whole: blake3::Hasher,
    body_len: u64,
    digests: Vec<u8>,
}

impl Sealed {
    /// Whether the body is the one that was meant, if its digest was known before.
    pub(crate) fn check(&self, expected: Option<Digest>) -> Result<(), WrongBody> {
        match expected {
            Some(expected) if expected != self.body_digest => Err(WrongBody),
            _ => Ok(()),
        }
    }
}

/// A body that was to be stored does not have the digest that came with it.
#[derive(Debug)]
pub(crate) struct WrongBody;

/// Digests of a whole body.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) body_len: u64,
    pub(crate) body_digest: Digest,
    /// One after another.
    pub(crate) digests: Vec<u8>,
}

impl Sealing {
    /// Of a body that is there at once.
    pub(crate) fn whole(body: &[u8]) -> Sealed {
        let mut sealing = Self::default();
        for chunk in body.chunks(CHUNK_BYTES as usize) {
            sealing.chunk(chunk);
        }
        sealing.finish()
    }

    /// Takes the next chunk, which is shorter than others only if it is the last.
    pub(crate) fn chunk(&mut self, bytes: &[u8]) -> Digest {
        self.whole.update(bytes);
        self.body_len += bytes.len() as u64;
        let digest = *blake3::hash(bytes).as_bytes();
        self.digests.extend(digest);
        digest
    }

    /// Length of what has been taken.
    pub(crate) fn body_len(&self) -> u64 {
        self.body_len
    }

    /// Digests of what has been taken.
    pub(crate) fn finish(self) -> Sealed {
        Sealed {
            body_len: self.body_len,
            body_digest: *self.whole.finalize().as_bytes(),
            digests: self.digests,
        }
    }
}

/// The bytes after the body: digests, metadata, trailer. `None` if the metadata are too long.
pub(crate) fn foot(key: &Key, sealed: &Sealed, metadata: &Metadata) -> Option<Vec<u8>> {
    let metadata = fields::encode(metadata)?;
    if metadata.len() > MAX_METADATA_BYTES {
        return None;
    }
    let metadata_len = u32::try_from(metadata.len()).ok()?;
    let mut foot = Vec::with_capacity(sealed.digests.len() + metadata.len() + TRAILER_BYTES);
    foot.extend(&sealed.digests);
    foot.extend(&metadata);
    let trailer_at = foot.len();
    foot.extend(sealed.body_len.to_le_bytes());
    foot.extend(metadata_len.to_le_bytes());
    foot.extend(sealed.body_digest);
    foot.extend(blake3::hash(&sealed.digests).as_bytes());
    let seal = seal(&head(key), &metadata, &foot[trailer_at..]);
    foot.extend(seal);
    Some(foot)
}

/// The end of a file.
#[derive(Debug)]
pub(crate) struct Trailer {
    pub(crate) body_len: u64,
    pub(crate) metadata_len: usize,
    pub(crate) body_digest: Digest,
    pub(crate) list_digest: Digest,
    /// Of all but the body and the list.
    pub(crate) seal: Digest,
}

impl Trailer {
    pub(crate) fn decode(bytes: &[u8; TRAILER_BYTES]) -> Result<Self, Damage> {
        Ok(Self {
            body_len: u64::from_le_bytes(array(&bytes[..8])),
            metadata_len: metadata_len(array(&bytes[8..12]))?,
            body_digest: array(&bytes[12..44]),
            list_digest: array(&bytes[44..SIGNED_BYTES]),
            seal: array(&bytes[SIGNED_BYTES..]),
        })
    }
}

/// What the metadata say, once head, metadata and trailer are found as they were written.
pub(crate) fn metadata_in(
    head: &[u8; HEAD_BYTES],
    metadata: &[u8],
    trailer: &[u8; TRAILER_BYTES],
) -> Result<Metadata, Damage> {
    let (signed, digest) = trailer.split_at(SIGNED_BYTES);
    if seal(head, metadata, signed) != digest {
        return Err(Damage::Seal);
    }
    fields::decode(metadata).ok_or(Damage::Metadata)
}

/// Bounds the length of metadata before anything of that length is read.
fn metadata_len(bytes: [u8; 4]) -> Result<usize, Damage> {
    let len = u32::from_le_bytes(bytes);
    match usize::try_from(len) {
        Ok(bytes) if bytes <= MAX_METADATA_BYTES => Ok(bytes),
        _ => Err(Damage::MetadataLength(len)),
    }
}

fn seal(head: &[u8; HEAD_BYTES], metadata: &[u8], signed: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new();
    hasher.update(head).update(metadata).update(signed);
    *hasher.finalize().as_bytes()
}

/// How many chunks a body of this length has.
pub(crate) fn chunks(body_len: u64, chunk_bytes: u32) -> u64 {
    body_len.div_ceil(u64::from(chunk_bytes))
}

pub(crate) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes
        .try_into()
        .expect("the caller cuts them to this length")
}

impl Metadata {
    /// How much longer the entry is fresh; `None` is for ever, zero is no longer.
    ///
    /// The wall clock may have jumped since it was written: an entry that seems to come from the future lives at most as
    /// long as it was meant to live from when it was written.
    pub(crate) fn expires_in(&self, now: SystemTime) -> Option<Duration> {
        let expires = self.expires_ms?;
        let left = expires.saturating_sub(unix_millis(now));
        let meant = expires.saturating_sub(self.written_ms);
        Some(Duration::from_millis(left.min(meant)))
    }

    /// Time since it was made; an entry that seems to come from the future was written just now.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        let since = unix_millis(now).saturating_sub(self.written_ms);
        Duration::from_millis(self.age_ms.saturating_add(since))
    }

    pub(crate) fn cost(&self) -> Duration {
        Duration::from_micros(self.cost_us)
    }
}

/// Saturates at both ends.
pub(crate) fn unix_millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    whole(since.unwrap_or_default().as_millis())
}

/// Saturates.
pub(crate) fn whole(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
