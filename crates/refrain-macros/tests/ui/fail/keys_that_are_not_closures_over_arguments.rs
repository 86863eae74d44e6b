use refrain::cached_result_sync;

#[cached_result_sync(key = "picture")]
fn a_text(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(key = format!("{seed}"))]
fn an_expression(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(key = |sede| sede)]
fn a_misspelled_argument(prompt: &str, seed: u64) -> u64 {
    seed + prompt.len() as u64
}

#[cached_result_sync(key = |(seed, _)| seed)]
fn a_pattern(seed: (u64, u64)) -> u64 {
    seed.0
}

#[cached_result_sync(key = |self| self)]
fn self_without_a_method(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(key = async |seed| seed)]
fn a_closure_that_waits(seed: u64) -> u64 {
    seed
}

fn main() {}
