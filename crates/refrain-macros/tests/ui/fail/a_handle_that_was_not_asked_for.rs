use refrain::cached_result_sync;

#[cached_result_sync]
fn price(article: u32) -> u32 {
    article
}

fn main() {
    price::invalidate(7);
}
