//! A result as an HTTP answer: whole, in part, or as it grows.

mod budget;
mod coding;
mod compressed;
mod conditional;
mod live;
mod routed;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH,
    CONTENT_LOCATION, CONTENT_RANGE, ETAG, RANGE, TRAILER, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::stream::{self, Stream, StreamExt as _};
use http_body::Frame;
use http_body_util::StreamBody;
use refrain::tier::TierError;

use crate::engine::cache_status;
use crate::engine::outcome::Served;
use crate::engine::result::StoredResult;
use crate::pace::Meter;
use crate::{Key, Problem};
use coding::Coding;
use conditional::Part;

pub(crate) use budget::AnswerBudget;
pub(crate) use compressed::CompressedResults;
pub(crate) use live::growing;
pub(crate) use routed::{Retelling, begun as begun_by_route, routed};

/// Where an answer goes.
#[derive(Debug, Clone)]
pub(crate) struct Recipient<'a> {
    pub(crate) budget: &'a AnswerBudget,
    /// None where answers are sent as they are.
    pub(crate) compressed: Option<&'a CompressedResults>,
    /// How the client keeps up, where that is known.
    pub(crate) meter: Option<Meter>,
}

/// The key of a generated result, beside its URL in `Content-Location`.
pub(crate) const REFRAIN_KEY: HeaderName = HeaderName::from_static("refrain-key");

/// A key can get other bytes after an invalidation, so copies are to be checked, which costs no body.
const TO_BE_CHECKED: HeaderValue = HeaderValue::from_static("no-cache");

/// Answers a generate request with its result, or with 304 if the client has it.
///
/// # Errors
///
/// [`Busy`](crate::ProblemKind::Busy) when too many answers are being sent.
pub(crate) async fn generated(
    served: &Served,
    request: &HeaderMap,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let result = &served.result;
    // The compressed form of what is not stored would be kept all the same.
    let coding = coding_of(result, request, to).filter(|_| served.stored_under().is_some());
    let mut response = match client_has(result, request, coding) {
        Some(etag) => not_modified(etag),
        None => in_coding(result, coding, to).await?,
    };
    let headers = response.headers_mut();
    vary(headers, result);
    headers.insert(cache_status::CACHE_STATUS, cache_status::of(served));
    headers.insert(CACHE_CONTROL, TO_BE_CHECKED);
    headers.insert(AGE, HeaderValue::from(served.age.as_secs()));
    if let Some(key) = served.key {
        headers.insert(REFRAIN_KEY, visible(&key.to_string()));
    }
    if let Some(key) = served.stored_under() {
        headers.insert(CONTENT_LOCATION, visible(&result_url(key)));
    }
    Ok(response)
}

/// Answers a GET or HEAD of a result: in full, in part, or with 304.
pub(crate) async fn fetched(
    result: &StoredResult,
    request: &HeaderMap,
    ranges: bool,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    fetched_in(result, None, request, ranges, to).await
}

async fn fetched_in(
    result: &StoredResult,
    coding: Option<Coding>,
    request: &HeaderMap,
    ranges: bool,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let mut response = if let Some(etag) = client_has(result, request, coding) {
        not_modified(etag)
    } else {
        let part = if ranges && result.status() == StatusCode::OK {
            conditional::part(request, result.etag(), result.length())
        } else {
            Part::Whole
        };
        match part {
            Part::Whole => in_coding(result, coding, to).await?,
            Part::Range(range) => partial(result, *range.start(), *range.end(), to).await?,
            Part::Outside => return Err(Problem::range_not_satisfiable(result.length())),
        }
    };
    let headers = response.headers_mut();
    vary(headers, result);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, TO_BE_CHECKED);
    Ok(response)
}

/// The same for a result that the cache holds: says so, and how old it is.
pub(crate) async fn stored(
    served: &Served,
    request: &HeaderMap,
    ranges: bool,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    // Ranges are of plain bytes.
    let coding = coding_of(&served.result, request, to).filter(|_| !request.contains_key(RANGE));
    let mut response = fetched_in(&served.result, coding, request, ranges, to).await?;
    let headers = response.headers_mut();
    headers.insert(cache_status::CACHE_STATUS, cache_status::of(served));
    headers.insert(AGE, HeaderValue::from(served.age.as_secs()));
    Ok(response)
}

/// Where a stored result is.
pub(crate) fn result_url(key: Key) -> String {
    format!("/api/results/{key}")
}

/// The validator of what the client has already, if that is still the result.
fn client_has(
    result: &StoredResult,
    request: &HeaderMap,
    coding: Option<Coding>,
) -> Option<HeaderValue> {
    let coded = coding.and_then(|coding| coding.etag(result.etag()));
    let mut tags = coded.into_iter().chain([result.etag().clone()]);
    tags.find(|tag| result.status() == StatusCode::OK && conditional::client_has(request, tag))
}

