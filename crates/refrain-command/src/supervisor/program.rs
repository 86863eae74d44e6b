//! Starting the program: a working directory, an environment and standard input of its own, and nothing else.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::{Ended, Order};

/// Starts the program of `order`, whose room is `room` from where this process sees it.
pub(super) fn start(order: &Order, room: &Path) -> Result<Child, String> {
    let (program, arguments) = order
        .argv
        .split_first()
        .ok_or("there is no program to start")?;
    let room_name = room.to_string_lossy();
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(
            order
                .environment
                .iter()
                .map(|(name, value)| (name, value.replace("{room}", &room_name))),
        )
        .current_dir(room.join("work"))
        .stdin(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start `{program}`: {error}"))
}

/// Lets go of the outputs, which are the program's: what reads them is to see their end when the program has ended.
pub(super) fn let_go_of_outputs() {
    let Ok(nothing) = std::fs::OpenOptions::new().write(true).open("/dev/null") else {
        return;
    };
    // Where it does not work, the end is seen when this process ends.
    let _ = nix::unistd::dup2_stdout(&nothing);
    let _ = nix::unistd::dup2_stderr(&nothing);
}

/// Waits until some child has ended, lets go of it, and says which it was; `None` when there is no child.
pub(super) fn reap() -> Option<(Pid, Ended)> {
    loop {
        match waitpid(None, None) {
            Ok(status) => {
                if let Some(ended) = ended(status) {
                    return Some(ended);
                }
            }
            Err(Errno::EINTR) => {}
            Err(_) => return None,
        }
    }
}

/// Whether there are children after those that have ended were let go of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Children {
    Left,
    None,
}

/// Lets go of every child that has ended, and says whether there are others.
pub(super) fn reap_ended() -> Children {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) => return Children::Left,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return Children::None,
        }
    }
}

fn ended(status: WaitStatus) -> Option<(Pid, Ended)> {
    match status {
        WaitStatus::Exited(pid, code) => Some((pid, Ended::Exit(code))),
        WaitStatus::Signaled(pid, signal, _) => Some((pid, Ended::Signal(signal as i32))),
        _ => None,
    }
}
