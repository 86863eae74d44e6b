use refrain::{Cache, Key, cached_result_sync};

struct Shop;

impl Shop {
    #[cached_result_sync(ignore(self), handle)]
    fn price(&self, article: u32) -> u32 {
        article
    }
}

#[cached_result_sync(handle = rename)]
fn rename() -> u32 {
    1
}

#[cached_result_sync(handle = "in_quotes")]
fn quoted() -> u32 {
    1
}

#[cached_result_sync(handle)]
fn unnamed_type(value: impl refrain::Keyable) -> u32 {
    drop(value);
    1
}

#[cached_result_sync(handle, cache = cache, ignore(cache))]
fn cache_by_argument(cache: &Cache<Key, u32>) -> u32 {
    1
}

fn main() {}
