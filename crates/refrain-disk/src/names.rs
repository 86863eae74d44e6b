//! The names of files in the tier's folder. They are made of digits only, never of a user's text.

use refrain::Key;

/// Everything of this format version.
pub(crate) const ENTRIES: &str = "v2";
/// Where it was in format version 1, whose files are read as they are.
pub(crate) const BEFORE: &str = "v1";
/// For what is being written. Whatever is in it at the start was not finished.
pub(crate) const TEMPORARY: &str = "v2/unfinished";

/// A file that is being written.
pub(crate) fn unfinished(number: u64) -> String {
    format!("{TEMPORARY}/{number}")
}

/// The folder of an entry's file: one for each first byte of the key, as folders with many files are slow to list.
pub(crate) fn dir_of(first: u8) -> String {
    format!("{ENTRIES}/{first:02x}")
}

pub(crate) fn file_of(key: &Key) -> String {
    format!("{}/{key}", dir_of(key.as_bytes()[0]))
}

/// The version that a folder's name stands for.
pub(crate) fn version_of(name: &str) -> Option<u32> {
    name.strip_prefix('v')?.parse().ok()
}
