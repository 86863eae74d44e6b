//! A lock file for each key that is being computed, so that one process computes it and the others wait for its result.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use refrain::Key;

use super::StoredFile;
use super::folder::{OpenFile, make_dirs, open_private};
use super::pause::seconds_of_machine;
use crate::names::COMPUTING;

/// Beside what may be wiped: which results were not stored lately.
const UNSTORED_NAME: &str = "unstored";
/// Places in that file; a key that takes another one's place only has processes wait once more.
const PLACES: u64 = 4096;
const PLACE_BYTES: usize = 16;
/// For how long no process waits for a key whose result was not stored.
const UNSTORED_SECONDS: u64 = 60;

/// The keys that are computed by the tiers of one folder.
#[derive(Debug)]
pub(crate) struct Computing {
    dir: PathBuf,
    unstored: OpenFile,
    process: u32,
}

/// What became of an attempt.
pub(crate) enum Claim {
    Had(Held),
    /// Another one computes it.
    Taken,
    /// Its result is not stored, so that there is nothing to wait for.
    Pointless,
}

/// The right to compute a key.
#[derive(Debug)]
pub(crate) struct Held {
    computing: Arc<Computing>,
    key: Key,
    path: PathBuf,
    file: File,
    is_stored: Arc<AtomicBool>,
}

impl Computing {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        Ok(Self {
            dir: root.join(COMPUTING),
            unstored: OpenFile(open_private(&root.join(UNSTORED_NAME))?),
            process: std::process::id(),
        })
    }

    /// Tries to get the right to compute what belongs under `key`. Waits for nothing.
    pub(crate) fn claim(self: &Arc<Self>, key: &Key) -> io::Result<Claim> {
        if self.is_unstored(key) {
            return Ok(Claim::Pointless);
        }
        let path = self.dir.join(key.to_string());
        loop {
            let file = match open_private(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    make_dirs(&self.dir)?;
                    open_private(&path)?
                }
                opened => opened?,
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Claim::Taken),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // The one that had it has removed it meanwhile, and others lock another file of this name.
            if is_removed(&file)? {
                continue;
            }
            return Ok(Claim::Had(Held {
                computing: Arc::clone(self),
                key: *key,
                path,
                file,
                is_stored: Arc::default(),
            }));
        }
    }

    fn place(key: &Key) -> (u64, [u8; 8]) {
        let (first, rest) = key.as_bytes().split_first_chunk::<8>().expect("32 bytes");
        let (second, _) = rest.split_first_chunk::<8>().expect("24 bytes");
        let place = u64::from_le_bytes(*first) % PLACES;
        (place * PLACE_BYTES as u64, *second)
    }

    fn is_unstored(&self, key: &Key) -> bool {
        let (offset, name) = Self::place(key);
        let mut bytes = [0; PLACE_BYTES];
        if self.unstored.read_at(offset, &mut bytes).is_err() || bytes[..8] != name {
            return false;
        }
        let (_, at) = bytes.split_last_chunk::<8>().expect("16 bytes");
        let (at, now) = (u64::from_le_bytes(*at), seconds_of_machine());
        (at..at.saturating_add(UNSTORED_SECONDS)).contains(&now)
    }

    fn note_unstored(&self, key: &Key) {
        let (offset, name) = Self::place(key);
        // If it cannot be noted, others wait.
        let _ = self
            .unstored
            .write_at(offset, &[name, seconds_of_machine().to_le_bytes()].concat());
    }
}

impl Held {
    /// To be set if others find a result.
    pub(crate) fn is_stored(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_stored)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.computing.process != std::process::id() {
            // A copy of the parent's, whose right it is.
            return;
        }
        // Acquire: pairs with the release of the lease.
        if !self.is_stored.load(Ordering::Acquire) {
            self.computing.note_unstored(&self.key);
        }
        // Removed while it is locked, so that none that locks it afterwards takes it for the file of this name.
        let _ = fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

#[cfg(unix)]
fn is_removed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;

    Ok(file.metadata()?.nlink() == 0)
}

/// Elsewhere a file that is open keeps its name.
#[cfg(not(unix))]
fn is_removed(_: &File) -> io::Result<bool> {
    Ok(false)
}
