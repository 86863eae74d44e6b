use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use image::{GrayImage, ImageFormat, Luma};
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
    pub(crate) fn serve(&self, flags: &[&str]) -> Server {
        let mut arguments = vec!["serve", "--json", "--port", "0"];
        arguments.extend(flags);
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let Ok(document) = serde_json::from_str::<serde_json::Value>(&line) else {
            panic!("{:?}", child.wait_with_output())
        };
        assert_eq!(document["status"], "listening");
        let url = document["url"].as_str().unwrap().to_owned();
        Server {
            child: Some(child),
            url,
        }
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

/// A server that ends with the value.
pub(crate) struct Server {
    child: Option<Child>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn id(&self) -> String {
        self.child.as_ref().unwrap().id().to_string()
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.id()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Ran {
        let child = self.child.take().unwrap();
        child.wait_with_output().unwrap().into()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A picture of soft hills, in PNG.
pub(crate) fn picture(side: u32) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    GrayImage::from_fn(side, side, |x, y| {
        let level = (f64::from(x) / 9.0).sin() * (f64::from(y) / 7.0).cos();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 27 to 227"
        )]
        let level = (127.0 + 100.0 * level) as u8;
        Luma([level])
    })
    .write_to(&mut file, ImageFormat::Png)
    .unwrap();
    file.into_inner()
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
