//! What a route promises, seen from outside the crate.
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets the unexpected has failed"
)]

mod asking;
mod pairs;
mod properties;
mod vectors;
