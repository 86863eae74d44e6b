//! The supervisor that the server started: makes the namespace, watches, ends everything, and removes the room.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use super::program::Children;
use super::wire::Wire;
use super::{Containment, Order, Report, SUPERVISE, inner, program, watch};

/// Between two looks for what is left, in milliseconds.
const LOOK_AGAIN: u8 = 1;

/// The main function of a process that is a supervisor; its result is the exit status.
pub(super) fn run() -> i32 {
    close_inherited();
    let Ok(mut wire) = Wire::of_stdin() else {
        return 2;
    };
    let Ok(order) = wire.order() else {
        return 2;
    };
    if order.is_inner {
        return inner::run(wire, &order);
    }
    supervise(wire, &order).map_or(1, |()| 0)
}

/// Closes what the server was given by the process that started it: the server's own files close themselves.
fn close_inherited() {
    let Ok(open) = fs::read_dir("/dev/fd") else {
        return;
    };
    let numbers: Vec<i32> = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    for number in numbers.into_iter().filter(|&number| number > 2) {
        // The one that listed them is closed already.
        let _ = nix::unistd::close(number);
    }
}

fn supervise(mut wire: Wire, order: &Order) -> io::Result<()> {
    let room = order.rooms.join(&order.room);
    let started = start(order);
    program::let_go_of_outputs();
    let report = match started {
        Ok(started) => started.until_the_end(&wire, order, &room),
        Err(message) => Report::NotStarted(message),
    };
    // Where the server has gone, there is nothing left to tell.
    let _ = wire.send(&report);
    wire.end()?.wait();
    remove(&room);
    Ok(())
}

/// The supervisor beside the program, and the socket to it.
struct Started {
    inner: Pid,
    wire: Wire,
    containment: Containment,
}

fn start(order: &Order) -> Result<Started, String> {
    match order.containment {
        #[cfg(target_os = "linux")]
        Containment::Namespace => super::namespaces::make(order.isolated)?,
        _ if order.isolated => {
            return Err("without a namespace a program cannot be isolated".to_owned());
        }
        #[cfg(target_os = "linux")]
        Containment::Subreaper => nix::sys::prctl::set_child_subreaper(true)
            .map_err(|error| format!("cannot be the parent of orphans: {error}"))?,
        _ => {}
    }
    start_inner(order).map_err(|error| format!("cannot start the supervisor beside it: {error}"))
}

fn start_inner(order: &Order) -> io::Result<Started> {
    let (ours, theirs) = UnixStream::pair()?;
    let child = Command::new(this_program()?)
        .arg(SUPERVISE)
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .process_group(0)
        .spawn()?;
    let mut wire = Wire::of(ours)?;
    wire.send(&Order {
        is_inner: true,
        ..order.clone()
    })?;
    Ok(Started {
        inner: Pid::from_raw(child.id().cast_signed()),
        wire,
        containment: order.containment,
    })
}

/// The program of this process, also when its file has been replaced since.
fn this_program() -> io::Result<PathBuf> {
    let by_kernel = Path::new("/proc/self/exe");
    if by_kernel.exists() {
        Ok(by_kernel.to_owned())
    } else {
        std::env::current_exe()
    }
}

impl Started {
    /// Waits for the end of the program, of a limit or of the server, and then ends everything that is left.
    ///
    /// All on one thread: in a process that has made a namespace for its children, the kernel makes no threads.
    fn until_the_end(mut self, server: &Wire, order: &Order, room: &Path) -> Report {
        let mut pauses = watch::Pauses::new();
        let report = loop {
            match self.next_event(server, pauses.next()) {
                Event::Report => break self.wire.report(),
                Event::Stop => break None,
                Event::Nothing => {
                    if self.containment != Containment::Namespace {
                        let _ = program::reap_ended();
                    }
                    if let Some(over) = watch::over(room, &order.limits) {
                        break Some(Report::Over(over));
                    }
                }
            }
        };
        self.end_everything();
        match (report, watch::files_over(room, &order.limits)) {
            (Some(Report::Ended(_)), Some(over)) => Report::Over(over),
            (Some(report), _) => report,
            (None, _) => {
                Report::NotStarted("its supervisor was ended by another process".to_owned())
            }
        }
    }

    fn next_event(&self, server: &Wire, pause: Duration) -> Event {
        let pause = PollTimeout::try_from(pause).unwrap_or(PollTimeout::ZERO);
        let mut both =
            [self.wire.as_fd(), server.as_fd()].map(|fd| PollFd::new(fd, PollFlags::POLLIN));
        match poll(&mut both, pause) {
            Ok(0) | Err(Errno::EINTR) => Event::Nothing,
            Ok(_) if both[0].any() == Some(true) => Event::Report,
            // The server has nothing more to say: this is the end of the socket.
            Ok(_) | Err(_) => Event::Stop,
        }
    }

    fn end_everything(&self) {
        if self.containment == Containment::Namespace {
            // It returns when the kernel has ended every process of the namespace.
            let _ = kill(self.inner, Signal::SIGKILL);
            while program::reap().is_some() {}
            return;
        }
        self.wire.hang_up();
        // A whole group ends in one step, also one that grows faster than its members can be counted.
        #[cfg(target_os = "linux")]
        for program in super::descendants::children(self.inner.as_raw()) {
            let _ = killpg(Pid::from_raw(program), Signal::SIGKILL);
        }
        while program::reap_ended() == Children::Left {
            // Each is ended as it is found, parents first: what has ended starts nothing more.
            #[cfg(target_os = "linux")]
            super::descendants::each_of_this(|pid| {
                let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            });
            // The list of descendants may miss one that was made meanwhile, so they are looked for again, not waited for.
            let _ = poll(&mut [], LOOK_AGAIN);
        }
    }
}

/// What has happened.
enum Event {
    Report,
    Stop,
    Nothing,
}

/// Removes the room, whatever the program did to its permissions.
fn remove(room: &Path) {
    if fs::remove_dir_all(room).is_ok() {
        return;
    }
    let mut folders: Vec<PathBuf> = vec![room.to_owned()];
    while let Some(folder) = folders.pop() {
        use std::os::unix::fs::PermissionsExt;
        let _ = fs::set_permissions(&folder, fs::Permissions::from_mode(0o700));
        let below = fs::read_dir(&folder).into_iter().flatten().flatten();
        folders.extend(
            below
                .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                .map(|entry| entry.path()),
        );
    }
    let _ = fs::remove_dir_all(room);
}
