/// Documented.
#[refrain::cached_result_sync]
#[must_use = "it took long"]
#[inline(never)]
#[cfg_attr(all(), allow(unused_variables))]
pub fn documented(
    #[allow(unused)]
    number: u64,
) -> u64 {
    let unused = 1;
    number
}

#[deprecated]
#[refrain::cached_result_sync]
fn old() -> u64 {
    1
}

pub(crate) fn main() {
    assert_eq!(documented(7), 7);
    #[allow(deprecated)]
    let one = old();
    assert_eq!(one, 1);
}
