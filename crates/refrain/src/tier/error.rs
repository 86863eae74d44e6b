//! The errors of a lower tier. A cache goes on without it.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use super::breaker::Suspension;
use crate::outcome::TierName;

/// Why a tier did not do what it was asked.
///
/// ```
/// use refrain::tier::TierError;
///
/// let error = TierError::failed("connection refused");
/// assert!(error.is_retryable());
/// assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "connection refused");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TierError {
    /// What it is made of failed.
    #[error("it failed")]
    Failed {
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
        /// Whether the same may succeed later.
        retryable: bool,
    },
    /// It failed so often that it is not asked for a while.
    #[error(transparent)]
    Suspended(#[from] Suspension),
    /// It has not answered in time.
    #[error("it takes longer than {} s", limit.as_secs_f64())]
    Overdue {
        /// How long it may take.
        limit: Duration,
    },
    /// It has not answered in time before, and is not asked again until it has.
    #[error("it has taken longer than {} s and has yet to answer", limit.as_secs_f64())]
    StillOverdue {
        /// How long it may take.
        limit: Duration,
    },
    /// Its code panicked.
    #[error("it panicked: {message}")]
    Panicked {
        /// The panic's message, when it was text.
        message: Arc<str>,
    },
    /// A body did not have its length.
    #[error("a body ended or went on after {read} of {length} bytes")]
    WrongLength {
        /// Bytes that were read.
        read: u64,
        /// Bytes that there should be.
        length: u64,
    },
    /// A body did not have its digest.
    #[error("a body does not have the digest it is stored with")]
    WrongDigest,
}

impl TierError {
    /// A failure that may pass.
    ///
    /// ```
    /// assert!(refrain::tier::TierError::failed("no space left").is_retryable());
    /// ```
    pub fn failed(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed {
            source: source.into(),
            retryable: true,
        }
    }

    /// A failure of what was asked, which would be the same every time; it says nothing about the tier's health.
    ///
    /// ```
    /// assert!(!refrain::tier::TierError::permanent("the tags are too long").is_retryable());
    /// ```
    pub fn permanent(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed {
            source: source.into(),
            retryable: false,
        }
    }

    /// Whether the same may succeed later.
    ///
    /// ```
    /// use refrain::tier::TierError;
    /// assert!(TierError::Overdue { limit: std::time::Duration::from_secs(10) }.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        !matches!(
            self,
            Self::Failed {
                retryable: false,
                ..
            }
        )
    }
}

/// Which tier did not do what the stack was asked, and why.
///
/// ```
/// use refrain::TierName;
/// use refrain::tier::{TierError, TierFailure};
///
/// let failure = TierFailure { tier: TierName::new("disk"), error: TierError::WrongDigest };
/// assert_eq!(failure.to_string(), "tier `disk`: a body does not have the digest it is stored with");
/// ```
#[derive(Debug, thiserror::Error)]
#[error("tier `{tier}`: {error}")]
pub struct TierFailure {
    /// The tier.
    pub tier: TierName,
    /// Why not.
    #[source]
    pub error: TierError,
}
