//! Small pictures to make reliefs of, made on the spot.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};

/// The picture as a file.
///
/// # Panics
///
/// If the format cannot hold the picture.
#[track_caller]
pub fn encode(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let written = picture.write_to(&mut file, format);
    written.expect("the format can hold the picture");
    file.into_inner()
}

/// The picture as a PNG.
///
/// ```
/// use refrain_testkit::pictures;
///
/// assert!(pictures::png(pictures::hills(8)).starts_with(b"\x89PNG"));
/// ```
pub fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    encode(&picture.into(), ImageFormat::Png)
}

/// A PNG of 24 x 16 pixels; another seed, another picture.
///
/// ```
/// use refrain_testkit::pictures;
///
/// assert_ne!(pictures::shaded(1), pictures::shaded(2));
/// ```
pub fn shaded(seed: u8) -> Vec<u8> {
    let shade = |x: u32, y: u32| Luma([byte((x * 7 + y * 13) % 256) ^ seed]);
    png(GrayImage::from_fn(24, 16, shade))
}

/// Soft hills, gray.
pub fn hills(side: u32) -> GrayImage {
    GrayImage::from_fn(side, side, |x, y| {
        let level = (f64::from(x) / 9.0).sin() * (f64::from(y) / 7.0).cos();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 27 to 227"
        )]
        let level = (127.0 + 100.0 * level) as u8;
        Luma([level])
    })
}

/// Brighter to the right and a little to the bottom: 24 x 18 pixels.
pub fn slope() -> GrayImage {
    GrayImage::from_fn(24, 18, |x, y| Luma([byte(10 * x + y)]))
}

/// A gray picture with the pixels of `rows`.
///
/// ```
/// let picture = refrain_testkit::pictures::gray([[0, 255], [9, 9]]);
/// assert_eq!(picture.dimensions(), (2, 2));
/// ```
///
/// # Panics
///
/// If it is larger than any picture may be.
pub fn gray<const W: usize, const H: usize>(rows: [[u8; W]; H]) -> GrayImage {
    let size = |pixels: usize| u32::try_from(pixels).expect("a small picture");
    GrayImage::from_raw(size(W), size(H), rows.concat()).expect("as many pixels as the size says")
}

/// Grain without any order, the same on every run.
pub fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        byte(state >> 24)
    };
    RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]))
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).expect("a value of a byte")
}
