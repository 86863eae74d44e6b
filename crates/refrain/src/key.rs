//! Content-addressed keys: from the parts of a request, by its canonical form, to a BLAKE3 digest, the [`Key`].
//!
//! Two requests share a key exactly when they mean the same, for the same tenant and the same generator.
//! The way there has three stations:
//!
//! 1. The request is described by *parts*: all that the route or the call consists of, each under a name.
//!    A part is anything [`Keyable`]: a Rust value, or a [`Document`] read from JSON, with [`Media`] in it.
//! 2. [`KeyBuilder`] writes namespace, generator and parts in their *canonical form*: typed, framed by lengths,
//!    names sorted. Two different requests never have the same canonical form, and the order in which fields
//!    were sent makes no difference.
//! 3. BLAKE3 over these bytes is the key.
//!
//! Every part counts, unless an [`IgnoreList`] names it. A part that cannot be keyed is an [`Unkeyable`], with the part and
//! the reason, and never a stand-in: such a request goes past the cache.
//!
//! The canonical form is published byte by byte in `docs/key-format.md`, with vectors in `docs/key-vectors.json`,
//! so that other languages can compute the same keys.
//!
//! ```
//! use refrain::key::{Document, IgnoreList, Key};
//!
//! let ignored = IgnoreList::parse(["/body/client_id"])?;
//! let key_of = |json: &str| -> Result<Key, Box<dyn std::error::Error>> {
//!     let body = Document::from_json(json.as_bytes())?;
//!     Ok(Key::builder()
//!         .namespace("tenant-a")
//!         .generator("relief", "1")
//!         .part("body", &body)
//!         .ignoring(&ignored)
//!         .build()?)
//! };
//!
//! let key = key_of(r#"{"seed": 7, "format": "stl", "client_id": "x"}"#)?;
//! assert_eq!(key, key_of(r#"{"format": "stl", "seed": 7}"#)?);
//! assert_ne!(key, key_of(r#"{"format": "stl", "seed": 7.0}"#)?);
//! assert_ne!(key, key_of(r#"{"format": "stl", "seed": 7, "quality": null}"#)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

mod builder;
mod document;
mod encoder;
mod format;
mod ignore;
mod json;
mod media;
mod number;
mod path;
mod pointer;
mod request_form;
mod sink;
mod unkeyable;
mod values;

pub use builder::KeyBuilder;
pub use document::{Document, Map, RepeatedKey, Set, Table, Tagged};
pub use encoder::{Encoded, KeyEncoder, Keyable, canonical_form};
pub use format::{FORMAT_VERSION, MAX_DEPTH};
pub use ignore::IgnoreList;
pub use json::{JsonError, JsonErrorKind, MAX_JSON_VALUES};
pub use media::{Media, MediaHasher, NotBase64};
pub use number::{Decimal, Float, Integer, ParseIntegerError};
pub use pointer::{ParsePointerError, Pointer};
pub use request_form::RequestForm;
pub use unkeyable::{Unkeyable, UnkeyableReason};

/// The identity of a request: a 256-bit BLAKE3 digest, never shortened.
///
/// Made by [`Key::builder`]. Written as 64 lowercase hexadecimal digits, in text and through serde alike;
/// keys sort as their digits do.
///
/// ```
/// use refrain::Key;
///
/// let key = Key::builder().generator("relief", "1").part("seed", &7).build()?;
/// let text = key.to_string();
/// assert_eq!(text.len(), 64);
/// assert_eq!(text.parse(), Ok(key));
/// # Ok::<(), refrain::Unkeyable>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key([u8; 32]);

/// A text that is not a key: a key is exactly 64 lowercase hexadecimal digits, so that it has one spelling only.
///
/// ```
/// use refrain::Key;
/// use refrain::key::ParseKeyError;
///
/// assert_eq!("abc".parse::<Key>(), Err(ParseKeyError::Length { found: 3 }));
/// assert_eq!("F".repeat(64).parse::<Key>(), Err(ParseKeyError::Digit { position: 0 }));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseKeyError {
    /// Too short or too long.
    #[error("a key has 64 hexadecimal digits, this text has {found} bytes")]
    Length {
        /// Bytes in the text.
        found: usize,
    },
    /// Not one of `0`-`9`, `a`-`f`.
    #[error("a key is written in lowercase hexadecimal digits, byte {position} is not one")]
    Digit {
        /// Position of the first wrong byte, counted from 0.
        position: usize,
    },
}

