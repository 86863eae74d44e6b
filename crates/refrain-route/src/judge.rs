//! The judge of an answer: whether it is a result that may be stored and shared, told while it passes and at its end.

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use refrain::key::Document;

use crate::exchange::{StreamExchange, StreamFormat};
use crate::route::Route;
use crate::success::Validate;
use crate::validate::{Invalid, MediaKind, Validator};

mod media;
mod stream;

pub use stream::StreamJudge;

/// Why an answer is no result. It is passed on as it came, and neither stored nor shared.
///
/// ```
/// use http::StatusCode;
/// use refrain_route::NotAResult;
///
/// assert_eq!(NotAResult::Status(StatusCode::NOT_FOUND).to_string(), "status 404 is no success");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAResult {
    /// Its status is none of success.
    #[error("status {} is no success", .0.as_u16())]
    Status(StatusCode),
    /// A header forbids it, or makes the body something that cannot be judged.
    #[error("{0}")]
    Header(&'static str),
    /// What has to be in it is missing, or what must not be in it is there.
    #[error("the answer says that it failed")]
    Failed,
    /// Its body is not JSON, though it has to say something.
    #[error("the answer is not JSON")]
    NotJson,
    /// Its stream ended without the mark of its end, or went on behind it.
    #[error("{0}")]
    Stream(&'static str),
    /// Its body is not whole.
    #[error(transparent)]
    NotWhole(#[from] Invalid),
    /// A file in it is no base64.
    #[error("a file in the answer is not base64")]
    NotBase64,
}

/// Judges one answer.
#[derive(Debug)]
pub struct Judge<'r> {
    route: &'r Route,
    body: Body<'r>,
    beginning: Vec<u8>,
}

#[derive(Debug)]
enum Body<'r> {
    /// Frames.
    Stream(StreamJudge<'r>),
    /// A file of a known kind.
    File(Validator),
    /// A file whose kind its beginning says.
    Unknown,
    /// Anything.
    Any,
}

/// How many bytes tell what a file is.
const BEGINNING: usize = 16;

impl Route {
    /// Begins to judge an answer by its head.
    ///
    /// # Errors
    ///
    /// [`NotAResult`] when its head already says so.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http::{HeaderMap, StatusCode};
    /// use refrain_route::Config;
    ///
    /// let config = Config::standing_in("openai", "http://127.0.0.1:8081", "127.0.0.1:8080").unwrap();
    /// let chat = config.upstreams[0].routes.named("chat").unwrap();
    /// let judged = |status, body: &'static str| {
    ///     let mut judge = chat.judge(status, &HeaderMap::new())?;
    ///     judge.update(body.as_bytes())?;
    ///     judge.finish(|| Bytes::from(body))
    /// };
    /// assert!(judged(StatusCode::OK, r#"{"choices": [{"finish_reason": "stop"}]}"#).is_ok());
    /// assert!(judged(StatusCode::OK, r#"{"error": "no"}"#).is_err());
    /// assert!(judged(StatusCode::OK, r#"{"choices": [{"finish_re"#).is_err());
    /// assert!(judged(StatusCode::TOO_MANY_REQUESTS, "{}").is_err());
    /// ```
    pub fn judge(&self, status: StatusCode, headers: &HeaderMap) -> Result<Judge<'_>, NotAResult> {
        if !self.success.status.contains(&status) {
            return Err(NotAResult::Status(status));
        }
        check_headers(headers, self.cache.store_no_store)?;
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let essence = content_type.map(|text| {
            text.split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        });
        let body = match (stream_format(essence.as_deref()), &self.exchange.stream) {
            (Some(format), Some(stream)) if stream.format == format => {
                Body::Stream(StreamJudge::new(stream))
            }
            (Some(_), _) => {
                return Err(NotAResult::Header(
                    "the answer is a stream that the route does not know",
                ));
            }
            (None, _) => {
                self.check_type(essence.as_deref())?;
                self.body_of(content_type)
            }
        };
        Ok(Judge {
            route: self,
            body,
            beginning: Vec::new(),
        })
    }

    fn check_type(&self, essence: Option<&str>) -> Result<(), NotAResult> {
        let fits = |expected: &String| match (expected.strip_suffix('*'), essence) {
            (Some(family), Some(essence)) => essence.starts_with(family),
            (None, Some(essence)) => essence == expected,
            (_, None) => false,
        };
        if self.success.types.is_empty() || self.success.types.iter().any(fits) {
            return Ok(());
        }
        Err(NotAResult::Header("the answer is of another media type"))
    }

    fn body_of<'r>(&self, content_type: Option<&str>) -> Body<'r> {
        match self.success.validate {
            Validate::No => Body::Any,
            Validate::As(kind) => Body::File(Validator::new(kind)),
            Validate::ByType => match content_type.and_then(MediaKind::of_content_type) {
                Some(kind) => Body::File(Validator::new(kind)),
                None => Body::Unknown,
            },
        }
    }
}

