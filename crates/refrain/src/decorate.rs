//! Memoization of functions: the calls that `#[cached_result]` and `#[cached_result_sync]` expand to.
//!
//! The expansion of an attribute is one call of [`call`] or [`call_async`]. All decisions are here, in plain functions.
//! The expansion only names the parts: the [`Site`], the cache, the key, the shape of the result, its weight, and how to
//! compute it.
//!
//! One rule holds throughout: the caller always gets the function's own result. Where the cache cannot help, because
//! there is no key, it refuses, or it holds something else, the function is simply called.

mod asynchronous;
mod ending;
mod fields;
mod function;
mod handle;
mod holding;
mod identity;
mod lookup;
mod options;
mod panics;
mod shape;
mod synchronous;

pub use function::{FunctionStats, function_stats};
pub use handle::{CachedCall, FunctionCache};

/// The items that expansions name. Not for people: they may change in any version.
pub mod expansion {
    pub use super::asynchronous::{boxed, call_async};
    pub use super::fields::{Named, Unnamed};
    pub use super::function::Site;
    pub use super::handle::{cached_call, function_cache};
    pub use super::holding::{estimated, told};
    pub use super::identity::{Call, Given, GivenParts, key, key_of, version};
    pub use super::lookup::{fixed_cache, found_cache, global_cache};
    pub use super::options::{Options, options};
    pub use super::shape::{
        Returns, ReturnsOther, ReturnsResult, ReturnsSharedResult, whole_result,
    };
    pub use super::synchronous::call;
}
