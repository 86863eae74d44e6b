//! Whatever the picture and the parameters, the relief is a closed solid of the asked size.

use image::{GrayAlphaImage, ImageBuffer, Luma, LumaA, Rgb, Rgba, RgbaImage};
use refrain_relief::{Format, ReliefParameters};

use crate::picture::{byte, encode, gray, noise, png, slope};
use crate::{at_quality, generate, solid, with_extents};

/// Pictures that have been the end of many a height map.
fn odd_pictures() -> Vec<(&'static str, Vec<u8>)> {
    let deep = ImageBuffer::<Luma<u16>, Vec<u16>>::from_fn(7, 5, |x, y| {
        Luma([u16::try_from(x * 9000 + y).unwrap()])
    });
    let deep_color = ImageBuffer::<Rgb<u16>, Vec<u16>>::from_fn(5, 7, |x, y| {
        Rgb([u16::try_from(x * 9000 + y).unwrap(), 0, u16::MAX])
    });
    vec![
        ("one pixel", png(gray([[80]]))),
        ("one row", png(gray([[0, 255, 0, 255, 17]]))),
        ("one column", png(gray([[9], [200], [9]]))),
        ("two by two", png(gray([[0, 255], [255, 0]]))),
        ("black", png(gray([[0; 9]; 5]))),
        ("white", png(gray([[255; 3]; 33]))),
        ("nearly even", png(gray([[127, 128], [127, 127]]))),
        ("noise", png(noise(97, 61))),
        ("large noise", png(noise(700, 301))),
        ("very wide", png(noise(4096, 1))),
        ("very high", png(noise(1, 4096))),
        (
            "chessboard",
            png(image::GrayImage::from_fn(64, 64, |x, y| {
                Luma([if (x + y).is_multiple_of(2) { 0 } else { 255 }])
            })),
        ),
        ("16 bits", png(deep)),
        ("16 bits of color", png(deep_color)),
        (
            "transparent",
            png(RgbaImage::from_fn(6, 6, |x, y| {
                Rgba([byte(x * 40), 0, byte(y * 40), byte(x * 30)])
            })),
        ),
        (
            "quite transparent",
            png(GrayAlphaImage::from_pixel(4, 4, LumaA([0, 0]))),
        ),
    ]
}

#[test]
fn every_odd_picture_becomes_a_closed_solid_in_every_format() {
    for (name, picture) in odd_pictures() {
        for format in Format::ALL {
            println!("{name} as {format}");
            solid(&picture, &at_quality(1, format));
        }
    }
}

#[test]
fn every_quality_makes_a_closed_solid_with_the_documented_grid() {
    let cells = [32, 48, 64, 96, 128, 192, 256, 384, 640, 1024];
    let picture = png(noise(150, 200));
    for (quality, cells) in (1..).zip(cells) {
        println!("quality {quality}");
        let solid = solid(&picture, &at_quality(quality, Format::Glb));
        assert_eq!(solid.vertices.len(), cells * cells + 6 * cells + 2);
        assert_eq!(solid.triangles.len(), 2 * cells * cells + 12 * cells);
    }
}

#[test]
fn all_formats_hold_the_same_solid() {
    let picture = png(noise(300, 200));
    for quality in [1, 7] {
        let [stl, obj, ply, glb] =
            Format::ALL.map(|format| solid(&picture, &at_quality(quality, format)));
        assert_eq!(obj, glb);
        assert_eq!(ply, glb);
        let corners = |solid: &crate::solid::Solid| -> Vec<[f32; 3]> {
            let corners = solid.triangles.as_flattened().iter();
            corners
                .map(|&corner| solid.vertices[corner as usize])
                .collect()
        };
        assert_eq!(corners(&stl), corners(&glb));
    }
}

#[test]
fn the_finest_grid_on_the_smallest_and_the_largest_plate_stays_closed_without_numbers() {
    let picture = png(noise(80, 80));
    for extents in [(1.0, 1000.0, 500.0, 0.2), (1.0, 1.0, 1.0, 0.999)] {
        let (width, height, depth, base) = extents;
        let parameters = ReliefParameters {
            quality: 10,
            format: Format::Stl,
            ..with_extents(width, height, depth, base)
        };
        let solid = solid(&picture, &parameters);
        assert_eq!(solid.vertices.len(), 1024 * 1024 + 6 * 1024 + 2);
    }
}

#[test]
fn extents_are_exact_for_sizes_that_no_float_holds() {
    let picture = encode(&slope().into(), image::ImageFormat::Bmp);
    for (width, height, depth, base) in [
        (99.9, 33.3, 7.7, 0.3),
        (1.0, 1000.0, 500.0, 100.0),
        (7.0 / 3.0, 100.0 / 7.0, 1.1, 1.099_999),
        (1000.0, 1.0, 1.0, 0.2),
    ] {
        for quality in [1, 2, 4] {
            for invert in [false, true] {
                let parameters = ReliefParameters {
                    quality,
                    invert,
                    ..with_extents(width, height, depth, base)
                };
                solid(&picture, &parameters);
            }
        }
    }
}

#[test]
fn the_file_takes_no_more_memory_than_it_has_bytes() {
    for format in Format::ALL {
        let file = generate(&png(slope()), &at_quality(3, format)).unwrap();
        assert_eq!(file.capacity(), file.len(), "{format}");
    }
}
