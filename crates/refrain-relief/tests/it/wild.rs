//! What the writers of the world put into pictures: applied, or refused by its name.

use std::fmt::Write as _;

use image::{DynamicImage, GrayAlphaImage, ImageFormat, LumaA, Rgba, RgbaImage};
use refrain_relief::{Format, ReliefError};

use crate::heights::heights;
use crate::inputs::distance;
use crate::picture::{byte, encode, fixture, png, slope};
use crate::{at_quality, generate};

/// EXIF that holds nothing but the orientation 6: the picture is to be turned right by a quarter.
const EXIF: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

/// XMP that says the same.
const XMP: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"#;

/// The slope as it lies in a file that says that it is to be turned right by a quarter.
fn turned() -> DynamicImage {
    DynamicImage::from(slope()).rotate270()
}

/// The refusal of a picture, in words.
#[track_caller]
fn refusal(picture: &[u8]) -> String {
    let error = generate(picture, &at_quality(1, Format::Stl)).expect_err("a refusal");
    assert_eq!(error.field(), Some("image"));
    assert!(!error.to_string().contains("Unknown("), "{error}");
    error.to_string()
}

/// A PNG of the turned slope, with what `write` puts before its pixels.
fn png_with(write: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>)) -> Vec<u8> {
    let image = turned().into_luma8();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, image.width(), image.height());
    encoder.set_color(png::ColorType::Grayscale);
    write(&mut encoder);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(image.as_raw()).unwrap();
    writer.finish().unwrap();
    file
}

/// EXIF as `ImageMagick` writes it into a text.
fn profile() -> String {
    let bytes = [b"Exif\0\0", EXIF].concat();
    let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
        let _ = write!(digits, "{byte:02x}");
        digits
    });
    format!("\nexif\n{:8}\n{digits}\n", bytes.len())
}

/// A TIFF of the pixels, with what its fourth channel is.
fn tiff(image: &RgbaImage, extra_samples: u32) -> Vec<u8> {
    const SHORT: u16 = 3;
    const LONG: u16 = 4;
    let (width, height) = image.dimensions();
    let bytes = width * height * 4;
    // The bits of the four channels come after the header, then the pixels.
    let mut file = [
        b"II*\0",
        &(16 + bytes).to_le_bytes()[..],
        &[8, 0, 8, 0, 8, 0, 8, 0],
    ]
    .concat();
    file.extend_from_slice(image.as_raw());
    let entries = [
        (256, LONG, 1, width),
        (257, LONG, 1, height),
        (258, SHORT, 4, 8),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 2),
        (273, LONG, 1, 16),
        (277, SHORT, 1, 4),
        (278, LONG, 1, height),
        (279, LONG, 1, bytes),
        (338, SHORT, 1, extra_samples),
    ];
    file.extend_from_slice(&[10, 0]);
    for (tag, kind, count, value) in entries {
        let tag: u16 = tag;
        file.extend_from_slice(&tag.to_le_bytes());
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&u32::to_le_bytes(count));
        file.extend_from_slice(&value.to_le_bytes());
    }
    file.extend_from_slice(&[0; 4]);
    file
}

#[test]
fn a_png_says_how_it_is_turned_in_texts_and_in_xmp() {
    let word = |keyword: &str| keyword.to_owned();
    for keyword in ["Raw profile type exif", "Raw profile type APP1"] {
        let plain = png_with(|png| png.add_text_chunk(word(keyword), profile()).unwrap());
        let packed = png_with(|png| png.add_ztxt_chunk(word(keyword), profile()).unwrap());
        for file in [plain, packed] {
            assert!(distance(&file, &png(slope())) < 1e-4, "{keyword}");
        }
    }
    let file = png_with(|png| {
        png.add_itxt_chunk(word("XML:com.adobe.xmp"), XMP.to_owned())
            .unwrap();
    });
    assert!(distance(&file, &png(slope())) < 1e-4);
    let file = png_with(|png| {
        png.add_text_chunk(word("Comment"), profile()).unwrap();
    });
    assert!(distance(&file, &png(turned())) < 1e-4, "a comment is none");
}

#[test]
fn a_jpeg_says_how_it_is_turned_in_xmp_unless_exif_says_it() {
    let plain = encode(&turned().into_rgb8().into(), ImageFormat::Jpeg);
    let xmp = [b"http://ns.adobe.com/xap/1.0/\0", XMP.as_bytes()].concat();
    let segment = |content: &[u8]| {
        let length = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
        [b"\xFF\xE1", &length[..], content].concat()
    };
    let with_xmp = [&plain[..2], &segment(&xmp), &plain[2..]].concat();
    assert!(distance(&with_xmp, &png(slope())) < 0.8);

    let mut exif = [b"Exif\0\0", EXIF].concat();
    exif[6 + 18] = 1;
    let both = [&plain[..2], &segment(&xmp), &segment(&exif), &plain[2..]].concat();
    assert!(distance(&both, &png(turned())) < 0.8, "EXIF: not turned");
}

