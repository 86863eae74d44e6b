//! Numbers, flags, text, paths.

use std::ffi::{OsStr, OsString};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::key::{Decimal, Encoded, Float, Integer, Key, KeyEncoder, Keyable, Media, Unkeyable};

macro_rules! keyable_integers {
    ($($type:ty),*) => {$(
        impl Keyable for $type {
            fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
                encoder.integer(*self)
            }
        }

        impl Keyable for NonZero<$type> {
            fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
                encoder.integer(self.get())
            }
        }
    )*};
}

keyable_integers!(u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

impl Keyable for u8 {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.integer(*self)
    }

    fn encode_slice(slice: &[Self], encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.bytes(slice)
    }
}

impl Keyable for NonZero<u8> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.integer(self.get())
    }
}

impl Keyable for Integer {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        Ok(encoder.big_integer(self))
    }
}

/// By its value at 64 bits; bits of a NaN are kept.
impl Keyable for f32 {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.float(*self)
    }
}

/// By its bits: `0.0` and `-0.0` differ, and so do NaNs of different bits. A function can tell them apart, so the
/// key must; a NaN that was computed may have other bits elsewhere, which costs a miss and never a wrong hit.
impl Keyable for f64 {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.float(*self)
    }
}

impl Keyable for Float {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.float(*self)
    }
}

impl Keyable for Decimal {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        Ok(encoder.decimal(self))
    }
}

impl Keyable for bool {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.bool(*self)
    }
}

/// Text of one character.
impl Keyable for char {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.text(self.encode_utf8(&mut [0; 4]))
    }
}

impl Keyable for str {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.text(self)
    }
}

impl Keyable for String {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.text(self)
    }
}

/// Text; what is not UTF-8 enters as bytes.
impl Keyable for OsStr {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        match self.to_str() {
            Some(text) => encoder.text(text),
            None => encoder.bytes(self.as_encoded_bytes()),
        }
    }
}

impl Keyable for OsString {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        self.as_os_str().encode_key(encoder)
    }
}

/// The path as it is written, not the content of the file.
impl Keyable for Path {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        self.as_os_str().encode_key(encoder)
    }
}

/// The path as it is written, not the content of the file.
impl Keyable for PathBuf {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        self.as_os_str().encode_key(encoder)
    }
}

/// Nanoseconds, marked as a duration.
impl Keyable for Duration {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.tagged("Duration", &self.as_nanos())
    }
}

impl Keyable for bytes::Bytes {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.bytes(self)
    }
}

impl Keyable for Media {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.media(self)
    }
}

/// The digest as bytes: a result can be part of the request for another.
impl Keyable for Key {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.bytes(self.as_bytes())
    }
}