impl Key {
    /// Starts to describe a request; [`KeyBuilder::build`] gives its key.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let seven = Key::builder().generator("relief", "1").part("seed", &7).build()?;
    /// let eight = Key::builder().generator("relief", "1").part("seed", &8).build()?;
    /// assert_ne!(seven, eight);
    /// # Ok::<(), refrain::Unkeyable>(())
    /// ```
    pub fn builder<'a>() -> KeyBuilder<'a> {
        KeyBuilder::new()
    }

    /// The key with exactly these bytes, for digests that come from elsewhere (a file, another process).
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// let key = Key::from_bytes([0xab; 32]);
    /// assert_eq!(key.to_string(), "ab".repeat(32));
    /// ```
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the digest.
    ///
    /// ```
    /// use refrain::Key;
    ///
    /// assert_eq!(Key::from_bytes([7; 32]).as_bytes(), &[7; 32]);
    /// ```
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Hash for Key {
    /// Feeds 8 bytes into which all 32 are folded.
    ///
    /// The digest is uniform already, so a table gains nothing from more. A client may know keys and search for those that
    /// collide, so the table's own hasher must be seeded. Folding all four words, and not taking the first, keeps tables
    /// fast for keys from [`Key::from_bytes`] that differ in a few bytes only.
    fn hash<H: Hasher>(&self, state: &mut H) {
        /// Any odd number serves; this one is 2^64 divided by the golden ratio, whose bits are well mixed.
        const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

        let (words, _) = self.0.as_chunks::<8>();
        let folded = words.iter().fold(0_u64, |sum, word| {
            let word = u64::from_le_bytes(*word);
            sum.wrapping_mul(FACTOR).wrapping_add(word)
        });
        state.write_u64(folded);
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

impl FromStr for Key {
    type Err = ParseKeyError;

    fn from_str(text: &str) -> Result<Self, ParseKeyError> {
        if text.len() != 64 {
            return Err(ParseKeyError::Length { found: text.len() });
        }
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if let Some(position) = text.bytes().position(|byte| !is_digit(&byte)) {
            return Err(ParseKeyError::Digit { position });
        }
        let hash = blake3::Hash::from_hex(text).expect("64 hexadecimal digits: checked above");
        Ok(Self(*hash.as_bytes()))
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(blake3::Hash::from_bytes(self.0).to_hex().as_str())
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;

        impl de::Visitor<'_> for Digits {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key of 64 lowercase hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Digits)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, RandomState};

    use super::*;

    #[test]
    fn a_key_has_one_spelling() {
        let key = Key::from_bytes([0xc0; 32]);
        let text = "c0".repeat(32);
        assert_eq!(key.to_string(), text);
        assert_eq!(format!("{key:?}"), format!("Key({text})"));
        assert_eq!(text.parse(), Ok(key));

        let upper = text.to_uppercase();
        assert_eq!(
            upper.parse::<Key>(),
            Err(ParseKeyError::Digit { position: 0 })
        );
        let prefixed = format!("0x{}", &text[2..]);
        assert_eq!(
            prefixed.parse::<Key>(),
            Err(ParseKeyError::Digit { position: 1 })
        );
        // 64 bytes, 63 characters: the length in bytes alone must not let it through.
        let accented = format!("{}é", &text[2..]);
        assert_eq!(
            accented.parse::<Key>(),
            Err(ParseKeyError::Digit { position: 62 })
        );
    }

    #[test]
    fn serde_writes_and_reads_the_digits() {
        let key = Key::from_bytes([0x5e; 32]);
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(json, format!("\"{key}\""));
        assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);

        let error = serde_json::from_str::<Key>("\"5e\"").unwrap_err();
        assert!(error.to_string().contains("64 hexadecimal digits"));
    }

    #[test]
    fn keys_sort_as_their_digits_do() {
        let mut first = [0; 32];
        first[31] = 0xff;
        let mut second = [0; 32];
        second[0] = 1;
        let (first, second) = (Key::from_bytes(first), Key::from_bytes(second));
        assert!(first < second);
        assert!(first.to_string() < second.to_string());
    }

    #[test]
    fn keys_that_differ_in_one_byte_seldom_hash_alike() {
        let state = RandomState::new();
        let mut hashes = HashSet::new();
        for position in 0..32 {
            for byte in 1..=255 {
                let mut bytes = [0; 32];
                bytes[position] = byte;
                hashes.insert(state.hash_one(Key::from_bytes(bytes)));
            }
        }
        // The highest byte of each word reaches the highest byte of the fold only.
        assert!(hashes.len() > 7_000, "{} of 8160", hashes.len());
    }
}
