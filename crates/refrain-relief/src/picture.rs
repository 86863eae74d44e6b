//! A picture in memory, decoded from untrusted bytes.

use std::cell::Cell;
use std::error::Error;
use std::io;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::error::ReliefError;
use crate::limits::{MAX_PICTURE_BYTES, MAX_PICTURE_SIDE};
use crate::memory::ask_for;
use crate::stage::Stage;
use opacity::Opacity;
use tiff::Directory;
use watched::Watched;

mod brightness;
mod header;
mod jpeg;
mod opacity;
mod orientation;
mod panics;
mod tiff;
mod watched;
mod webp;

/// Memory a decoder may take before the size of the picture is known: rows, palettes, color profiles.
const HEADER_LIMIT_BYTES: u64 = 64 * 1024 * 1024;

/// Memory a decoder may take for the picture.
///
/// Twice the largest picture there is (4096 x 4096 pixels of four 32-bit floats, a TIFF): once for the decoder's own
/// copy, once for ours.
const DECODE_LIMIT_BYTES: u64 = 512 * 1024 * 1024;

/// A decoded picture, as it lies in the file, and how it is to be turned.
pub(super) struct Picture {
    image: DynamicImage,
    opacity: Opacity,
    orientation: Orientation,
}

impl Picture {
    /// Decodes `bytes`. Of an animation, the first frame.
    ///
    /// # Errors
    ///
    /// Any [`ReliefError`] about a picture, or [`ReliefError::Cancelled`].
    pub(super) fn decode(bytes: &[u8], stage: &Stage<'_>) -> Result<Self, ReliefError> {
        stage.report(0, 1)?;
        let format = format_of(bytes)?;
        if let Some((width, height)) = header::dimensions(format, bytes) {
            check_dimensions(format, width, height)?;
        }
        let directory = match format {
            ImageFormat::Tiff => Directory::first(bytes),
            _ => None,
        };
        match format {
            ImageFormat::Jpeg => jpeg::check_scans(bytes)?,
            ImageFormat::WebP => webp::check_frames(bytes)?,
            _ => directory.map_or(Ok(()), |directory| directory.check())?,
        }
        let cancelled = Cell::new(false);
        let watched = Watched::new(bytes, stage, &cancelled);
        let decoded = panics::caught(|| Self::decode_watched(watched, format, directory));
        match decoded.unwrap_or_else(|| Err(fails(format))) {
            // The decoder wraps the error by which the reader stopped it, each decoder in another way.
            _ if cancelled.get() => Err(ReliefError::Cancelled),
            Err(ReliefError::Broken { format: name, .. }) if header::is_cut(format, bytes) => {
                Err(ReliefError::Truncated { format: name })
            }
            picture => picture,
        }
    }

    fn decode_watched(
        watched: Watched<'_>,
        format: ImageFormat,
        directory: Option<Directory<'_>>,
    ) -> Result<Self, ReliefError> {
        let bytes = watched.bytes();
        let refused = |error: ImageError| refusal(format, directory, &error);
        let mut reader = ImageReader::with_format(watched, format);
        let mut limits = Limits::no_limits();
        limits.max_alloc = Some(HEADER_LIMIT_BYTES);
        reader.limits(limits.clone());
        let mut decoder = reader.into_decoder().map_err(refused)?;

        let (width, height) = decoder.dimensions();
        check_dimensions(format, width, height)?;
        limits.max_image_width = Some(MAX_PICTURE_SIDE);
        limits.max_image_height = Some(MAX_PICTURE_SIDE);
        limits.max_alloc = Some(DECODE_LIMIT_BYTES);
        decoder.set_limits(limits).map_err(refused)?;

        let orientation = directory
            .and_then(|directory| directory.orientation())
            .or_else(|| orientation::of(&mut decoder, format, bytes))
            .unwrap_or(Orientation::NoTransforms);
        // Once for the decoder's own copy, once for ours.
        ask_for(decoder.total_bytes().saturating_mul(2))?;
        let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
        Ok(Self {
            image,
            opacity: directory.map_or(Opacity::Separate, |directory| directory.opacity()),
            orientation,
        })
    }

    /// Width in the file, before the picture is turned.
    pub(super) fn width(&self) -> u32 {
        self.image.width()
    }

    /// Height in the file, before the picture is turned.
    pub(super) fn height(&self) -> u32 {
        self.image.height()
    }

    /// How the picture in the file is to be turned to stand upright.
    pub(super) fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// Writes the brightness of row `y` of the file, 0 to 1, into `row`, which is as long as the picture is wide.
    pub(super) fn read_brightness(&self, y: u32, row: &mut [f64]) {
        brightness::read(&self.image, self.opacity, y, row);
    }
}

/// The format of `bytes`, by their first few.
fn format_of(bytes: &[u8]) -> Result<ImageFormat, ReliefError> {
    if bytes.is_empty() {
        return Err(ReliefError::Empty);
    }
    if bytes.len() > MAX_PICTURE_BYTES {
        return Err(ReliefError::TooManyBytes { bytes: bytes.len() });
    }
    if tiff::is_big(bytes) {
        return Err(tiff::refusal_of_big());
    }
    match image::guess_format(bytes) {
        Ok(
            format @ (ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::WebP
            | ImageFormat::Gif
            | ImageFormat::Bmp
            | ImageFormat::Tiff),
        ) => Ok(format),
        _ => Err(ReliefError::NotAPicture),
    }
}

fn check_dimensions(format: ImageFormat, width: u32, height: u32) -> Result<(), ReliefError> {
    if width.max(height) > MAX_PICTURE_SIDE {
        return Err(ReliefError::TooLarge { width, height });
    }
    if width.min(height) == 0 {
        return Err(ReliefError::Broken {
            format: name(format),
            reason: "it has no pixels".to_owned(),
        });
    }
    Ok(())
}

/// What the decoder's `error` means for the request.
fn refusal(
    format: ImageFormat,
    directory: Option<Directory<'_>>,
    error: &ImageError,
) -> ReliefError {
    let format = name(format);
    if ends_too_soon(error) {
        return ReliefError::Truncated { format };
    }
    match error {
        ImageError::Limits(_) => ReliefError::TooMuchMemory { format },
        ImageError::Unsupported(_) => ReliefError::Unsupported {
            format,
            reason: directory.map_or_else(
                || "it uses a rare feature of the format".to_owned(),
                |directory| format!("it has {}", directory.colors()),
            ),
        },
        _ => ReliefError::Broken {
            format,
            reason: error.to_string(),
        },
    }
}

/// The refusal of a picture on which its decoder panicked.
fn fails(format: ImageFormat) -> ReliefError {
    ReliefError::Unsupported {
        format: name(format),
        reason: "its decoder fails on it".to_owned(),
    }
}

/// Whether `error`, or what caused it, is the end of the file.
fn ends_too_soon(error: &ImageError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = match error {
        ImageError::IoError(error) => Some(error),
        error => error.source(),
    };
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return error.kind() == io::ErrorKind::UnexpectedEof;
        }
        cause = error.source();
    }
    false
}

/// The name of `format` in messages.
fn name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::WebP => "WebP",
        ImageFormat::Gif => "GIF",
        ImageFormat::Bmp => "BMP",
        _ => "TIFF",
    }
}
