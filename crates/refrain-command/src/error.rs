//! The errors of a command: why it gave no result.

use std::time::Duration;

/// Why a command gave no result. Nothing of it is stored.
///
/// # Example
///
/// ```
/// use refrain_command::CommandError;
///
/// let error = CommandError::Killed { program: "render".to_owned(), signal: "SIGSEGV".to_owned(), said: String::new() };
/// assert_eq!(error.to_string(), "`render` was killed by SIGSEGV");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// The room could not be made, or its files not be read.
    #[error("the directory of `{program}` failed: {why}")]
    Room {
        /// The program.
        program: String,
        /// What went wrong.
        why: String,
    },
    /// The program was not started.
    #[error("`{program}` was not started: {why}")]
    NotStarted {
        /// The program.
        program: String,
        /// Why not.
        why: String,
    },
    /// It took too long.
    #[error("`{program}` was ended: it ran longer than {}, its limit of time{said}", Length(.limit))]
    TimeOver {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// What it said last.
        said: String,
    },
    /// It went over another limit.
    #[error("`{program}` was ended: it went over `{limit}`, its limit of {allowed}{said}")]
    Over {
        /// The program.
        program: String,
        /// The name of the limit.
        limit: &'static str,
        /// What is allowed.
        allowed: String,
        /// What it said last.
        said: String,
    },
    /// No caller waits for it any more, or the server stops.
    #[error("`{program}` was ended: no caller waits for it any more")]
    Cancelled {
        /// The program.
        program: String,
    },
    /// It said by its exit status that it failed.
    #[error("`{program}` ended with exit status {status}{said}")]
    Exit {
        /// The program.
        program: String,
        /// The status.
        status: i32,
        /// What it said last.
        said: String,
    },
    /// A signal ended it.
    #[error("`{program}` was killed by {signal}{said}")]
    Killed {
        /// The program.
        program: String,
        /// The name of the signal.
        signal: String,
        /// What it said last.
        said: String,
    },
    /// It said something by which it is known to have failed.
    #[error("`{program}` failed: a line of its standard error matches `{pattern}`: {line:?}")]
    Said {
        /// The program.
        program: String,
        /// The pattern.
        pattern: String,
        /// The line.
        line: String,
    },
    /// A file of the result is not there, or not what it should be.
    #[error("`{program}` left no result: `{file}` {wrong}{said}")]
    Artifact {
        /// The program.
        program: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        wrong: String,
        /// What it said last.
        said: String,
    },
}

/// A time for people.
struct Length<'a>(&'a Duration);

impl std::fmt::Display for Length<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.subsec_millis() == 0 {
            write!(f, "{} s", self.0.as_secs())
        } else {
            write!(f, "{} ms", self.0.as_millis())
        }
    }
}
