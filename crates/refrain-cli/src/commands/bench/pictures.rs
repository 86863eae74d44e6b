use std::io::Cursor;

use fastrand::Rng;
use image::{ImageFormat, Rgb, RgbImage};

use crate::failure::Failure;

/// A picture that takes long to decode for the bytes it has, as a benchmark of a cache wants:
/// broad bands of gray with white specks, in lossless WebP.
///
/// One pixel in `sparsity` is a speck. More specks make more bytes and more work.
pub(super) fn picture(side: u32, sparsity: u32, seed: u64) -> Result<Vec<u8>, Failure> {
    let mut random = Rng::with_seed(seed);
    let phase = random.f64() * 6.0;
    let waves = 5.0 + 5.0 * random.f64();
    let bands: Vec<u8> = (0..side).map(|y| band(y, side, waves, phase)).collect();
    let mut picture = RgbImage::from_fn(side, side, |_, y| Rgb([bands[y as usize]; 3]));
    for _ in 0..u64::from(side) * u64::from(side) / u64::from(sparsity) {
        picture.put_pixel(random.u32(..side), random.u32(..side), Rgb([255; 3]));
    }
    let mut file = Cursor::new(Vec::new());
    picture
        .write_to(&mut file, ImageFormat::WebP)
        .map_err(|error| Failure::new("cannot make a picture to measure with").because(error))?;
    Ok(file.into_inner())
}

fn band(y: u32, side: u32, waves: f64, phase: f64) -> u8 {
    let height = f64::from(y) / f64::from(side);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 25 to 229"
    )]
    let level = (127.0 + 102.0 * (waves * height + phase).sin()) as u8;
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_always_the_same_picture_and_another_seed_another() {
        let first = picture(64, 32, 1).unwrap();
        assert_eq!(first, picture(64, 32, 1).unwrap());
        assert_ne!(first, picture(64, 32, 2).unwrap());
        let decoded = image::load_from_memory(&first).unwrap();
        assert_eq!((decoded.width(), decoded.height()), (64, 64));
    }
}
