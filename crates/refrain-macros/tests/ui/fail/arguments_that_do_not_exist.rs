use refrain::cached_result_sync;

#[cached_result_sync(flavour = "sweet")]
fn unknown() -> u32 {
    1
}

#[cached_result_sync(ttl_seconds = 60)]
fn from_another_library(number: u32) -> u32 {
    number
}

#[cached_result_sync(max_size = 100)]
fn a_setting_of_the_cache() -> u32 {
    1
}

#[cached_result_sync(cache_key_fn = |number| number)]
fn from_python(number: u32) -> u32 {
    number
}

#[cached_result_sync(cache_none = true)]
fn already_so() -> Option<u32> {
    None
}

#[cached_result_sync(ttl = std::time::Duration::MAX, ttl = std::time::Duration::ZERO)]
fn given_twice() -> u32 {
    1
}

#[cached_result_sync("shop::price")]
fn a_value_without_its_name() -> u32 {
    1
}

#[cached_result_sync(handle store_errors)]
fn no_comma() -> Result<u32, String> {
    Ok(1)
}

fn main() {
    // One mistake is one error: the functions can be called all the same.
    unknown();
    from_another_library(1);
}
