use std::rc::Rc;

use refrain::{Keyable, cached_result};

#[cached_result]
async fn an_argument(words: Rc<String>) -> usize {
    words.len()
}

#[cached_result]
async fn held_across_an_await(seed: u64) -> u64 {
    let held = Rc::new(seed);
    std::future::ready(()).await;
    *held
}

#[cached_result]
async fn a_type_parameter<T: Keyable>(value: T) -> usize {
    size_of_val(&value)
}

struct Scene;

impl Scene {
    #[cached_result(ignore(self))]
    async fn not_cloned(&self, seed: u64) -> u64 {
        seed
    }
}

fn main() {}
