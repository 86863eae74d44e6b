//! Pictures, and bytes as JSON carries them.

use base64::Engine as _;
pub(crate) use refrain_testkit::pictures::shaded as picture;

/// Bytes as JSON carries them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
