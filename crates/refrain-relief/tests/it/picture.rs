//! Pictures to make reliefs of.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, ImageFormat, Luma, Rgb, RgbImage};

/// The picture as a file.
pub(crate) fn encode(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image
        .write_to(&mut file, format)
        .expect("the format can hold the picture");
    file.into_inner()
}

/// The picture as a PNG.
pub(crate) fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    encode(&image.into(), ImageFormat::Png)
}

/// What the files in `pictures/` show: 24 x 18 pixels, brighter to the right and a little to the bottom.
pub(crate) fn slope() -> GrayImage {
    GrayImage::from_fn(24, 18, |x, y| Luma([byte(10 * x + y)]))
}

/// A gray picture with the pixels of `rows`.
pub(crate) fn gray<const W: usize, const H: usize>(rows: [[u8; W]; H]) -> GrayImage {
    let (width, height) = (u32::try_from(W).unwrap(), u32::try_from(H).unwrap());
    GrayImage::from_raw(width, height, rows.concat()).expect("as many pixels as the size says")
}

/// Grain without any order, the same on every run.
pub(crate) fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        byte(state >> 24)
    };
    RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]))
}

pub(crate) fn byte(value: u32) -> u8 {
    u8::try_from(value).expect("a value of a byte")
}

/// A file of `pictures/`.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("pictures/", $name)).as_slice()
    };
}
pub(crate) use fixture;
