//! Advisory file locks, with which several tiers use one folder: each is there, one has its turn, one computes a key.
//!
//! A lock ends with the process that has it, however that ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use refrain::Capacity;

use super::changes::Changes;
use super::computing::Computing;
use super::folder::{make_dirs, open_private};
use super::pause::Pauses;
use crate::names::CHANGES;

/// The locks are beside what may be wiped, not in it.
const LOCK_NAME: &str = "lock";
const TURN_NAME: &str = "turn";

/// How long a tier waits for its turn: another one may be storing a large entry on a slow disk.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORTEST_PAUSE: Duration = Duration::from_micros(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(2);

/// One tier's part in a folder.
#[derive(Debug)]
pub(crate) struct Sharing {
    lock: File,
    turn: File,
    pub(crate) changes: Changes,
    pub(crate) computing: Arc<Computing>,
}

/// The right to change the folder.
#[derive(Debug)]
pub(crate) struct Turn<'a>(&'a File);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // A child process may hold the same open file, so that closing it would not let go of the lock.
        let _ = self.0.unlock();
    }
}

/// What a tier finds that opens a folder.
pub(crate) struct Joined<'a> {
    /// Held until the folder has been looked at.
    #[expect(dead_code, reason = "dropping it ends the turn")]
    turn: Turn<'a>,
    /// Nobody else has the folder open, so what was not finished never will be.
    pub(crate) is_alone: bool,
    /// The limits that hold.
    pub(crate) capacity: Capacity,
}

impl Sharing {
    /// Makes the folder if need be.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        make_dirs(root)?;
        Ok(Self {
            lock: open_private(&root.join(LOCK_NAME))?,
            turn: open_private(&root.join(TURN_NAME))?,
            changes: Changes::new(open_private(&root.join(CHANGES))?),
            computing: Arc::new(Computing::new(root)?),
        })
    }

    /// Takes part from now on; `WouldBlock` if a build that shares with none has the folder.
    pub(crate) fn join(&self, capacity: Capacity) -> io::Result<Joined<'_>> {
        let turn = self.take_turn()?;
        let is_alone = match self.lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => false,
            Err(TryLockError::Error(error)) => return Err(error),
        };
        let capacity = if is_alone {
            self.changes.begin(capacity)?;
            capacity
        } else {
            self.changes.join(capacity)?
        };
        match self.lock.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        Ok(Joined {
            turn,
            is_alone,
            capacity,
        })
    }

    /// Waits for the other tiers; `TimedOut` if one keeps its turn for too long.
    pub(crate) fn take_turn(&self) -> io::Result<Turn<'_>> {
        let mut pauses = Pauses::new(SHORTEST_PAUSE, LONGEST_PAUSE, PATIENCE);
        loop {
            if let Some(turn) = self.try_turn()? {
                return Ok(turn);
            }
            if !pauses.pause() {
                let text =
                    "another process has kept the lock `turn` for ten seconds; it may be stopped";
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }

    pub(crate) fn try_turn(&self) -> io::Result<Option<Turn<'_>>> {
        match self.turn.try_lock() {
            Ok(()) => Ok(Some(Turn(&self.turn))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Takes part no longer.
    pub(crate) fn leave(&self) {
        let _ = self.lock.unlock();
    }
}
