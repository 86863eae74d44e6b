//! The version of a program, which is part of every key: asked at the start, and again when a file it depends on has changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use refrain::Key;
use refrain::key::Media;
use tokio::time::Instant;

use crate::declaration::{Declaration, Version};
use crate::run::{Room, Task, run, short_name};
use crate::template::Piece;
use crate::{CommandError, Launcher};

/// How long a program may take to say its version.
const WITHIN: Duration = Duration::from_secs(10);

/// After a program did not say its version it is not asked again for so long.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// Bytes of a version that are read.
const LONGEST: u64 = 64 * 1024;

/// What a program is, as far as its results depend on it.
#[derive(Debug)]
pub(crate) struct Identity {
    program: PathBuf,
    asked: Mutex<Asked>,
}

#[derive(Debug)]
struct Asked {
    stamps: Vec<Stamp>,
    answer: Result<Arc<str>, CommandError>,
    at: Instant,
}

/// By which it is seen that a file has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    path: PathBuf,
    /// Device, number, length, and time of the last change; `None` without a file.
    state: Option<[u64; 5]>,
}

impl Identity {
    /// Finds the program and asks for its version.
    pub(crate) async fn ask(
        declared: &Declaration,
        launcher: &Launcher,
        within: Duration,
    ) -> Result<Self, CommandError> {
        let program = find(declared, declared.program())?;
        let asked = ask(declared, launcher, within).await;
        if let Err(error) = &asked.answer {
            return Err(error.clone());
        }
        Ok(Self {
            program,
            asked: Mutex::new(asked),
        })
    }

    /// The path of the program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The fingerprint of the program as it is now. Where a file has changed, this waits until the program has said its version.
    pub(crate) fn fingerprint(
        &self,
        declared: &Declaration,
        launcher: &Launcher,
    ) -> Result<Arc<str>, CommandError> {
        let stamps = stamps(declared);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old_failure = asked.answer.is_err() && asked.at.elapsed() >= ASK_AGAIN;
        if asked.stamps != stamps || is_old_failure {
            tracing::info!(
                generator = declared.name(),
                "the program has changed: its version is asked"
            );
            *asked = ask_and_wait(declared, launcher);
        }
        asked.answer.clone()
    }

    /// Whether the program is still the one with this fingerprint.
    pub(crate) fn is_still(&self, fingerprint: &str, declared: &Declaration) -> bool {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.answer.as_deref() == Ok(fingerprint) && asked.stamps == stamps(declared)
    }
}

/// Asks on a thread with a runtime of its own: the caller's may have no other thread.
fn ask_and_wait(declared: &Declaration, launcher: &Launcher) -> Asked {
    let wait = || {
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build();
                runtime.map(|runtime| runtime.block_on(ask(declared, launcher, WITHIN)))
            });
            asking.join()
        })
    };
    let has_others = tokio::runtime::Handle::try_current().is_ok_and(|runtime| {
        runtime.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread
    });
    let asked = if has_others {
        tokio::task::block_in_place(wait)
    } else {
        wait()
    };
    match asked {
        Ok(Ok(asked)) => asked,
        _ => Asked {
            stamps: Vec::new(),
            answer: Err(CommandError::NotStarted {
                program: declared.program().to_owned(),
                why: "there is no thread to ask for its version".to_owned(),
            }),
            at: Instant::now(),
        },
    }
}

async fn ask(declared: &Declaration, launcher: &Launcher, within: Duration) -> Asked {
    // Stamps come first: what changes while it is asked is asked again.
    let stamps = stamps(declared);
    let answer = match version(declared, launcher, within).await {
        Ok(version) => fingerprint(declared, &version),
        Err(error) => Err(error),
    };
    Asked {
        stamps,
        answer,
        at: Instant::now(),
    }
}

async fn version(
    declared: &Declaration,
    launcher: &Launcher,
    within: Duration,
) -> Result<String, CommandError> {
    let words = match &declared.version {
        Version::Text(text) => return Ok(text.clone()),
        Version::Command(words) => words,
    };
    let program = find(declared, &words[0])?;
    let mut argv = words.clone();
    argv[0] = program.to_string_lossy().into_owned();
    let task = Task {
        argv,
        environment: declared
            .environment
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        time: within,
        limits: declared.exchange.limits,
        is_steady: declared.exchange.is_steady,
        is_isolated: declared.exchange.is_isolated,
        ..Task::default()
    };
    let room = run(launcher, task, std::future::pending(), |_| {}).await?;
    room.succeeded([0].iter())?;
    let said = tokio::task::spawn_blocking(move || said(&room))
        .await
        .unwrap_or_default();
    if said.is_empty() {
        return Err(CommandError::NotStarted {
            program: short_name(&words[0]).to_owned(),
            why: format!("`{}` printed no version", words.join(" ")),
        });
    }
    Ok(said)
}

