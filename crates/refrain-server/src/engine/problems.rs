//! Errors of the cache and of generators, as problems for clients.

use refrain::ComputeError;

use super::cache_status::{self, CACHE_STATUS};
use crate::generate_error::GenerateError;
use crate::{Problem, ProblemKind};

/// `only-if-cached` was asked for and no stored result fits.
pub(crate) fn not_cached() -> Problem {
    let detail =
        "`only-if-cached` was asked for and no stored result fits: ask without it to generate one";
    Problem::new(ProblemKind::NotCached, detail)
        .with_header(CACHE_STATUS, cache_status::not_cached())
}

pub(super) fn compute_problem(error: &ComputeError<GenerateError>) -> Problem {
    match error {
        ComputeError::Failed(error) => problem_of(error),
        ComputeError::Cancelled => problem_of(&GenerateError::Cancelled),
        ComputeError::TooManyWaiters { .. } => Problem::busy(error.to_string(), 5),
        _ => Problem::new(ProblemKind::GenerationFailed, error.to_string()),
    }
}

pub(crate) fn problem_of(error: &GenerateError) -> Problem {
    match error {
        GenerateError::Refused(problem) | GenerateError::Interrupted(problem) => problem.clone(),
        GenerateError::Answered(answer) => Problem::passed_on(answer.as_ref().clone()),
        GenerateError::Failed { message } => Problem::new(ProblemKind::GenerationFailed, message),
        GenerateError::TooLarge { .. } => Problem::new(
            ProblemKind::ResultTooLarge,
            format!(
                "{error}: ask for it without `Prefer`, or raise `max_memory_mb` or `disk_max_mb`"
            ),
        ),
        GenerateError::Cancelled => Problem::new(
            ProblemKind::Cancelled,
            "the generation was cancelled before it was done: ask again",
        ),
        GenerateError::QueueFull { .. } | GenerateError::WaitedTooLong { .. } => {
            Problem::busy(format!("{error}: ask again later"), 5)
        }
    }
}
