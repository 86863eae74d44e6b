//! Where a body is kept while it grows: in memory up to an amount, then on disk; or a window of it.
//!
//! A disk that fails costs the storing: what it has taken is read from the open file, and the rest stays in memory.

use std::sync::Weak;
use std::time::Duration;

use refrain_disk::{DiskTier, SpooledSoFar};

use super::{Head, LiveBody, Sharing, State};
use crate::Key;
use crate::generate_error::GenerateError;

/// How much of a body is kept, and where.
#[derive(Debug, Clone)]
pub(crate) struct Keeping {
    /// Bytes of a body that may be in memory alone. Beyond them it goes on with a window.
    pub(crate) most: u64,
    /// Where a large body goes; none without a disk, or for a result that is not stored.
    pub(crate) spilling: Option<Spilling>,
    pub(crate) window: Window,
}

/// How much of a body that is not kept is there for its readers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) bytes: u64,
    /// How long the slowest reader may stand still while the writer waits for it.
    pub(crate) stall: Duration,
}

/// How a body spills to disk.
#[derive(Debug, Clone)]
pub(crate) struct Spilling {
    /// A flight that has ended may outlive the server, and keeps no folder locked.
    pub(crate) tier: Weak<DiskTier>,
    pub(crate) key: Key,
    /// Bytes that stay in memory.
    pub(crate) beyond: u64,
}

/// A chunk of the disk format: fewer bytes are not worth a way to another thread.
const BATCH_BYTES: u64 = 256 << 10;

impl Keeping {
    /// Only a window, from the start.
    pub(crate) fn windowed(window: Window) -> Self {
        Self {
            most: 0,
            spilling: None,
            window,
        }
    }

    pub(super) fn is_windowed_from_the_start(&self) -> bool {
        self.most == 0
    }

    /// Whether a window means that the body has outgrown what was to be kept.
    pub(super) fn is_outgrown(&self) -> bool {
        !self.is_windowed_from_the_start()
    }

    pub(super) fn too_large(&self) -> GenerateError {
        GenerateError::TooLarge { limit: self.most }
    }
}

impl LiveBody {
    /// Takes to disk what is to go there; at the end of the body all of it, if a part is there.
    pub(super) async fn spill(&self, is_end: bool) {
        let (mut spool, chunks, to) = {
            let mut state = self.0.lock();
            if !state.spills(&self.0.keeping, is_end) {
                return;
            }
            let Some(spool) = state.spool.take() else {
                return;
            };
            let chunks = state.chunks.since(state.in_file_bytes);
            (spool, chunks, state.chunks.end())
        };
        let written = spool.write(chunks).await;
        let mut state = self.0.lock();
        match written {
            Ok(()) => {
                state.spool = Some(spool);
                state.in_file_bytes = to;
                // Readers that keep up need not go to the disk.
                let near = state
                    .chunks
                    .end()
                    .saturating_sub(self.0.keeping.window.bytes);
                state.chunks.let_go_before(to.min(near));
            }
            Err(error) => {
                tracing::warn!(%error, "a result that grows could not be written to disk and will not be stored");
            }
        }
    }
}

impl State {
    /// Whether there is something to take to disk now.
    fn spills(&mut self, keeping: &Keeping, is_end: bool) -> bool {
        let Some(spilling) = keeping.spilling.as_ref().filter(|_| !self.is_windowed) else {
            return false;
        };
        let waiting = self.chunks.end() - self.in_file_bytes;
        if self.in_file.is_some() {
            return waiting >= BATCH_BYTES || (is_end && waiting > 0);
        }
        if is_end || waiting <= spilling.beyond || !self.may_spill() {
            return false;
        }
        let Some(tier) = spilling.tier.upgrade() else {
            return false;
        };
        let spool = tier.spool(&spilling.key);
        self.in_file = Some(spool.so_far());
        self.spool = Some(spool);
        true
    }

    /// Whether the result may be stored by what its head says.
    fn may_spill(&self) -> bool {
        let stored = |head: &Head| head.sharing != Sharing::Private && head.may_be_stored();
        self.head.as_deref().is_some_and(stored)
    }

    /// Whether more is in memory than may be, and no disk will take it.
    pub(super) fn outgrows(&self, keeping: &Keeping) -> bool {
        let goes_to_disk = match self.in_file {
            Some(_) => self.spool.is_some(),
            None => keeping.spilling.is_some() && self.may_spill(),
        };
        !self.is_windowed && !goes_to_disk && self.chunks.end() - self.in_file_bytes > keeping.most
    }

    /// A handle to read what is in the file at this place and beyond; none if that is not there.
    pub(super) fn file_with(&self, place: u64) -> Option<&SpooledSoFar> {
        let in_file = self.in_file.as_ref();
        in_file.filter(|_| place < self.in_file_bytes)
    }
}
