//! Measures how long it takes to make a key: `cargo run --release -p refrain --example key_speed`.
//!
//! Medians of eleven rounds. Beside each figure for bytes stands plain BLAKE3 over the same bytes.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "prints what it measures, and that is real time"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use base64_simd::STANDARD;
use refrain::key::{Document, Key, Media};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let picture: Vec<u8> = (0..50_u32 << 20)
        .map(|n| (n ^ (n >> 8)).to_le_bytes()[0])
        .collect();
    let megabytes = f64::from(u32::try_from(picture.len())?) / 1e6;
    let per_second = |time: Duration| megabytes / 1e3 / time.as_secs_f64();

    let plain = median(|| blake3::hash(&picture));
    println!(
        "BLAKE3 alone, 50 MiB         {:7.2} GB/s",
        per_second(plain)
    );
    let media = median(|| Media::of(&picture));
    println!(
        "Media::of, 50 MiB            {:7.2} GB/s",
        per_second(media)
    );
    let part = median(|| {
        Key::builder()
            .generator("g", "1")
            .part("picture", &picture)
            .build()
    });
    println!("key with bytes of 50 MiB     {:7.2} GB/s", per_second(part));
    let text = STANDARD.encode_to_string(&picture);
    let base64 = median(|| Media::from_base64(&text));
    println!(
        "Media::from_base64, 50 MiB   {:7.2} GB/s of decoded bytes",
        per_second(base64)
    );

    let json = br#"{"format": "stl", "dimensions": {"width": 100, "height": 80.5, "depth": 20}, "quality": 7, "seed": 18446744073709551615, "invert": false}"#;
    let body = Document::from_json(json)?;
    let digested = Media::of(b"cat");
    let each = |time: Duration| time.as_nanos() / u128::from(REPEATS);
    let read = median(|| repeat(|| Document::from_json(json)));
    println!(
        "reading {} bytes of JSON     {:7} ns",
        json.len(),
        each(read)
    );
    let small = median(|| {
        repeat(|| {
            let request = Key::builder()
                .namespace("tenant-a")
                .generator("relief", "1");
            request.part("body", &body).part("image", &digested).build()
        });
    });
    println!("key of a body and a picture  {:7} ns", each(small));
    let call = median(|| {
        repeat(|| {
            let request = Key::builder().generator("crate::paint", "1");
            request
                .part("prompt", &"a cat in the rain")
                .part("seed", &7_u64)
                .build()
        });
    });
    println!("key of a call of two         {:7} ns", each(call));
    Ok(())
}

const REPEATS: u32 = 10_000;

fn repeat<T>(mut work: impl FnMut() -> T) {
    for _ in 0..REPEATS {
        black_box(work());
    }
}

fn median<T>(mut work: impl FnMut() -> T) -> Duration {
    let mut times: Vec<_> = (0..11)
        .map(|_| {
            let start = Instant::now();
            black_box(work());
            start.elapsed()
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}
