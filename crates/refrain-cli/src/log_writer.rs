//! A bounded, lossy queue between the log and standard error. A thread of its own writes, so that a log that no program
//! reads, or a disk that is full, costs log lines and never a request.
//!
//! Lines that find the queue full, and lines that cannot be written, are lost and counted.
//! The log tells their number once it can be written again.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracing_subscriber::fmt::MakeWriter;

/// Some ten thousand lines: a reader that pauses for seconds misses none, and memory stays small.
const CAPACITY_BYTES: usize = 4 << 20;

/// Takes what one call of `write` has for a line and puts it into the queue, without waiting. Cloning shares the queue.
#[derive(Debug, Clone)]
pub(crate) struct LogWriter(Arc<Queue>);

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    capacity_bytes: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The thread has a line that it has not finished writing.
    is_writing: bool,
    /// Lines lost since the start.
    lost: u64,
}

/// What the writing thread remembers between two lines.
#[derive(Debug, Default)]
struct Written {
    /// Lines that had been lost when the log was last told.
    told: u64,
    /// The line before this one was cut off in the middle.
    is_torn: bool,
}

impl LogWriter {
    /// A queue whose thread writes to standard error until the process ends.
    pub(crate) fn stderr() -> io::Result<Self> {
        Self::start(io::stderr(), CAPACITY_BYTES)
    }

    fn start(to: impl Write + Send + 'static, capacity_bytes: usize) -> io::Result<Self> {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            capacity_bytes,
        });
        let served = Arc::clone(&queue);
        std::thread::Builder::new()
            .name("refrain-log".to_owned())
            .spawn(move || served.write_forever(to))?;
        Ok(Self(queue))
    }

    /// Waits until all lines have been written or lost, `limit` at most.
    pub(crate) fn flush_within(&self, limit: Duration) {
        let waiting = self.0.lock();
        let busy = |waiting: &mut Waiting| waiting.is_writing || !waiting.lines.is_empty();
        let _ = self.0.changed.wait_timeout_while(waiting, limit, busy);
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, line: &[u8]) {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(line.len());
        if bytes > self.capacity_bytes {
            waiting.lost += 1;
            return;
        }
        waiting.bytes = bytes;
        waiting.lines.push_back(line.to_vec());
        drop(waiting);
        self.changed.notify_all();
    }

    fn write_forever(&self, mut to: impl Write) {
        let mut written = Written::default();
        loop {
            let line = self.take();
            let outcome = written.line(&mut to, &line);
            let mut waiting = self.lock();
            waiting.is_writing = false;
            waiting.bytes -= line.len();
            waiting.lost += u64::from(outcome.is_err());
            let lost = waiting.lost;
            drop(waiting);
            self.changed.notify_all();
            if outcome.is_ok() && lost > written.told {
                written.told = lost;
                // This line is put into the queue like every other.
                tracing::warn!(
                    lost,
                    "the log could not be written; lines lost since the start"
                );
            }
        }
    }

    /// The next line, once there is one. Its bytes stay charged until it has been written.
    fn take(&self) -> Vec<u8> {
        let none = |waiting: &mut Waiting| waiting.lines.is_empty();
        let waiting = self.changed.wait_while(self.lock(), none);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        waiting.is_writing = true;
        waiting.lines.pop_front().unwrap_or_default()
    }
}

impl Written {
    fn line(&mut self, to: &mut impl Write, line: &[u8]) -> io::Result<()> {
        if self.is_torn {
            to.write_all(b"\n")?;
            self.is_torn = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            match to.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    rest = &rest[bytes..];
                    self.is_torn = !rest.is_empty();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        to.flush()
    }
}

impl Write for LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for LogWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Each write waits for what is to become of it: how many bytes are taken, or the failure.
    struct Gate {
        verdicts: Receiver<io::Result<usize>>,
        taken: Sender<Vec<u8>>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let most = self.verdicts.recv().unwrap_or(Ok(usize::MAX))?;
            let taken = bytes.len().min(most);
            let _ = self.taken.send(bytes[..taken].to_vec());
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn gated(capacity_bytes: usize) -> (LogWriter, Sender<io::Result<usize>>, Receiver<Vec<u8>>) {
        let (verdict, verdicts) = channel();
        let (taken, seen) = channel();
        let writer = LogWriter::start(Gate { verdicts, taken }, capacity_bytes).unwrap();
        (writer, verdict, seen)
    }

    fn put(writer: &mut LogWriter, line: &str) {
        writer.write_all(line.as_bytes()).unwrap();
    }

    #[test]
    fn a_reader_that_stops_costs_lines_and_nobody_waits() {
        let (mut writer, verdict, seen) = gated(100);
        for number in 0..1000 {
            put(&mut writer, &format!("line {number:03}\n"));
        }
        assert_eq!(writer.0.lock().lost, 1000 - 11, "11 lines of 9 bytes fit");
        drop(verdict);
        writer.flush_within(Duration::from_secs(60));
        assert_eq!(seen.iter().take(11).count(), 11);
        assert_eq!(writer.0.lock().bytes, 0);
    }

    #[test]
    fn a_line_that_cannot_be_written_is_lost_and_the_next_one_begins_on_its_own() {
        let (mut writer, verdict, seen) = gated(100);
        put(&mut writer, "torn here\n");
        put(&mut writer, "whole\n");
        verdict.send(Ok(4)).unwrap();
        verdict
            .send(Err(io::ErrorKind::StorageFull.into()))
            .unwrap();
        drop(verdict);
        writer.flush_within(Duration::from_secs(60));
        assert_eq!(
            seen.try_iter().collect::<Vec<_>>().concat(),
            b"torn\nwhole\n"
        );
        assert_eq!(writer.0.lock().lost, 1);
    }

    #[test]
    fn the_end_does_not_wait_for_a_reader_that_has_stopped() {
        let (mut writer, verdict, _seen) = gated(100);
        put(&mut writer, "never read\n");
        writer.flush_within(Duration::from_millis(1));
        assert!(!writer.0.lock().lines.is_empty() || writer.0.lock().is_writing);
        drop(verdict);
    }
}
