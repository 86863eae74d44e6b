//! Keying: a request has a key with the parts it was made from, or it is a bypass with a reason.

use refrain::BypassReason;
use refrain::key::{Key, Keyable, Unkeyable};

/// Whether the cache takes part in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keying {
    /// The result is kept under this key: a digest of everything in the request that the result depends on, and of the
    /// generator's fingerprint.
    Key(Key),
    /// The result is made for this request alone, and neither looked for nor kept.
    Bypass(BypassReason),
}

/// One part of a key: where it stood in the request, and the digest of its value.
///
/// # Example
///
/// ```
/// use refrain_server::KeyPart;
///
/// let one = KeyPart::of("/body/seed", &7_u64)?;
/// assert_eq!(one, KeyPart::of("/body/seed", &7_u64)?);
/// assert_ne!(one.digest, KeyPart::of("/body/seed", &8_u64)?.digest);
/// # Ok::<(), refrain::Unkeyable>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPart {
    /// Where it stood in the request.
    pub pointer: Box<str>,
    /// Tells values apart; it does not give them away.
    pub digest: Key,
}

impl KeyPart {
    /// The part at `pointer` with this value.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when the value has no key.
    pub fn of(pointer: &str, value: &dyn Keyable) -> Result<Self, Unkeyable> {
        let digest = Key::builder()
            .generator("key part", "1")
            .part(pointer, value)
            .build()?;
        Ok(Self {
            pointer: pointer.into(),
            digest,
        })
    }
}
