//! The header `Cache-Status`. Its words come from [`Outcome::cache_status`].

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use refrain::Outcome;

use super::outcome::Served;

pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// The name of this cache in it.
const CACHE: &str = "refrain";

/// The value for an answer.
pub(crate) fn of(served: &Served) -> HeaderValue {
    value(&served.outcome, served.expires_in)
}

/// The value for an answer whose body is still being generated.
pub(crate) fn begun(outcome: &Outcome) -> HeaderValue {
    value(outcome, None)
}

/// The value for a request that may not be generated and has no stored result.
pub(crate) fn not_cached() -> HeaderValue {
    HeaderValue::from_static("refrain; fwd=miss; detail=\"only-if-cached\"")
}

fn value(outcome: &Outcome, expires_in: Option<Duration>) -> HeaderValue {
    let text = outcome.cache_status(CACHE, expires_in);
    HeaderValue::try_from(text).expect("it is visible ASCII")
}
