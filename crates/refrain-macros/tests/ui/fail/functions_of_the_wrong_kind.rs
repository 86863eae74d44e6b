use refrain::{cached_result, cached_result_sync};

#[cached_result]
fn not_async() -> u32 {
    1
}

#[cached_result_sync]
async fn not_sync() -> u32 {
    1
}

#[cached_result_sync]
const fn constant() -> u32 {
    1
}

#[cached_result_sync]
unsafe fn not_safe() -> u32 {
    1
}

#[cached_result_sync]
extern "C" fn foreign() -> u32 {
    1
}

#[cached_result_sync]
struct Picture;

#[cached_result_sync]
impl Picture {}

trait Render {
    #[cached_result_sync]
    fn render(&self) -> u32;
}

fn main() {}
