//! `relief` behind the trait: an adapter between a request's fields and the crate that makes reliefs.

use std::ops::{ControlFlow, RangeInclusive};

use refrain::BypassReason;
use refrain_relief::field::{self, Millimeters};
use refrain_relief::{FINGERPRINT, Format, NAME, ReliefError, ReliefRequest};
use serde_json::{Value, json};

use crate::generate_error::GenerateError;
use crate::generators::{BlockingWork, Generator, KeyPart, Keying, Prepared, ResultFile, blocking};
use crate::progress::Progress;
use crate::request::exchange::Exchange;
use crate::{Fields, Problem, ProblemKind, Reservation};

/// The generator `relief`: a picture in, a printable 3D relief out.
///
/// # Example
///
/// ```
/// use refrain_server::{App, Relief, ServerConfig};
///
/// let app = App::builder(ServerConfig::default()).generator(Relief).build()?;
/// # Ok::<(), refrain_server::AppError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Relief;

impl Generator for Relief {
    fn name(&self) -> &'static str {
        NAME
    }

    fn fingerprint(&self) -> &'static str {
        FINGERPRINT
    }

    fn body_schema(&self) -> Value {
        let dimensions = [field::WIDTH, field::HEIGHT, field::DEPTH];
        let dimensions: serde_json::Map<_, _> = dimensions
            .iter()
            .map(|field| (field.name.to_owned(), length_schema(field)))
            .collect();
        let quality = field::QUALITY;
        json!({
            "type": "object",
            "required": [field::IMAGE],
            "additionalProperties": false,
            "properties": {
                field::IMAGE: {
                    "type": "string",
                    "description": "The picture: base64 or a data URI in JSON, a file part in a form",
                },
                field::FORMAT: {
                    "type": "string",
                    "enum": Format::ALL.map(Format::extension),
                    "default": Format::default().extension(),
                    "description": "File format of the answer",
                },
                field::DIMENSIONS: {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": dimensions,
                    "description": "Extents of the whole relief in mm, base plate included",
                },
                quality.name: {
                    "type": "integer",
                    "minimum": quality.min,
                    "maximum": quality.max,
                    "default": quality.default,
                    "description": quality.about,
                },
                field::BASE.name: length_schema(&field::BASE),
                field::INVERT: {
                    "type": "boolean",
                    "default": false,
                    "description": "`true`: what is dark is high",
                },
            },
        })
    }

    fn prepare(&self, mut exchange: Exchange) -> Result<Prepared, Problem> {
        let mut fields = exchange.fields()?;
        let asked = ReliefRequest::read(&mut fields)?;
        fields.finish()?;
        let held = exchange.keep(asked.picture.len());
        let keying = match asked.key() {
            Ok(key) => Keying::Key(key),
            Err(unkeyable) => Keying::Bypass(BypassReason::unkeyable(&unkeyable)),
        };
        let work = blocking(ReliefWork { asked, _held: held });
        Ok(Prepared { keying, work })
    }
}

/// A relief to be made.
struct ReliefWork {
    asked: ReliefRequest<Vec<u8>>,
    _held: Reservation,
}

impl BlockingWork for ReliefWork {
    fn run(&self, progress: &Progress) -> Result<ResultFile, GenerateError> {
        let report = |fraction: f64, step: &'static str| {
            progress.set(fraction, step);
            if progress.is_cancelled() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let ReliefRequest {
            picture,
            parameters,
        } = &self.asked;
        let format = parameters.format;
        match refrain_relief::generate(picture, parameters, &report) {
            Ok(bytes) => Ok(ResultFile {
                bytes,
                media_type: format.media_type().into(),
                file_name: format!("{NAME}.{}", format.extension()).into(),
            }),
            Err(ReliefError::Cancelled) => Err(GenerateError::Cancelled),
            Err(error) => Err(GenerateError::Refused(error.into())),
        }
    }

    fn key_parts(&self) -> Vec<KeyPart> {
        let mut parts = Vec::new();
        self.asked.each_part(|name, value| {
            parts.extend(KeyPart::of(&format!("/{name}"), value));
        });
        parts
    }
}

impl refrain_relief::Fields for Fields {
    type File = Vec<u8>;
    type Error = Problem;

    fn file(&mut self, name: &'static str) -> Result<Vec<u8>, Problem> {
        Self::file(self, name)
    }

    fn number(&mut self, name: &'static str) -> Result<Option<f64>, Problem> {
        Self::number(self, name)
    }

    fn whole(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        self.unsigned(name, range)
    }

    fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
        Self::boolean(self, name)
    }

    fn word(
        &mut self,
        name: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Problem> {
        Self::word(self, name, words)
    }

    fn object(&mut self, name: &'static str) -> Result<Option<Self>, Problem> {
        Self::object(self, name)
    }

    fn finish(self) -> Result<(), Problem> {
        Self::finish(self)
    }
}

impl From<ReliefError> for Problem {
    fn from(error: ReliefError) -> Self {
        if let ReliefError::OutOfMemory { .. } = error {
            return Self::busy(error.to_string(), 10);
        }
        let kind = match error {
            ReliefError::InvalidParameter { .. } => ProblemKind::InvalidValue,
            ReliefError::TooManyBytes { .. } => ProblemKind::BodyTooLarge,
            ReliefError::Cancelled => ProblemKind::Cancelled,
            _ => ProblemKind::UnreadableImage,
        };
        let problem = Self::new(kind, error.to_string());
        match error.field() {
            Some(field) => problem.field(field),
            None => problem,
        }
    }
}

fn length_schema(field: &Millimeters) -> Value {
    json!({
        "type": "number",
        "minimum": field.min,
        "maximum": field.max,
        "default": field.default,
        "description": format!("{} in mm", field.about),
    })
}
