//! Small pictures and parameters of every kind.

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};
use proptest::prelude::*;
use refrain_relief::{Dimensions, Format, ReliefParameters};

use crate::picture::png;
use crate::{generate, solid};

fn pictures() -> impl Strategy<Value = DynamicImage> {
    (1..=12_u32, 1..=12_u32, 1..=4_usize).prop_flat_map(|(width, height, channels)| {
        let samples = width as usize * height as usize * channels;
        let sample = prop_oneof![Just(0), Just(255), any::<u8>()];
        proptest::collection::vec(sample, samples).prop_map(move |samples| {
            let image = match channels {
                1 => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
                2 => GrayAlphaImage::from_raw(width, height, samples).map(DynamicImage::from),
                3 => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
                _ => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
            };
            image.expect("as many samples as the size says")
        })
    })
}

fn parameters() -> impl Strategy<Value = ReliefParameters> {
    let dimensions = (1.0..=1000.0, 1.0..=1000.0, 1.0..=500.0_f64);
    let format = proptest::sample::select(Format::ALL.to_vec());
    (format, dimensions, 1..=4_u8, 0.0..1.0_f64, any::<bool>()).prop_map(
        |(format, (width, height, depth), quality, share, invert)| ReliefParameters {
            format,
            dimensions: Dimensions {
                width,
                height,
                depth,
            },
            quality,
            base: (0.2 + share * (depth - 0.2)).min(100.0),
            invert,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_picture_and_parameters_give_a_closed_solid(picture in pictures(), parameters in parameters()) {
        prop_assume!(parameters.base < parameters.dimensions.depth);
        solid(&png(picture), &parameters);
    }

    #[test]
    fn any_bytes_after_the_mark_of_a_format_give_a_relief_or_an_error(
        mark in proptest::sample::select(vec![
            b"\x89PNG\r\n\x1a\n".as_slice(), b"\xFF\xD8\xFF", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"RIFF\xFF\0\0\0WEBP",
        ]),
        rest in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let picture = [mark, &rest].concat();
        let parameters = ReliefParameters { quality: 1, ..ReliefParameters::default() };
        let _ = generate(&picture, &parameters);
    }

    #[test]
    fn a_spoiled_picture_gives_a_relief_or_an_error(
        file in proptest::sample::select(vec![
            crate::picture::fixture!("progressive.jpg"),
            crate::picture::fixture!("alpha.webp"),
            crate::picture::fixture!("animated.gif"),
            crate::picture::fixture!("palette.bmp"),
            crate::picture::fixture!("lzw.tif"),
            crate::picture::fixture!("palette.png"),
        ]),
        faults in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut picture = file.to_vec();
        for (at, value) in faults {
            let at = at.index(picture.len());
            picture[at] = value;
        }
        let parameters = ReliefParameters { quality: 1, ..ReliefParameters::default() };
        let _ = generate(&picture, &parameters);
    }
}
