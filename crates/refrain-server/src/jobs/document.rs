use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::outcome;
use crate::problem::ProblemDocument;

/// A job as clients see it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct JobDocument {
    /// Names the job.
    #[schema(example = "0f8fad5bd9cb469fa16570867728950e")]
    pub(crate) id: String,
    /// The generator that it is for.
    #[schema(example = "relief")]
    pub(crate) generator: String,
    /// What the result is stored under; `null` if the cache takes no part in the request.
    pub(crate) key: Option<String>,
    pub(crate) state: JobState,
    /// From 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) progress: f64,
    /// What is being done.
    pub(crate) step: String,
    /// How the result came to be, once there is one.
    #[schema(schema_with = outcome::words)]
    pub(crate) outcome: Option<&'static str>,
    /// Where the result is, once there is one.
    pub(crate) result_url: Option<String>,
    /// Why there is none, once it is clear that there will be none.
    pub(crate) error: Option<ProblemDocument>,
    /// RFC 3339.
    pub(crate) created_at: String,
    /// RFC 3339.
    pub(crate) finished_at: Option<String>,
    /// This document.
    pub(crate) url: String,
    /// This document as server-sent events.
    pub(crate) events_url: String,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JobState {
    /// It waits for its turn.
    Queued,
    /// The generator works on it.
    Running,
    /// There is a result.
    Done,
    /// There will be no result.
    Failed,
    /// It was left, or the server stopped.
    Cancelled,
}

impl JobState {
    /// Name of the event that tells of it.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Queued | Self::Running => "progress",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }
}
