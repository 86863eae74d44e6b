//! The errors of a disk.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use refrain::tier::Suspension;

use crate::FORMAT_VERSION;
use crate::format::WrongBody;

/// Why a folder cannot be used as a disk tier.
///
/// ```
/// use refrain_disk::{DiskTier, OpenError};
///
/// let dir = tempfile::tempdir()?;
/// std::fs::write(dir.path().join("file"), b"")?;
/// assert!(matches!(DiskTier::at(dir.path().join("file")).open(), Err(OpenError::Io { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// A program with an older build of this tier has it for itself.
    #[error(
        "cannot open disk tier at `{}`: an older build that shares with no other process writes to it; stop or upgrade that one, name another folder, or open it to read",
        dir.display()
    )]
    InUse {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder is another machine's, where the locks of this one mean nothing.
    #[error(
        "cannot open disk tier at `{}`: it is on {name}, where processes cannot share it safely; name a folder on a disk of this machine",
        dir.display()
    )]
    Network {
        /// The folder.
        dir: PathBuf,
        /// The file system.
        name: &'static str,
    },
    /// A newer build has been here.
    #[error(
        "cannot open disk tier at `{}`: format version {found}, this build reads 1 and {FORMAT_VERSION}; upgrade, or name an empty folder",
        dir.display()
    )]
    Newer {
        /// The folder.
        dir: PathBuf,
        /// The version of what is in it.
        found: u32,
    },
    /// The operating system refused.
    #[error("cannot open disk tier at `{}`: {action} failed", dir.display())]
    Io {
        /// The folder.
        dir: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// Why the disk did not do what it was asked. A cache goes on without it.
///
/// ```
/// use refrain_disk::DiskError;
/// use std::time::Duration;
///
/// let error = DiskError::Suspended { failures: 3, again_in: Duration::from_secs(5) };
/// assert_eq!(error.to_string(), "the disk failed 3 times in a row and is left alone for another 5 s");
/// assert!(error.is_retryable());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiskError {
    /// The operating system refused.
    #[error("cannot {action} `{file}` of the disk tier")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder, from the tier's own folder on.
        file: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It failed so often that it is not asked for a while.
    #[error(
        "the disk failed {failures} times in a row and is left alone for another {} s",
        again_in.as_secs()
    )]
    Suspended {
        /// How often.
        failures: u32,
        /// For how long yet.
        again_in: Duration,
    },
    /// Codec, tags and fields are too long together, or a name is.
    #[error(
        "what is said about the entry takes more than {limit} bytes, or a name more than 255; use fewer or shorter fields and tags"
    )]
    MetadataTooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// A body that is written as it comes has outgrown the tier.
    #[error("the entry takes more than the {limit} bytes that the disk tier has for it")]
    TooLarge {
        /// Bytes there are for it.
        limit: u64,
    },
    /// A body that was to be stored does not have the digest that came with it.
    #[error("the body to be stored does not have the digest that came with it")]
    WrongBody,
    /// As many entries are written as they come as may be.
    #[error("too many entries of the disk tier are being written")]
    TooManyWriters,
    /// An earlier call failed, or the tier was closed, and what had been written until then was removed.
    #[error("the entry was given up before")]
    GivenUp,
    /// The bytes are not as they were written. The entry is forgotten.
    #[error("`{file}` of the disk tier is damaged: {reason}")]
    Damaged {
        /// The file, from the tier's own folder on.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The entry was evicted, invalidated or replaced while it was read.
    #[error("the entry in `{file}` of the disk tier left while it was read")]
    Gone {
        /// The file, from the tier's own folder on.
        file: String,
    },
}

impl From<Suspension> for DiskError {
    fn from(suspension: Suspension) -> Self {
        Self::Suspended {
            failures: suspension.failures,
            again_in: suspension.again_in,
        }
    }
}

impl From<WrongBody> for DiskError {
    fn from(WrongBody: WrongBody) -> Self {
        Self::WrongBody
    }
}

impl DiskError {
    /// Whether the same may succeed later.
    ///
    /// ```
    /// assert!(!refrain_disk::DiskError::MetadataTooLong { limit: 65536 }.is_retryable());
    /// ```
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Io { .. } | Self::Suspended { .. } | Self::TooManyWriters
        )
    }
}
