//! The bytes of an entry's file: docs/disk-format.md describes them for readers in other languages.

use std::time::{Duration, SystemTime};

use refrain::Key;
use serde::{Deserialize, Serialize};

/// The version that this build writes, and the only one that it reads.
pub const FORMAT_VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"RFRNDISK";
/// Magic, version, two lengths, the key, two digests.
pub(crate) const FIXED_BYTES: usize = 120;
const SIGNED_BYTES: usize = 88;
/// More is refused: recovery reads all of it, of every entry.
pub(crate) const MAX_METADATA_BYTES: usize = 64 << 10;

/// What a file says of its result, beside the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) codec: String,
    pub(crate) media_type: String,
    pub(crate) file_name: String,
    pub(crate) tags: Vec<String>,
    /// Microseconds that making it took.
    pub(crate) cost_us: u64,
    /// Milliseconds since 1970.
    pub(crate) written_ms: u64,
    /// The same; absent is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) expires_ms: Option<u64>,
}

/// All of a file but the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) key: Key,
    pub(crate) body_len: u64,
    pub(crate) body_digest: [u8; 32],
    pub(crate) metadata: Metadata,
}

/// Why bytes are not an entry of this format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    #[error("it is cut off")]
    CutOff,
    #[error("it does not begin as an entry does")]
    Magic,
    #[error("its format version is {0}, this build reads {FORMAT_VERSION}")]
    Version(u32),
    #[error("its metadata are said to have {0} bytes, allowed are {MAX_METADATA_BYTES}")]
    MetadataLength(u32),
    #[error("its head does not have the digest that it names")]
    Head,
    #[error("its metadata cannot be read")]
    Metadata,
    #[error("its body does not have the digest that its head names")]
    Body,
    #[error("its length is not what its head says")]
    Length,
    #[error("it is of another key")]
    Key,
}

impl Head {
    /// Everything before the body; `None` if the metadata are too long.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        let metadata = serde_json::to_vec(&self.metadata).ok()?;
        if metadata.len() > MAX_METADATA_BYTES {
            return None;
        }
        let metadata_len = u32::try_from(metadata.len()).ok()?;
        let mut bytes = Vec::with_capacity(FIXED_BYTES + metadata.len());
        bytes.extend(MAGIC);
        bytes.extend(FORMAT_VERSION.to_le_bytes());
        bytes.extend(metadata_len.to_le_bytes());
        bytes.extend(self.body_len.to_le_bytes());
        bytes.extend(self.key.as_bytes());
        bytes.extend(self.body_digest);
        let digest = head_digest(&bytes, &metadata);
        bytes.extend(digest);
        bytes.extend(metadata);
        Some(bytes)
    }

    /// Reads the head that `bytes` begin with, and says how long it is.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, usize), Damage> {
        let fixed = bytes.get(..FIXED_BYTES).ok_or(Damage::CutOff)?;
        if fixed[..8] != MAGIC {
            return Err(Damage::Magic);
        }
        let version = u32::from_le_bytes(array(&fixed[8..12]));
        if version != FORMAT_VERSION {
            return Err(Damage::Version(version));
        }
        let len = metadata_len(fixed)?;
        let metadata = bytes.get(FIXED_BYTES..FIXED_BYTES + len);
        let metadata = metadata.ok_or(Damage::CutOff)?;
        if head_digest(&fixed[..SIGNED_BYTES], metadata) != fixed[SIGNED_BYTES..] {
            return Err(Damage::Head);
        }
        let head = Self {
            key: Key::from_bytes(array(&fixed[24..56])),
            body_len: u64::from_le_bytes(array(&fixed[16..24])),
            body_digest: array(&fixed[56..88]),
            metadata: serde_json::from_slice(metadata).map_err(|_| Damage::Metadata)?,
        };
        Ok((head, FIXED_BYTES + len))
    }
}

/// Where the body begins, once all has been found as it was written: an entry for `key`, whole, and not a byte changed.
pub(crate) fn verify(key: &Key, file: &[u8]) -> Result<(Head, usize), Damage> {
    let (head, at) = Head::decode(file)?;
    if head.key != *key {
        return Err(Damage::Key);
    }
    let body = &file[at..];
    if body.len() as u64 != head.body_len {
        return Err(Damage::Length);
    }
    if *blake3::hash(body).as_bytes() != head.body_digest {
        return Err(Damage::Body);
    }
    Ok((head, at))
}

/// How long the metadata are, which follow these first bytes.
pub(crate) fn metadata_len(fixed: &[u8]) -> Result<usize, Damage> {
    let len = u32::from_le_bytes(array(fixed.get(12..16).ok_or(Damage::CutOff)?));
    match usize::try_from(len) {
        Ok(bytes) if bytes <= MAX_METADATA_BYTES => Ok(bytes),
        _ => Err(Damage::MetadataLength(len)),
    }
}

fn head_digest(fixed: &[u8], metadata: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(fixed).update(metadata);
    *hasher.finalize().as_bytes()
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
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

    /// Time since it was written; zero for an entry that seems to come from the future.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        Duration::from_millis(unix_millis(now).saturating_sub(self.written_ms))
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
