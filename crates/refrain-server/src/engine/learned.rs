//! The learned state of the cache's policy, in a file beside the disk tier: a restart does not begin from nothing.
//!
//! Losing the file costs some evictions that were less than best, and nothing else. So it is written without syncing, and a
//! file that cannot be read or written is told to the log.

use std::io;
use std::path::PathBuf;

use refrain::Cache;

use super::result::StoredResult;
use crate::Key;

/// Of the file, in the folder of the disk tier.
const NAME: &str = "policy";

/// The file of one cache.
#[derive(Debug)]
pub(super) struct Learned {
    folder: PathBuf,
}

impl Learned {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Goes on from what an earlier run has learned.
    pub(super) fn load(&self, cache: &Cache<Key, StoredResult>) {
        let state = match std::fs::read(self.folder.join(NAME)) {
            Ok(state) => state,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => {
                tracing::warn!(%error, "what the policy had learned cannot be read");
                return;
            }
        };
        match cache.load_policy_state(&state) {
            Ok(()) => tracing::info!(
                bytes = state.len(),
                "the policy goes on from what it had learned"
            ),
            Err(error) => tracing::info!(%error, "the policy begins anew"),
        }
    }

    /// Writes what has been learned so far. Blocks on the disk.
    pub(super) fn save(&self, cache: &Cache<Key, StoredResult>) {
        let Some(state) = cache.policy_state() else {
            return;
        };
        // Of this process alone: servers may share the folder, and the last one that writes wins.
        let unfinished = self.folder.join(format!("{NAME}.{}", std::process::id()));
        let written = std::fs::write(&unfinished, state)
            .and_then(|()| std::fs::rename(&unfinished, self.folder.join(NAME)));
        if let Err(error) = written {
            tracing::warn!(%error, "what the policy has learned cannot be written");
        }
    }
}
