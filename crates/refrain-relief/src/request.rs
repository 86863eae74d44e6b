//! The reader of a request: names, defaults and ranges, for fields of any form.

use std::ops::RangeInclusive;

use refrain::key::{Key, Keyable, Media, Unkeyable};

use crate::error::ReliefError;
use crate::field;
use crate::format::Format;
use crate::key::{each_part, key};
use crate::limits::MAX_PICTURE_BYTES;
use crate::parameters::{Dimensions, ReliefParameters};

/// The fields of one object of a request, taken out one by one.
///
/// Each door has its own: parts of a form, members of JSON, entries of a Python `dict`. The door judges what type a
/// value has; what the fields are called and what they may be is judged here.
pub trait Fields: Sized {
    /// The bytes of a file.
    type File: AsRef<[u8]>;
    /// The door's refusal of a request.
    type Error: From<ReliefError>;

    /// Takes a file that must be there.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is missing or no file.
    fn file(&mut self, name: &'static str) -> Result<Self::File, Self::Error>;

    /// Takes a number.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is something else.
    fn number(&mut self, name: &'static str) -> Result<Option<f64>, Self::Error>;

    /// Takes a whole number within `range`.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is something else.
    fn whole(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Self::Error>;

    /// Takes `true` or `false`.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is something else.
    fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Self::Error>;

    /// Takes one of some words.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is something else.
    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Self::Error>;

    /// Takes an object inside this one.
    ///
    /// # Errors
    ///
    /// A refusal that names the field when it is something else.
    fn object(&mut self, name: &'static str) -> Result<Option<Self>, Self::Error>;

    /// Ends the reading of this object.
    ///
    /// # Errors
    ///
    /// A refusal that names a field that was not taken: it is unknown.
    fn finish(self) -> Result<(), Self::Error>;
}

/// A request for a relief that was read and makes sense, its picture not yet looked at.
#[derive(Debug, Clone)]
pub struct ReliefRequest<B> {
    /// The bytes of the picture.
    pub picture: B,
    /// What to make of it, every value in its range.
    pub parameters: ReliefParameters,
}

impl<B: AsRef<[u8]>> ReliefRequest<B> {
    /// Reads a request; what is left out has its default.
    ///
    /// Unknown fields beside those of a relief stay in `fields`, for the caller to refuse by
    /// [`finish`](Fields::finish).
    ///
    /// # Errors
    ///
    /// What `fields` says of a value of the wrong type, or a [`ReliefError`] about a value out of its range or a
    /// picture file that is too large.
    pub fn read<F: Fields<File = B>>(fields: &mut F) -> Result<Self, F::Error> {
        let picture = fields.file(field::IMAGE)?;
        let parameters = parameters(fields)?;
        let bytes = picture.as_ref().len();
        if bytes > MAX_PICTURE_BYTES {
            return Err(ReliefError::TooManyBytes { bytes }.into());
        }
        Ok(Self {
            picture,
            parameters,
        })
    }

    /// The key of the result: a digest of the picture and of every parameter in effect.
    ///
    /// # Errors
    ///
    /// As [`key`](crate::key()).
    pub fn key(&self) -> Result<Key, Unkeyable> {
        key(&Media::of(self.picture.as_ref()), &self.parameters)
    }

    /// Calls `each` for every part of the key, with its name.
    pub fn each_part(&self, each: impl FnMut(&'static str, &dyn Keyable)) {
        each_part(&Media::of(self.picture.as_ref()), &self.parameters, each);
    }
}

fn parameters<F: Fields>(fields: &mut F) -> Result<ReliefParameters, F::Error> {
    let mut parameters = ReliefParameters::default();
    let formats = Format::ALL.map(Format::extension);
    if let Some(word) = fields.word(field::FORMAT, &formats)? {
        parameters.format = Format::of_extension(word).unwrap_or_default();
    }
    if let Some(mut given) = fields.object(field::DIMENSIONS)? {
        parameters.dimensions = dimensions(&mut given)?;
        given.finish()?;
    }
    let quality = field::QUALITY;
    let range = u64::from(quality.min)..=u64::from(quality.max);
    if let Some(steps) = fields.whole(quality.name, range)? {
        // Out of the range if the door did not heed it, and then refused below.
        parameters.quality = u8::try_from(steps).unwrap_or(u8::MAX);
    }
    let usual = parameters.dimensions.usual_base();
    parameters.base = fields.number(field::BASE.name)?.unwrap_or(usual);
    parameters.invert = fields.boolean(field::INVERT)?.unwrap_or_default();
    parameters.validate()?;
    Ok(parameters)
}

fn dimensions<F: Fields>(fields: &mut F) -> Result<Dimensions, F::Error> {
    let usual = Dimensions::default();
    Ok(Dimensions {
        width: fields.number(field::WIDTH.name)?.unwrap_or(usual.width),
        height: fields.number(field::HEIGHT.name)?.unwrap_or(usual.height),
        depth: fields.number(field::DEPTH.name)?.unwrap_or(usual.depth),
    })
}
