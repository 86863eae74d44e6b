use std::sync::LazyLock;
use std::time::Duration;

use refrain::{Cache, Key, cached_result_sync};

static PICTURES: LazyLock<Cache<Key, Result<String, String>>> =
    LazyLock::new(|| Cache::builder().build().unwrap());

#[cached_result_sync(
    ttl = Duration::from_secs(60),
    key = |prompt, seed| (prompt, seed),
    cache = PICTURES,
    cost = Duration::from_secs(120),
    tags = ["model:v2"],
    weight = |result| result.as_ref().map_or(0, String::len),
    enabled = seed != 0,
    name = "paint",
    version = 2,
    store_errors,
    handle,
    crate = ::refrain,
)]
fn paint(prompt: &str, seed: u64, progress: &mut Vec<u8>) -> Result<String, String> {
    progress.push(100);
    Ok(prompt.repeat(seed as usize))
}

// With `key`, what the closure leaves out is ignored, so `progress` needs no `ignore`.
pub(crate) fn main() {
    let mut progress = Vec::new();
    paint("a", 2, &mut progress).unwrap();
    paint("a", 2, &mut progress).unwrap();
    assert_eq!(progress, [100]);
}
