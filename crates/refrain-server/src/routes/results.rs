use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;

use super::{Captured, captured};
use crate::app::App;
use crate::pace::Meter;
use crate::problem::responses::FetchProblems;
use crate::{Key, Problem, ProblemKind, answer};

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
            ("Age" = u64, description = "Seconds since it was generated")
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
    let key: Option<Key> = captured(key)?.parse().ok();
    let found = match key {
        Some(key) => app.shared().engine.peek(key).await,
        None => None,
    };
    let served = found.ok_or_else(|| {
        let detail = "no result is stored under this key: it expired or was evicted, or never was; generate it again";
        Problem::new(ProblemKind::UnknownResult, detail)
    })?;
    let to = app.shared().recipient(meter.as_deref());
    answer::stored(&served, &headers, method == Method::GET, &to).await
}
