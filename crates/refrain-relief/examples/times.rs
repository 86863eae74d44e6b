//! Measures the built-in generator: seconds and bytes for each quality and format.
//!
//! ```text
//! cargo run --release -p refrain-relief --example times [DIRECTORY]
//! ```
//!
//! With a directory, the reliefs are also written into it, for other programs to check.
#![expect(clippy::print_stdout, reason = "the table is what the program is for")]

use std::error::Error;
use std::io::Cursor;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use image::{ImageFormat, Rgb, RgbImage};
use refrain_relief::{Format, ReliefParameters};

const RUNS: usize = 7;
const PICTURE_SIDES: [u32; 2] = [1024, 4096];

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map(PathBuf::from);
    println!("seconds of {RUNS} runs: fastest, median, slowest");
    for side in PICTURE_SIDES {
        for source in [ImageFormat::Png, ImageFormat::Jpeg] {
            let picture = picture(side, source)?;
            println!(
                "\n{source:?} of {side} x {side} pixels, {} bytes",
                picture.len()
            );
            for quality in 1..=10 {
                for format in Format::ALL {
                    let parameters = ReliefParameters {
                        quality,
                        format,
                        ..ReliefParameters::default()
                    };
                    let (relief, times) = measure(&picture, &parameters)?;
                    println!(
                        "quality {quality:2}  {format}  {:10} bytes  {:.3} {:.3} {:.3}",
                        relief.len(),
                        times[0].as_secs_f64(),
                        times[RUNS / 2].as_secs_f64(),
                        times[RUNS - 1].as_secs_f64(),
                    );
                    if let Some(directory) = &directory {
                        let name = format!("{side}-{source:?}-{quality}.{format}");
                        std::fs::write(directory.join(name), relief)?;
                    }
                }
            }
        }
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "it measures this machine")]
fn measure(
    picture: &[u8],
    parameters: &ReliefParameters,
) -> Result<(Vec<u8>, Vec<Duration>), Box<dyn Error>> {
    let mut relief = Vec::new();
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        relief = refrain_relief::generate(picture, parameters, &|_, _| ControlFlow::Continue(()))?;
        times.push(start.elapsed());
    }
    times.sort();
    Ok((relief, times))
}

/// Hills, an edge and some grain: something of what photographs have.
fn picture(side: u32, format: ImageFormat) -> Result<Vec<u8>, image::ImageError> {
    let mut grain = 1_u32;
    let image = RgbImage::from_fn(side, side, |x, y| {
        grain = grain.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hill = (x * 255 / side * (y * 255 / side)) / 255;
        let edge = 60 * ((x + 2 * y) / (side / 3) % 2);
        let value = (hill * 3 / 5 + edge + (grain >> 28)).min(255);
        let value = u8::try_from(value).unwrap_or(u8::MAX);
        Rgb([value, value.saturating_sub(10), value / 2])
    });
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format)?;
    Ok(bytes.into_inner())
}
