//! The supervisor beside the program: takes the limits, starts the program, and waits for its end.
//!
//! In a namespace it is the first process (`init`): orphans come to it, and when it ends, the kernel ends all that is left.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::wire::Wire;
use super::{Order, Report, limits, program};

/// Runs the program to its end, and says how that was.
pub(super) fn run(mut wire: Wire, order: &Order) -> i32 {
    // The outer supervisor would end this process; when that is killed, the kernel does.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
    let group = Arc::new(AtomicI32::new(0));
    match wire.end() {
        Ok(mut end) => {
            let group = Arc::clone(&group);
            std::thread::spawn(move || {
                end.wait();
                // Acquire, paired with the Release in `start_and_wait`: the group exists.
                leave(group.load(Ordering::Acquire));
            });
        }
        Err(_) => return 1,
    }
    let report = start_and_wait(order, &group).unwrap_or_else(Report::NotStarted);
    i32::from(wire.send(&report).is_err())
}

#[expect(
    clippy::exit,
    reason = "the order to stop comes on a thread, and the end of this process is the answer"
)]
fn leave(group: i32) {
    if group > 0 {
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
    std::process::exit(1);
}

fn start_and_wait(order: &Order, group: &AtomicI32) -> Result<Report, String> {
    let room = enter(order)?;
    limits::take(&order.limits, order.containment)
        .map_err(|error| format!("cannot take the limits: {error}"))?;
    limits::steady(order.steadiness)
        .map_err(|error| format!("cannot keep the program steady: {error}"))?;
    let child = program::start(order, &room)?;
    program::let_go_of_outputs();
    let program = Pid::from_raw(child.id().cast_signed());
    group.store(program.as_raw(), Ordering::Release);
    loop {
        match program::reap() {
            Some((pid, ended)) if pid == program => return Ok(Report::Ended(ended)),
            Some(_) => {}
            None => return Err("its end was lost".to_owned()),
        }
    }
}

/// Goes into the room, from which nothing else is seen or, if asked, written.
#[cfg(target_os = "linux")]
fn enter(order: &Order) -> Result<PathBuf, String> {
    if order.containment != super::Containment::Namespace {
        return Ok(order.rooms.join(&order.room));
    }
    let room = super::namespaces::settle(order)?;
    if order.isolated {
        super::isolation::restrict(&room)?;
    }
    Ok(room)
}

#[cfg(not(target_os = "linux"))]
fn enter(order: &Order) -> Result<PathBuf, String> {
    Ok(order.rooms.join(&order.room))
}
