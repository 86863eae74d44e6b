//! A watch over the limits that no `setrlimit` knows: memory and processes of all together, and bytes in the room.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Limits, Over};

/// Time between the first two looks; each later one waits longer, up to [`LATER`].
const FIRST: Duration = Duration::from_millis(5);
const LATER: Duration = Duration::from_millis(50);

/// The pauses between looks.
#[derive(Debug)]
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) fn new() -> Self {
        Self(FIRST)
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0;
        self.0 = (pause * 3 / 2).min(LATER);
        pause
    }
}

/// The limit over which the processes below this one are, or the files in `room`.
pub(super) fn over(room: &Path, limits: &Limits) -> Option<Over> {
    processes_over(limits).or_else(|| files_over(room, limits))
}

#[cfg(target_os = "linux")]
fn processes_over(limits: &Limits) -> Option<Over> {
    let all = super::descendants::of_this();
    // One of them is the supervisor beside the program.
    if all.len() as u64 > limits.processes + 1 {
        return Some(Over::Processes);
    }
    let memory: u64 = all
        .iter()
        .map(|&pid| super::descendants::own_memory(pid))
        .sum();
    (memory > limits.memory).then_some(Over::Memory)
}

#[cfg(not(target_os = "linux"))]
fn processes_over(_: &Limits) -> Option<Over> {
    None
}

/// Whether the files in `room` are more than allowed.
pub(super) fn files_over(room: &Path, limits: &Limits) -> Option<Over> {
    (bytes_in(room) > limits.output).then_some(Over::Output)
}

/// Bytes of all files below `folder`. Links are not followed.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let bytes = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_in(&entry.path()),
        _ => entry.metadata().map_or(0, |found| found.len()),
    };
    entries.flatten().map(bytes).fold(0, u64::saturating_add)
}
