//! `relief` behind the trait: which fields it reads, what they are keyed as, how its errors read.

use std::ops::ControlFlow;
use std::sync::Arc;

use refrain::key::{Key, Media, Unkeyable};
use utoipa::ToSchema;

use crate::generate_error::GenerateError;
use crate::generators::{Artifact, Generator, Prepared, Work};
use crate::progress::Progress;
use crate::relief::{self, Dimensions, Format, ReliefError, ReliefParameters};
use crate::request::RequestDocument;
use crate::{Fields, Problem, ProblemKind, Reservation};

/// The built-in generator: a picture in, a printable 3D relief out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relief;

/// What a generator reads. As an example: what `relief` does.
#[derive(Debug, ToSchema)]
#[expect(
    dead_code,
    reason = "describes the body in the OpenAPI document; `parameters` reads it"
)]
pub(crate) struct GenerateBody {
    /// The picture: base64 or a data URI in JSON, a file part in a form.
    image: String,
    /// File format of the answer.
    #[schema(inline)]
    format: Option<Format>,
    /// Extents of the whole relief in mm, base plate included.
    dimensions: Option<Dimensions>,
    /// Fineness of the surface.
    #[schema(minimum = 1, maximum = 10, default = 7)]
    quality: Option<u8>,
    /// Thickness of the base plate in mm; below `dimensions.depth`.
    #[schema(minimum = 0.2, maximum = 100.0, default = 2.0)]
    base: Option<f64>,
    /// `true`: what is dark is high.
    #[schema(default = false)]
    invert: Option<bool>,
}

impl Generator for Relief {
    fn name(&self) -> &'static str {
        "relief"
    }

    fn fingerprint(&self) -> &'static str {
        relief::FINGERPRINT
    }

    fn prepare(&self, mut request: RequestDocument) -> Result<Prepared, Problem> {
        let picture = request.fields.file("image")?;
        let parameters = parameters(&mut request.fields)?;
        let held = request.finish(picture.len())?;
        if picture.len() > relief::MAX_PICTURE_BYTES {
            let bytes = picture.len();
            return Err(problem_of(&ReliefError::TooManyBytes { bytes }));
        }
        let key = key_of(&picture, &parameters)
            .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
        let work = Arc::new(ReliefWork {
            picture,
            parameters,
            _held: held,
        });
        Ok(Prepared { key, work })
    }
}

/// A relief to be made.
struct ReliefWork {
    picture: Vec<u8>,
    parameters: ReliefParameters,
    _held: Reservation,
}

impl Work for ReliefWork {
    fn run(&self, progress: &Progress) -> Result<Artifact, GenerateError> {
        let report = |fraction: f64, step: &'static str| {
            progress.set(fraction, step);
            if progress.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let format = self.parameters.format;
        match relief::generate(&self.picture, &self.parameters, &report) {
            Ok(bytes) => Ok(Artifact {
                bytes,
                media_type: format.media_type().into(),
                file_name: format!("relief.{}", format.extension()).into(),
            }),
            Err(ReliefError::Cancelled) => Err(GenerateError::Cancelled),
            Err(error) => Err(GenerateError::Refused(problem_of(&error))),
        }
    }
}

/// The parameters in a request; what is left out has its default.
fn parameters(fields: &mut Fields) -> Result<ReliefParameters, Problem> {
    let mut parameters = ReliefParameters::default();
    let formats = Format::ALL.map(Format::extension);
    if let Some(word) = fields.word("format", &formats)? {
        let named = Format::ALL.iter().find(|format| format.extension() == word);
        parameters.format = named.copied().unwrap_or_default();
    }
    if let Some(mut given) = fields.object("dimensions")? {
        parameters.dimensions = dimensions(&mut given)?;
        given.finish()?;
    }
    if let Some(quality) = fields.unsigned("quality", 1..=10)? {
        parameters.quality = u8::try_from(quality).unwrap_or(u8::MAX);
    }
    let usual = parameters.dimensions.usual_base();
    parameters.base = fields.number("base")?.unwrap_or(usual);
    set(&mut parameters.invert, fields.boolean("invert")?);
    parameters.validate().map_err(|error| problem_of(&error))?;
    Ok(parameters)
}

fn dimensions(fields: &mut Fields) -> Result<Dimensions, Problem> {
    let mut dimensions = Dimensions::default();
    set(&mut dimensions.width, fields.number("width")?);
    set(&mut dimensions.height, fields.number("height")?);
    set(&mut dimensions.depth, fields.number("depth")?);
    Ok(dimensions)
}

fn set<T>(value: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *value = given;
    }
}

/// Every parameter with its value in effect, and the picture by its bytes: how the request was written is not in it.
fn key_of(picture: &[u8], parameters: &ReliefParameters) -> Result<Key, Unkeyable> {
    let Dimensions {
        width,
        height,
        depth,
    } = parameters.dimensions;
    Key::builder()
        .generator("relief", relief::FINGERPRINT)
        .part("image", &Media::of(picture))
        .part("format", &parameters.format.extension())
        .part("width", &width)
        .part("height", &height)
        .part("depth", &depth)
        .part("quality", &parameters.quality)
        .part("base", &parameters.base)
        .part("invert", &parameters.invert)
        .build()
}

fn problem_of(error: &ReliefError) -> Problem {
    let kind = match error {
        ReliefError::InvalidParameter { .. } => ProblemKind::InvalidValue,
        ReliefError::TooManyBytes { .. } => ProblemKind::BodyTooLarge,
        ReliefError::Cancelled => ProblemKind::Cancelled,
        _ => ProblemKind::UnreadableImage,
    };
    let problem = Problem::new(kind, error.to_string());
    match error.field() {
        Some(field) => problem.field(field),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<ReliefParameters, Problem> {
        let mut fields =
            crate::request::body::object(crate::request::json::parse(json.as_bytes())?)?;
        parameters(&mut fields)
    }

    #[test]
    fn every_depth_in_the_range_works_without_a_word_about_the_base() {
        for depth in ["1", "1.5", "2", "2.000001", "3", "500"] {
            let request = format!(r#"{{"dimensions": {{"depth": {depth}}}}}"#);
            assert!(read(&request).is_ok(), "{request}");
        }
    }

    #[test]
    fn a_default_written_out_means_the_same() {
        let written = read(r#"{"base": 2, "dimensions": {"depth": 3}}"#);
        assert_eq!(written, read(r#"{"dimensions": {"depth": 3}}"#));
        assert!(read(r#"{"base": 2, "dimensions": {"depth": 2}}"#).is_err());
    }
}
