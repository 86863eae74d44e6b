//! What is bright is high.

use image::{GrayImage, ImageBuffer, Luma, LumaA};
use refrain_relief::{Dimensions, Format, ReliefParameters};

use crate::picture::{gray, noise, png, slope};
use crate::solid::Solid;
use crate::{at_quality, solid};

/// Heights along the picture's rows at quality 1: 33 x 33, the first row being the top of the picture.
pub(crate) fn heights(picture: &[u8], invert: bool) -> Vec<[f32; 33]> {
    let parameters = ReliefParameters {
        invert,
        ..at_quality(1, Format::Glb)
    };
    rows(&solid(picture, &parameters))
}

fn rows(solid: &Solid) -> Vec<[f32; 33]> {
    let top = solid.vertices.chunks_exact(33).take(33);
    top.map(|row| std::array::from_fn(|column| row[column][2]))
        .collect()
}

#[test]
fn the_brightest_point_is_as_high_as_the_depth_and_the_darkest_as_the_base() {
    let rows = heights(&png(slope()), false);
    assert!((rows[0][0] - 2.0).abs() < 1e-6, "darkest: {}", rows[0][0]);
    assert!(
        (rows[32][32] - 20.0).abs() < 1e-6,
        "brightest: {}",
        rows[32][32]
    );
    for row in &rows {
        assert!(
            row.is_sorted(),
            "brighter to the right is higher to the right"
        );
    }
}

#[test]
fn the_picture_lies_with_its_first_row_at_the_far_side_and_its_first_column_at_the_left() {
    let solid = solid(&png(slope()), &at_quality(1, Format::Glb));
    assert_eq!(&solid.vertices[0][..2], [0.0, 100.0]);
    assert_eq!(&solid.vertices[32][..2], [100.0, 100.0]);
    assert_eq!(&solid.vertices[33 * 32][..2], [0.0, 0.0]);
}

#[test]
fn inverting_mirrors_the_heights_between_base_and_depth() {
    let picture = png(noise(20, 30));
    let (upright, inverted) = (heights(&picture, false), heights(&picture, true));
    for (one, other) in upright.as_flattened().iter().zip(inverted.as_flattened()) {
        assert!((one + other - 22.0).abs() < 1e-5, "{one} and {other}");
    }
}

#[test]
fn an_even_picture_is_a_block_of_the_whole_depth_however_dark_it_is_and_inverted_or_not() {
    for value in [0, 1, 80, 254, 255] {
        // Sizes whose shares of a pixel cannot be written exactly.
        let picture = png(GrayImage::from_pixel(37, 11, Luma([value])));
        for invert in [false, true] {
            for row in heights(&picture, invert) {
                let level = row
                    .iter()
                    .all(|height| height.to_bits() == 20_f32.to_bits());
                assert!(level, "value {value}, inverted {invert}: {row:?}");
            }
        }
    }
}

#[test]
fn faint_differences_fill_the_whole_depth() {
    let faint = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(2, 1, |x, _| {
        Luma([30_000 + u16::try_from(x).unwrap()])
    });
    let row = heights(&png(faint), false)[16];
    assert!(
        (row[0] - 2.0).abs() < 1e-6 && (row[32] - 20.0).abs() < 1e-6,
        "{row:?}"
    );
}

#[test]
fn sixteen_bits_keep_their_precision() {
    // All of it is within one step of 8 bits.
    let fine = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(64, 1, |x, _| {
        Luma([0x8000 + u16::try_from(x).unwrap()])
    });
    let row = heights(&png(fine), false)[0];
    assert!(row.windows(2).all(|pair| pair[0] < pair[1]), "{row:?}");
}

#[test]
fn what_is_transparent_is_white() {
    let glass = ImageBuffer::<LumaA<u8>, Vec<u8>>::from_fn(2, 1, |x, _| {
        // Black and clear on the left, gray and solid on the right.
        if x == 0 {
            LumaA([0, 0])
        } else {
            LumaA([128, 255])
        }
    });
    let opaque = gray([[255, 128]]);
    assert_eq!(heights(&png(glass), false), heights(&png(opaque), false));
}

#[test]
fn half_transparent_is_half_way_to_white() {
    let glass = ImageBuffer::<LumaA<u8>, Vec<u8>>::from_fn(3, 1, |x, _| {
        [LumaA([0, 255]), LumaA([0, 51]), LumaA([255, 255])][x as usize]
    });
    let opaque = gray([[0, 204, 255]]);
    let (glass, opaque) = (heights(&png(glass), false), heights(&png(opaque), false));
    for (one, other) in glass.as_flattened().iter().zip(opaque.as_flattened()) {
        assert!((one - other).abs() < 1e-5, "{one} and {other}");
    }
}

#[test]
fn green_is_brighter_than_red_and_red_than_blue() {
    let colors = image::RgbImage::from_raw(4, 1, vec![0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 255, 0]);
    let row = heights(&png(colors.unwrap()), false)[0];
    assert!(row.is_sorted(), "black, blue, red, green: {row:?}");
}

#[test]
fn an_edge_is_one_smooth_slope_without_ridges_beside_it() {
    for side in [4, 40, 400] {
        let edge = GrayImage::from_fn(side, 2, |x, _| Luma([if x < side / 2 { 60 } else { 190 }]));
        let row = heights(&png(edge), false)[0];
        assert!(row.is_sorted(), "{side} pixels: {row:?}");
        assert!(
            (row[16] - 11.0).abs() < 1e-5,
            "half way up in the middle: {row:?}"
        );
    }
}

#[test]
fn shrinking_counts_every_pixel() {
    // Single bright pixels that a picture thinned out to 33 lines would mostly miss.
    let dots = GrayImage::from_fn(1024, 1024, |x, y| {
        let on_dot = x % 128 == 70 && y % 128 == 70;
        Luma([if on_dot { 255 } else { 0 }])
    });
    let rows = heights(&png(dots), false);
    let count = |is: fn(f32) -> bool| rows.as_flattened().iter().filter(|&&at| is(at)).count();
    assert!(
        count(|height| height > 6.0) >= 64,
        "each of 64 dots raises the surface"
    );
    assert!(
        count(|height| height < 3.0) > 33 * 33 / 2,
        "there is ground between the dots"
    );
}

#[test]
fn the_plate_has_the_thickness_of_the_base() {
    let parameters = ReliefParameters {
        base: 7.5,
        dimensions: Dimensions {
            depth: 10.0,
            ..Dimensions::default()
        },
        ..at_quality(1, Format::Glb)
    };
    let rows = rows(&solid(&png(slope()), &parameters));
    let lowest = rows
        .as_flattened()
        .iter()
        .copied()
        .fold(f32::INFINITY, f32::min);
    assert!((lowest - 7.5).abs() < 1e-6, "{lowest}");
}
