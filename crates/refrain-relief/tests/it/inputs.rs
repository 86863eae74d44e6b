//! Every kind of picture that is read gives the relief of what it shows.

use image::metadata::Orientation;
use image::{DynamicImage, ImageFormat};

use crate::heights::heights;
use crate::picture::{encode, fixture, png, slope};

/// Greatest distance in mm between the reliefs of two pictures.
pub(crate) fn distance(one: &[u8], other: &[u8]) -> f32 {
    let (one, other) = (heights(one, false), heights(other, false));
    let pairs = one.as_flattened().iter().zip(other.as_flattened());
    pairs
        .map(|(one, other)| (one - other).abs())
        .fold(0.0, f32::max)
}

#[test]
fn formats_without_loss_give_the_same_relief() {
    let expected = png(slope());
    for format in [
        ImageFormat::Bmp,
        ImageFormat::Tiff,
        ImageFormat::Gif,
        ImageFormat::WebP,
    ] {
        let image = DynamicImage::from(DynamicImage::from(slope()).into_rgb8());
        let distance = distance(&encode(&image, format), &expected);
        assert!(distance < 1e-4, "{format:?}: {distance} mm");
    }
    for (name, file) in [
        ("palette.png", fixture!("palette.png")),
        ("palette.bmp", fixture!("palette.bmp")),
        ("lzw.tif", fixture!("lzw.tif")),
        ("deflate.tif", fixture!("deflate.tif")),
        ("cmyk.tif", fixture!("cmyk.tif")),
    ] {
        let distance = distance(file, &expected);
        assert!(distance < 1e-4, "{name}: {distance} mm");
    }
}

#[test]
fn formats_with_loss_give_nearly_the_same_relief() {
    for (name, file) in [
        ("baseline.jpg", fixture!("baseline.jpg")),
        ("progressive.jpg", fixture!("progressive.jpg")),
        ("gray.jpg", fixture!("gray.jpg")),
        ("cmyk.jpg", fixture!("cmyk.jpg")),
        ("jpeg.tif", fixture!("jpeg.tif")),
        ("lossy.webp", fixture!("lossy.webp")),
    ] {
        let distance = distance(file, &png(slope()));
        assert!(distance < 0.8, "{name}: {distance} mm");
    }
}

#[test]
fn one_bit_pictures_are_read() {
    let expected = fixture!("one_bit.png");
    for (name, file) in [
        ("one_bit.bmp", fixture!("one_bit.bmp")),
        ("one_bit.tif", fixture!("one_bit.tif")),
    ] {
        let distance = distance(file, expected);
        assert!(distance < 1e-4, "{name}: {distance} mm");
    }
}

#[test]
fn an_animation_counts_by_its_first_frame() {
    // The second frame is the negative of the first.
    for (name, file) in [
        ("animated.gif", fixture!("animated.gif")),
        ("animated.webp", fixture!("animated.webp")),
    ] {
        let distance = distance(file, &png(slope()));
        assert!(distance < 0.8, "{name}: {distance} mm");
    }
}

#[test]
fn what_the_first_frame_leaves_empty_is_white() {
    // A screen of 4 x 4 with a frame of 2 x 2 at its top left, all of it black.
    let gif = b"GIF89a\x04\x00\x04\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff\
        ,\x00\x00\x00\x00\x02\x00\x02\x00\x00\x02\x02\x84\x51\x00;";
    let rows = heights(gif, false);
    assert!(rows[0][0] < 3.0 && rows[32][32] > 19.0 && rows[0][32] > 19.0);
}

#[test]
fn a_picture_with_opacity_in_a_lossy_file_is_laid_on_white() {
    let rows = heights(fixture!("alpha.webp"), false);
    // Clear at the left, black shining through to the middle, bright at the right.
    let row = rows[0];
    assert!(row[0] > 19.0, "clear: {row:?}");
    assert!(row[16] < row[0] && row[16] < row[32], "half clear: {row:?}");
}

#[test]
fn top_down_bitmaps_stand_upright() {
    let bottom_up = encode(&slope().into(), ImageFormat::Bmp);
    let mut top_down = bottom_up.clone();
    top_down[22..26].copy_from_slice(&(-18_i32).to_le_bytes());
    let start = u32::from_le_bytes(top_down[10..14].try_into().unwrap()) as usize;
    let rows: Vec<u8> = bottom_up[start..]
        .chunks_exact(24)
        .rev()
        .flatten()
        .copied()
        .collect();
    top_down.truncate(start);
    top_down.extend_from_slice(&rows);
    assert!(distance(&top_down, &bottom_up) < 1e-6);
}

#[test]
fn a_picture_that_says_how_it_is_turned_stands_upright() {
    for (name, file) in [
        ("turned.png", fixture!("turned.png")),
        ("turned.webp", fixture!("turned.webp")),
        ("turned.tif", fixture!("turned.tif")),
    ] {
        let distance = distance(file, &png(slope()));
        assert!(distance < 1e-4, "{name}: {distance} mm");
    }
}

#[test]
fn all_eight_orientations_of_a_photograph_stand_upright() {
    let image = DynamicImage::from(DynamicImage::from(slope()).into_rgb8());
    let plain = encode(&image, ImageFormat::Jpeg);
    let decoded = image::load_from_memory(&plain).unwrap();
    for number in 1..=8 {
        let mut upright = decoded.clone();
        upright.apply_orientation(Orientation::from_exif(number).unwrap());
        let distance = distance(&with_orientation(&plain, number), &png(upright));
        assert!(distance < 1e-4, "orientation {number}: {distance} mm");
    }
}

#[test]
fn metadata_that_cannot_be_read_is_passed_over() {
    let image = DynamicImage::from(DynamicImage::from(slope()).into_rgb8());
    let plain = encode(&image, ImageFormat::Jpeg);
    assert!(distance(&with_orientation(&plain, 99), &plain) < 1e-6);
}

/// The JPEG with a segment of metadata that holds nothing but the orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    // Marker, length, `Exif`, header of a little-endian TIFF, one entry: tag 0x112, one short number.
    let mut segment =
        b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    segment.extend_from_slice(&[orientation, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(segment.len(), 2 + 0x22);
    [&jpeg[..2], &segment, &jpeg[2..]].concat()
}
