//! Where things are in the tier's folder. Names are made of digits of a digest only, never of a user's text.

use refrain::Key;

/// Everything of this format version.
pub(crate) const ENTRIES: &str = "v1";
/// For what is being written. Whatever is in it at the start was not finished.
pub(crate) const TEMPORARY: &str = "v1/unfinished";
/// The file that is being written: one at a time.
pub(crate) const UNFINISHED: &str = "v1/unfinished/entry";

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
