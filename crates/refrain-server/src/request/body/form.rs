//! Forms: `multipart/form-data`, read part by part.

use std::collections::HashSet;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use multer::{Field, Multipart};
use refrain::key::{Document, Map};

use super::part::is_file;
use crate::{Problem, ProblemKind};

/// Parts that a form may have; no generator knows as many fields.
const MAX_PARTS: usize = 100;

/// The parts of a form under their names: files as bytes, everything else as text.
pub(super) async fn read(body: Bytes, boundary: String) -> Result<Document, Problem> {
    let pieces = stream::once(async { Ok::<_, Infallible>(body) });
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
    Ok(Document::Map(values.into_iter().collect::<Map>()))
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

/// A file, or text.
async fn value_of(part: Field<'_>, name: &str) -> Result<Document, Problem> {
    let is_file = is_file(part.headers());
    let bytes = part.bytes().await.map_err(|error| broken(&error))?;
    if is_file {
        return Ok(Document::Bytes(bytes));
    }
    String::from_utf8(bytes.into())
        .map(Document::Text)
        .map_err(|_| {
            let detail =
                format!("the part `{name}` is neither a file, with a file name or a media type, nor UTF-8 text");
            Problem::new(ProblemKind::InvalidValue, detail).field(name)
        })
}

fn broken(error: &multer::Error) -> Problem {
    malformed(format!("the form cannot be read: {error}"))
}

fn malformed(detail: String) -> Problem {
    Problem::new(ProblemKind::MalformedRequest, detail)
}
