//! Request bodies as documents: JSON, forms with and without files, tensors behind JSON, and bytes.

use refrain::key::{Document, JsonError, JsonErrorKind, Map, Media};

use super::{BodyKind, Bypass};

mod form;
mod multipart;

/// A body that was read, and how.
pub(super) struct ReadBody {
    pub(super) document: Document,
    /// What of its `Content-Type` counts beside the document.
    pub(super) counted_type: Option<String>,
}

/// Reads a body as the route says; `content_type` is its header, `head_length` that of `Inference-Header-Content-Length`.
pub(super) fn read(
    kind: BodyKind,
    content_type: Option<&str>,
    head_length: Option<&str>,
    body: &[u8],
) -> Result<ReadBody, Bypass> {
    let essence = content_type.map(essence);
    let kind = match kind {
        BodyKind::Auto => kind_of(essence.as_deref()),
        kind => kind,
    };
    match kind {
        BodyKind::Json => Ok(ReadBody {
            document: json(body)?,
            // A server may read the same text in another way when it is called otherwise.
            counted_type: content_type
                .filter(|_| !is_json(essence.as_deref()))
                .map(str::to_owned),
        }),
        BodyKind::Multipart => {
            let boundary = content_type.and_then(multipart::boundary);
            let boundary = boundary.ok_or(Bypass::Body("the body is not multipart/form-data"))?;
            Ok(ReadBody {
                document: multipart::read(&boundary, body)?,
                counted_type: essence,
            })
        }
        BodyKind::Form => {
            if essence.as_deref() != Some(form::TYPE) {
                return Err(Bypass::Body("the body is not a form"));
            }
            Ok(ReadBody {
                document: form::read(body)?,
                counted_type: essence,
            })
        }
        BodyKind::Kserve => kserve(content_type, head_length, body),
        BodyKind::Bytes | BodyKind::Auto => Ok(ReadBody {
            document: Media::of(body).into(),
            counted_type: content_type.map(str::to_owned),
        }),
    }
}

fn kind_of(essence: Option<&str>) -> BodyKind {
    match essence {
        essence if is_json(essence) => BodyKind::Json,
        Some("multipart/form-data") => BodyKind::Multipart,
        Some(form::TYPE) => BodyKind::Form,
        _ => BodyKind::Bytes,
    }
}

/// JSON, and raw tensors behind as much of it as the header says.
fn kserve(
    content_type: Option<&str>,
    head_length: Option<&str>,
    body: &[u8],
) -> Result<ReadBody, Bypass> {
    let head_length = match head_length {
        None => body.len(),
        Some(text) => {
            let length = text
                .trim()
                .parse()
                .ok()
                .filter(|length| *length <= body.len());
            length.ok_or(Bypass::Body("the length of its JSON is impossible"))?
        }
    };
    let (head, tensors) = body.split_at(head_length);
    let mut fields = Map::new();
    // No JSON at all means that the tensors are everything.
    if !head.is_empty() {
        fields.insert("json", json(head)?);
    }
    fields.insert("tensors", Media::of(tensors));
    // Clients send binary tensors as `application/octet-stream`, or without a type; both mean the same.
    let essence = content_type.map(essence);
    let is_plain = is_json(essence.as_deref())
        || matches!(essence.as_deref(), None | Some("application/octet-stream"));
    Ok(ReadBody {
        document: fields.into(),
        counted_type: content_type.filter(|_| !is_plain).map(str::to_owned),
    })
}

fn json(body: &[u8]) -> Result<Document, Bypass> {
    Document::from_json(body).map_err(|error: JsonError| match error.kind() {
        JsonErrorKind::RepeatedName => Bypass::DuplicateName(error.path().to_owned()),
        JsonErrorKind::TooDeep => Bypass::Body("its JSON is nested too deep"),
        JsonErrorKind::TooManyValues => Bypass::Body("its JSON has too many values"),
        _ => Bypass::Body("the body is not JSON"),
    })
}

/// `text/html` of ` Text/HTML; charset=utf-8`.
fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

fn is_json(essence: Option<&str>) -> bool {
    essence == Some("application/json")
}
