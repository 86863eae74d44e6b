//! The built-in generator `relief`: the bytes of a picture become the bytes of a printable 3D relief.
//!
//! The way of a picture, one module each:
//!
//! ```text
//! bytes ─▶ picture (decode) ─▶ surface (resample, brightness to height) ─▶ mesh (closed solid) ─▶ write (STL, OBJ, PLY, GLB)
//! ```
//!
//! Everything here is synchronous and pure: no HTTP, no files, no clock, no random numbers, no threads.
//! The arithmetic is addition, multiplication, division and square root of IEEE 754 numbers in a fixed
//! order, so the same picture and parameters give the same bytes on every run. (`docs/relief.md` says what that means
//! for the decoders.)
//! The fields, the quality table and the measured times are in `docs/relief.md`.

use std::ops::ControlFlow;

mod error;
mod mesh;
mod parameters;
mod picture;
mod stage;
mod surface;
mod write;

pub use error::ReliefError;
pub use parameters::{Dimensions, Format, ReliefParameters};

use mesh::Mesh;
use picture::Picture;
use stage::Stage;
use surface::Surface;

/// What this generator is, for the keys of stored results: it changes whenever an equal request gives other bytes.
pub const FINGERPRINT: &str = "relief/1";

/// Largest picture file that is read: 50 MiB.
pub const MAX_PICTURE_BYTES: usize = 50 * 1024 * 1024;

/// Largest width and height, in pixels, of a picture that is read.
pub const MAX_PICTURE_SIDE: u32 = 4096;

/// Who watches a generation: told the fraction done, 0 to 1 and never falling, and the name of the step
/// (`decode`, `resample`, `mesh` or `write`); answers whether to go on.
///
/// [`ControlFlow::Break`] ends the generation with [`ReliefError::Cancelled`].
/// It is called up to a few thousand times in a generation, from the thread that generates, so it must be quick.
/// One report is a few milliseconds after the last, except inside the decoders of JPEG and WebP, which cannot be
/// interrupted (`docs/relief.md` has the times).
pub type Progress<'a> = &'a (dyn Fn(f64, &'static str) -> ControlFlow<()> + Sync);

/// Makes a relief of `picture`, the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file.
///
/// The answer is a whole file in `parameters.format`: one closed, consistently oriented, manifold solid, whose extents
/// are exactly the asked dimensions. Equal arguments give equal bytes.
///
/// # Errors
///
/// A [`ReliefError`] that says what is wrong with the parameters or the picture, or [`ReliefError::Cancelled`]
/// when `progress` said [`ControlFlow::Break`]. The parameters are judged first, then the picture.
///
/// # Example
///
/// ```
/// use std::ops::ControlFlow;
/// use refrain_server::relief::{self, Format, ReliefParameters};
///
/// let mut png = std::io::Cursor::new(Vec::new());
/// image::GrayImage::from_fn(8, 8, |x, y| image::Luma([u8::try_from(x * y).unwrap()]))
///     .write_to(&mut png, image::ImageFormat::Png)?;
///
/// let parameters = ReliefParameters { format: Format::Glb, quality: 1, ..ReliefParameters::default() };
/// let relief = relief::generate(png.get_ref(), &parameters, &|_, _| ControlFlow::Continue(()))?;
/// assert!(relief.starts_with(b"glTF"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn generate(
    picture: &[u8],
    parameters: &ReliefParameters,
    progress: Progress<'_>,
) -> Result<Vec<u8>, ReliefError> {
    parameters.validate()?;
    // The shares of the whole follow the measured times of a large picture at high quality.
    let decode = Stage::new("decode", 0.0..0.3, progress);
    let resample = Stage::new("resample", 0.3..0.6, progress);
    let mesh = Stage::new("mesh", 0.6..0.7, progress);
    let write = Stage::new("write", 0.7..1.0, progress);

    let picture = Picture::decode(picture, &decode)?;
    let surface = Surface::of(&picture, parameters.cells(), &resample)?;
    drop(picture);
    let mesh = Mesh::of(&surface, parameters, &mesh)?;
    drop(surface);
    write::write(&mesh, parameters.format, &write)
}
