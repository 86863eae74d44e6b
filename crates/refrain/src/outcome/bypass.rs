//! The reason why the cache had no part in an answer.

use std::borrow::Cow;

use crate::key::Unkeyable;

/// The reason why the cache had no part in an answer.
///
/// ```
/// use refrain::{BypassReason, Outcome};
///
/// let outcome = Outcome::Bypassed { reason: BypassReason::NotStored };
/// assert!(!outcome.was_stored());
/// assert_eq!(BypassReason::new("no seed").as_str(), "no seed");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassReason {
    /// The cache is switched off.
    SwitchedOff,
    /// The caller asked for an answer that is not stored.
    NotStored,
    /// Other callers hold a value or compute one that this caller does not accept.
    Unwelcome,
    /// The request has no key, or a rule says that such requests go past the cache: in these words.
    Rule(Cow<'static, str>),
}

impl BypassReason {
    /// A reason in words of its own, for headers and logs.
    ///
    /// ```
    /// assert_eq!(refrain::BypassReason::new(String::from("random")).as_str(), "random");
    /// ```
    pub fn new(words: impl Into<Cow<'static, str>>) -> Self {
        Self::Rule(words.into())
    }

    /// A part of the request cannot be part of a key.
    ///
    /// ```
    /// use refrain::{BypassReason, Key};
    /// let without_generator = Key::builder().part("seed", &7).build().unwrap_err();
    /// assert_eq!(BypassReason::unkeyable(&without_generator).as_str(), "unkeyable generator");
    /// ```
    pub fn unkeyable(error: &Unkeyable) -> Self {
        Self::new(format!("unkeyable {}", error.part()))
    }

    /// The reason in words, for headers and logs.
    ///
    /// ```
    /// assert_eq!(refrain::BypassReason::NotStored.as_str(), "not stored");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::SwitchedOff => "DISABLE_RESULT_CACHE",
            Self::NotStored => "not stored",
            Self::Unwelcome => "unwelcome",
            Self::Rule(words) => words,
        }
    }
}
