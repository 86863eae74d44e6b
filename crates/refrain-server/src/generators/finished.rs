//! The end of a work: what follows its body, and what may become of the result.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;

/// The end of a result: trailers, parts, and what becomes of it.
///
/// # Example
///
/// ```
/// use refrain_server::{Finished, Keep};
///
/// assert_eq!(Finished::default().keep, Keep::Store);
/// assert_eq!(Finished::shared_only().keep, Keep::Share);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finished {
    /// What follows the body.
    pub trailers: HeaderMap,
    /// Whether the result is stored. One whose head is private is not.
    pub keep: Keep,
    /// How long it is kept, if that is not the cache's setting.
    pub time_to_live: Option<Duration>,
    /// Labels by which it can be invalidated together with others.
    pub tags: Vec<Arc<str>>,
    /// Where one file ends and the next begins, when the body is several files. Empty: it is one.
    pub parts: Vec<ResultPart>,
}

/// What becomes of a result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keep {
    /// It is stored.
    #[default]
    Store,
    /// Callers that waited get it, and later ones do not.
    Share,
    /// The caller that caused it gets it; those that waited compute for themselves (hit-for-miss).
    Caller,
}

/// One of several files in a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResultPart {
    /// What it is called.
    pub name: Box<str>,
    /// Its media type.
    pub media_type: Box<str>,
    /// How many bytes of the body it is.
    pub length: u64,
}

impl Finished {
    /// The end of a result that is none for others: a failure, for instance, that was told as one.
    ///
    /// ```
    /// use refrain_server::{Finished, Keep};
    ///
    /// assert_eq!(Finished::for_the_caller().keep, Keep::Caller);
    /// ```
    pub fn for_the_caller() -> Self {
        Self {
            keep: Keep::Caller,
            ..Self::default()
        }
    }

    /// The end of a result that is not stored.
    pub fn shared_only() -> Self {
        Self {
            keep: Keep::Share,
            ..Self::default()
        }
    }
}
