#![allow(dead_code, non_camel_case_types)]

mod core {}
mod std {}
mod refrain {}
struct Option;
struct Some;
struct Result;
struct Site;
struct Key;
trait Send {}
trait GivenParts {}
const SITE: u32 = 1;
fn call() -> u32 {
    SITE
}

#[::refrain::cached_result_sync]
fn sum(site: u32, key: u32, shape: u32, weight: u32, __site: u32, __call: u32, wanted: u32) -> u32 {
    site + key + shape + weight + __site + __call + wanted + call() + SITE
}

#[::refrain::cached_result(key = |__call, options| (__call, options))]
async fn product(__call: u32, options: u32, __output: u32, __wanted: &u32) -> u32 {
    __call * options * __output * *__wanted
}

pub(crate) fn main() {
    assert_eq!(sum(1, 1, 1, 1, 1, 1, 1), 9);
    drop(product(1, 1, 1, &1));
}
