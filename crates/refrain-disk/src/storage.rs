//! The only file that touches the disk. Tests put a simulated one in its place.

use std::fmt::Debug;
use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What the tier needs of a disk. Names are relative to the tier's own folder, with `/` between them.
pub(crate) trait Storage: Debug + Send + Sync + 'static {
    /// Makes a folder, if need be; it and its name are there after a power cut.
    fn make_dir(&self, dir: &str) -> io::Result<()>;
    /// The names in a folder.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// The whole file.
    fn read(&self, file: &str) -> io::Result<Vec<u8>>;
    /// The first bytes of a file, as many as there are up to `most`.
    fn read_start(&self, file: &str, most: usize) -> io::Result<Start>;
    /// Writes a file that is not there yet. When this returns its bytes survive a power cut, though not yet its name.
    fn write_new(&self, file: &str, parts: [&[u8]; 2]) -> io::Result<()>;
    /// Gives a file another name, in the place of whatever had it, at one moment for all who look.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file away.
    fn remove(&self, file: &str) -> io::Result<()>;
    /// When this returns, the names in the folder are as they are now, also after a power cut.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Notes when a file was last used.
    fn mark_used(&self, file: &str, at: SystemTime) -> io::Result<()>;
    /// Lets others write. Nothing else is asked for after this.
    fn unlock(&self) {}
}

/// How a file begins.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) bytes: Vec<u8>,
    /// Length of the whole file.
    pub(crate) len: u64,
    /// When it was last used.
    pub(crate) used: SystemTime,
}

/// A folder of the operating system's.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
    /// Locked by whoever writes.
    lock: Option<File>,
}

/// The lock is beside what may be wiped, not in it.
const LOCK_NAME: &str = "lock";

impl Folder {
    /// Makes the folder if need be, and keeps every other process from opening it to write.
    ///
    /// `WouldBlock` if one has it already.
    pub(crate) fn lock(root: &Path) -> io::Result<Self> {
        make_dirs(root)?;
        let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(root.join(LOCK_NAME))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Self {
            root: root.to_owned(),
            lock: Some(lock),
        })
    }

    /// To read from, beside whoever writes.
    pub(crate) fn to_read(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            lock: None,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn open(&self, file: &str) -> io::Result<File> {
        private(OpenOptions::new().read(true)).open(self.path(file))
    }
}

impl Storage for Folder {
    fn make_dir(&self, dir: &str) -> io::Result<()> {
        let path = self.path(dir);
        match private_dir().create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            // Also if it is there: whoever made it may have ended before he synced its name.
            _ => path.parent().map_or(Ok(()), sync_dir_at),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            // A name that is not text is none of ours.
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        let mut file = self.open(file)?;
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(len)
            .map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn read_start(&self, file: &str, most: usize) -> io::Result<Start> {
        let file = self.open(file)?;
        let about = file.metadata()?;
        let mut bytes = Vec::with_capacity(most.min(1 << 16));
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(Start {
            bytes,
            len: about.len(),
            used: about.accessed().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    fn write_new(&self, file: &str, parts: [&[u8]; 2]) -> io::Result<()> {
        let mut file =
            private(OpenOptions::new().write(true).create_new(true)).open(self.path(file))?;
        for part in parts {
            file.write_all(part)?;
        }
        file.sync_all()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, file: &str) -> io::Result<()> {
        fs::remove_file(self.path(file))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        sync_dir_at(&self.path(dir))
    }

    fn mark_used(&self, file: &str, at: SystemTime) -> io::Result<()> {
        self.open(file)?
            .set_times(FileTimes::new().set_accessed(at))
    }

    fn unlock(&self) {
        // A child process may hold the same open file, so that closing it here would not let go of the lock.
        if let Some(lock) = &self.lock {
            let _ = lock.unlock();
        }
    }
}

/// Every folder that has to be made on the way is there after a power cut.
fn make_dirs(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Some(parent) = parent {
        make_dirs(parent)?;
    }
    match private_dir().create(path) {
        Ok(()) => sync_dir_at(parent.unwrap_or(Path::new("."))),
        // Somebody else's folder, or a file, of which this is what the system says.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_dir(path).map(drop),
        Err(error) => Err(error),
    }
}

/// For the owner alone, and not through a symbolic link.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    options
        .mode(0o600)
        .custom_flags(i32::from_ne_bytes(flags.to_ne_bytes()))
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

#[cfg(unix)]
fn private_dir() -> DirBuilder {
    use std::os::unix::fs::DirBuilderExt;

    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

#[cfg(not(unix))]
fn private_dir() -> DirBuilder {
    DirBuilder::new()
}

#[cfg(unix)]
fn sync_dir_at(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Elsewhere a folder cannot be opened as a file; its names are the file system's business.
#[cfg(not(unix))]
fn sync_dir_at(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;
