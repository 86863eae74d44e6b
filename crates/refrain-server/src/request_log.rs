//! The log of requests: one line each, with the route and not the path, which may hold a key.

use std::any::Any;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use tracing::Span;

use crate::engine::cache_status::CACHE_STATUS;
use crate::{Problem, ProblemKind};

/// What every line that is written while a request is served belongs to.
pub(crate) fn span(request: &Request) -> Span {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("unknown", MatchedPath::as_str);
    tracing::info_span!("request", method = %request.method(), route)
}

/// The line for an answer of a door whose head is ready; `upstream` is the name of the server behind it.
pub(crate) fn passed(upstream: &str, method: &Method, response: &Response, took: Duration) {
    let span = tracing::info_span!("passed", %method, upstream);
    span.in_scope(|| answered(response, took, &span));
}

/// The line and the answer for a request on which a handler panicked.
pub(crate) fn fault(panic: &(dyn Any + Send)) -> Problem {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(message, "a request handler panicked");
    let detail = "the server made a mistake; its log has the message";
    Problem::new(ProblemKind::Internal, detail)
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
