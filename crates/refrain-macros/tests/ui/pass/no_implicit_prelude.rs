#![no_implicit_prelude]

use ::refrain::{cached_result, cached_result_sync};
use ::std::primitive::{str, u64};

#[cached_result_sync(handle, store_errors, tags = ["a"], version = 1 + 1)]
fn parse(text: &str) -> ::std::result::Result<u64, ::std::string::String> {
    text.parse().map_err(|_| ::std::string::ToString::to_string(text))
}

#[cached_result(key = |text| text, weight = |_| 1_u64)]
async fn length(text: &str) -> u64 {
    text.len() as u64
}

pub(crate) fn main() {
    ::std::assert_eq!(parse("7"), ::std::result::Result::Ok(7));
    ::std::assert!(parse::invalidate("7"));
    ::std::mem::drop(length("7"));
}
