use refrain::{cached_result, cached_result_sync};

struct Canvas(Vec<u8>);

impl Canvas {
    #[cached_result_sync]
    fn draw(&mut self, color: u8) -> usize {
        self.0.push(color);
        self.0.len()
    }
}

#[cached_result_sync]
fn fill(pixels: &mut Vec<u8>, color: u8) -> usize {
    pixels.fill(color);
    pixels.len()
}

#[cached_result_sync(key = |pixels| pixels.len())]
fn keyed_all_the_same(pixels: &mut Vec<u8>) -> usize {
    pixels.len()
}

#[cached_result(ignore(log))]
async fn outlived(seed: u64, log: &mut Vec<u64>) -> u64 {
    log.push(seed);
    seed
}

fn main() {}
