//! A result of a route as its origin would answer it: facts about the cache are in headers only.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{REFRAIN_KEY, Recipient, bytes_of, client_has, not_modified, visible};
use crate::Problem;
use crate::engine::cache_status::{self, CACHE_STATUS};
use crate::engine::outcome::Served;
use crate::engine::result::StoredResult;

/// Tells a stored result again: renews what is volatile in its headers, and gives its body in pieces.
pub(crate) trait Retelling {
    /// Whether the bytes of two tellings differ.
    fn renews_bytes(&self) -> bool;

    /// The body, with the headers renewed.
    fn retell(&self, headers: &mut HeaderMap, body: &Bytes) -> Vec<Bytes>;
}

/// Answers with a whole result.
///
/// `retelling` is for one that was made for another caller; `own` are the headers of the origin for this caller's own.
///
/// # Errors
///
/// [`Busy`](crate::ProblemKind::Busy) when too many answers are being sent.
pub(crate) async fn routed(
    served: &Served,
    conditions: &HeaderMap,
    retelling: &impl Retelling,
    own: Option<&HeaderMap>,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let result = &served.result;
    let is_hit = served.outcome.was_stored();
    let mut response = match own {
        Some(own) => of_origin(result, own, to).await?,
        None if is_hit && client_has(result, conditions, None).is_some() => {
            not_modified(result.etag().clone())
        }
        None => again(result, retelling, to).await?,
    };
    let headers = response.headers_mut();
    if is_hit {
        headers.insert(ETAG, etag(result, retelling.renews_bytes()));
        headers.insert(AGE, HeaderValue::from(served.age.as_secs()));
    }
    headers.append(CACHE_STATUS, cache_status::of(served));
    Ok(response)
}

/// Makes an answer that has begun, with a body that still grows, one of a route; `own` is as in [`routed`].
pub(crate) fn begun(mut response: Response, own: Option<&HeaderMap>) -> Response {
    let headers = response.headers_mut();
    for name in [REFRAIN_KEY, CACHE_CONTROL, AGE] {
        headers.remove(name);
    }
    let status = headers.remove(CACHE_STATUS);
    match own {
        Some(own) => *headers = own.clone(),
        None => say_no_cache(headers),
    }
    if let Some(status) = status {
        headers.append(CACHE_STATUS, status);
    }
    response
}

/// The first answer, with all that the origin said.
async fn of_origin(
    result: &StoredResult,
    own: &HeaderMap,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let mut response = bytes_of(result, 0, result.length(), to).await?;
    *response.status_mut() = result.status();
    let length = response.headers_mut().remove(CONTENT_LENGTH);
    *response.headers_mut() = own.clone();
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, length);
    }
    Ok(response)
}

/// The same result for another caller.
async fn again(
    result: &StoredResult,
    retelling: &impl Retelling,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let mut kept = result.headers().clone();
    let mut response = if let Some(bytes) = result.body().whole() {
        let bytes = to.budget.charged(bytes, to.meter.as_ref()).await?;
        Body::new(Pieces::new(retelling.retell(&mut kept, &bytes))).into_response()
    } else {
        // So large that it is read from its file piece by piece.
        retelling.retell(&mut kept, &Bytes::new());
        bytes_of(result, 0, result.length(), to).await?
    };
    *response.status_mut() = result.status();
    response.headers_mut().remove(CONTENT_TYPE);
    response.headers_mut().extend(kept);
    say_no_cache(response.headers_mut());
    Ok(response)
}

/// Event streams say so themselves, and what comes between looks at it.
fn say_no_cache(headers: &mut HeaderMap) {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.starts_with(b"text/event-stream")) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    }
}

/// Bytes that are renewed in each answer are the same only in what they mean.
fn etag(result: &StoredResult, is_renewed: bool) -> HeaderValue {
    let strong = result.etag();
    match strong.to_str() {
        Ok(strong) if is_renewed => visible(&format!("W/{strong}")),
        _ => strong.clone(),
    }
}

/// A body in pieces that are all there.
struct Pieces {
    pieces: std::vec::IntoIter<Bytes>,
    left: u64,
}

impl Pieces {
    fn new(mut pieces: Vec<Bytes>) -> Self {
        pieces.retain(|piece| !piece.is_empty());
        Self {
            left: pieces.iter().map(|piece| piece.len() as u64).sum(),
            pieces: pieces.into_iter(),
        }
    }
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = self.pieces.next();
        self.left -= piece.as_ref().map_or(0, |piece| piece.len() as u64);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
