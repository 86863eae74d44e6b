use refrain::{cached_result, cached_result_sync};

#[cached_result_sync()]
fn seven() -> u8 {
    7
}

#[cached_result()]
async fn eight() -> u8 {
    8
}

pub(crate) fn main() {
    assert_eq!(seven(), 7);
    let _ = eight();
}
