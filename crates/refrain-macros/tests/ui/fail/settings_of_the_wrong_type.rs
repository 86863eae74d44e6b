use refrain::cached_result_sync;

const SECONDS: u64 = 60;

#[cached_result_sync(ttl = SECONDS)]
fn ttl_is_a_number() -> u32 {
    1
}

#[cached_result_sync(cost = std::time::Instant::now())]
fn cost_is_an_instant() -> u32 {
    1
}

#[cached_result_sync(tags = [seed])]
fn tags_are_numbers(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(enabled = seed)]
fn enabled_is_a_number(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(weight = |text| text)]
fn weight_is_a_text(seed: u64) -> String {
    seed.to_string()
}

#[cached_result_sync(version = ())]
fn version_is_nothing() -> u32 {
    1
}

#[cached_result_sync(name = format!("price {article}"))]
fn name_depends_on_the_call(article: u32) -> u32 {
    article
}

#[cached_result_sync(store_errors)]
fn stores_errors_without_any(seed: u64) -> Option<u64> {
    Some(seed)
}

fn main() {}
