//! Keys, and bytes that say whose they are.

use refrain::Key;
pub(crate) use refrain_testkit::payload::{of as payload, version_of as version};

pub(crate) fn key(n: u64) -> Key {
    Key::from_bytes(*blake3::hash(&n.to_le_bytes()).as_bytes())
}
