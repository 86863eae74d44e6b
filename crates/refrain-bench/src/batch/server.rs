//! A server to measure, and what it and the machine have used so far, as `/proc` tells.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use refrain_testkit::ServerProcess;
use tempfile::TempDir;

use super::error::BatchError;

/// Clock ticks of `/proc` a second. Linux fixes it at 100 for programs.
const TICKS: f64 = 100.0;

/// A server on a free port of loopback, with nothing of this machine's configuration. It ends with the value.
#[derive(Debug)]
pub(super) struct Server {
    process: ServerProcess,
    _directory: TempDir,
}

/// Memory that a process occupies.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Memory {
    /// All resident pages: `VmRSS`.
    pub(super) resident: u64,
    /// Those of them that are no file's: `RssAnon`.
    pub(super) anonymous: u64,
    /// The most that was ever resident: `VmHWM`.
    pub(super) peak: u64,
}

impl Server {
    /// Starts `program` as a server with `flags`, and waits until it listens.
    pub(super) fn start(program: &Path, flags: &[&str]) -> Result<Self, BatchError> {
        let directory = tempfile::tempdir().map_err(BatchError::Start)?;
        let log = File::create(directory.path().join("log")).map_err(BatchError::Start)?;
        let mut command = Command::new(program);
        command
            .env_clear()
            .current_dir(directory.path())
            .stderr(log);
        Ok(Self {
            process: ServerProcess::start(command, flags).map_err(BatchError::Start)?,
            _directory: directory,
        })
    }

    /// Where it listens.
    pub(super) fn url(&self) -> &str {
        self.process.url()
    }

    /// Memory it occupies now.
    pub(super) fn memory(&self) -> Memory {
        let status = self.proc("status");
        let bytes = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            let kilobytes = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
            kilobytes.unwrap_or(0_u64) * 1024
        };
        Memory {
            resident: bytes("VmRSS:"),
            anonymous: bytes("RssAnon:"),
            peak: bytes("VmHWM:"),
        }
    }

    /// Processor time it used so far.
    pub(super) fn processor_time(&self) -> Duration {
        processor_time(&self.proc("stat"))
    }

    fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.process.id())).unwrap_or_default()
    }
}

/// Processor time that the whole machine used so far, in all its processors.
pub(super) fn machine_processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    busy_time(stat.lines().next().unwrap_or_default())
}

/// Everything but idling and waiting in a `cpu` line of `/proc/stat`.
fn busy_time(line: &str) -> Duration {
    const IDLE: usize = 3;
    const WAITING: usize = 4;
    /// Time of guests is in that of users already.
    const FIRST_GUEST: usize = 8;
    let ticks: f64 = line
        .split_whitespace()
        .skip(1)
        .take(FIRST_GUEST)
        .enumerate()
        .filter(|(field, _)| ![IDLE, WAITING].contains(field))
        .filter_map(|(_, ticks)| ticks.parse::<f64>().ok())
        .sum();
    Duration::from_secs_f64(ticks / TICKS)
}

/// Processor time that this process used so far.
pub(super) fn own_processor_time() -> Duration {
    processor_time(&fs::read_to_string("/proc/self/stat").unwrap_or_default())
}

/// User and system time of a line of `/proc/PID/stat`; zero where there is none.
fn processor_time(stat: &str) -> Duration {
    // The second field, the name, may hold spaces; it ends at the last parenthesis.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: f64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    Duration::from_secs_f64(ticks / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_past_a_name_with_spaces() {
        let stat = "42 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0";
        assert_eq!(processor_time(stat), Duration::from_secs(2));
        assert_eq!(processor_time(""), Duration::ZERO);
    }

    #[test]
    fn a_busy_machine_is_told_from_one_that_idles_or_waits() {
        let line = "cpu  100 20 30 99999 88888 4 5 41 77777 66666";
        assert_eq!(busy_time(line), Duration::from_secs(2));
        assert_eq!(busy_time(""), Duration::ZERO);
    }
}
