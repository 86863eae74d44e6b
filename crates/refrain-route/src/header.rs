//! Classes of HTTP header fields, as lists: what makes the tenant, what never means anything, what may be kept of an answer.
//!
//! Of a request everything counts that is not in a list. Of an answer nothing is kept that is not in a list.

/// What a request header is to a cache.
///
/// ```
/// use refrain_route::HeaderClass;
///
/// assert_eq!(HeaderClass::of("x-api-key"), HeaderClass::Credential);
/// assert_eq!(HeaderClass::of("user-agent"), HeaderClass::Noise);
/// assert_eq!(HeaderClass::of("x-stainless-retry-count"), HeaderClass::Noise);
/// // Everything else counts, and so does what nobody has heard of.
/// assert_eq!(HeaderClass::of("anthropic-version"), HeaderClass::Meaning);
/// assert_eq!(HeaderClass::of("x-new-in-2027"), HeaderClass::Meaning);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderClass {
    /// Says for whom the request is: makes the tenant, and is never stored.
    Credential,
    /// Changes the answer, as far as anybody knows: part of the key.
    Meaning,
    /// Differs between equal requests: not part of the key.
    Noise,
}

/// Says for whom a request is.
const CREDENTIALS: [&str; 10] = [
    "api-key",
    "apikey",
    "authorization",
    "cookie",
    "ocp-apim-subscription-key",
    "x-access-token",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
    "xi-api-key",
];

/// Parameters of the query that say for whom a request is.
pub(crate) const QUERY_CREDENTIALS: [&str; 3] = ["access_token", "api_key", "key"];

/// Of the connection, of the client's build, of tracing, of caching; never of the answer.
const NOISE: [&str; 47] = [
    "accept-encoding",
    "b3",
    "baggage",
    "cache-control",
    "connection",
    "content-digest",
    "content-length",
    "date",
    "dnt",
    "expect",
    "forwarded",
    "host",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "keep-alive",
    "max-forwards",
    "pragma",
    "priority",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "referer",
    "request-id",
    "sentry-trace",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "upgrade-insecure-requests",
    "user-agent",
    "via",
    "x-amzn-trace-id",
    "x-client-request-id",
    "x-cloud-trace-context",
    "x-correlation-id",
    "x-goog-api-client",
    "x-idempotency-key",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
    "x-trace-id",
    "x-amzn-requestid",
];

/// Families of noise, by what their names begin with.
const NOISE_FAMILIES: [&str; 6] = [
    "sec-ch-",
    "sec-fetch-",
    "x-b3-",
    "x-datadog-",
    "x-forwarded-",
    "x-stainless-",
];

impl HeaderClass {
    /// The class of the request header with this lowercase name, unless a route says otherwise.
    pub fn of(name: &str) -> Self {
        if CREDENTIALS.contains(&name) {
            Self::Credential
        } else if NOISE.contains(&name)
            || NOISE_FAMILIES.iter().any(|family| name.starts_with(family))
        {
            Self::Noise
        } else {
            Self::Meaning
        }
    }
}

/// What an answer header is to a cache.
///
/// ```
/// use refrain_route::AnswerHeader;
///
/// assert_eq!(AnswerHeader::of("content-type"), AnswerHeader::Kept);
/// assert_eq!(AnswerHeader::of("x-request-id"), AnswerHeader::Renewed);
/// for name in ["set-cookie", "x-ratelimit-remaining-requests", "transfer-encoding", "x-whatever"] {
///     assert_eq!(AnswerHeader::of(name), AnswerHeader::Dropped);
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerHeader {
    /// Stored, and the same in every answer.
    Kept,
    /// An id of one answer: a hit gets a new one of the same form.
    Renewed,
    /// Not stored: of the connection, of one client, or unknown.
    Dropped,
}

const KEPT: [&str; 14] = [
    "access-control-allow-credentials",
    "access-control-allow-headers",
    "access-control-allow-methods",
    "access-control-allow-origin",
    "access-control-expose-headers",
    "content-disposition",
    "content-language",
    "content-type",
    "finish-reason",
    "inference-header-content-length",
    "openai-model",
    "openai-version",
    "seed",
    "x-accel-buffering",
];

const RENEWED: [&str; 4] = [
    "request-id",
    "x-amzn-requestid",
    "x-correlation-id",
    "x-request-id",
];

impl AnswerHeader {
    /// The class of the answer header with this lowercase name.
    pub fn of(name: &str) -> Self {
        if KEPT.contains(&name) {
            Self::Kept
        } else if RENEWED.contains(&name) {
            Self::Renewed
        } else {
            Self::Dropped
        }
    }
}

/// Whether a header belongs to one connection and not to the message (RFC 9110, section 7.6.1). What `Connection` names is
/// one as well.
///
/// ```
/// use refrain_route::is_hop_by_hop;
///
/// assert!(is_hop_by_hop("transfer-encoding") && !is_hop_by_hop("content-type"));
/// ```
pub fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_header_has_two_classes() {
        for name in CREDENTIALS {
            assert!(!NOISE.contains(&name) && !KEPT.contains(&name), "{name}");
        }
        for name in RENEWED {
            assert!(!KEPT.contains(&name), "{name}");
        }
    }

    #[test]
    fn all_that_real_clients_send_has_the_class_it_needs() {
        // Seen on the wire of the official clients.
        for name in [
            "authorization",
            "x-api-key",
            "api-key",
            "x-goog-api-key",
            "xi-api-key",
            "cookie",
        ] {
            assert_eq!(HeaderClass::of(name), HeaderClass::Credential, "{name}");
        }
        for name in [
            "user-agent",
            "x-stainless-lang",
            "x-stainless-read-timeout",
            "traceparent",
            "x-amzn-trace-id",
            "x-request-id",
            "idempotency-key",
            "accept-encoding",
            "x-forwarded-for",
            "content-length",
            "host",
            "sec-fetch-mode",
        ] {
            assert_eq!(HeaderClass::of(name), HeaderClass::Noise, "{name}");
        }
        for name in [
            "anthropic-version",
            "anthropic-beta",
            "openai-beta",
            "openai-organization",
            "openai-project",
            "accept",
            "content-type",
            "x-foo",
            "prefer",
            "range",
            "origin",
        ] {
            assert_eq!(HeaderClass::of(name), HeaderClass::Meaning, "{name}");
        }
    }
}
