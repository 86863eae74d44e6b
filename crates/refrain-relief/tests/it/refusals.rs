//! Bad input gets an error that says what is wrong.

use image::{DynamicImage, ImageFormat};
use refrain_relief::{Dimensions, Format, MAX_PICTURE_BYTES, ReliefError, ReliefParameters};

use crate::picture::{encode, fixture, noise, png, slope};
use crate::{at_quality, generate};

fn refusal(picture: &[u8]) -> ReliefError {
    let error = generate(picture, &at_quality(1, Format::Stl)).expect_err("a refusal");
    assert_eq!(error.field(), Some("image"));
    error
}

fn invalid(parameters: ReliefParameters) -> (Option<&'static str>, String) {
    // The parameters are judged before the picture.
    let error = generate(b"", &parameters).expect_err("a refusal");
    (error.field(), error.to_string())
}

#[test]
fn parameters_out_of_range_are_named() {
    let good = ReliefParameters::default();
    let size = good.dimensions;
    let with_size = |dimensions| ReliefParameters { dimensions, ..good };
    for wrong in [
        0.0,
        0.999,
        1000.001,
        -5.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ] {
        let width = with_size(Dimensions {
            width: wrong,
            ..size
        });
        assert_eq!(
            invalid(width),
            (
                Some("dimensions.width"),
                format!("`dimensions.width` is {wrong} but must be from 1 to 1000 mm")
            )
        );
        let height = with_size(Dimensions {
            height: wrong,
            ..size
        });
        assert_eq!(invalid(height).0, Some("dimensions.height"));
        let depth = with_size(Dimensions {
            depth: wrong,
            ..size
        });
        assert_eq!(
            invalid(depth),
            (
                Some("dimensions.depth"),
                format!("`dimensions.depth` is {wrong} but must be from 1 to 500 mm")
            )
        );
    }
    for wrong in [0.0, 0.199, 100.001, -1.0, f64::NAN, f64::INFINITY] {
        let base = ReliefParameters {
            base: wrong,
            ..good
        };
        assert_eq!(
            invalid(base),
            (
                Some("base"),
                format!("`base` is {wrong} but must be from 0.2 to 100 mm")
            )
        );
    }
    for wrong in [0, 11, 255] {
        let quality = ReliefParameters {
            quality: wrong,
            ..good
        };
        assert_eq!(
            invalid(quality),
            (
                Some("quality"),
                format!("`quality` is {wrong} but must be from 1 to 10")
            )
        );
    }
}

#[test]
fn a_base_that_leaves_no_room_for_the_relief_is_named() {
    for depth in [2.0, 1.0] {
        let parameters = ReliefParameters {
            dimensions: Dimensions {
                depth,
                ..Dimensions::default()
            },
            ..ReliefParameters::default()
        };
        assert_eq!(
            invalid(parameters),
            (
                Some("base"),
                format!(
                    "`base` is 2 but must be less than `dimensions.depth`, which is {depth} mm"
                )
            )
        );
    }
}

#[test]
fn bytes_that_are_no_picture_are_refused() {
    assert_eq!(refusal(b""), ReliefError::Empty);
    for bytes in [
        b"hello".as_slice(),
        b"\0",
        &[0xFF; 100],
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"%PDF-1.7\n",
        b"\0\0\0\x20ftypavif\0\0\0\0",
        b"P5 2 2 255\n0123",
        b"qoif\0\0\0\x01\0\0\0\x01\x03\0",
        b"solid relief\nendsolid\n",
    ] {
        assert_eq!(refusal(bytes), ReliefError::NotAPicture, "{bytes:?}");
    }
}

#[test]
fn a_file_over_the_limit_is_refused_and_one_at_the_limit_is_read() {
    let mut file = png(slope());
    file.resize(MAX_PICTURE_BYTES, 0);
    assert!(generate(&file, &at_quality(1, Format::Stl)).is_ok());
    file.push(0);
    assert_eq!(
        refusal(&file),
        ReliefError::TooManyBytes {
            bytes: MAX_PICTURE_BYTES + 1
        }
    );
}

#[test]
fn a_picture_cut_short_anywhere_is_truncated() {
    let color = DynamicImage::from(noise(40, 30));
    let encoded = [
        ("PNG", encode(&color, ImageFormat::Png)),
        ("JPEG", encode(&color, ImageFormat::Jpeg)),
        ("WebP", encode(&color, ImageFormat::WebP)),
        ("GIF", encode(&color, ImageFormat::Gif)),
        ("BMP", encode(&color, ImageFormat::Bmp)),
        ("TIFF", encode(&color, ImageFormat::Tiff)),
        ("JPEG", fixture!("progressive.jpg").to_vec()),
        ("JPEG", fixture!("cmyk.jpg").to_vec()),
        ("WebP", fixture!("lossy.webp").to_vec()),
        ("WebP", fixture!("alpha.webp").to_vec()),
        ("BMP", fixture!("palette.bmp").to_vec()),
        ("TIFF", fixture!("lzw.tif").to_vec()),
        ("TIFF", fixture!("deflate.tif").to_vec()),
        ("PNG", fixture!("palette.png").to_vec()),
    ];
    for (format, file) in encoded {
        // The last bytes of some formats come after the picture: twelve are left out at least.
        let cuts = (1..16).map(|part| file.len() * part / 16);
        for cut in cuts.chain([file.len() - 12]).filter(|&cut| cut >= 16) {
            let error = refusal(&file[..cut]);
            assert_eq!(
                error,
                ReliefError::Truncated { format },
                "{cut} of {} bytes",
                file.len()
            );
        }
    }
}

