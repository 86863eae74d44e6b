use refrain::cached_result_sync;

#[cached_result_sync(ttl)]
fn ttl_without_a_value() -> u32 {
    1
}

#[cached_result_sync(ttl = 60)]
fn ttl_in_seconds() -> u32 {
    1
}

#[cached_result_sync(cost = -1.5)]
fn a_negative_cost() -> u32 {
    1
}

#[cached_result_sync(tags = "model:v2")]
fn one_tag() -> u32 {
    1
}

#[cached_result_sync(enabled = "yes")]
fn enabled_by_a_word() -> u32 {
    1
}

#[cached_result_sync(enabled = || true)]
fn enabled_by_a_closure() -> u32 {
    1
}

#[cached_result_sync(cache = "pictures")]
fn the_name_of_a_cache() -> u32 {
    1
}

#[cached_result_sync(name = "")]
fn an_empty_name() -> u32 {
    1
}

#[cached_result_sync(name = 7)]
fn a_number_for_a_name() -> u32 {
    1
}

#[cached_result_sync(weight = 100)]
fn a_number_for_a_weight() -> u32 {
    1
}

#[cached_result_sync(weight = |key, value| 100_u64)]
fn a_weigher_of_a_cache() -> u32 {
    1
}

#[cached_result_sync(store_errors = true)]
fn a_value_for_store_errors() -> Result<u32, String> {
    Ok(1)
}

#[cached_result_sync(crate = "renamed")]
fn a_crate_in_quotes() -> u32 {
    1
}

fn main() {}
