//! The error of a request that has no key, with the part and the reason.

use std::borrow::Cow;
use std::fmt;

use super::path::{self, Step};
use super::{MAX_DEPTH, NotBase64};

/// A part of a request cannot be keyed, so the request must go past the cache: neither looked up nor stored.
///
/// ```
/// use refrain::Key;
/// use refrain::key::UnkeyableReason;
///
/// let unkeyable = Key::builder().part("seed", &7).build().unwrap_err();
/// assert_eq!(unkeyable.part(), "generator");
/// assert_eq!(unkeyable.reason(), &UnkeyableReason::Missing);
/// assert_eq!(unkeyable.to_string(), "`generator` cannot be part of a key: it is missing; name it with `KeyBuilder::generator`");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Unkeyable {
    /// Innermost step first: the error gathers them on its way out.
    steps: Vec<Step>,
    reason: UnkeyableReason,
}

/// The reason why a part cannot be keyed.
///
/// ```
/// use refrain::key::{Media, NotBase64, UnkeyableReason};
///
/// let refused = Media::from_base64("https://example.org/cat.png").unwrap_err();
/// assert_eq!(refused, NotBase64);
/// assert!(UnkeyableReason::from(refused).to_string().contains("base64"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnkeyableReason {
    /// The generator was never named.
    #[error("it is missing; name it with `KeyBuilder::generator`")]
    Missing,
    /// Two parts or fields of one name, or two elements or keys that are keyed as the same.
    #[error("it appears twice; keep one of them")]
    Repeated,
    /// More than [`MAX_DEPTH`] containers inside each other, or a value that contains itself.
    #[error("it is nested deeper than {MAX_DEPTH} levels; flatten it, or pass it as bytes")]
    TooDeep,
    /// Media were announced here, but this is neither base64 nor a base64 data URI. An address is not keyed,
    /// because what it leads to may change.
    #[error("it is not media as base64 or as a base64 data URI; send the bytes themselves")]
    NotBase64,
    /// Media were announced here, but this is a number, a flag or a map.
    #[error("it is not text, so it holds no media; send base64")]
    NotText,
    /// The reason that an implementation of [`Keyable`](crate::Keyable) gave.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl Unkeyable {
    /// The value at hand cannot be keyed, for this reason; for implementations of [`Keyable`](crate::Keyable).
    ///
    /// The reason completes the sentence "… cannot be part of a key:" and says what to do.
    /// The part is filled in by the values around it.
    ///
    /// ```
    /// use refrain::key::{Encoded, Key, KeyEncoder, Keyable, Unkeyable};
    ///
    /// struct Stream;
    ///
    /// impl Keyable for Stream {
    ///     fn encode_key(&self, _: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         Err(Unkeyable::new("it can be read only once; collect it first"))
    ///     }
    /// }
    ///
    /// let unkeyable = Key::builder().generator("f", "1").part("input", &[Stream]).build().unwrap_err();
    /// assert_eq!(
    ///     unkeyable.to_string(),
    ///     "`input[0]` cannot be part of a key: it can be read only once; collect it first",
    /// );
    /// ```
    pub fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        UnkeyableReason::Other(reason.into()).into()
    }

    /// The place of the value in the request, such as `body.dimensions.width`; empty when it has none.
    ///
    /// ```
    /// use refrain::Unkeyable;
    ///
    /// assert_eq!(Unkeyable::new("no").part(), "");
    /// ```
    pub fn part(&self) -> String {
        path::render(self.steps.iter().rev())
    }

    /// Why it cannot be keyed.
    ///
    /// ```
    /// use refrain::Unkeyable;
    /// use refrain::key::UnkeyableReason;
    ///
    /// assert_eq!(Unkeyable::new("no").reason(), &UnkeyableReason::Other("no".into()));
    /// ```
    pub fn reason(&self) -> &UnkeyableReason {
        &self.reason
    }

    /// The same error, seen from one level further out.
    pub(super) fn inside(mut self, step: impl FnOnce() -> Step) -> Self {
        // Deeper paths are cut off when they are shown.
        if self.steps.len() <= MAX_DEPTH {
            self.steps.push(step());
        }
        self
    }

    pub(super) fn at(reason: UnkeyableReason, name: &str) -> Self {
        Self::from(reason).inside(|| Step::name(name))
    }
}

impl From<NotBase64> for UnkeyableReason {
    fn from(_: NotBase64) -> Self {
        Self::NotBase64
    }
}

impl From<UnkeyableReason> for Unkeyable {
    fn from(reason: UnkeyableReason) -> Self {
        Self {
            steps: Vec::new(),
            reason,
        }
    }
}

impl fmt::Display for Unkeyable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.steps.is_empty() {
            write!(
                f,
                "this value cannot be part of a key: {reason}",
                reason = self.reason
            )
        } else {
            write!(
                f,
                "`{part}` cannot be part of a key: {reason}",
                part = self.part(),
                reason = self.reason
            )
        }
    }
}

impl fmt::Debug for Unkeyable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unkeyable({self})")
    }
}

impl std::error::Error for Unkeyable {}
