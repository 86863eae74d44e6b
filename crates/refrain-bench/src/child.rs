//! Measurements that need a process of their own: because the heap must be untouched, or because they may hang.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde::de::DeserializeOwned;

/// Why a child gave no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error("cannot start another `refrain-bench`: {0}")]
    Start(std::io::Error),
    #[error("`refrain-bench {arguments}` gave no answer within {after:?} and was ended")]
    TimedOut { arguments: String, after: Duration },
    #[error("`refrain-bench {arguments}` answered `{answer}`: {source}")]
    Answer {
        arguments: String,
        answer: String,
        source: serde_json::Error,
    },
}

/// Runs this program again with `arguments` and reads the JSON document that it prints.
///
/// # Errors
///
/// [`ChildError`] says what stood in the way; after `patience` the child is ended.
pub(crate) fn ask<T: DeserializeOwned>(
    arguments: &[&str],
    patience: Duration,
) -> Result<T, ChildError> {
    let program = std::env::current_exe().map_err(ChildError::Start)?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(ChildError::Start)?;
    let mut output = child.stdout.take().expect("its output is piped");
    let (read, answer) = channel();
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        let result = output.read_to_string(&mut text).map(|_| text);
        // The other end is closed when the child was ended.
        let _ = read.send(result);
    });
    let answer = answer.recv_timeout(patience);
    if matches!(answer, Err(RecvTimeoutError::Timeout)) {
        child.kill().map_err(ChildError::Start)?;
    }
    child.wait().map_err(ChildError::Start)?;
    reader.join().expect("reading does not panic");

    let arguments = || arguments.join(" ");
    let Ok(answer) = answer else {
        return Err(ChildError::TimedOut {
            arguments: arguments(),
            after: patience,
        });
    };
    let answer = answer.map_err(ChildError::Start)?;
    serde_json::from_str(&answer).map_err(|source| ChildError::Answer {
        arguments: arguments(),
        answer: answer.trim().to_owned(),
        source,
    })
}
