//! Refrain is a result cache for expensive generation: *never generate the same thing twice.*
//!
//! A [`Cache`] maps keys to results that take seconds or minutes to make and kilobytes to a hundred megabytes to keep.
//! The first request for a key computes; every identical one after it, and every identical one that arrives *while it
//! runs*, gets the same value.
//!
//! ```
//! use refrain::{Cache, Outcome};
//! use std::time::Duration;
//!
//! let cache: Cache<String, Vec<u8>> = Cache::builder()
//!     .capacity_bytes(512 << 20)
//!     .weigher(|prompt: &String, picture: &Vec<u8>| (prompt.len() + picture.len()) as u64)
//!     .time_to_live(Duration::from_secs(86_400))
//!     .build()?;
//!
//! let generate = || vec![0x89, b'P', b'N', b'G'];
//! let first = cache.entry("a cat in the rain".to_owned()).get_or_compute(generate)?;
//! let again = cache.entry("a cat in the rain".to_owned()).get_or_compute(generate)?;
//! assert_eq!(first.value, again.value);
//! assert_eq!(again.outcome, Outcome::Hit);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # One line above a function
//!
//! `#[cached_result]` and `#[cached_result_sync]` keep the results of a function in the cache of the process,
//! [`global()`], or in one of your own.
//!
#![cfg_attr(feature = "macros", doc = "```")]
#![cfg_attr(not(feature = "macros"), doc = "```ignore")]
//! use refrain::cached_result_sync;
//!
//! #[cached_result_sync]
//! fn render(prompt: &str, seed: u64) -> Vec<u8> {
//!     format!("{prompt} {seed}").into_bytes() // …two minutes later…
//! }
//!
//! assert_eq!(render("a cat", 7), render("a cat", 7)); // once
//! assert_eq!(refrain::global().stats().computations, 1);
//! ```
//!
//! # What you may rely on
//!
//! * One computation per key, however many ask at once; it belongs to the cache, so a caller may leave.
//! * The accounted bytes and entries never exceed the [`Capacity`], which is one for the whole cache.
//! * No value whose computation began before an invalidation is seen after it.
//! * No lock is held while your code runs, but for `Eq` of the key and `Clone` of the value, which must not use the
//!   cache. A computation that needs its own result gets an error instead of hanging.

mod block_on;
mod builder;
mod cache;
mod catch;
mod clock;
mod computed;
#[cfg(feature = "macros")]
mod decorate;
mod entry;
mod error;
mod flight;
mod global;
mod histogram;
pub mod key;
mod outcome;
#[doc(hidden)]
pub mod policy;
mod request;
mod stats;
mod store;
mod sync;
pub mod tier;
mod tiered;
mod weigh;

pub use block_on::block_on;
pub use builder::CacheBuilder;
pub use cache::Cache;
pub use clock::{Clock, FakeClock};
pub use computed::{Computed, EntryOptions};
#[cfg(feature = "macros")]
pub use decorate::{CachedCall, FunctionCache, FunctionStats, function_stats};
pub use entry::{Answer, Capacity, Cursor, EntriesPage, Entry, EntryInfo, RemovalCause};
pub use error::{BuildError, ComputeError};
pub use flight::{BoxFuture, OnAbandoned};
pub use global::{AnyValue, GlobalError, global, init_global, try_global};
pub use histogram::Histogram;
pub use key::{Key, KeyBuilder, KeyEncoder, Keyable, Unkeyable};
pub use outcome::{BypassReason, Insertion, Outcome, Stored, TierName};
pub use policy::{Policy, StateError};
#[cfg(feature = "macros")]
pub use refrain_macros::{Keyable, Weigh, cached_result, cached_result_sync};
pub use request::{EntryRequest, Role, SideRequest};
pub use stats::Stats;
pub use tier::{Tier, Tiers};
pub use tiered::{BytesCodec, Codec, CodecError, TieredCache, TieredRequest, TieredSideRequest};
pub use weigh::Weigh;

#[cfg(feature = "macros")]
#[doc(hidden)]
pub use decorate::expansion as __private;
