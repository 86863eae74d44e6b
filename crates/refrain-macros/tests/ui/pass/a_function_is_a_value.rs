use std::future::Future;
use std::pin::Pin;

use refrain::{cached_result, cached_result_sync};

#[cached_result_sync]
fn double(number: u32) -> u32 {
    number * 2
}

#[cached_result]
async fn triple(number: u32) -> u32 {
    number * 3
}

pub(crate) fn main() {
    let doubled: Vec<u32> = [1, 2, 2].into_iter().map(double).collect();
    assert_eq!(doubled, [2, 4, 4]);
    let pointer: fn(u32) -> u32 = double;
    assert_eq!(pointer(4), 8);
    let dynamic: Box<dyn Fn(u32) -> Pin<Box<dyn Future<Output = u32> + Send>>> =
        Box::new(|number| Box::pin(triple(number)));
    drop(dynamic(1));
}
