//! Request bodies: their limits, alone and together, and their documents.

mod budget;
mod drain;
mod form;
mod interned;
mod keyed;
mod part;
mod pot;
mod read;

use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use refrain::key::Document;

use crate::request::fields::Fields;
use crate::request::json;
use crate::request::value::described;
use crate::{Problem, ProblemKind};

use read::Incoming;

pub use budget::Reservation;
pub(crate) use budget::{BodyBudget, Sender};
pub(crate) use drain::Drained;
pub(crate) use interned::{HeldBody, Interned};
pub(crate) use keyed::{Keyed, keyed};

/// The type that a body says it has.
#[derive(Debug, Clone, PartialEq, Eq)]
enum BodyType {
    Json,
    Form { boundary: String },
}

/// The document of a body, with the bytes it was read from.
#[derive(Debug)]
pub(crate) struct ReadBody {
    pub(crate) bytes: Bytes,
    pub(crate) document: Document,
    /// Whether it was a form, whose text is read as whatever each field is.
    pub(crate) of_form: bool,
    pub(crate) held: Reservation,
}

/// Reads the body of a generate request, JSON or form.
pub(crate) async fn generate_body(
    budget: &BodyBudget,
    head: &Parts,
    body: Body,
) -> Result<ReadBody, Problem> {
    let body_type = body_type(&head.headers)?;
    let incoming = Incoming::admit(budget, &head.headers, sender(head), body)?;
    match body_type {
        BodyType::Json => parsed(incoming).await,
        BodyType::Form { boundary } => {
            let (bytes, held) = incoming.collect().await?;
            Ok(ReadBody {
                document: form::read(bytes.clone(), boundary).await?,
                bytes,
                of_form: true,
                held,
            })
        }
    }
}

/// Reads a body that must be JSON.
pub(crate) async fn json_document(
    budget: &BodyBudget,
    request: Request<Body>,
) -> Result<(Document, Reservation), Problem> {
    let (head, body) = request.into_parts();
    let sender = sender(&head);
    json_of(budget, &head.headers, body, sender).await
}

/// The same for management, which has memory of its own.
pub(crate) async fn management_document(
    budget: &BodyBudget,
    request: Request<Body>,
) -> Result<(Document, Reservation), Problem> {
    let (head, body) = request.into_parts();
    let sender = Sender {
        is_management: true,
        ..sender(&head)
    };
    json_of(budget, &head.headers, body, sender).await
}

/// Whose request it is; a server that only mounts the routes says nothing of that.
fn sender(head: &Parts) -> Sender {
    Sender {
        client: head.extensions.get().copied().unwrap_or_default(),
        meter: head.extensions.get().cloned(),
        is_management: false,
    }
}

async fn json_of(
    budget: &BodyBudget,
    headers: &HeaderMap,
    body: Body,
    sender: Sender,
) -> Result<(Document, Reservation), Problem> {
    if body_type(headers)? != BodyType::Json {
        return Err(unsupported("this route reads application/json"));
    }
    let incoming = Incoming::admit(budget, headers, sender, body)?;
    let ReadBody { document, held, .. } = parsed(incoming).await?;
    Ok((document, held))
}

async fn parsed(incoming: Incoming<'_>) -> Result<ReadBody, Problem> {
    let (bytes, mut held) = incoming.collect().await?;
    heavy(bytes.len(), move || {
        held.grow(memory_of_values(&bytes))?;
        Ok(ReadBody {
            document: json::parse(&bytes)?,
            bytes,
            of_form: false,
            held,
        })
    })
    .await
}

/// Memory that the values of a JSON text take beside their text: `[0,0,…` is read into much more than it is.
///
/// Every value but the first follows one of these bytes. Those inside text are counted too, which only costs room.
fn memory_of_values(json: &[u8]) -> u64 {
    /// A name, a number and their places in two lists, while one representation becomes the next.
    const BYTES_PER_VALUE: u64 = 256;
    let structural = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    json.iter().filter(structural).count() as u64 * BYTES_PER_VALUE
}

/// Runs `work` on `bytes` of data: here when it is quick, else on a thread where it holds up no other request.
pub(crate) async fn heavy<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> T {
    // Parsing, decoding and digesting this much takes about as long as going to another thread and back.
    const QUICK_BYTES: usize = 64 * 1024;
    if bytes <= QUICK_BYTES {
        return work();
    }
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Only the end of the runtime cancels such work, and then no caller waits for this either.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The fields of a document that must be an object.
pub(crate) fn object(document: Document) -> Result<Fields, Problem> {
    fields_of(document, false)
}

/// The fields of a document that must be an object, or is a form.
pub(crate) fn fields_of(document: Document, of_form: bool) -> Result<Fields, Problem> {
    match document {
        Document::Map(values) if of_form => Ok(Fields::of_form(values.into_iter().collect())),
        Document::Map(values) => Ok(Fields::of_json(values)),
        other => Err(Problem::new(
            ProblemKind::MalformedRequest,
            format!("the body must be a JSON object, is {}", described(&other)),
        )),
    }
}

const EXPECTED: &str = "send application/json or multipart/form-data";

fn body_type(headers: &HeaderMap) -> Result<BodyType, Problem> {
    if let Some(encoding) = headers.get(CONTENT_ENCODING)
        && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
    {
        return Err(unsupported(
            "compressed bodies are not read: send it without Content-Encoding",
        ));
    }
    let text = headers
        .get(CONTENT_TYPE)
        .ok_or_else(|| unsupported(&format!("there is no Content-Type: {EXPECTED}")))?
        .to_str()
        .map_err(|_| unsupported(&format!("the Content-Type cannot be read: {EXPECTED}")))?;
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(BodyType::Json)
    } else if essence.eq_ignore_ascii_case("multipart/form-data") {
        let boundary = multer::parse_boundary(text).map_err(|_| {
            Problem::new(
                ProblemKind::MalformedRequest,
                "the Content-Type multipart/form-data names no boundary",
            )
        })?;
        Ok(BodyType::Form { boundary })
    } else {
        Err(unsupported(&format!(
            "this Content-Type is not read: {EXPECTED}"
        )))
    }
}

fn unsupported(detail: &str) -> Problem {
    Problem::new(ProblemKind::UnsupportedMediaType, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cost_more_than_their_text() {
        assert_eq!(memory_of_values(b"7"), 0);
        assert_eq!(memory_of_values(b"[0,0,{}]"), 4 * 256);
    }
}
