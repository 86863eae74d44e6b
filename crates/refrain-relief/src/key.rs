//! The identity of a relief: a content-addressed key over the picture's bytes and every parameter in effect.

use refrain::key::{Key, Media, Unkeyable};

use crate::field;
use crate::parameters::{Dimensions, ReliefParameters};

/// What the generator is called in keys and addresses.
pub const NAME: &str = "relief";

/// What this generator is, for the keys of stored results: it changes whenever an equal request gives other bytes.
pub const FINGERPRINT: &str = "relief/1";

/// The key of the relief of `picture`: how the request was written, and what it left out, is not in it.
///
/// # Errors
///
/// [`Unkeyable`], which no parameters that were [validated](ReliefParameters::validate) give.
///
/// # Example
///
/// ```
/// use refrain::key::Media;
/// use refrain_relief::{ReliefParameters, key};
///
/// let plain = ReliefParameters::default();
/// let finer = ReliefParameters { quality: 8, ..plain };
/// let picture = Media::of(b"a picture");
/// assert_eq!(key(&picture, &plain)?, key(&picture, &ReliefParameters::default())?);
/// assert_ne!(key(&picture, &plain)?, key(&picture, &finer)?);
/// # Ok::<(), refrain::key::Unkeyable>(())
/// ```
pub fn key(picture: &Media, parameters: &ReliefParameters) -> Result<Key, Unkeyable> {
    let Dimensions {
        width,
        height,
        depth,
    } = parameters.dimensions;
    Key::builder()
        .generator(NAME, FINGERPRINT)
        .part(field::IMAGE, picture)
        .part(field::FORMAT, &parameters.format.extension())
        .part(field::WIDTH.name, &width)
        .part(field::HEIGHT.name, &height)
        .part(field::DEPTH.name, &depth)
        .part(field::QUALITY.name, &parameters.quality)
        .part(field::BASE.name, &parameters.base)
        .part(field::INVERT, &parameters.invert)
        .build()
}
