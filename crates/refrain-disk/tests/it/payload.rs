//! Bytes that prove whose they are.

use refrain::Key;

pub(crate) fn key(n: u64) -> Key {
    Key::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())
}

/// What entry `n` holds in version `version`.
pub(crate) fn payload(n: u64, version: u64, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 + len);
    bytes.extend(n.to_le_bytes());
    bytes.extend(version.to_le_bytes());
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes);
    let mut filler = vec![0; len];
    hasher.finalize_xof().fill(&mut filler);
    bytes.extend(filler);
    bytes
}

/// The version of entry `n` that these bytes are, every one of them.
pub(crate) fn version(n: u64, bytes: &[u8]) -> u64 {
    let version = u64::from_le_bytes(bytes[8..16].try_into().expect("eight bytes"));
    assert_eq!(bytes, payload(n, version, bytes.len() - 16), "it is whole");
    version
}
