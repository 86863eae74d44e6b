//! Pictures that are small as files and much work to decode.

use std::io::Cursor;

use fastrand::Rng;
use tiff::TiffResult;
use tiff::encoder::colortype::RGBA32Float;
use tiff::encoder::{Compression, TiffEncoder};
use tiff::tags::{Predictor, Tag};

/// Discs on each picture.
const DISCS: u32 = 48;
/// Red, green, blue and opacity.
const CHANNELS: usize = 4;

/// A picture as programs for renderings and terrain write it: 32-bit floats for red, green, blue and opacity, in TIFF
/// with LZW and the predictor for floats.
///
/// Gray discs lie on a transparent ground. That packs well, so little goes over the wire, and yet every pixel has
/// 16 bytes to be unpacked and put together: much work for its size.
pub(super) fn picture(side: u32, seed: u64) -> TiffResult<Vec<u8>> {
    let mut random = Rng::with_seed(seed);
    let mut samples = vec![0.0_f32; side as usize * side as usize * CHANNELS];
    for _ in 0..DISCS {
        Disc::random(side, &mut random).paint(side, &mut samples);
    }
    encode(side, samples)
}

fn encode(side: u32, mut samples: Vec<f32>) -> TiffResult<Vec<u8>> {
    for row in samples.chunks_mut(side as usize * CHANNELS) {
        predict(row);
    }
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file)?.with_compression(Compression::Lzw);
    let mut image = encoder.new_image::<RGBA32Float>(side, side)?;
    // The encoder knows no predictor for floats, but packs what has been through it.
    image
        .encoder()
        .write_tag(Tag::Predictor, Predictor::FloatingPoint.to_u16())?;
    image.write_data(&samples)?;
    Ok(file.into_inner())
}

/// Puts the bytes of `row` in the order of TIFF's predictor for floats: the highest of every sample, then the second
/// of every sample and so on, each as its difference from that of the pixel before.
fn predict(row: &mut [f32]) {
    let planes = (0..4).flat_map(|byte| row.iter().map(move |sample| sample.to_be_bytes()[byte]));
    let bytes: Vec<u8> = planes.collect();
    let before = [0; CHANNELS].iter().chain(&bytes);
    let differences: Vec<u8> = bytes
        .iter()
        .zip(before)
        .map(|(byte, before)| byte.wrapping_sub(*before))
        .collect();
    let (words, _) = differences.as_chunks::<4>();
    for (sample, word) in row.iter_mut().zip(words) {
        // The encoder writes samples as they lie in memory.
        *sample = f32::from_bits(u32::from_ne_bytes(*word));
    }
}

struct Disc {
    x: u32,
    y: u32,
    radius: u32,
    gray: f32,
}

impl Disc {
    fn random(side: u32, random: &mut Rng) -> Self {
        Self {
            x: random.u32(..side),
            y: random.u32(..side),
            radius: random.u32(side / 256..=side / 64),
            gray: random.f32(),
        }
    }

    fn paint(&self, side: u32, samples: &mut [f32]) {
        let around =
            |center: u32| center.saturating_sub(self.radius)..=(center + self.radius).min(side - 1);
        for y in around(self.y) {
            for x in around(self.x) {
                let (across, down) = (x.abs_diff(self.x), y.abs_diff(self.y));
                if across * across + down * down <= self.radius * self.radius {
                    let at = (y * side + x) as usize * 4;
                    samples[at..at + 4].copy_from_slice(&[self.gray, self.gray, self.gray, 1.0]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_always_the_same_picture_and_another_seed_another() {
        let first = picture(64, 1).unwrap();
        assert_eq!(first, picture(64, 1).unwrap());
        assert_ne!(first, picture(64, 2).unwrap());
    }

    #[test]
    fn a_decoder_finds_the_discs_where_they_were_painted() {
        let file = picture(512, 1).unwrap();
        let decoded = image::load_from_memory(&file).unwrap().into_rgba32f();
        let mut painted = vec![0.0; 512 * 512 * CHANNELS];
        let mut random = Rng::with_seed(1);
        for _ in 0..DISCS {
            Disc::random(512, &mut random).paint(512, &mut painted);
        }
        assert!(painted.contains(&1.0), "opaque somewhere");
        assert!(decoded.into_raw() == painted);
    }
}
