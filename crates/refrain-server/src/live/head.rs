//! The head of a result: status, headers, and which callers may have it.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

/// The head of a result.
///
/// # Example
///
/// ```
/// use axum::http::{HeaderValue, StatusCode, header::CONTENT_TYPE};
/// use refrain_server::Head;
///
/// let head = Head::new(StatusCode::OK).header(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
/// assert_eq!(head.headers[CONTENT_TYPE], "text/event-stream");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: StatusCode,
    /// The headers that belong to the result. Those of a connection, of a user and of this cache are left out.
    pub headers: HeaderMap,
    /// Which callers may have the result.
    pub sharing: Sharing,
}

/// Which callers may have a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// All callers that ask the same.
    #[default]
    Shared,
    /// The caller that caused it at once; the others once it has ended well, or was [opened](crate::LiveWriter::open) to them.
    Judged,
    /// The caller that caused it and no other: those compute for themselves (hit-for-miss).
    Private,
}

impl Head {
    /// A head with this status and no headers, to be shared.
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            sharing: Sharing::Shared,
        }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }

    /// The same for the caller alone until it is judged.
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use refrain_server::{Head, Sharing};
    ///
    /// assert_eq!(Head::new(StatusCode::OK).judged().sharing, Sharing::Judged);
    /// ```
    #[must_use]
    pub fn judged(mut self) -> Self {
        self.sharing = Sharing::Judged;
        self
    }

    /// The same for the caller alone.
    #[must_use]
    pub fn private(mut self) -> Self {
        self.sharing = Sharing::Private;
        self
    }

    /// Bytes of names and values.
    pub(crate) fn bytes(&self) -> usize {
        let header = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len();
        self.headers.iter().map(header).sum()
    }

    /// Whether a result with this status stands for what was asked for: a part of it, or an error, does not.
    pub(crate) fn may_be_stored(&self) -> bool {
        self.status.is_success() && self.status != StatusCode::PARTIAL_CONTENT
    }

    /// Whether an answer with this status has a body at all (RFC 9110, section 6.4.1).
    pub(crate) fn may_have_body(&self) -> bool {
        !self.status.is_informational()
            && !matches!(
                self.status,
                StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
            )
    }
}
