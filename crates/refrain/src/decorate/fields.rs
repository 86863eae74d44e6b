//! The fields of a type with `#[derive(Keyable)]`, as one value.

use crate::key::{Encoded, KeyEncoder, Keyable, Unkeyable};

/// Fields with names: a map.
#[expect(
    missing_debug_implementations,
    reason = "lives for one call of the encoder"
)]
pub struct Named<'a>(pub &'a [(&'a str, &'a dyn Keyable)]);

/// Fields without: a tuple.
#[expect(
    missing_debug_implementations,
    reason = "lives for one call of the encoder"
)]
pub struct Unnamed<'a>(pub &'a [&'a dyn Keyable]);

impl Keyable for Named<'_> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.fields(self.0)
    }
}

impl Keyable for Unnamed<'_> {
    fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
        encoder.tuple(self.0)
    }
}
