//! A reader of a picture's bytes that reports progress and stops when it is told to.

use std::cell::Cell;
use std::io::{self, BufRead, Cursor, Read, Seek, SeekFrom};

use super::panics;
use crate::stage::Stage;

/// Bytes handed to a decoder between two reports: a decoder takes well under a millisecond for them.
const WINDOW_BYTES: u64 = 16 * 1024;

/// A reader that reports how far it has come, and fails when the caller wants to stop.
///
/// It is how a decoder, which knows nothing of progress, can be watched and cancelled.
pub(super) struct Watched<'a> {
    bytes: Cursor<&'a [u8]>,
    /// Windows of the file reported so far.
    reported: u64,
    stage: &'a Stage<'a>,
    cancelled: &'a Cell<bool>,
}

impl<'a> Watched<'a> {
    /// Reads `bytes`; sets `cancelled` when `stage` wants to stop.
    pub(super) fn new(bytes: &'a [u8], stage: &'a Stage<'a>, cancelled: &'a Cell<bool>) -> Self {
        Self {
            bytes: Cursor::new(bytes),
            reported: 0,
            stage,
            cancelled,
        }
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.bytes.get_ref()
    }

    /// Reports when the position has entered a new window. Going back reports nothing, so progress never falls.
    fn report(&mut self) -> io::Result<()> {
        let window = self.bytes.position() / WINDOW_BYTES;
        if window > self.reported {
            self.reported = window;
            let windows = self.bytes.get_ref().len() as u64 / WINDOW_BYTES;
            let done = u32::try_from(window.min(windows)).unwrap_or(u32::MAX);
            let total = u32::try_from(windows).unwrap_or(u32::MAX);
            if panics::aside(|| self.stage.report(done, total)).is_err() {
                self.cancelled.set(true);
            }
        }
        if self.cancelled.get() {
            return Err(io::Error::other("cancelled"));
        }
        Ok(())
    }

    /// Bytes to the end of the window.
    fn window_rest(&self) -> usize {
        let rest = WINDOW_BYTES - self.bytes.position() % WINDOW_BYTES;
        usize::try_from(rest).unwrap_or(usize::MAX)
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.report()?;
        let length = buffer.len().min(self.window_rest());
        self.bytes.read(&mut buffer[..length])
    }
}

impl BufRead for Watched<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.report()?;
        let length = self.window_rest();
        let rest = self.bytes.fill_buf()?;
        Ok(&rest[..rest.len().min(length)])
    }

    fn consume(&mut self, amount: usize) {
        self.bytes.consume(amount);
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(position)
    }
}
