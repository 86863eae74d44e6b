use std::sync::LazyLock;

use refrain::{Cache, Key, cached_result_sync};

static NUMBERS: LazyLock<Cache<Key, u64>> = LazyLock::new(|| Cache::builder().build().unwrap());
static BY_NAME: LazyLock<Cache<String, u64>> = LazyLock::new(|| Cache::builder().build().unwrap());
static MAP: LazyLock<std::sync::Mutex<std::collections::HashMap<u64, u64>>> = LazyLock::new(Default::default);

#[cached_result_sync(cache = NUMBERS)]
fn another_type(seed: u64) -> String {
    seed.to_string()
}

#[cached_result_sync(cache = NUMBERS, store_errors)]
fn a_whole_result(seed: u64) -> Result<u64, String> {
    Ok(seed)
}

#[cached_result_sync(cache = BY_NAME)]
fn another_key(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(cache = MAP)]
fn not_a_cache(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(cache = PICTURES)]
fn not_there(seed: u64) -> u64 {
    seed
}

fn main() {}
