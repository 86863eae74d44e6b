//! The reasons for which an upstream gave no answer, as the client is told.

use std::time::Duration;

use crate::{Problem, ProblemKind};

/// Why there is no answer of the upstream to pass on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unanswered {
    /// There is no server at the address.
    Unreachable { upstream: String, why: String },
    /// It failed so often that it is left alone.
    LeftAlone {
        upstream: String,
        again_in: Duration,
    },
    /// It said nothing within the deadline.
    TooSlow { upstream: String, within: Duration },
    /// The connection ended, or what came is no HTTP.
    Broken { upstream: String, why: String },
    /// The path of the request is none.
    NoPath,
}

impl From<Unanswered> for Problem {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Unreachable { upstream, why } => Self::new(
                ProblemKind::UpstreamUnreachable,
                format!(
                    "upstream `{upstream}` cannot be reached: {why}: see that it runs where `url` says"
                ),
            ),
            Unanswered::LeftAlone { upstream, again_in } => {
                let seconds = u32::try_from(again_in.as_secs()).unwrap_or(u32::MAX).max(1);
                let detail = format!(
                    "upstream `{upstream}` could not be reached several times and is left alone: ask again later"
                );
                Self::busy(detail, seconds)
            }
            Unanswered::TooSlow { upstream, within } => Self::new(
                ProblemKind::UpstreamTimeout,
                format!(
                    "upstream `{upstream}` gave no answer within {} seconds",
                    within.as_secs()
                ),
            ),
            Unanswered::Broken { upstream, why } => Self::new(
                ProblemKind::UpstreamBroken,
                format!("upstream `{upstream}` gave no answer that can be read: {why}"),
            ),
            Unanswered::NoPath => Self::new(
                ProblemKind::MalformedRequest,
                "the address of the request is no path: it must begin with `/`",
            ),
        }
    }
}