impl Judge<'_> {
    /// Whether the answer is a stream of frames.
    pub fn is_stream(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    ///
    /// [`NotAResult`] as soon as it is certain; what follows does not matter then.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), NotAResult> {
        if let Body::Unknown = self.body {
            let missing = (BEGINNING - self.beginning.len()).min(bytes.len());
            self.beginning.extend_from_slice(&bytes[..missing]);
            if self.beginning.len() < BEGINNING {
                return Ok(());
            }
            let Some(kind) = MediaKind::of_beginning(&self.beginning) else {
                self.body = Body::Any;
                return Ok(());
            };
            let mut validator = Validator::new(kind);
            validator.update(&self.beginning)?;
            validator.update(&bytes[missing..])?;
            self.body = Body::File(validator);
            return Ok(());
        }
        match &mut self.body {
            Body::Stream(stream) => stream.update(bytes),
            Body::File(validator) => Ok(validator.update(bytes)?),
            Body::Unknown | Body::Any => Ok(()),
        }
    }

    /// Says at the end of the body whether it is a result; `body` gives all of it, and is asked only if it has to be read.
    ///
    /// # Errors
    ///
    /// [`NotAResult`] when it is not whole, or says that it failed.
    pub fn finish(self, body: impl FnOnce() -> Bytes) -> Result<(), NotAResult> {
        match self.body {
            Body::Stream(stream) => return stream.finish(),
            Body::File(validator) => validator.finish()?,
            Body::Unknown | Body::Any => {}
        }
        let looks_for_media =
            !self.route.artifacts.media.is_empty() && self.route.success.validate != Validate::No;
        if !self.route.success.looks_into_json() && !looks_for_media {
            return Ok(());
        }
        let document = Document::from_json(&body()).ok();
        self.route.judge_document(document.as_ref())
    }
}

impl Route {
    fn judge_document(&self, document: Option<&Document>) -> Result<(), NotAResult> {
        if let Some(require) = &self.success.require {
            let document = document.ok_or(NotAResult::NotJson)?;
            if !require.hold(document) {
                return Err(NotAResult::Failed);
            }
        }
        let Some(document) = document else {
            return Ok(());
        };
        if self.success.reject.hold(document) {
            return Err(NotAResult::Failed);
        }
        if self.success.validate != Validate::No {
            for pattern in &self.artifacts.media {
                for value in pattern.values(document) {
                    media::check(value, self.success.validate)?;
                }
            }
        }
        Ok(())
    }
}

fn check_headers(headers: &HeaderMap, store_no_store: bool) -> Result<(), NotAResult> {
    let says = |name: header::HeaderName, word: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let mut words = values.flat_map(|value| value.split(','));
        words.any(|other| other.trim().eq_ignore_ascii_case(word))
    };
    let is_encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if is_encoded {
        return Err(NotAResult::Header(
            "the answer is compressed, though it was asked not to be",
        ));
    }
    if says(header::CACHE_CONTROL, "no-store") && !store_no_store {
        return Err(NotAResult::Header("the answer says no-store"));
    }
    if says(header::VARY, "*") {
        return Err(NotAResult::Header(
            "the answer depends on what is not in the request",
        ));
    }
    if headers.contains_key(header::CONTENT_RANGE) {
        return Err(NotAResult::Header("the answer is a part of something"));
    }
    Ok(())
}

fn stream_format(essence: Option<&str>) -> Option<StreamFormat> {
    match essence? {
        "text/event-stream" => Some(StreamFormat::Sse),
        "application/x-ndjson"
        | "application/ndjson"
        | "application/jsonl"
        | "application/x-jsonlines" => Some(StreamFormat::Ndjson),
        _ => None,
    }
}

impl StreamExchange {
    /// Whether the judge has to read the JSON of frames.
    fn looks_into_json(&self) -> bool {
        let in_end = self
            .end
            .iter()
            .any(|end| matches!(end, crate::exchange::EndMarker::Frame(_)));
        in_end || !self.failed.is_never() || self.require.is_some()
    }
}

#[cfg(test)]
mod tests;
