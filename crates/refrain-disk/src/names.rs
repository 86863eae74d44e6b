//! The names and sizes of files in the tier's folder. They are made of digits only, never of a user's text.

use refrain::Key;

/// Everything of this format version.
pub(crate) const ENTRIES: &str = "v2";
/// Where it was in format version 1, whose files are read as they are.
pub(crate) const BEFORE: &str = "v1";
/// For what is being written. Whatever is in it when the folder is opened by one tier alone was not finished.
pub(crate) const TEMPORARY: &str = "v2/unfinished";

/// What several tiers of the folder tell each other.
pub(crate) const CHANGES: &str = "changes";

/// For the locks of what is being computed.
pub(crate) const COMPUTING: &str = "v2/computing";

/// Space is given out in blocks.
const BLOCK: u64 = 4096;

/// Bytes that a file of this length takes.
pub(crate) fn weight_of(file_bytes: u64) -> u64 {
    // At the very end whole blocks do not fit: no tier is so large.
    file_bytes
        .checked_next_multiple_of(BLOCK)
        .unwrap_or(u64::MAX)
}

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
