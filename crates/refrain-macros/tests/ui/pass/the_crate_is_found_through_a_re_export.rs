mod dependencies {
    pub use refrain as cache;
}

#[dependencies::cache::cached_result_sync(crate = crate::the_crate_is_found_through_a_re_export::dependencies::cache, handle)]
fn square(number: u64) -> u64 {
    number * number
}

#[dependencies::cache::cached_result(crate = dependencies::cache)]
async fn cube(number: u64) -> u64 {
    number * number * number
}

pub(crate) fn main() {
    assert_eq!(square(3), 9);
    assert!(square::invalidate(3));
    drop(cube(3));
}
