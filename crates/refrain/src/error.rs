//! The errors of building a cache and of computing a result.

use std::sync::Arc;
use std::time::Duration;

/// A configuration that makes no sense.
///
/// ```
/// use refrain::{BuildError, Cache};
///
/// let refused = Cache::<u64, u64>::builder().waiter_limit(0).build();
/// assert!(matches!(refused, Err(BuildError::OutOfRange { setting: "waiter_limit", .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A setting is outside what is allowed.
    #[error("`{setting}` is {value}, allowed is {allowed}")]
    OutOfRange {
        /// Name of the builder's method.
        setting: &'static str,
        /// What was asked for.
        value: u64,
        /// What would be accepted.
        allowed: &'static str,
    },
}

/// The reason why a caller gets no computed value.
///
/// Every caller of a failed computation gets the same error: the caller's own `E` comes in an [`Arc`].
///
/// ```
/// use refrain::{Cache, ComputeError};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let failed = cache.get_or_try_compute(1, || Err::<u64, _>("no GPU"));
/// assert!(matches!(failed, Err(ComputeError::Failed(error)) if *error == "no GPU"));
/// assert!(cache.get(&1).is_none(), "a failure is not stored");
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ComputeError<E> {
    /// The computation returned this error.
    #[error("{0}")]
    Failed(Arc<E>),
    /// The computation panicked.
    #[error("the computation panicked: {message}")]
    Panicked {
        /// The panic's message, when it was text.
        message: Arc<str>,
    },
    /// Waiting would never end: the computation waits, directly or through others, for itself.
    #[error("the computation needs its own result: {path}")]
    Recursive {
        /// The computations in the cycle, in the order in which they wait for one another.
        path: Arc<str>,
    },
    /// The caller's limit passed before the result was there. The computation may go on.
    #[error("no result within {after:?}")]
    TimedOut {
        /// The limit that passed.
        after: Duration,
    },
    /// The computation was cancelled because no caller waited for it any more.
    #[error("the computation was cancelled: nobody waited for it")]
    Cancelled,
    /// As many callers as allowed wait for this key already.
    #[error("{limit} callers wait for this result already, which is the limit")]
    TooManyWaiters {
        /// The limit.
        limit: u32,
    },
}

impl<E> Clone for ComputeError<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::Panicked { message } => Self::Panicked {
                message: Arc::clone(message),
            },
            Self::Recursive { path } => Self::Recursive {
                path: Arc::clone(path),
            },
            Self::TimedOut { after } => Self::TimedOut { after: *after },
            Self::Cancelled => Self::Cancelled,
            Self::TooManyWaiters { limit } => Self::TooManyWaiters { limit: *limit },
        }
    }
}
