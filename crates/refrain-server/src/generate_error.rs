//! The error of a generation that gave no result.

use crate::Problem;
use crate::problem::ErrorAnswer;

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The request was at fault, which only showed while working on it.
    #[error("{}", .0.document().detail)]
    Refused(Problem),
    /// The generator could not do it.
    #[error("{message}")]
    Failed {
        /// What went wrong, for the client to read.
        message: String,
    },
    /// What another server answered broke off. A caller that waited for it tries on its own.
    #[error("{}", .0.document().detail)]
    Interrupted(Problem),
    /// Another server, which the generator asked, answered with an error. Clients get that answer.
    #[error("the generator was answered with status {}", .0.status.as_u16())]
    Answered(Box<ErrorAnswer>),
    /// The result is larger than what may be kept of it, and only clients that read it while it grew have it.
    #[error(
        "the result is larger than the {limit} bytes that may be kept of it; it is for clients that read it as it is made"
    )]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// It was told to stop.
    #[error("the generation was cancelled")]
    Cancelled,
    /// Too many generations wait for their turn already.
    #[error("{waiting} generations wait for their turn already, which is the limit")]
    QueueFull {
        /// The limit.
        waiting: usize,
    },
    /// It waited for its turn for as long as is allowed.
    #[error("the generation waited for its turn for {seconds} seconds, which is the limit")]
    WaitedTooLong {
        /// The limit.
        seconds: u64,
    },
}
