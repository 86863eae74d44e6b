//! A scan of the folder when it is opened: no log and no index is kept on disk, as the files say it all.

use std::io;
use std::time::{Duration, SystemTime};

use refrain::Key;

use crate::error::DiskError;
use crate::format::{FORMAT_VERSION, Metadata};
use crate::names::{BEFORE, COMPUTING, ENTRIES, TEMPORARY, dir_of, file_of, version_of};
use crate::reading::{Unreadable, inspect};
use crate::storage::Storage;

/// An entry that was there already.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) key: Key,
    pub(crate) file_bytes: u64,
    pub(crate) used: SystemTime,
    pub(crate) expires_in: Option<Duration>,
    pub(crate) metadata: Metadata,
}

/// Why the folder cannot be used.
#[derive(Debug)]
pub(crate) enum Refusal {
    Newer(u32),
    Io(&'static str, io::Error),
}

impl Refusal {
    /// Of a folder that is open.
    pub(crate) fn into_error(self) -> DiskError {
        let source = match self {
            Self::Newer(_) => io::ErrorKind::Unsupported.into(),
            Self::Io(_, source) => source,
        };
        DiskError::Io {
            action: "list the entries of",
            file: ENTRIES.to_owned(),
            source,
        }
    }
}

/// The entries in the folder, the least recently used one first, and how many damaged ones were taken away. What was not
/// finished, has expired or is damaged outside its body is taken away by a tier that has the folder for itself. What this process may not read stays, and so does
/// whatever is no file.
pub(crate) fn recover(
    storage: &dyn Storage,
    now: SystemTime,
    is_alone: bool,
) -> Result<(Vec<Recovered>, u64), Refusal> {
    let failed = |action| move |error| Refusal::Io(action, error);
    let names = storage.list("").map_err(failed("listing it"))?;
    let newest = names.iter().filter_map(|name| version_of(name)).max();
    if let Some(found) = newest.filter(|found| *found > FORMAT_VERSION) {
        return Err(Refusal::Newer(found));
    }
    let is_there = |dir: &str| names.iter().any(|name| name == dir);
    if is_there(BEFORE) && !is_there(ENTRIES) {
        // An older build then finds a newer folder and leaves it alone; the files are read as they are.
        (storage.rename(BEFORE, ENTRIES))
            .and_then(|()| storage.sync_dir(""))
            .map_err(failed("taking over the files of version 1"))?;
    }
    for dir in [ENTRIES, TEMPORARY] {
        storage
            .make_dir(dir)
            .map_err(failed("making a folder in it"))?;
    }
    if is_alone {
        for name in storage
            .list(TEMPORARY)
            .map_err(failed("listing unfinished files"))?
        {
            storage
                .remove(&format!("{TEMPORARY}/{name}"))
                .map_err(failed("removing an unfinished file"))?;
        }
        // Locks of processes that have ended. There may be no such folder.
        for name in storage.list(COMPUTING).unwrap_or_default() {
            let _ = storage.remove(&format!("{COMPUTING}/{name}"));
        }
    }
    let (mut entries, damaged) = scan(storage, now, is_alone)?;
    entries.sort_by_key(|entry| entry.used);
    Ok((entries, damaged))
}

/// The entries in the folder, in no particular order, and how many damaged ones were taken away. Nothing is, unless
/// `tidies_up`.
pub(crate) fn scan(
    storage: &dyn Storage,
    now: SystemTime,
    tidies_up: bool,
) -> Result<(Vec<Recovered>, u64), Refusal> {
    let (mut entries, mut damaged) = (Vec::new(), 0);
    for first in 0..=u8::MAX {
        let dir = dir_of(first);
        let names = match storage.list(&dir) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Refusal::Io("listing entries", error)),
        };
        for name in names {
            // Whatever else is there was not put there by this tier.
            let Some(key) = (name.parse::<Key>().ok()).filter(|key| key.as_bytes()[0] == first)
            else {
                continue;
            };
            let is_damaged = match look(storage, &key, now) {
                Ok(entry) if entry.expires_in != Some(Duration::ZERO) => {
                    entries.push(entry);
                    continue;
                }
                Ok(_) => false,
                Err(Unreadable::Damaged(_)) => true,
                Err(Unreadable::Io(error)) if is_foreign(&error) => continue,
                Err(Unreadable::Io(error)) if is_the_files_own(&error) => true,
                // Too many open files, say: no reason to throw anything away.
                Err(Unreadable::Io(error)) => return Err(Refusal::Io("reading an entry", error)),
            };
            if !tidies_up {
                continue;
            }
            match storage.remove(&file_of(&key)) {
                Ok(()) => damaged += u64::from(is_damaged),
                Err(error) if is_foreign(&error) => {}
                Err(error) => {
                    return Err(Refusal::Io("removing an expired or damaged entry", error));
                }
            }
        }
    }
    Ok((entries, damaged))
}

/// No file of this tier's: gone, a folder, or another user's.
fn is_foreign(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::PermissionDenied
    )
}

/// A place on the disk that cannot be read.
#[cfg(unix)]
fn is_the_files_own(error: &io::Error) -> bool {
    use rustix::io::Errno;

    Errno::from_io_error(error) == Some(Errno::IO)
}

#[cfg(not(unix))]
fn is_the_files_own(_: &io::Error) -> bool {
    false
}

/// What a file says beside the body, which is looked at when it is loaded.
pub(crate) fn look(
    storage: &dyn Storage,
    key: &Key,
    now: SystemTime,
) -> Result<Recovered, Unreadable> {
    let file = storage.open(&file_of(key)).map_err(Unreadable::Io)?;
    let mut found = inspect(&*file, key)?;
    // The index has no use for them, and there may be many entries.
    found.metadata.fields = Vec::new();
    Ok(Recovered {
        key: *key,
        file_bytes: found.file.len,
        used: found.file.used,
        expires_in: found.metadata.expires_in(now),
        metadata: found.metadata,
    })
}
