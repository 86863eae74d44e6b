//! The identity of a relief: a content-addressed key over the picture's bytes and every parameter in effect.

use refrain::key::{Key, Keyable, Media, Unkeyable};

use crate::field;
use crate::parameters::ReliefParameters;

/// What the generator is called in keys and addresses.
pub const NAME: &str = "relief";

/// What this generator is, for the keys of stored results: it changes whenever an equal request gives other bytes.
pub const FINGERPRINT: &str = "relief/2";

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
    let format = parameters.format.extension();
    let builder = Key::builder().generator(NAME, FINGERPRINT);
    let parts = parts(picture, parameters, &format).into_iter();
    parts
        .fold(builder, |builder, (name, value)| builder.part(name, value))
        .build()
}

/// Calls `each` for every part of the key, with its name: what tells one request from another.
///
/// # Example
///
/// ```
/// use refrain::key::Media;
/// use refrain_relief::{ReliefParameters, each_part};
///
/// let mut names = Vec::new();
/// each_part(&Media::of(b"a picture"), &ReliefParameters::default(), |name, _| names.push(name));
/// assert_eq!(names[0], "image");
/// ```
pub fn each_part(
    picture: &Media,
    parameters: &ReliefParameters,
    mut each: impl FnMut(&'static str, &dyn Keyable),
) {
    let format = parameters.format.extension();
    for (name, value) in parts(picture, parameters, &format) {
        each(name, value);
    }
}

fn parts<'a>(
    picture: &'a Media,
    parameters: &'a ReliefParameters,
    format: &'a &'static str,
) -> [(&'static str, &'a dyn Keyable); 8] {
    let dimensions = &parameters.dimensions;
    [
        (field::IMAGE, picture),
        (field::FORMAT, format),
        (field::WIDTH.name, &dimensions.width),
        (field::HEIGHT.name, &dimensions.height),
        (field::DEPTH.name, &dimensions.depth),
        (field::QUALITY.name, &parameters.quality),
        (field::BASE.name, &parameters.base),
        (field::INVERT, &parameters.invert),
    ]
}