/// The coding that a result is sent in, if it gains from one and the client takes it.
fn coding_of(result: &StoredResult, request: &HeaderMap, to: &Recipient<'_>) -> Option<Coding> {
    let bytes = result.body().whole()?;
    let may = result.status() == StatusCode::OK
        && result.trailers().is_empty()
        && to.compressed.is_some_and(|forms| forms.takes(bytes.len()))
        && coding::gains(result.headers());
    may.then(|| coding::preferred(request))?
}

/// The whole result, in a coding if it gains from it.
async fn in_coding(
    result: &StoredResult,
    coding: Option<Coding>,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let coded = match (coding.zip(to.compressed), result.body().whole()) {
        (Some((coding, forms)), Some(bytes)) => {
            let form = forms.form(result.digest(), bytes, coding).await;
            form.zip(coding.etag(result.etag()))
                .map(|form| (coding, form))
        }
        _ => None,
    };
    let Some((coding, (form, etag))) = coded else {
        return whole(result, to).await;
    };
    let bytes = to.budget.charged(&form, to.meter.as_ref()).await?;
    let mut response = Body::from(bytes).into_response();
    describe(&mut response, result);
    let headers = response.headers_mut();
    headers.insert(ETAG, etag);
    let name = HeaderValue::from_static(coding.name());
    headers.insert(CONTENT_ENCODING, name);
    Ok(response)
}

async fn whole(result: &StoredResult, to: &Recipient<'_>) -> Result<Response, Problem> {
    let trailers = result.trailers();
    let length = result.length();
    let mut response = if trailers.is_empty() {
        bytes_of(result, 0, length, to).await?
    } else {
        let body = stream_of(result, 0, length, to)
            .await?
            .map(|piece| piece.map(Frame::data));
        let frames = body.chain(stream::once(ready(Ok(Frame::trailers(trailers.clone())))));
        Body::new(StreamBody::new(frames)).into_response()
    };
    *response.status_mut() = result.status();
    describe(&mut response, result);
    for name in trailers.keys() {
        response.headers_mut().append(TRAILER, name.clone().into());
    }
    Ok(response)
}

async fn partial(
    result: &StoredResult,
    first: u64,
    last: u64,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let mut response = bytes_of(result, first, last.saturating_add(1), to).await?;
    *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    describe(&mut response, result);
    let range = format!("bytes {first}-{last}/{}", result.length());
    response
        .headers_mut()
        .insert(CONTENT_RANGE, visible(&range));
    Ok(response)
}

/// The bytes from `start` to `end`: without a copy from memory, piece by piece from a tier.
async fn bytes_of(
    result: &StoredResult,
    start: u64,
    end: u64,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    if let Some(bytes) = result.body().whole() {
        let at =
            |offset: u64| usize::try_from(offset).map_or(bytes.len(), |at| at.min(bytes.len()));
        let bytes = to.budget.charged(bytes, to.meter.as_ref()).await?;
        return Ok(Body::from(bytes.slice(at(start)..at(end))).into_response());
    }
    let stream = stream_of(result, start, end, to).await?;
    let mut response = Body::from_stream(stream).into_response();
    let length = HeaderValue::from(end.saturating_sub(start));
    response.headers_mut().insert(CONTENT_LENGTH, length);
    Ok(response)
}

/// How much of a body is in memory at once while it is read from a tier.
const PIECE_BYTES: u64 = 256 * 1024;

async fn stream_of(
    result: &StoredResult,
    start: u64,
    end: u64,
    to: &Recipient<'_>,
) -> Result<impl Stream<Item = Result<Bytes, TierError>> + Send + 'static, Problem> {
    let meter = to.meter.as_ref();
    let (body, share) = if let Some(bytes) = result.body().whole() {
        // With trailers, what is in memory goes piece by piece too.
        (to.budget.charged(bytes, meter).await?.into(), None)
    } else {
        // One piece on its way, and one that is being read.
        let share = to.budget.pieces(2 * PIECE_BYTES, meter).await?;
        (refrain::tier::Body::clone(result.body()), Some(share))
    };
    let pieces = stream::try_unfold((body, start), move |(body, at)| async move {
        if at >= end {
            return Ok(None);
        }
        let wanted = usize::try_from(PIECE_BYTES.min(end - at)).unwrap_or(usize::MAX);
        let piece = body.read_at(at, wanted).await?;
        if piece.is_empty() {
            let (read, length) = (at, body.len());
            return Err(TierError::WrongLength { read, length });
        }
        let next = at + piece.len() as u64;
        Ok(Some((piece, (body, next))))
    });
    Ok(pieces.map(move |piece| {
        let _held = &share;
        piece
    }))
}

fn not_modified(etag: HeaderValue) -> Response {
    let mut response = StatusCode::NOT_MODIFIED.into_response();
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(ETAG, etag);
    response
}

/// Says that the answer depends on the codings that the client takes, where it does.
fn vary(headers: &mut HeaderMap, result: &StoredResult) {
    if coding::gains(result.headers()) {
        headers.append(VARY, ACCEPT_ENCODING.into());
    }
}

fn describe(response: &mut Response, result: &StoredResult) {
    let headers = response.headers_mut();
    headers.extend(result.headers().clone());
    headers.insert(ETAG, result.etag().clone());
}

fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("made of digits and visible ASCII only")
}
