//! What a hit of a cached function costs, beside a lookup by a key that is there already.
//!
//! `cargo run --release -p refrain-macros --example hit_cost`

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "measures and prints"
)]

use std::hint::black_box;
use std::time::Instant;

use refrain::{AnyValue, Key, Unkeyable, cached_result, cached_result_sync};

#[cached_result_sync]
fn number(seed: u64) -> u64 {
    seed
}

#[cached_result_sync]
fn text(prompt: &str, seed: u64, scale: f64) -> u64 {
    prompt.len() as u64 + seed + scale.to_bits()
}

#[cached_result_sync]
fn bytes(picture: &[u8]) -> usize {
    picture.len()
}

#[cached_result]
async fn later(seed: u64) -> u64 {
    seed
}

/// Nanoseconds of one call, the median of eleven rounds.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..11)
        .map(|_| {
            let began = Instant::now();
            (0..calls).for_each(|_| call());
            began.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Unkeyable> {
    let key = Key::builder()
        .generator("hit_cost", "1")
        .part("seed", &7)
        .build()?;
    let value: AnyValue = std::sync::Arc::new(7_u64);
    refrain::global().insert(key, value);
    let prompt = "a cat in the rain, oil on canvas, late afternoon";
    let picture = vec![7; 1 << 20];

    let print = |what: &str, nanoseconds: f64| println!("{what:<44} {nanoseconds:>10.0} ns");
    print(
        "a lookup by a key that is there",
        nanoseconds(100_000, || {
            black_box(refrain::global().get(black_box(&key)));
        }),
    );
    print(
        "making a key from one integer",
        nanoseconds(100_000, || {
            let seed: u64 = black_box(7);
            let builder = Key::builder().generator("hit_cost::number", "1");
            black_box(builder.part("seed", &seed).build().ok());
        }),
    );
    print(
        "a hit, one integer",
        nanoseconds(100_000, || {
            black_box(number(black_box(7)));
        }),
    );
    print(
        "a hit, 48 characters, an integer and a float",
        nanoseconds(100_000, || {
            black_box(text(black_box(prompt), 7, 0.5));
        }),
    );
    print(
        "a hit, 1 MiB of bytes",
        nanoseconds(100, || {
            black_box(bytes(black_box(&picture)));
        }),
    );
    let began = Instant::now();
    for _ in 0..1_000_000 {
        black_box(later(black_box(7)).await);
    }
    print(
        "a hit of an async function, one integer",
        began.elapsed().as_secs_f64() * 1e3,
    );
    Ok(())
}
