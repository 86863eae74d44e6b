//! Progress, cancellation, and the same bytes every time.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::{DynamicImage, ImageFormat};
use refrain_relief::{Format, ReliefError};

use crate::picture::{encode, fixture, noise, png, slope};
use crate::{at_quality, generate};

/// Every report of a generation.
fn reports(picture: &[u8], quality: u8, format: Format) -> Vec<(f64, &'static str)> {
    let reports = Mutex::new(Vec::new());
    let watch = |fraction, step| {
        reports.lock().unwrap().push((fraction, step));
        ControlFlow::Continue(())
    };
    refrain_relief::generate(picture, &at_quality(quality, format), &watch).unwrap();
    reports.into_inner().unwrap()
}

#[test]
fn progress_goes_from_0_to_1_through_the_steps_and_never_back() {
    for format in Format::ALL {
        let reports = reports(&png(noise(200, 200)), 2, format);
        assert_eq!(reports.first(), Some(&(0.0, "decode")));
        assert_eq!(reports.last(), Some(&(1.0, "write")));
        assert!(
            reports.is_sorted_by(|one, next| one.0 <= next.0),
            "{reports:?}"
        );
        let mut steps: Vec<_> = reports.iter().map(|report| report.1).collect();
        steps.dedup();
        assert_eq!(steps, ["decode", "resample", "mesh", "write"], "{format}");
    }
}

#[test]
fn every_row_of_work_is_reported() {
    let picture = encode(&DynamicImage::from(noise(500, 700)), ImageFormat::Bmp);
    for format in Format::ALL {
        let reports = reports(&picture, 5, format);
        let count = |step| reports.iter().filter(|report| report.1 == step).count();
        assert!(
            count("decode") >= picture.len() / (16 * 1024),
            "windows of the file"
        );
        assert!(count("resample") >= 700, "rows of the picture");
        assert!(count("mesh") >= 128, "rows of the grid");
        assert!(count("write") >= 128, "rows of the grid");
    }
}

#[test]
fn a_generation_can_be_cancelled_at_every_report_and_reports_nothing_more() {
    let color = DynamicImage::from(noise(90, 120));
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::WebP,
        ImageFormat::Gif,
        ImageFormat::Bmp,
        ImageFormat::Tiff,
    ] {
        let picture = encode(&color, format);
        let total = reports(&picture, 1, Format::Obj).len();
        for last in 1..=total {
            let count = AtomicUsize::new(0);
            let watch = |_, _| {
                // Only this thread counts, so no ordering with other memory is needed.
                if count.fetch_add(1, Ordering::Relaxed) + 1 == last {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            };
            let result = refrain_relief::generate(&picture, &at_quality(1, Format::Obj), &watch);
            assert_eq!(
                result,
                Err(ReliefError::Cancelled),
                "{format:?} at report {last}"
            );
            assert_eq!(
                count.into_inner(),
                last,
                "{format:?}: reports until the end"
            );
        }
    }
}

#[test]
fn equal_requests_give_equal_bytes_on_any_number_of_threads() {
    let picture = png(noise(150, 90));
    for format in Format::ALL {
        let parameters = at_quality(4, format);
        let first = generate(&picture, &parameters).unwrap();
        let others = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| generate(&picture, &parameters).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert!(others.iter().all(|other| *other == first), "{format}");
    }
}

/// These digests must not change while `FINGERPRINT` stays: results stored before would be other bytes than results
/// made after. They also show that every machine makes the same bytes.
#[test]
fn the_bytes_of_a_relief_belong_to_the_fingerprint() {
    assert_eq!(refrain_relief::FINGERPRINT, "relief/2");
    let digests = Format::ALL.map(|format| {
        let mut parameters = at_quality(2, format);
        parameters.dimensions.width = 33.3;
        let pictures = [
            png(noise(111, 77)),
            png(slope()),
            fixture!("palette.png").to_vec(),
        ];
        let mut digest = blake3::Hasher::new();
        for picture in pictures {
            digest.update(&generate(&picture, &parameters).unwrap());
        }
        digest.finalize().to_hex().to_string()
    });
    let expected = [
        "b89a359ba1d644951b7db2ce477f07df4934b6eef2fdc8a2fb2d6de70eeecbbf",
        "29e6033d8f327a6b25f53f30c9e45bde84603eca658e23be678aa2ef124349f5",
        "a2fa01aa6f2582b1f00c9d7996f2c354ba5b33cb8e647c5dc2a4aa756516d25a",
        "56a0fe839c88edf826b12f287e79c35ccb96ec25659aedc293268c36caac013a",
    ];
    assert_eq!(digests, expected);
}
