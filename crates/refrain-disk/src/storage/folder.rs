//! A folder of the operating system's. Entries and unfinished files are touched here only; locks are beside it.

use std::fs::{self, DirBuilder, File, FileTimes, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{About, Storage, StoredFile};
use crate::names::{TEMPORARY, weight_of};

/// A folder with the files of a tier.
#[derive(Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder need not be there to be read.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

impl Storage for Folder {
    fn make_dir(&self, dir: &str) -> io::Result<()> {
        let path = self.path(dir);
        match private_dir().create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            // Also if it is there: the process that made it may have ended before it synced the name.
            _ => path.parent().map_or(Ok(()), sync_dir_at),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir))? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_file() || kind.is_dir() {
                // A name that is not text is none of ours.
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    fn open(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        let file = private(OpenOptions::new().read(true)).open(self.path(file))?;
        if file.metadata()?.is_file() {
            Ok(Box::new(OpenFile(file)))
        } else {
            Err(io::ErrorKind::IsADirectory.into())
        }
    }

    fn create(&self, file: &str) -> io::Result<Box<dyn StoredFile>> {
        let mut options = OpenOptions::new();
        let created =
            private(options.read(true).write(true).create_new(true)).open(self.path(file));
        let created = created?;
        // As long as it is written, so that others know that it is.
        let _ = created.try_lock();
        Ok(Box::new(OpenFile(created)))
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

    fn unfinished_by_others(&self, is_own: &dyn Fn(&str) -> bool) -> io::Result<u64> {
        let mut bytes: u64 = 0;
        for name in self.list(TEMPORARY)? {
            let name = format!("{TEMPORARY}/{name}");
            if is_own(&name) {
                continue;
            }
            let Ok(file) = private(OpenOptions::new().read(true)).open(self.path(&name)) else {
                continue;
            };
            match file.try_lock() {
                // The process that wrote it has ended.
                Ok(()) => drop(fs::remove_file(self.path(&name))),
                Err(_) => bytes = bytes.saturating_add(weight_of(file.metadata()?.len())),
            }
        }
        Ok(bytes)
    }
}

/// For locks and what is kept beside entries: made if need be, and for the owner alone.
pub(super) fn open_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.create(true).truncate(false).read(true).write(true);
    private(options).open(path)
}

#[derive(Debug)]
pub(super) struct OpenFile(pub(super) File);

impl StoredFile for OpenFile {
    fn about(&self) -> io::Result<About> {
        let about = self.0.metadata()?;
        Ok(About {
            len: about.len(),
            used: about.accessed().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    }

    #[cfg(unix)]
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, bytes, offset)
    }

    #[cfg(unix)]
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::write_all_at(&self.0, bytes, offset)
    }

    #[cfg(windows)]
    fn read_at(&self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match std::os::windows::fs::FileExt::seek_read(&self.0, bytes, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => {
                    offset += read as u64;
                    bytes = &mut bytes[read..];
                }
            }
        }
        Ok(())
    }

    #[cfg(windows)]
    fn write_at(&self, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = std::os::windows::fs::FileExt::seek_write(&self.0, bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            offset += written as u64;
            bytes = &bytes[written..];
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn mark_used(&self, at: SystemTime) -> io::Result<()> {
        self.0.set_times(FileTimes::new().set_accessed(at))
    }
}

/// Every folder that has to be made on the way is there after a power cut.
pub(super) fn make_dirs(path: &Path) -> io::Result<()> {
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
        // Another process's folder, or a file, of which this is what the system says.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_dir(path).map(drop),
        Err(error) => Err(error),
    }
}

/// For the owner alone, not through a symbolic link, and without waiting for the other end of a pipe.
#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    let flags = (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits();
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
