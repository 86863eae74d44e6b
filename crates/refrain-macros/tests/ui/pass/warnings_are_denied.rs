#![deny(warnings, missing_docs, unused, unreachable_pub, rust_2018_idioms, missing_debug_implementations)]
#![deny(elided_lifetimes_in_paths, single_use_lifetimes, unused_qualifications, trivial_casts)]
#![forbid(unsafe_code)]
//! Expansions cause no warnings.

use refrain::{cached_result, cached_result_sync};

/// Used in the key only.
#[cached_result_sync]
pub fn unused_in_body(_number: u64, text: &str) -> usize {
    text.len()
}

/// Borrows.
#[cached_result]
pub async fn borrows(words: &[String], seed: &u64, mut count: usize) -> String {
    count += words.len();
    format!("{words:?} {count} {seed}")
}

/// With a handle.
#[cached_result_sync(handle, ttl = std::time::Duration::from_secs(1))]
pub fn with_handle(number: u64) -> Result<u64, String> {
    Ok(number)
}

/// With a call.
#[cached_result_sync(handle = with_call_call, key = |number| number, tags = ["a"])]
pub fn with_call(number: u64) -> Option<u64> {
    Some(number)
}

/// Awaits itself.
#[cached_result]
pub async fn countdown(number: u64) -> u64 {
    if number == 0 { 0 } else { countdown(number - 1).await }
}

/// A trait with an async method.
#[allow(async_fn_in_trait)]
pub trait Render {
    /// Renders.
    async fn render(&self, depth: u64) -> u64;
}

/// Renders itself.
#[derive(Clone, Debug)]
pub struct Cat;

impl Render for Cat {
    #[cached_result(ignore(self))]
    async fn render(&self, depth: u64) -> u64 {
        if depth == 0 { 0 } else { self.render(depth - 1).await + 1 }
    }
}

fn main() {
    assert_eq!(unused_in_body(1, "a"), 1);
    assert_eq!(with_handle(1), Ok(1));
    assert_eq!(with_call(1), Some(1));
    drop((borrows(&[], &1, 0), countdown(3), Cat.render(3)));
}
