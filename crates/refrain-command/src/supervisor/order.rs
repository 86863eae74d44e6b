//! The messages between the server and a supervisor: one JSON document a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a supervisor is to do: a program, and the room it runs in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    /// Program and arguments; the program is a path.
    pub(crate) argv: Vec<String>,
    /// All of its environment. `{room}` stands for the directory as the program sees it.
    pub(crate) environment: Vec<(String, String)>,
    /// The folder of all rooms.
    pub(crate) rooms: PathBuf,
    /// The name of this room in it; the program runs in `work` below it.
    pub(crate) room: String,
    pub(crate) containment: Containment,
    pub(crate) isolated: bool,
    pub(crate) limits: Limits,
    pub(crate) steadiness: Steadiness,
    /// The first process of a namespace of its own, started by another supervisor.
    pub(crate) is_inner: bool,
}

/// How the end of a program is made the end of all its processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Containment {
    /// Its processes are in a namespace, which the kernel ends as a whole.
    Namespace,
    /// Its orphans come back to the supervisor, which ends them one by one.
    Subreaper,
    /// Only its process group is ended.
    Group,
}

/// What a program may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Limits {
    /// Seconds of a processor for one process: a backstop, time itself is watched by the server.
    pub(crate) cpu_seconds: u64,
    /// Bytes of memory, of one process and of all together.
    pub(crate) memory: u64,
    /// Bytes of all files in the room.
    pub(crate) output: u64,
    /// Processes at once, threads not counted.
    pub(crate) processes: u64,
}

/// What is kept from changing between two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Steadiness {
    pub(crate) one_cpu: bool,
    pub(crate) no_aslr: bool,
}

/// What a supervisor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The program could not be started.
    NotStarted(String),
    /// The program has ended, and with it everything that it started.
    Ended(Ended),
    /// It was ended because it went over a limit.
    Over(Over),
}

/// How a program has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Ended {
    /// With an exit status.
    Exit(i32),
    /// By a signal.
    Signal(i32),
}

/// The limit that was gone over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Over {
    Memory,
    Output,
    Processes,
}
