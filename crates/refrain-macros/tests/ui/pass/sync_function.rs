use refrain::cached_result_sync;

#[cached_result_sync]
fn square(number: u64) -> u64 {
    number * number
}

pub(crate) fn main() {
    assert_eq!((square(12), square(12)), (144, 144));
}
