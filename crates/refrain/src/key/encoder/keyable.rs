//! The trait [`Keyable`]: Rust values that can be part of a key.

use super::{Encoded, KeyEncoder};
use crate::key::Unkeyable;

/// A value that can be part of a key: whatever changes the result changes its canonical form.
///
/// Implemented for numbers, text, paths, bytes, collections, tuples up to twelve, `Option`, `Result`, ranges,
/// `Duration` and pointers to them. Values are written with the family of their type: a number, text, bytes, a
/// list, a tuple, a set, a mapping. Inside the family the Rust type makes no difference: `1_u8` and `1_u64`,
/// `String` and `&str`, `Vec` and slice, `HashMap` and `BTreeMap` have the same form. That is safe because a key
/// names its generator, and one place in its request always has one type; a generic function must add the types
/// it was called with to its key.
///
/// A value that stands for something else is keyed by itself: a path as it is written, not by the content of the file.
///
/// # Implementing it
///
/// Pass every field that can change the result to the [`KeyEncoder`]. The form must be a function of the value
/// alone: no addresses, no order of a hash table, no time.
///
/// ```
/// use refrain::key::{Encoded, Key, KeyEncoder, Keyable, Unkeyable};
///
/// struct Prompt { text: String, seed: u64 }
///
/// impl Keyable for Prompt {
///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
///         encoder.record("Prompt", &[("text", &self.text), ("seed", &self.seed)])
///     }
/// }
///
/// let key_of = |seed| {
///     let prompt = Prompt { text: "a cat".into(), seed };
///     Key::builder().generator("painter", "1").part("prompt", &prompt).build()
/// };
/// assert_eq!(key_of(1), key_of(1));
/// assert_ne!(key_of(1), key_of(2));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a cache key",
    label = "this value has no stable form to make a key from",
    note = "if the type is yours, write `#[derive(refrain::Keyable)]` above it, or implement `refrain::Keyable`",
    note = "if it is not, give the key yourself with `key = |…| …`, from values that can be keyed",
    note = "if it cannot change the result, leave it out with `ignore(…)`"
)]
pub trait Keyable {
    /// Writes this value, as exactly one value.
    ///
    /// # Errors
    ///
    /// [`Unkeyable`] when it cannot be keyed; the request then goes past the cache.
    ///
    /// ```
    /// use refrain::key::{Encoded, KeyEncoder, Keyable, Unkeyable, canonical_form};
    ///
    /// struct Percent(u8);
    ///
    /// impl Keyable for Percent {
    ///     fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
    ///         self.0.encode_key(encoder)
    ///     }
    /// }
    /// assert_eq!(canonical_form(&Percent(7)), canonical_form(&7));
    /// ```
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable>;

    /// Writes many of these in a row. A slice of `u8` is bytes, every other slice a list.
    #[doc(hidden)]
    fn encode_slice(slice: &[Self], encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable>
    where
        Self: Sized,
    {
        encoder.list(slice)
    }
}
