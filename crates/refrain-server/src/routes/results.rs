use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::Response;

use super::{Captured, captured};
use crate::app::App;
use crate::engine::outcome::Served;
use crate::pace::Meter;
use crate::problem::responses::FetchProblems;
use crate::{Key, Problem, ProblemKind, answer};

/// How many parts a result has.
const REFRAIN_PARTS: HeaderName = HeaderName::from_static("refrain-parts");

/// A stored result.
///
/// Fetching it is neither a hit nor a miss, and does not keep it from being evicted: those are about requests.
#[utoipa::path(
    get,
    path = "/api/results/{key}",
    tag = "results",
    params(
        ("key" = String, Path, description = "What the result is stored under, 64 hexadecimal digits"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The whole result unless it is still this one"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 if the result is one of these")
    ),
    responses(
        (status = 200, description = "The result", content_type = "application/octet-stream", headers(
            ("ETag" = String, description = "Digest of the bytes"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("Cache-Status" = String, description = "`refrain; hit` and how long it stays, as in RFC 9211"),
            ("Age" = u64, description = "Seconds since it was generated"),
            ("Refrain-Parts" = u64, description = "How many parts it has, if it is of several")
        )),
        (status = 206, description = "A part of it", content_type = "application/octet-stream", headers(
            ("Content-Range" = String, description = "Which part")
        )),
        (status = 304, description = "The client has it"),
        FetchProblems
    )
)]
pub(crate) async fn fetch(
    State(app): State<App>,
    key: Captured,
    method: Method,
    meter: Option<Extension<Meter>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let served = served(&app, &captured(key)?).await?;
    let to = app.shared().recipient(meter.as_deref());
    let mut response = answer::stored(&served, &headers, method == Method::GET, &to).await?;
    let parts = served.result.parts();
    if parts > 0 {
        (response.headers_mut()).insert(REFRAIN_PARTS, HeaderValue::from(parts));
    }
    Ok(response)
}

/// A part of a stored result that is of several.
///
/// Parts are counted from 0, in the order in which they are in the whole; `Refrain-Parts` of the whole says how many there are.
#[utoipa::path(
    get,
    path = "/api/results/{key}/parts/{number}",
    tag = "results",
    params(
        ("key" = String, Path, description = "What the result is stored under, 64 hexadecimal digits"),
        ("number" = u64, Path, description = "Which part, from 0"),
        ("Range" = Option<String>, Header, description = "One range of bytes of the part"),
        ("If-Range" = Option<String>, Header, description = "The whole part unless it is still this one"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 if the part is one of these")
    ),
    responses(
        (status = 200, description = "The part", content_type = "application/octet-stream", headers(
            ("ETag" = String, description = "Changes with the bytes"),
            ("Accept-Ranges" = String, description = "`bytes`"),
            ("Content-Disposition" = String, description = "The part's name, if it is a plain one"),
            ("Age" = u64, description = "Seconds since the result was generated")
        )),
        (status = 206, description = "Some bytes of it", content_type = "application/octet-stream", headers(
            ("Content-Range" = String, description = "Which bytes")
        )),
        (status = 304, description = "The client has it"),
        FetchProblems
    )
)]
pub(crate) async fn fetch_part(
    State(app): State<App>,
    place: Result<Path<(String, String)>, PathRejection>,
    method: Method,
    meter: Option<Extension<Meter>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path((key, number)) = place.map_err(|error| {
        let detail = format!("the path cannot be read: {error}");
        Problem::new(ProblemKind::MalformedRequest, detail)
    })?;
    let mut served = served(&app, &key).await?;
    let part = number
        .parse()
        .ok()
        .and_then(|number| served.result.part(number));
    served.result = part.ok_or_else(|| {
        let parts = served.result.parts();
        let detail =
            format!("the result has {parts} parts, counted from 0, and no part of this number");
        Problem::new(ProblemKind::UnknownResult, detail)
    })?;
    let to = app.shared().recipient(meter.as_deref());
    answer::stored(&served, &headers, method == Method::GET, &to).await
}

/// What is stored under a key as it is written in a path.
async fn served(app: &App, key: &str) -> Result<Served, Problem> {
    let key: Option<Key> = key.parse().ok();
    let found = match key {
        Some(key) => app.shared().engine.peek(key).await,
        None => None,
    };
    found.ok_or_else(|| {
        let detail = "no result is stored under this key: it expired or was evicted, or never was; generate it again";
        Problem::new(ProblemKind::UnknownResult, detail)
    })
}
