//! Where commands run, and by which process they are supervised.

use std::io;
use std::path::{Path, PathBuf};

use crate::supervisor::{Containment, can_supervise};

/// Starts commands: the program that becomes their supervisor, the folder of their rooms, and how their ends are made sure.
///
/// # Example
///
/// ```
/// use refrain_command::Launcher;
///
/// refrain_command::supervise_if_asked();
/// let launcher = Launcher::this_program()?;
/// # let _ = launcher;
/// # Ok::<(), refrain_command::LaunchError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Launcher {
    pub(crate) supervisor: PathBuf,
    pub(crate) rooms: PathBuf,
    pub(crate) containment: Containment,
    /// Why there is no namespace of processes.
    pub(crate) without_namespace: Option<String>,
}

/// Why no command can be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaunchError {
    /// This system has no processes as they are needed.
    #[error("generators that run a program need Linux or another Unix")]
    System,
    /// The program would start itself again and again.
    #[error(
        "this program cannot supervise commands: it has not called `supervise_if_asked` at its beginning"
    )]
    NoSupervisor,
    /// The folder of the rooms is not to be had.
    #[error("cannot use `{}` for the directories of programs: {why}", path.display())]
    Rooms {
        /// The folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Something that a generator asks for is not to be had here.
    #[error("{what} is not to be had here: {why}")]
    Unable {
        /// What was asked for.
        what: &'static str,
        /// What the kernel said.
        why: String,
    },
}

impl Launcher {
    /// Commands are supervised by this program, started again.
    ///
    /// # Errors
    ///
    /// [`LaunchError::NoSupervisor`] when it has not called [`supervise_if_asked`](crate::supervise_if_asked).
    pub fn this_program() -> Result<Self, LaunchError> {
        if !can_supervise() {
            return Err(LaunchError::NoSupervisor);
        }
        // The file itself may have been replaced since this process was started.
        let by_kernel = Path::new("/proc/self/exe");
        let supervisor = if by_kernel.exists() {
            by_kernel.to_owned()
        } else {
            std::env::current_exe().map_err(|_| LaunchError::NoSupervisor)?
        };
        Self::by(supervisor)
    }

    /// Commands are supervised by the program at this path, which calls [`supervise_if_asked`](crate::supervise_if_asked).
    ///
    /// # Errors
    ///
    /// [`LaunchError`] when there is no place for their directories.
    pub fn by(supervisor: PathBuf) -> Result<Self, LaunchError> {
        if !cfg!(unix) {
            return Err(LaunchError::System);
        }
        Ok(Self {
            supervisor,
            rooms: rooms()?,
            containment: Containment::Namespace,
            without_namespace: None,
        })
    }

    /// The same without a namespace of processes, as on a kernel that gives none.
    #[must_use]
    pub fn without_namespace(mut self) -> Self {
        self.containment = if cfg!(target_os = "linux") {
            Containment::Subreaper
        } else {
            Containment::Group
        };
        self.without_namespace = Some("it was not asked for".to_owned());
        self
    }

    /// Why the kernel gives no namespace of processes; `None` when it does, and so ends every process of a program as a whole.
    pub fn lacks_namespace(&self) -> Option<&str> {
        self.without_namespace.as_deref()
    }
}

/// The folder of all rooms of this user: nobody else may look into it, or put something there.
#[cfg(unix)]
fn rooms() -> Result<PathBuf, LaunchError> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    let user = nix::unistd::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("refrain-rooms-{user}"));
    let refuse = |why: String| LaunchError::Rooms {
        path: path.clone(),
        why,
    };
    match std::fs::DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(refuse(error.to_string()));
        }
        _ => {}
    }
    let found = std::fs::symlink_metadata(&path).map_err(|error| refuse(error.to_string()))?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        let why = "it is there already and not a folder that only this user may read; remove it, or set `TMPDIR`";
        return Err(refuse(why.to_owned()));
    }
    if path.to_str().is_none() {
        return Err(refuse("its name is not UTF-8; set `TMPDIR`".to_owned()));
    }
    Ok(path)
}

#[cfg(not(unix))]
fn rooms() -> Result<PathBuf, LaunchError> {
    let _: io::Error;
    Err(LaunchError::System)
}
