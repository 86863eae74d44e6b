//! The socket that is a supervisor's standard input.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::{Order, Report};

/// Both directions of the socket.
#[derive(Debug)]
pub(super) struct Wire {
    reading: BufReader<UnixStream>,
    writing: UnixStream,
}

impl Wire {
    /// The socket at standard input.
    pub(super) fn of_stdin() -> io::Result<Self> {
        Self::of(io::stdin().as_fd().try_clone_to_owned()?.into())
    }

    pub(super) fn of(stream: UnixStream) -> io::Result<Self> {
        Ok(Self {
            writing: stream.try_clone()?,
            reading: BufReader::new(stream),
        })
    }

    /// The order; an error when the other side went away before it.
    pub(super) fn order(&mut self) -> io::Result<Order> {
        let mut line = String::new();
        self.reading.read_line(&mut line)?;
        serde_json::from_str(&line).map_err(io::Error::other)
    }

    /// The next report of another supervisor; `None` when there is none.
    pub(super) fn report(&mut self) -> Option<Report> {
        let mut line = String::new();
        self.reading.read_line(&mut line).ok()?;
        serde_json::from_str(&line).ok()
    }

    pub(super) fn send(&mut self, message: &impl serde::Serialize) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        self.writing.write_all(&line)
    }

    /// What waits for the other side to go away.
    pub(super) fn end(&self) -> io::Result<End> {
        Ok(End(self.writing.try_clone()?))
    }

    /// Says that nothing more will come from here.
    pub(super) fn hang_up(&self) {
        let _ = self.writing.shutdown(Shutdown::Write);
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.writing.as_fd()
    }
}

/// The end of the socket.
#[derive(Debug)]
pub(super) struct End(UnixStream);

impl End {
    /// Returns when the other side has closed it, or its process has ended.
    pub(super) fn wait(&mut self) {
        let mut ignored = [0; 64];
        while !matches!(self.0.read(&mut ignored), Ok(0) | Err(_)) {}
    }
}
