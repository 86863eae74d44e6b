//! A run on Unix: the socket to the supervisor, the pipe of standard error, and the clock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::future::Future;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};

use super::{Room, Task, short_name, signal_name};
use crate::said::Said;
use crate::supervisor::{Order, Over, Report, SUPERVISE};
use crate::{CommandError, Ended, Launcher};

/// How long a supervisor may take to end everything. It takes milliseconds; longer than this it hangs, and is killed.
const END_WITHIN: Duration = Duration::from_secs(10);

/// How long what was said last is waited for, where something else may hold the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Where programs are looked for, inside a room and outside of it.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The first day that an archive in ZIP can name.
const SOURCE_DATE_EPOCH: &str = "315532800";

pub(super) async fn run(
    launcher: &Launcher,
    task: Task,
    stop: impl Future<Output = ()>,
    mut each_line: impl FnMut(&str),
) -> Result<Room, CommandError> {
    let argv = &task.argv;
    let program = short_name(argv.first().map_or("", String::as_str)).to_owned();
    let failed = |why: String| CommandError::Room {
        program: program.clone(),
        why,
    };
    let (made, inputs) = (
        New::make(&launcher.rooms).map_err(|error| failed(error.to_string()))?,
        task.inputs.clone(),
    );
    // Megabytes are written on a thread that may wait.
    let made = tokio::task::spawn_blocking(move || made.filled(&inputs)).await;
    let made = made
        .map_err(|_| failed("the server stops".to_owned()))?
        .map_err(failed)?;
    let started = start(launcher, &made).map_err(|error| CommandError::NotStarted {
        program: program.clone(),
        why: format!("cannot start its supervisor: {error}"),
    })?;
    let Started {
        child,
        wire,
        stderr,
    } = started;
    let mut running = Running {
        child,
        wire: BufReader::new(wire),
    };
    running
        .order(&order(launcher, &task, &made))
        .await
        .map_err(|error| failed(error.to_string()))?;
    // From here on the supervisor removes the room.
    let path = made.keep();

    let mut said = Said::default();
    let (end, report) = {
        let mut listening = std::pin::pin!(listen(stderr, |bytes| said.push(
            bytes,
            &task.stderr_without,
            &mut each_line
        )));
        let mut is_listening = true;
        let (end, report) = {
            let mut reporting = std::pin::pin!(running.report());
            let mut stop = std::pin::pin!(stop);
            let mut time = std::pin::pin!(tokio::time::sleep(task.time));
            loop {
                tokio::select! {
                    report = &mut reporting => break (Cause::Program, report),
                    () = &mut listening, if is_listening => is_listening = false,
                    () = &mut stop => break (Cause::Stop, None),
                    () = &mut time => break (Cause::Time, None),
                }
            }
        };
        if end != Cause::Program {
            running.end().await;
        }
        if is_listening {
            let _ = tokio::time::timeout(LAST_WORDS, listening).await;
        }
        (end, report)
    };
    said.end_line(&task.stderr_without, &mut each_line);
    let quoted = said.quoted();
    match end {
        Cause::Stop => return Err(CommandError::Cancelled { program }),
        Cause::Time => {
            return Err(CommandError::TimeOver {
                program,
                limit: task.time,
                said: quoted,
            });
        }
        Cause::Program => {}
    }
    let over = |over: Over| {
        let (limit, allowed) = match over {
            Over::Memory => ("memory", in_bytes(task.limits.memory)),
            Over::Output => ("output", in_bytes(task.limits.output)),
            Over::Processes => ("processes", task.limits.processes.to_string()),
        };
        CommandError::Over {
            program: program.clone(),
            limit,
            allowed,
            said: quoted.clone(),
        }
    };
    let ended = match report {
        Some(Report::Ended(Ended::Signal(signal))) if signal_name(signal) == "SIGXFSZ" => {
            return Err(over(Over::Output));
        }
        Some(Report::Ended(ended)) => ended,
        Some(Report::Over(what)) => return Err(over(what)),
        Some(Report::NotStarted(why)) => return Err(CommandError::NotStarted { program, why }),
        None => {
            let why = "its supervisor was killed".to_owned();
            return Err(CommandError::NotStarted { program, why });
        }
    };
    Ok(Room {
        program,
        path,
        ended,
        said,
        _wire: running.wire.into_inner(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Program,
    Time,
    Stop,
}

/// A room that no supervisor looks after yet.
struct New {
    rooms: PathBuf,
    directory: Option<tempfile::TempDir>,
}

impl New {
    fn make(rooms: &Path) -> io::Result<Self> {
        let only_ours = fs::Permissions::from_mode(0o700);
        let directory = tempfile::Builder::new()
            .prefix("run-")
            .permissions(only_ours)
            .tempdir_in(rooms)?;
        for folder in ["work", "home"] {
            DirBuilder::new()
                .mode(0o700)
                .create(directory.path().join(folder))?;
        }
        Ok(Self {
            rooms: rooms.to_owned(),
            directory: Some(directory),
        })
    }

    fn path(&self) -> &Path {
        self.directory
            .as_ref()
            .map_or(&self.rooms, tempfile::TempDir::path)
    }

    /// Writes the files that the program reads.
    fn filled(self, inputs: &[(String, super::Input)]) -> Result<Self, String> {
        for (name, bytes) in inputs {
            let path = self.path().join("work").join(name);
            let write = || -> io::Result<()> {
                OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&path)?
                    .write_all(bytes)
            };
            write().map_err(|error| format!("cannot write `{name}`: {error}"))?;
        }
        Ok(self)
    }

    fn keep(mut self) -> PathBuf {
        self.directory
            .take()
            .map_or_else(PathBuf::new, tempfile::TempDir::keep)
    }
}

struct Started {
    child: Child,
    wire: UnixStream,
    stderr: tokio::process::ChildStderr,
}

fn start(launcher: &Launcher, room: &New) -> io::Result<Started> {
    let (ours, theirs) = StdStream::pair()?;
    ours.set_nonblocking(true)?;
    let stdout = File::create_new(room.path().join("stdout"))?;
    fs::set_permissions(
        room.path().join("stdout"),
        fs::Permissions::from_mode(0o600),
    )?;
    let mut child = Command::new(&launcher.supervisor)
        .arg(SUPERVISE)
        .env_clear()
        // A thread of the allocator would keep the supervisor from making a namespace.
        .env("_RJEM_MALLOC_CONF", "background_thread:false")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()?;
    let stderr = child
        .stderr
        .take()
        .ok_or_else(|| io::Error::other("it has no standard error"))?;
    Ok(Started {
        child,
        wire: UnixStream::from_std(ours)?,
        stderr,
    })
}

fn order(launcher: &Launcher, task: &Task, room: &New) -> Order {
    let text = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut environment = vec![
        text("PATH", PATH),
        text("HOME", "{room}/home"),
        text("TMPDIR", "{room}/home"),
    ];
    if task.is_steady {
        environment.extend([
            text("LC_ALL", "C"),
            text("TZ", "UTC"),
            text("SOURCE_DATE_EPOCH", SOURCE_DATE_EPOCH),
        ]);
    } else {
        environment.push(text("LANG", "C.UTF-8"));
    }
    environment.extend(task.environment.iter().cloned());
    let name = room.path().file_name().unwrap_or_default();
    Order {
        argv: task.argv.clone(),
        environment,
        rooms: room.rooms.clone(),
        room: name.to_string_lossy().into_owned(),
        containment: launcher.containment,
        isolated: task.is_isolated,
        limits: task.limits,
        steadiness: task.steadiness,
        is_inner: false,
    }
}

/// A supervisor that runs. When it is dropped, the supervisor ends everything and then itself.
struct Running {
    child: Child,
    wire: BufReader<UnixStream>,
}

impl Running {
    async fn order(&mut self, order: &Order) -> io::Result<()> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.wire.get_mut().write_all(&line).await
    }

    /// Waits for the report; `None` when the supervisor ended without one.
    async fn report(&mut self) -> Option<Report> {
        let mut line = String::new();
        self.wire.read_line(&mut line).await.ok()?;
        serde_json::from_str(&line).ok()
    }

    /// Ends everything, and returns when it has ended.
    async fn end(&mut self) {
        let _ = self.wire.get_mut().shutdown().await;
        if tokio::time::timeout(END_WITHIN, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.start_kill();
        }
    }
}

/// Reads standard error to its end.
async fn listen(mut stderr: tokio::process::ChildStderr, mut each: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
        each(&buffer[..length]);
    }
}

fn in_bytes(bytes: u64) -> String {
    match bytes {
        whole if whole >= 1 << 20 && whole.is_multiple_of(1 << 20) => format!("{} MB", whole >> 20),
        other => format!("{other} bytes"),
    }
}
