//! A running `refrain serve`, started and ended by a test.

use std::io::{self, BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

/// A server in a process of its own, on a free port of loopback. It is killed with the value.
///
/// ```no_run
/// use std::process::Command;
/// use refrain_testkit::ServerProcess;
///
/// let server = ServerProcess::start(Command::new("target/release/refrain"), &["--no-cache"])?;
/// assert!(server.url().starts_with("http://127.0.0.1:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct ServerProcess {
    child: Option<Child>,
    url: String,
}

impl ServerProcess {
    /// Runs `command serve` with `flags`, and waits until it listens.
    ///
    /// The directory, the variables and where the log goes are the caller's to set on `command`.
    ///
    /// # Errors
    ///
    /// If it does not start or ends at once; the message holds what it wrote to a piped standard error.
    pub fn start(mut command: Command, flags: &[&str]) -> io::Result<Self> {
        let mut child = command
            .args(["serve", "--json", "--port", "0"])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        // The first line says where it listens, as a document.
        let said: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let (Some("listening"), Some(url)) = (said["status"].as_str(), said["url"].as_str()) else {
            // It may run on, having said something else.
            let _ = child.kill();
            let Output { status, stderr, .. } = child.wait_with_output()?;
            let log = String::from_utf8_lossy(&stderr);
            return Err(io::Error::other(format!(
                "no server, {status}: {line}{log}"
            )));
        };
        Ok(Self {
            url: url.to_owned(),
            child: Some(child),
        })
    }

    /// Where it listens, as `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Sends a signal by its name, as `TERM`.
    ///
    /// # Errors
    ///
    /// If there is no such signal, or no such process any more.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let pid = self.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status()?;
        if status.success() {
            Ok(())
        } else {
            Err(io::Error::other(format!("cannot send {name} to {pid}")))
        }
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn has_ended(&mut self) -> io::Result<bool> {
        let child = self.child.as_mut();
        child.map_or(Ok(true), |child| Ok(child.try_wait()?.is_some()))
    }

    /// Waits for its end, and gives what it wrote meanwhile.
    ///
    /// # Errors
    ///
    /// If the system does not tell.
    pub fn ended(mut self) -> io::Result<Output> {
        let child = self.child.take().ok_or(io::ErrorKind::NotFound)?;
        child.wait_with_output()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
