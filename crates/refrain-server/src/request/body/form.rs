//! Forms: `multipart/form-data`, read part by part.

use std::collections::HashSet;

use multer::{Field, Multipart};

use super::budget::Reservation;
use super::read::{Incoming, Interrupted};
use crate::request::fields::Fields;
use crate::request::value::Value;
use crate::{Problem, ProblemKind};

/// Parts that a form may have; no generator knows as many fields.
const MAX_PARTS: usize = 100;

pub(super) async fn read(
    incoming: Incoming,
    boundary: String,
) -> Result<(Fields, Reservation), Problem> {
    let (pieces, held) = incoming.pieces();
    let mut form = Multipart::new(pieces, boundary);
    let mut names = HashSet::new();
    let mut values = Vec::new();
    while let Some(part) = form.next_field().await.map_err(|error| broken(&error))? {
        let name = name_of(&part)?;
        if values.len() == MAX_PARTS {
            return Err(malformed(format!(
                "the form has more than {MAX_PARTS} parts"
            )));
        }
        if !names.insert(name.clone()) {
            let detail = format!("the form has the part `{name}` more than once");
            return Err(Problem::new(ProblemKind::DuplicateField, detail).field(name));
        }
        let value = value_of(part, &name).await?;
        values.push((name, value));
    }
    Ok((Fields::new(values), held))
}

fn name_of(part: &Field<'_>) -> Result<String, Problem> {
    const LONGEST: usize = 200;
    match part.name() {
        Some(name) if !name.is_empty() && name.len() <= LONGEST => Ok(name.to_owned()),
        Some(name) if !name.is_empty() => Err(malformed(format!(
            "the form has a part whose name is longer than {LONGEST} bytes"
        ))),
        _ => Err(malformed("the form has a part without a name".to_owned())),
    }
}

/// A part with a file name is a file, any other is text.
async fn value_of(part: Field<'_>, name: &str) -> Result<Value, Problem> {
    let is_file = part.file_name().is_some();
    let bytes = part.bytes().await.map_err(|error| broken(&error))?;
    if is_file {
        return Ok(Value::File(bytes.into()));
    }
    String::from_utf8(bytes.into())
        .map(Value::Form)
        .map_err(|_| {
            let detail =
                format!("the part `{name}` is neither a file, with a file name, nor UTF-8 text");
            Problem::new(ProblemKind::InvalidValue, detail).field(name)
        })
}

fn broken(error: &multer::Error) -> Problem {
    if let multer::Error::StreamReadFailed(source) = error
        && let Some(interrupted) = source.downcast_ref::<Interrupted>()
    {
        return interrupted.0.clone();
    }
    malformed(format!("the form cannot be read: {error}"))
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedRequest, detail)
}
