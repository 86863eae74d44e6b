//! Pictures to reliefs: the bytes of a picture become the bytes of a printable 3D relief.
//!
//! The way of a picture, one module each:
//!
//! ```text
//! bytes ─▶ picture (decode) ─▶ surface (resample, brightness to height) ─▶ mesh (closed solid) ─▶ write (STL, OBJ, PLY, GLB)
//! ```
//!
//! The way of a request, which is the same for every door (HTTP, command line, Python):
//!
//! ```text
//! Fields ─▶ ReliefRequest::read (names, defaults, ranges) ─▶ ReliefRequest::key, generate
//! ```
//!
//! Names, ranges and defaults are in [`field`] and nowhere else: the doors write their help, their schema and their
//! refusals from it.
//!
//! Everything here is synchronous and pure: no HTTP, no files, no clock, no random numbers, no threads.
//! The arithmetic is addition, multiplication, division and square root of IEEE 754 numbers in a fixed
//! order, so the same picture and parameters give the same bytes on every run. (`docs/relief.md` says what that means
//! for the decoders.)
//! The quality table and the measured times are in `docs/relief.md`.

mod error;
pub mod field;
mod format;
mod generate;
mod key;
mod limits;
mod memory;
mod mesh;
mod parameters;
mod picture;
mod request;
mod stage;
mod surface;
mod write;

pub use error::ReliefError;
pub use format::Format;
pub use generate::generate;
pub use key::{FINGERPRINT, NAME, each_part, key};
pub use limits::{MAX_PICTURE_BYTES, MAX_PICTURE_SIDE};
pub use parameters::{Dimensions, ReliefParameters};
pub use request::{Fields, ReliefRequest};
pub use stage::Progress;