#[test]
fn a_thumbnail_that_is_whole_does_not_make_a_cut_photograph_whole() {
    // A segment of metadata that holds a whole JPEG, then a photograph without its end.
    let photograph = fixture!("baseline.jpg");
    let length = u16::try_from(photograph.len() + 2).unwrap().to_be_bytes();
    let file = [
        &photograph[..2],
        b"\xFF\xE1",
        &length,
        photograph,
        &photograph[2..],
    ]
    .concat();
    assert!(generate(&file, &at_quality(1, Format::Stl)).is_ok());
    let error = refusal(&file[..file.len() - 100]);
    assert_eq!(error, ReliefError::Truncated { format: "JPEG" });
}

#[test]
fn a_picture_that_announces_too_many_pixels_is_refused_by_its_header_alone() {
    let too_large = |width, height| ReliefError::TooLarge { width, height };
    for (width, height) in [
        (100_000, 100_000),
        (4097, 1),
        (1, 4097),
        (u32::MAX >> 1, u32::MAX >> 1),
    ] {
        let mut header = png(slope())[..33].to_vec();
        header[16..20].copy_from_slice(&width.to_be_bytes());
        header[20..24].copy_from_slice(&height.to_be_bytes());
        assert_eq!(refusal(&header), too_large(width, height));
    }

    let mut bitmap = encode(&slope().into(), ImageFormat::Bmp);
    bitmap[18..22].copy_from_slice(&100_000_i32.to_le_bytes());
    bitmap[22..26].copy_from_slice(&(-100_000_i32).to_le_bytes());
    assert_eq!(refusal(&bitmap), too_large(100_000, 100_000));

    let mut gif = encode(&DynamicImage::from(noise(9, 9)), ImageFormat::Gif);
    gif[6..10].fill(0xFF);
    assert_eq!(refusal(&gif), too_large(65_535, 65_535));

    let mut jpeg = fixture!("baseline.jpg").to_vec();
    let frame = jpeg
        .windows(2)
        .position(|marker| marker == [0xFF, 0xC0])
        .unwrap();
    jpeg[frame + 5..frame + 9].fill(0xFF);
    assert_eq!(refusal(&jpeg), too_large(65_535, 65_535));

    let mut tiff = fixture!("lzw.tif").to_vec();
    let width = tiff
        .windows(4)
        .position(|tag| tag == [0x00, 0x01, 0x03, 0x00])
        .unwrap();
    tiff[width + 8..width + 10].fill(0xFF);
    assert_eq!(refusal(&tiff), too_large(65_535, 18));

    let mut webp = fixture!("lossy.webp").to_vec();
    webp[26..30].fill(0xFF);
    assert_eq!(refusal(&webp), too_large(16_383, 16_383));

    let mut extended = fixture!("alpha.webp").to_vec();
    extended[24..30].fill(0xFF);
    assert_eq!(refusal(&extended), too_large(1 << 24, 1 << 24));
}

#[test]
fn a_small_webp_with_a_huge_frame_is_refused_by_the_header_of_the_frame() {
    for file in [fixture!("alpha.webp"), fixture!("animated.webp")] {
        let mut file = file.to_vec();
        let frame = file.windows(4).position(|name| name == b"VP8 ").unwrap();
        file[frame + 14..frame + 18].copy_from_slice(&[0xFF; 4]);
        let error = refusal(&file);
        assert_eq!(
            error,
            ReliefError::TooLarge {
                width: 16_383,
                height: 16_383
            }
        );
    }
}

#[test]
fn a_small_gif_with_a_huge_frame_is_refused_without_its_memory() {
    let mut gif = encode(&DynamicImage::from(noise(9, 9)), ImageFormat::Gif);
    // A frame begins with a comma; this one lies at the origin.
    let frame = gif
        .windows(5)
        .position(|start| start == b",\0\0\0\0")
        .unwrap();
    gif[frame + 5..frame + 9].fill(0xFF);
    assert_eq!(refusal(&gif), ReliefError::TooMuchMemory { format: "GIF" });
}

#[test]
fn a_photograph_of_endless_scans_is_refused() {
    let file = fixture!("progressive.jpg");
    let last = file
        .windows(2)
        .rposition(|marker| marker == [0xFF, 0xDA])
        .unwrap();
    let (start, scan) = (&file[..last], &file[last..file.len() - 2]);
    let many = [start, &scan.repeat(100), b"\xFF\xD9"].concat();
    let error = refusal(&many);
    assert_eq!(
        error.to_string(),
        "the JPEG picture is broken: it has more than 64 scans"
    );
}

#[test]
fn a_picture_without_pixels_is_broken() {
    let mut bitmap = encode(&slope().into(), ImageFormat::Bmp);
    bitmap[18..22].fill(0);
    assert_eq!(
        refusal(&bitmap).to_string(),
        "the BMP picture is broken: it has no pixels"
    );
}

#[test]
fn damage_inside_a_picture_is_broken() {
    let mut file = png(noise(40, 30));
    file[60] ^= 0xFF;
    let error = refusal(&file);
    assert!(
        matches!(error, ReliefError::Broken { format: "PNG", .. }),
        "{error:?}"
    );
}

#[test]
fn a_rare_kind_of_tiff_is_refused_with_advice() {
    let error = refusal(fixture!("palette.tif"));
    assert!(
        matches!(error, ReliefError::Unsupported { format: "TIFF", .. }),
        "{error:?}"
    );
    assert!(error.to_string().ends_with("save it as a PNG"), "{error}");
}
