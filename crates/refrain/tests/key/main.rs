//! What a key promises, seen from outside the crate.
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod decoder;
mod documents;
mod json;
mod media;
mod requests;
mod rust_values;
mod strategies;
mod vectors;
