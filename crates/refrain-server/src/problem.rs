//! Errors as clients see them: problem details (RFC 9457) with types that never change.

mod headers;
mod kind;
pub(crate) mod responses;

use axum::Json;
use axum::http::header::{CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use headers::kept_headers;
pub use kind::ProblemKind;

const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not served, with all that an answer about it needs.
///
/// # Example
///
/// ```
/// use refrain_server::{Problem, ProblemKind};
///
/// let problem = Problem::new(ProblemKind::InvalidValue, "must be from 1 to 1000, is 0").field("dimensions.width");
/// assert_eq!(problem.status().as_u16(), 400);
/// assert_eq!(problem.document().kind, "urn:refrain:problem:invalid-value");
/// assert_eq!(problem.document().field.as_deref(), Some("dimensions.width"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    kind: ProblemKind,
    detail: String,
    field: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// What is answered in the place of a document.
    passed_on: Option<Box<ErrorAnswer>>,
}

/// An error as another server answered it, to be passed on as it is: status, headers such as `Retry-After`, and body.
///
/// # Example
///
/// ```
/// use axum::http::{HeaderMap, HeaderValue, StatusCode, header::RETRY_AFTER};
/// use refrain_server::ErrorAnswer;
///
/// let mut headers = HeaderMap::new();
/// headers.insert(RETRY_AFTER, HeaderValue::from_static("7"));
/// let answer = ErrorAnswer { status: StatusCode::TOO_MANY_REQUESTS, headers, body: "slow down".into() };
/// assert_eq!(answer.status.as_u16(), 429);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The status: 400 or higher.
    pub status: StatusCode,
    /// The headers that belong to the answer, without those of the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// A problem as it is written into answers, job documents and batch lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProblemDocument {
    /// What kind of problem it is; stable, made for programs.
    #[serde(rename = "type")]
    #[schema(example = "urn:refrain:problem:invalid-value")]
    pub kind: String,
    /// The same for people.
    #[schema(example = "A field has a value that is not allowed")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 400)]
    pub status: u16,
    /// What was wrong this time, and what to do about it.
    #[schema(example = "`dimensions.width` must be from 1 to 1000, is 0")]
    pub detail: String,
    /// The field of the request that it is about, as a path.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "dimensions.width")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem of this kind; `detail` says what was wrong this time.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
            passed_on: None,
        }
    }

    /// The same, about one field of the request.
    #[must_use]
    pub fn field(mut self, path: impl Into<String>) -> Self {
        self.field = Some(path.into());
        self
    }

    /// An error of another server, which is answered as it is.
    pub(crate) fn passed_on(answer: ErrorAnswer) -> Self {
        let detail = format!(
            "the generator was answered with status {}",
            answer.status.as_u16()
        );
        let mut problem = Self::new(ProblemKind::GeneratorRefused, detail);
        // A status that says nothing of an error must not make one look like a result.
        if answer.status.is_client_error() || answer.status.is_server_error() {
            problem.passed_on = Some(Box::new(answer));
        }
        problem
    }

    /// A request that asked for too much at once and may be repeated after `seconds`.
    pub(crate) fn busy(detail: impl Into<String>, seconds: u32) -> Self {
        let mut problem = Self::new(ProblemKind::Busy, detail);
        problem.headers.push((RETRY_AFTER, seconds.into()));
        problem
    }

    /// A management request without the right token.
    pub(crate) fn unauthorized(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(ProblemKind::Unauthorized, detail);
        let challenge = HeaderValue::from_static("Bearer realm=\"refrain\"");
        problem.headers.push((WWW_AUTHENTICATE, challenge));
        problem
    }

    /// A range that lies outside a result of `length` bytes.
    pub(crate) fn range_not_satisfiable(length: u64) -> Self {
        let mut problem = Self::new(
            ProblemKind::RangeNotSatisfiable,
            format!("the result has {length} bytes, none of them in the range asked for"),
        );
        if let Ok(value) = HeaderValue::try_from(format!("bytes */{length}")) {
            problem.headers.push((CONTENT_RANGE, value));
        }
        problem
    }

    /// The same, with one more header in the answer.
    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> ProblemKind {
        self.kind
    }

    /// The HTTP status it is answered with.
    pub fn status(&self) -> StatusCode {
        let passed_on = self.passed_on.as_ref();
        passed_on.map_or_else(|| self.kind.status(), |answer| answer.status)
    }

    /// What is written to the client.
    pub fn document(&self) -> ProblemDocument {
        ProblemDocument {
            kind: self.kind.urn(),
            title: self.kind.title(),
            status: self.status().as_u16(),
            detail: self.detail.clone(),
            field: self.field.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        if let Some(answer) = self.passed_on {
            let mut response = (answer.status, answer.body).into_response();
            response.headers_mut().remove(CONTENT_TYPE);
            response.headers_mut().extend(kept_headers(&answer.headers));
            response.headers_mut().extend(self.headers);
            return response;
        }
        let mut response = (self.status(), Json(self.document())).into_response();
        response.headers_mut().insert(CONTENT_TYPE, MEDIA_TYPE);
        response.headers_mut().extend(self.headers);
        response
    }
}
