//! One run of a program: a room is made, a supervisor is started in it, and the run ends with the program, its time or its callers.
//!
//! Ways in which a run could hang, lie or starve others, and what is done:
//!
//! | what happens | what is done |
//! |---|---|
//! | the program never ends | its time is watched here, and the supervisor ends it |
//! | it ignores `SIGTERM` | it is ended by `SIGKILL` and never asked |
//! | it leaves its process group, or a daemon behind | its namespace ends with it, or its orphans are looked for |
//! | it keeps standard error open | that is read until the supervisor says that all has ended, and not longer |
//! | it floods standard error | the end of it is kept, and no line is longer than a few KB |
//! | it fills the disk | the supervisor counts the files of the room, and the kernel those of one process |
//! | the server is killed | the socket to the supervisor ends with it: the supervisor ends the program and removes the room |
//! | the supervisor is killed | the namespace ends with it, and the run is an error |
//! | the disk is full | the room is not made, or the program fails: an error that names the file |
//! | two servers of one user | they share the folder of rooms, and no room |

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

use crate::said::Said;
use crate::supervisor::{Ended, Limits, Steadiness};
use crate::{CommandError, Launcher};

/// A program to be run, with everything that it gets.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    /// Program and arguments; the program is a path.
    pub(crate) argv: Vec<String>,
    /// Variables beside those that every program gets.
    pub(crate) environment: Vec<(String, String)>,
    /// Files that are put into its directory.
    pub(crate) inputs: Vec<(String, Input)>,
    pub(crate) limits: Limits,
    pub(crate) time: Duration,
    pub(crate) is_isolated: bool,
    pub(crate) is_steady: bool,
    pub(crate) steadiness: Steadiness,
    pub(crate) stderr_without: Vec<Regex>,
}

/// What is in a file.
pub(crate) type Input = std::sync::Arc<[u8]>;

impl Default for Task {
    fn default() -> Self {
        Self {
            argv: Vec::new(),
            environment: Vec::new(),
            inputs: Vec::new(),
            limits: Limits {
                cpu_seconds: 600,
                memory: 2 << 30,
                output: 256 << 20,
                processes: 64,
            },
            time: Duration::from_secs(600),
            is_isolated: false,
            is_steady: false,
            steadiness: Steadiness::default(),
            stderr_without: Vec::new(),
        }
    }
}

/// The room of a program that has ended, with what it left there. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    program: String,
    path: PathBuf,
    ended: Ended,
    pub(crate) said: Said,
    /// Its end tells the supervisor to remove the room.
    #[cfg(unix)]
    _wire: tokio::net::UnixStream,
}

impl Room {
    /// The directory that the program ran in.
    pub(crate) fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    /// The file that was its standard output.
    pub(crate) fn stdout(&self) -> PathBuf {
        self.path.join("stdout")
    }

    /// The name of the program, for messages.
    pub(crate) fn program(&self) -> &str {
        &self.program
    }

    /// The room, as the program may have written it into what it said.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// Whether the program ended with one of these exit statuses, and said nothing that it must not.
    pub(crate) fn succeeded<'a>(
        &self,
        mut statuses: impl Iterator<Item = &'a i32>,
    ) -> Result<(), CommandError> {
        let program = self.program.clone();
        if let Some((pattern, line)) = &self.said.forbidden {
            return Err(CommandError::Said {
                program,
                pattern: pattern.clone(),
                line: line.clone(),
            });
        }
        let said = self.said.quoted();
        match self.ended {
            Ended::Exit(status) if statuses.any(|allowed| *allowed == status) => Ok(()),
            Ended::Exit(status) => Err(CommandError::Exit {
                program,
                status,
                said,
            }),
            Ended::Signal(signal) => Err(CommandError::Killed {
                program,
                signal: signal_name(signal),
                said,
            }),
        }
    }
}

/// A name of a program for messages: without the folders.
pub(crate) fn short_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

#[cfg(unix)]
fn signal_name(number: i32) -> String {
    match nix::sys::signal::Signal::try_from(number) {
        Ok(signal) => signal.as_str().to_owned(),
        Err(_) => format!("signal {number}"),
    }
}

#[cfg(not(unix))]
fn signal_name(number: i32) -> String {
    format!("signal {number}")
}

/// Runs a program to its end, or until `stop`; `each_line` gets what it says on standard error.
///
/// When this returns, no process of the program is left, but where the system has no way to make sure of it. Dropping the future
/// ends the program as well, without waiting for its end.
#[cfg(unix)]
pub(crate) async fn run(
    launcher: &Launcher,
    task: Task,
    stop: impl Future<Output = ()>,
    each_line: impl FnMut(&str),
) -> Result<Room, CommandError> {
    unix::run(launcher, task, stop, each_line).await
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "as on systems that have an answer")]
pub(crate) async fn run(
    _: &Launcher,
    task: Task,
    _: impl Future<Output = ()>,
    _: impl FnMut(&str),
) -> Result<Room, CommandError> {
    let program = task.argv.first().cloned().unwrap_or_default();
    let why = "generators that run a program need Linux or another Unix".to_owned();
    Err(CommandError::NotStarted { program, why })
}

#[cfg(unix)]
mod unix;
