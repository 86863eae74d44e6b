use refrain::cached_result_sync;

const NAME: &str = "shop::price";
const FORMAT_VERSION: u32 = 3;

#[cached_result_sync(name = NAME, version = FORMAT_VERSION)]
fn price() -> u32 {
    1
}

#[cached_result_sync(name = concat!("shop", "::", "cost"), version = env!("CARGO_PKG_VERSION"))]
fn cost() -> u32 {
    2
}

pub(crate) fn main() {
    assert_eq!((price(), cost()), (1, 2));
    let stats = refrain::function_stats();
    for name in ["shop::cost", "shop::price"] {
        assert!(stats.iter().any(|stats| stats.name == name));
    }
}