#[test]
fn exif_may_begin_as_in_a_jpeg_whatever_the_container() {
    // White at the top left of the file, which belongs to the top right.
    let rows = heights(fixture!("exif_prefix.webp"), false);
    let (top, bottom) = (rows[0], rows[32]);
    assert!(top[32] > 15.0, "{rows:?}");
    assert!(
        top[0] < 10.0 && bottom[0] < 10.0 && bottom[32] < 10.0,
        "{rows:?}"
    );
}

#[test]
fn colors_that_are_multiplied_by_their_opacity_are_not_multiplied_again() {
    let pixel = |x: u32, y: u32| [byte(10 * x), byte(14 * y), 200, byte(255 - 11 * x)];
    let separate = RgbaImage::from_fn(24, 18, |x, y| Rgba(pixel(x, y)));
    let associated = RgbaImage::from_fn(24, 18, |x, y| {
        let [red, green, blue, opacity] = pixel(x, y).map(u32::from);
        let times = |color: u32| byte((color * opacity + 127) / 255);
        Rgba([times(red), times(green), times(blue), byte(opacity)])
    });
    // ExtraSamples: 1 is associated, 2 is separate.
    let right = distance(&tiff(&associated, 1), &png(separate.clone()));
    let wrong = distance(&tiff(&associated, 2), &png(separate.clone()));
    assert!(right < 0.2 && wrong > 1.0, "{right} mm, {wrong} mm");
    assert!(distance(&tiff(&separate, 2), &png(separate)) < 1e-4);
    let rows = heights(fixture!("associated_alpha.tif"), false);
    assert!(rows.as_flattened().iter().all(|height| height.is_finite()));
}

#[test]
fn a_palette_with_transparent_colors_is_laid_on_white() {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 3, 1);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(vec![0, 0, 0, 0, 0, 0, 0, 0, 0]);
    encoder.set_trns(vec![255, 0, 128]);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&[0, 1, 2]).unwrap();
    writer.finish().unwrap();
    let gray = |opacity| LumaA([0, opacity]);
    let pixels = [gray(255), gray(0), gray(128)];
    let same = GrayAlphaImage::from_fn(3, 1, |x, _| pixels[x as usize]);
    assert!(distance(&file, &png(same)) < 1e-4);
}

#[test]
fn kinds_of_tiff_that_would_be_read_wrong_are_refused_by_their_tag() {
    let refused = refusal(fixture!("fill_order_2.tif"));
    assert!(refused.contains("FillOrder 2"), "{refused}");
    let refused = refusal(fixture!("tiled_planes.tif"));
    assert!(refused.contains("PlanarConfiguration 2"), "{refused}");
    for big in [b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0"] {
        let refused = refusal(big);
        assert!(refused.contains("it is a BigTIFF"), "{refused}");
    }
    let refused = refusal(fixture!("palette.tif"));
    let told = "it has colors from a palette, 1 number of 8 bits for each pixel; save it as a PNG";
    assert!(refused.ends_with(told), "{refused}");
}

#[test]
fn kinds_of_jpeg_that_are_not_read_are_refused_by_their_name() {
    let start = b"\xFF\xC0\0\x11\x08";
    let file = fixture!("baseline.jpg");
    let at = file.windows(5).position(|window| window == start).unwrap();
    for (offset, wrong, told) in [
        (1, 0xC9, "it is packed by arithmetic coding"),
        (1, 0xC3, "it is packed without loss"),
        (1, 0xC5, "it is made of layers"),
        (4, 12, "it has samples of 12 bits"),
    ] {
        let mut file = file.to_vec();
        file[at + offset] = wrong;
        let refused = refusal(&file);
        assert!(refused.contains(told), "{refused}");
    }
}

/// Pictures that were damaged at every place of their header: the answer is a relief or a refusal, whatever the decoder
/// thinks of it.
#[test]
fn a_damaged_header_is_a_refusal_or_another_picture_and_never_a_panic() {
    for file in [
        fixture!("tiled_planes.tif"),
        fixture!("lzw.tif"),
        fixture!("exif_prefix.webp"),
        fixture!("palette.bmp"),
        fixture!("baseline.jpg"),
    ] {
        let directory = if file.starts_with(b"II") {
            file.len() - 120
        } else {
            0
        };
        for at in (0..48.min(file.len())).chain(directory..file.len()) {
            for flip in [0x01, 0xFF] {
                let mut file = file.to_vec();
                file[at] ^= flip;
                let result = generate(&file, &at_quality(1, Format::Glb));
                let cancelled = matches!(result, Err(ReliefError::Cancelled));
                assert!(!cancelled, "{at} {flip}");
            }
        }
    }
}
