//! Format version 1, which is read and no longer written: a head with metadata in JSON, then the body, with one digest.

use bytes::Bytes;
use refrain::Key;
use serde::Deserialize;

use super::{Damage, Digest, Metadata, array, metadata_len, version_in};

/// Magic, version, two lengths, the key, two digests.
pub(crate) const FIXED_BYTES: usize = 120;
const SIGNED_BYTES: usize = 88;

/// All of a file but the body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) key: Key,
    pub(crate) body_len: u64,
    pub(crate) body_digest: Digest,
    /// Of all but the body.
    pub(crate) seal: Digest,
    pub(crate) metadata: Metadata,
}

#[derive(Deserialize)]
struct Json {
    codec: String,
    media_type: String,
    file_name: String,
    tags: Vec<String>,
    cost_us: u64,
    written_ms: u64,
    #[serde(default)]
    expires_ms: Option<u64>,
}

/// Bytes of the file before the body.
pub(crate) fn head_bytes(fixed: &[u8]) -> Result<usize, Damage> {
    let fixed = fixed.get(..FIXED_BYTES).ok_or(Damage::CutOff)?;
    Ok(FIXED_BYTES + metadata_len(array(&fixed[12..16]))?)
}

/// Reads the head, which is all of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Result<Head, Damage> {
    let version = version_in(bytes)?;
    if version != 1 {
        return Err(Damage::Version(version));
    }
    if head_bytes(bytes)? != bytes.len() {
        return Err(Damage::CutOff);
    }
    let (fixed, metadata) = bytes.split_at(FIXED_BYTES);
    let mut hasher = blake3::Hasher::new();
    hasher.update(&fixed[..SIGNED_BYTES]).update(metadata);
    let seal = *hasher.finalize().as_bytes();
    if seal != fixed[SIGNED_BYTES..] {
        return Err(Damage::Seal);
    }
    let json: Json = serde_json::from_slice(metadata).map_err(|_| Damage::Metadata)?;
    let named = [
        ("media_type", json.media_type),
        ("file_name", json.file_name),
    ];
    let fields = named.into_iter().filter(|(_, value)| !value.is_empty());
    Ok(Head {
        key: Key::from_bytes(array(&fixed[24..56])),
        body_len: u64::from_le_bytes(array(&fixed[16..24])),
        body_digest: array(&fixed[56..88]),
        seal,
        metadata: Metadata {
            codec: json.codec,
            tags: json.tags,
            cost_us: json.cost_us,
            written_ms: json.written_ms,
            age_ms: 0,
            expires_ms: json.expires_ms,
            fields: fields
                .map(|(name, value)| (name.to_owned(), Bytes::from(value)))
                .collect(),
        },
    })
}
