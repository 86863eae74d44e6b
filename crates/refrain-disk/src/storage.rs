//! The seam to the disk: what the tier needs of a file system. Tests put a simulated disk that loses power in its place.

use std::fmt::Debug;
use std::io;
use std::time::SystemTime;

mod changes;
mod computing;
mod folder;
mod network;
mod pause;
mod sharing;

pub(crate) use changes::{Change, News, capacity_in};
pub(crate) use computing::Claim;
pub(crate) use folder::Folder;
pub(crate) use network::network_file_system;
pub(crate) use pause::pause;
pub(crate) use sharing::{Sharing, Turn};

/// What the tier needs of a disk. Names are relative to the tier's own folder, with `/` between them.
pub(crate) trait Storage: Debug + Send + Sync + 'static {
    /// Makes a folder, if need be; it and its name are there after a power cut.
    fn make_dir(&self, dir: &str) -> io::Result<()>;
    /// The names of the folders and regular files in a folder. Links, pipes and devices are not told.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Opens a regular file to read it; never waits for another process.
    fn open(&self, file: &str) -> io::Result<Box<dyn StoredFile>>;
    /// Makes a file that is not there yet, to write it.
    fn create(&self, file: &str) -> io::Result<Box<dyn StoredFile>>;
    /// Gives a file or a folder another name, in the place of a file that had it, at one moment for all readers.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Takes a file away. Where it is open its bytes can be read on.
    fn remove(&self, file: &str) -> io::Result<()>;
    /// When this returns, the names in the folder are as they are now, also after a power cut.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Bytes that files take which other tiers have not finished; what ended processes have left is removed.
    fn unfinished_by_others(&self, _is_own: &dyn Fn(&str) -> bool) -> io::Result<u64> {
        Ok(0)
    }
}

/// An open file. Its methods take no position from one call to the next, so that threads can share it.
pub(crate) trait StoredFile: Debug + Send + Sync {
    /// Length and last use.
    fn about(&self) -> io::Result<About>;
    /// Fills `bytes` from `offset` on; `UnexpectedEof` if the file is shorter.
    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;
    /// Writes at the end of the file, which is at `offset`, or again what a write that failed may have left there.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// When this returns the bytes survive a power cut, though not yet the file's name.
    fn sync(&self) -> io::Result<()>;
    /// Has the file take this many bytes before they are written, for others to see, or no more than it has.
    fn set_len(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }
    /// Notes when the file was last used.
    fn mark_used(&self, at: SystemTime) -> io::Result<()>;
}

/// What is known of a file without reading it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) len: u64,
    /// When it was last used.
    pub(crate) used: SystemTime,
}

#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;