/// What a program printed, on either output: some print their version where errors belong.
fn said(room: &Room) -> String {
    use std::io::Read;

    let mut bytes = Vec::new();
    if let Ok(file) = fs::File::open(room.stdout()) {
        let _ = file.take(LONGEST).read_to_end(&mut bytes);
    }
    let printed = format!(
        "{}\n{}",
        String::from_utf8_lossy(&bytes),
        room.said.last_lines()
    );
    // A path of the room is another each time.
    let name = room
        .path()
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    printed.replace(&name, "room").trim().to_owned()
}

/// Everything that the results depend on beside the request.
fn fingerprint(declared: &Declaration, version: &str) -> Result<Arc<str>, CommandError> {
    let mut beside = Vec::new();
    for path in beside_of(declared) {
        let bytes = fs::read(&path).map_err(|error| CommandError::Room {
            program: declared.program().to_owned(),
            why: format!("cannot read `{}`: {error}", path.display()),
        })?;
        beside.push(refrain::key::Document::Media(Media::of(&bytes)));
    }
    let beside = refrain::key::Document::from(beside);
    let key = Key::builder()
        .generator("command", "1")
        .part("declaration", &declared.identity)
        .part("version", &version)
        .part("beside", &beside)
        .build();
    match key {
        Ok(key) => Ok(key.to_string().into()),
        Err(error) => Err(CommandError::Room {
            program: declared.program().to_owned(),
            why: error.to_string(),
        }),
    }
}

fn beside_of(declared: &Declaration) -> impl Iterator<Item = PathBuf> {
    declared.pieces().filter_map(|piece| match piece {
        Piece::Beside(path) => Some(declared.beside(path)),
        _ => None,
    })
}

fn stamps(declared: &Declaration) -> Vec<Stamp> {
    let version = match &declared.version {
        Version::Command(words) => words.first().map(String::as_str),
        Version::Text(_) => None,
    };
    // A name is looked for anew: another folder of the PATH may have it now.
    let program = find(declared, declared.program()).unwrap_or_default();
    let asked = version.map(|version| {
        if version == declared.program() {
            program.clone()
        } else {
            find(declared, version).unwrap_or_default()
        }
    });
    let asked = asked.filter(|asked| *asked != program);
    std::iter::once(program)
        .chain(asked)
        .chain(beside_of(declared))
        .map(|path| Stamp {
            state: state(&path),
            path,
        })
        .collect()
}

#[cfg(unix)]
fn state(path: &Path) -> Option<[u64; 5]> {
    use std::os::unix::fs::MetadataExt;

    let found = fs::metadata(path).ok()?;
    let changed = [
        found.mtime().cast_unsigned(),
        found.mtime_nsec().cast_unsigned(),
    ];
    Some([
        found.dev(),
        found.ino(),
        found.size(),
        changed[0],
        changed[1],
    ])
}

#[cfg(not(unix))]
fn state(path: &Path) -> Option<[u64; 5]> {
    let found = fs::metadata(path).ok()?;
    Some([0, 0, found.len(), 0, 0])
}

/// The path of a program: as a shell finds it, but that a path is taken from the folder of the declaration.
fn find(declared: &Declaration, program: &str) -> Result<PathBuf, CommandError> {
    let refuse = |why: String| {
        Err(CommandError::NotStarted {
            program: program.to_owned(),
            why,
        })
    };
    if program.contains('/') {
        let path = declared.folder.join(program);
        let path = std::path::absolute(&path).unwrap_or(path);
        return match fs::metadata(&path) {
            Err(error) => refuse(format!("cannot find `{}`: {error}", path.display())),
            Ok(found) if !is_executable(&found) => {
                refuse(format!("`{}` is no executable file", path.display()))
            }
            Ok(_) => Ok(path),
        };
    }
    let folders = std::env::var_os("PATH").unwrap_or_default();
    for folder in std::env::split_paths(&folders).filter(|folder| folder.is_absolute()) {
        let path = folder.join(program);
        if fs::metadata(&path).is_ok_and(|found| is_executable(&found)) {
            return Ok(path);
        }
    }
    refuse("there is no such program on the PATH; install it, or write where it is".to_owned())
}

#[cfg(unix)]
fn is_executable(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    found.is_file() && found.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn is_executable(found: &fs::Metadata) -> bool {
    found.is_file()
}
