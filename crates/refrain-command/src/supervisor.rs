//! A process supervisor: starts one program in a clean room, watches its limits, and leaves no process behind.
//!
//! The server does not start programs itself: between `fork` and `exec` a process with threads may do almost nothing, and
//! what a program may do has to be limited exactly there. So the server starts a small process, the supervisor, which takes
//! the limits upon itself and then starts the program, which inherits them. That costs one `exec` more, no unsafe code,
//! and does not grow with the memory of the server.
//!
//! The supervisor has a socket as its standard input. An [`Order`] comes on it, a [`Report`] goes back, and its end is the
//! order to stop: however the server ends, the socket ends with it. Standard output and standard error are the program's.
//!
//! There are two of them. The outer one watches, is the one that is told to stop, and ends everything. The inner one is
//! the parent of the program. Where the kernel allows it, the outer one makes a namespace of processes, in which the
//! inner one is the first process (`init`): when that ends, the kernel ends every other process of the namespace,
//! whatever group or session it made for itself. Where not, the outer one is the parent of all orphans below it (a
//! *subreaper*), and ends its descendants until there are none.

#[cfg(target_os = "linux")]
mod descendants;
#[cfg(unix)]
mod inner;
#[cfg(target_os = "linux")]
mod isolation;
#[cfg(unix)]
mod limits;
#[cfg(target_os = "linux")]
mod namespaces;
mod order;
#[cfg(unix)]
mod outer;
#[cfg(unix)]
mod program;
#[cfg(unix)]
mod watch;
#[cfg(unix)]
mod wire;

use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) use order::{Containment, Ended, Limits, Order, Over, Report, Steadiness};

/// The argument that makes a process a supervisor.
pub(crate) const SUPERVISE: &str = "--refrain-supervise";

/// The argument that makes a process end at once: the program with which a room is tried out.
pub(crate) const NOTHING: &str = "--refrain-nothing";

/// Whether this process has passed [`supervise_if_asked`], so that starting it again makes a supervisor.
static CAN_SUPERVISE: AtomicBool = AtomicBool::new(false);

/// Becomes the supervisor of a program if this process was started to be one, and then never returns.
///
/// A program that runs commands as generators calls this first in its `main`, before it starts a thread: it is started
/// again for each command.
///
/// # Example
///
/// ```
/// refrain_command::supervise_if_asked();
/// assert!(refrain_command::Launcher::this_program().is_ok());
/// ```
#[expect(
    clippy::exit,
    reason = "the process is a supervisor and nothing else: its caller must not go on"
)]
pub fn supervise_if_asked() {
    match std::env::args_os().nth(1) {
        #[cfg(unix)]
        Some(asked) if asked == SUPERVISE => std::process::exit(outer::run()),
        Some(asked) if asked == NOTHING => std::process::exit(0),
        _ => {}
    }
    // Relaxed: the flag alone is asked.
    CAN_SUPERVISE.store(true, Ordering::Relaxed);
}

pub(crate) fn can_supervise() -> bool {
    CAN_SUPERVISE.load(Ordering::Relaxed)
}
