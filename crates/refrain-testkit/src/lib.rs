//! Test doubles and fixtures that the tests of several crates share.
//!
//! * [`Random`]: seeded random numbers; a failure that prints its seed can be repeated.
//! * [`payload`]: bytes that say whose they are, so that a wrong byte cannot pass for a right one.
//! * `pictures` (feature `pictures`): small pictures to make reliefs of.
//! * `tier` (feature `tiers`): the contract of a lower tier, and tiers to try it with.
//! * `ServerProcess` (feature `process`): a running `refrain serve`.
//!
//! Time is moved by the library's own fake, `refrain::Clock::fake`.
//! Only tests, benchmarks and measurements depend on this crate.

pub mod payload;
#[cfg(feature = "pictures")]
pub mod pictures;
#[cfg(feature = "process")]
mod process;
mod random;
#[cfg(feature = "tiers")]
pub mod tier;

#[cfg(feature = "process")]
pub use process::ServerProcess;
pub use random::{Random, mixed};
