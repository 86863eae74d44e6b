use refrain::cached_result_sync;

#[cached_result_sync(ignore)]
fn none(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(ignore())]
fn an_empty_list(seed: u64) -> u64 {
    seed
}

#[cached_result_sync(ignore = progress)]
fn an_equals_sign(seed: u64, progress: u8) -> u64 {
    seed + u64::from(progress)
}

#[cached_result_sync(ignore("progress"))]
fn in_quotes(seed: u64, progress: u8) -> u64 {
    seed + u64::from(progress)
}

#[cached_result_sync(ignore(progres, sede))]
fn two_misspelled(seed: u64, progress: u8) -> u64 {
    seed + u64::from(progress)
}

#[cached_result_sync(ignore(progress))]
fn without_arguments() -> u64 {
    1
}

#[cached_result_sync(ignore(progress), key = |seed| seed)]
fn beside_a_key(seed: u64, progress: u8) -> u64 {
    seed + u64::from(progress)
}

fn main() {}
