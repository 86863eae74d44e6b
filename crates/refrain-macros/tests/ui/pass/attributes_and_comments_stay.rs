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

#[refrain::cached_result_sync]
fn inside() -> u64 {
    //! Documented inside.
    #![allow(unused_variables)]
    let unused = 1;
    2
}

#[refrain::cached_result]
async fn inside_of_async() -> u64 {
    #![allow(unused_variables)]
    let unused = 1;
    2
}

#[deprecated]
#[refrain::cached_result_sync]
fn old() -> u64 {
    1
}

pub(crate) fn main() {
    assert_eq!((documented(7), inside()), (7, 2));
    drop(inside_of_async());
    #[allow(deprecated)]
    let one = old();
    assert_eq!(one, 1);
}
