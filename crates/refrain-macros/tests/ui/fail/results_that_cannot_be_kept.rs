use std::future::Future;
use std::pin::Pin;

use refrain::{cached_result, cached_result_sync};

#[cached_result_sync]
fn nothing(seed: u64) {
    let _ = seed;
}

#[cached_result]
async fn the_empty_tuple(seed: u64) -> () {
    let _ = seed;
}

#[cached_result_sync]
fn never(seed: u64) -> ! {
    panic!("{seed}")
}

#[cached_result_sync]
fn a_type_without_a_name(count: u32) -> impl Iterator<Item = u32> {
    0..count
}

#[cached_result_sync]
fn a_future(seed: u64) -> impl Future<Output = u64> {
    async move { seed }
}

#[cached_result_sync]
fn a_boxed_future(seed: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move { seed })
}

#[cached_result_sync]
fn a_reference(text: &str) -> &str {
    text.trim()
}

#[cached_result_sync]
fn a_hidden_reference<'a>(text: &'a str) -> Option<std::borrow::Cow<'a, str>> {
    Some(text.trim().into())
}

fn main() {}
