//! The exchange that a generator is given: the request as it came, and the document that was read of it.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use refrain::key::Document;

use crate::client::Client;
use crate::request::body::{ReadBody, Reservation, fields_of};
use crate::request::fields::Fields;
use crate::request::query;
use crate::request::value::data_bytes;
use crate::{Problem, ProblemKind};

/// One request to a generator: the line, the headers, the body as it came, and the document in it.
#[derive(Debug)]
pub struct Exchange {
    /// The method of the request.
    pub method: Method,
    /// The path, as it was written.
    pub path: String,
    /// What followed `?` in the address, as it was written.
    pub query: Option<String>,
    /// The headers, those of the connection too.
    pub headers: HeaderMap,
    /// The body, byte for byte. Empty for a request of a batch, which has no body of its own.
    pub body: Bytes,
    /// What the body says, read once: JSON, or the parts of a form as text and bytes. `None` if it is neither.
    pub document: Option<Document>,
    /// Whether the document is a form, whose text is read as whatever each field is.
    of_form: bool,
    /// Keeps the memory of the request accounted as long as its data lives.
    held: Reservation,
}

impl Exchange {
    pub(crate) fn new(head: Parts, body: ReadBody) -> Self {
        Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            headers: head.headers,
            body: body.bytes,
            document: Some(body.document),
            of_form: body.of_form,
            held: body.held,
        }
    }

    /// A request of a batch to the generator `name`.
    pub(crate) fn of_batch(name: &str, document: Document, held: Reservation) -> Self {
        Self {
            method: Method::POST,
            path: format!("/api/generate/{name}"),
            query: None,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            document: Some(document),
            of_form: false,
            held,
        }
    }

    /// Takes the document as fields, with those of the query, for generators that know each of them.
    ///
    /// # Errors
    ///
    /// A problem when the body is no object and no form, or was taken before, or when a field is given twice.
    pub fn fields(&mut self) -> Result<Fields, Problem> {
        match self.document.take() {
            Some(document) => {
                let query = query::fields(self.query.as_deref().unwrap_or_default())?;
                fields_of(document, self.of_form)?.with_query(query)
            }
            None => Err(Problem::new(
                ProblemKind::MalformedRequest,
                "the body is neither JSON nor a form",
            )),
        }
    }

    /// Ends the reading and hands over what must live as long as `kept_bytes` of the request's data do.
    pub fn keep(self, kept_bytes: usize) -> Reservation {
        let Self { mut held, .. } = self;
        held.shrink_to(kept_bytes);
        held
    }

    /// The client that sent it.
    pub(crate) fn client(&self) -> Client {
        self.held.client()
    }

    /// Bytes of text and files in it: what there is to decode and digest.
    pub(crate) fn data_bytes(&self) -> usize {
        self.document.as_ref().map_or(0, data_bytes)
    }
}
