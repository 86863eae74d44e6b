//! The log of requests: one line each, with the route and not the path, which may hold a key.

use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::response::Response;
use tracing::Span;

use crate::engine::cache_status::CACHE_STATUS;

/// What every line that is written while a request is served belongs to.
pub(crate) fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

/// The line for an answer whose head is ready.
pub(crate) fn answered(response: &Response, took: Duration, _: &Span) {
    let status = response.status().as_u16();
    let milliseconds = crate::rounding::seconds(took * 1000);
    let cache = response.headers().get(CACHE_STATUS);
    let cache = cache.and_then(|value| value.to_str().ok()).unwrap_or("-");
    if response.status().is_server_error() {
        tracing::warn!(status, milliseconds, cache, "answered");
    } else {
        tracing::info!(status, milliseconds, cache, "answered");
    }
}
