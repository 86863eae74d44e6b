//! Pictures made on the spot.

use base64::Engine as _;

/// A PNG of a few pixels; another seed, another picture.
pub(crate) fn picture(seed: u8) -> Vec<u8> {
    let mut png = std::io::Cursor::new(Vec::new());
    let shade =
        |x: u32, y: u32| image::Luma([u8::try_from((x * 7 + y * 13) % 256).unwrap() ^ seed]);
    image::GrayImage::from_fn(24, 16, shade)
        .write_to(&mut png, image::ImageFormat::Png)
        .unwrap();
    png.into_inner()
}

/// Bytes as JSON carries them.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
