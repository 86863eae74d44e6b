use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use refrain_testkit::{ServerProcess, pictures};
use tempfile::TempDir;

const BINARY: &str = env!("CARGO_BIN_EXE_refrain");
/// Nothing listens on port 9 of loopback: no server of this machine is met by accident.
const NOBODY: &str = "http://127.0.0.1:9";

/// A directory to run the command in.
pub(crate) struct Place {
    directory: TempDir,
    variables: Vec<(OsString, OsString)>,
}

/// What a run of the command left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            variables: vec![("REFRAIN_SERVER".into(), NOBODY.into())],
        }
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.into(), value.into()));
        self
    }

    pub(crate) fn file(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        fs::write(self.path(name), bytes).unwrap();
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// A run that must work.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran
    }

    /// What a run that must not work says, after its exit code.
    pub(crate) fn fail(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.out, "", "{arguments:?}");
        format!("exit code {}\n{}", ran.code, ran.err)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.directory.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// A running server with this place's files and variables, on a free port.
    pub(crate) fn serve(&self, flags: &[&str]) -> ServerProcess {
        let mut command = self.command(&[]);
        command.stderr(Stdio::piped());
        ServerProcess::start(command, flags).unwrap()
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("panicked"), "{err}");
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err,
        }
    }
}

/// A picture of soft hills, in PNG.
pub(crate) fn picture(side: u32) -> Vec<u8> {
    pictures::png(pictures::hills(side))
}

/// A file of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The first `count` lines that `child` writes to standard error; then it is stopped.
pub(crate) fn lines(mut child: Child, count: usize, id: &str) -> Vec<String> {
    let talk = BufReader::new(child.stderr.take().unwrap());
    let lines = talk.lines().take(count).map(Result::unwrap).collect();
    let killed = Command::new("kill").args(["-s", "TERM", id]).status();
    assert!(killed.unwrap().success());
    child.wait().unwrap();
    lines
}

/// Asks again and again until it is so, for a minute at most.
#[expect(
    clippy::disallowed_methods,
    reason = "another process works in real time, and tells nothing when it is so far"
)]
pub(crate) fn eventually(mut so: impl FnMut() -> bool) {
    let began = std::time::Instant::now();
    while !so() {
        assert!(began.elapsed().as_secs() < 60, "it never came to be so");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}
