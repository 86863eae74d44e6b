//! Files within a JSON answer: base64, decoded piece by piece into a validator.

use refrain::key::Document;

use super::NotAResult;
use crate::success::Validate;
use crate::validate::{MediaKind, Validator};

/// Digits decoded at a time: a multiple of 4.
const DIGITS_AT_ONCE: usize = 64 * 1024;

/// Whether this value is a whole file as base64. One of a kind that nobody knows only has to be base64.
pub(super) fn check(value: &Document, validate: Validate) -> Result<(), NotAResult> {
    let Document::Text(text) = value else {
        return if *value == Document::Null {
            Ok(())
        } else {
            Err(NotAResult::NotBase64)
        };
    };
    let digits = text
        .strip_prefix("data:")
        .and_then(|uri| uri.split_once(";base64,"));
    let digits = digits
        .map_or(text.as_str(), |(_, digits)| digits)
        .trim()
        .as_bytes();
    let mut validator = None;
    for (index, piece) in digits.chunks(DIGITS_AT_ONCE).enumerate() {
        let decoded =
            base64_simd::forgiving_decode_to_vec(piece).map_err(|_| NotAResult::NotBase64)?;
        if index == 0 {
            validator = match validate {
                Validate::As(kind) => Some(kind),
                Validate::ByType | Validate::No => {
                    MediaKind::of_beginning(&decoded[..decoded.len().min(16)])
                }
            }
            .map(Validator::new);
        }
        if let Some(validator) = &mut validator {
            validator.update(&decoded)?;
        }
    }
    if digits.is_empty() {
        return Err(NotAResult::Failed);
    }
    validator.map_or(Ok(()), |validator| Ok(validator.finish()?))
}
