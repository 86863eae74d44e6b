//! Keying: a request has a key with the parts it was made from, or it is a bypass with a reason.

use std::borrow::Cow;

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

/// Why the cache takes no part in a request, in a few words for `Cache-Status` and the log.
///
/// # Example
///
/// ```
/// use refrain_server::BypassReason;
///
/// assert_eq!(BypassReason::new("no seed").as_str(), "no seed");
/// assert_eq!(BypassReason::new("a \"quote\"\n").as_str(), "a 'quote' ");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassReason(Cow<'static, str>);

impl BypassReason {
    /// A reason; what a header cannot carry is replaced.
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        const LONGEST: usize = 100;
        let reason = reason.into();
        let fits =
            |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\');
        if reason.len() <= LONGEST && reason.chars().all(fits) {
            return Self(reason);
        }
        let replaced = reason
            .chars()
            .take(LONGEST)
            .map(|character| match character {
                '"' | '\\' => '\'',
                other if fits(other) => other,
                _ => ' ',
            });
        Self(Cow::Owned(replaced.collect()))
    }

    /// A part of the request has no key.
    pub fn unkeyable(error: &Unkeyable) -> Self {
        Self::new(format!("unkeyable {}", error.part()))
    }

    /// The reason in words.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
