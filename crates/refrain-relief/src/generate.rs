//! The pipeline of a picture: decode, resample, build the solid, write the file.

use crate::error::ReliefError;
use crate::mesh::Mesh;
use crate::parameters::ReliefParameters;
use crate::picture::Picture;
use crate::stage::{Progress, Stage};
use crate::surface::Surface;
use crate::write;

/// Makes a relief of `picture`, the bytes of a PNG, JPEG, WebP, GIF, BMP or TIFF file.
///
/// The answer is a whole file in `parameters.format`: one closed, consistently oriented, manifold solid, whose extents
/// are exactly the asked dimensions. Equal arguments give equal bytes.
///
/// # Errors
///
/// A [`ReliefError`] that says what is wrong with the parameters or the picture, or [`ReliefError::Cancelled`]
/// when `progress` said [`ControlFlow::Break`](std::ops::ControlFlow::Break). The parameters are judged first, then the
/// picture.
///
/// # Example
///
/// ```
/// use std::ops::ControlFlow;
/// use refrain_relief::{Format, ReliefParameters, generate};
///
/// let mut png = std::io::Cursor::new(Vec::new());
/// image::GrayImage::from_fn(8, 8, |x, y| image::Luma([u8::try_from(x * y).unwrap()]))
///     .write_to(&mut png, image::ImageFormat::Png)?;
///
/// let parameters = ReliefParameters { format: Format::Glb, quality: 1, ..ReliefParameters::default() };
/// let relief = generate(png.get_ref(), &parameters, &|_, _| ControlFlow::Continue(()))?;
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
