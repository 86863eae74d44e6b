//! A turn: the lock within the process and the one between processes, with all read that others have changed.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{MutexGuard, TryLockError};
use std::time::Duration;

use refrain::tier::Invalidated;
use refrain::{Capacity, Key};

use super::Inner;
use super::writing::Writer;
use crate::error::DiskError;
use crate::names::file_of;
use crate::reading::Unreadable;
use crate::recovery::{Recovered, Refusal, look, recover};
use crate::storage::{self, Change, News, Sharing};

/// The right to change files. What this tier knows of the folder is what there is.
pub(super) struct Turn<'a> {
    // Given back before the other one.
    between_processes: Option<storage::Turn<'a>>,
    writer: MutexGuard<'a, Writer>,
}

impl Deref for Turn<'_> {
    type Target = Writer;

    fn deref(&self) -> &Writer {
        &self.writer
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Writer {
        &mut self.writer
    }
}

impl std::fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Turn")
            .field(&self.between_processes)
            .finish()
    }
}

impl Inner {
    /// Waits until nobody else changes files. A tier that is closed has turns too, in which it may do nothing.
    pub(super) fn turn(&self) -> Result<Turn<'_>, DiskError> {
        let writer = self.writer();
        let Some(sharing) = self.sharing.as_ref().filter(|_| !writer.is_closed) else {
            return Ok(Turn {
                between_processes: None,
                writer,
            });
        };
        let failed = |source| DiskError::Io {
            action: "wait for other processes by the file",
            file: "turn".to_owned(),
            source,
        };
        let at_once = sharing.try_turn().map_err(failed)?;
        let between_processes = if let Some(turn) = at_once {
            turn
        } else {
            // Callers that come while one is stopped need not wait as long, one after the other.
            self.breaker.check()?;
            let turn = sharing.take_turn().map_err(failed);
            if turn.is_err() {
                self.breaker.failed();
            }
            turn?
        };
        self.begun(sharing, between_processes, writer)
    }

    /// A turn, if one is to be had without waiting.
    pub(super) fn try_turn(&self) -> Option<Turn<'_>> {
        let writer = match self.writer.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        let Some(sharing) = self.sharing.as_ref().filter(|_| !writer.is_closed) else {
            return Some(Turn {
                between_processes: None,
                writer,
            });
        };
        let turn = sharing.try_turn().ok()??;
        self.begun(sharing, turn, writer).ok()
    }

    fn begun<'a>(
        &'a self,
        sharing: &'a Sharing,
        between_processes: storage::Turn<'a>,
        writer: MutexGuard<'a, Writer>,
    ) -> Result<Turn<'a>, DiskError> {
        let mut turn = Turn {
            between_processes: Some(between_processes),
            writer,
        };
        if let Err(error) = self.catch_up(sharing, &mut turn) {
            // What has been read so far may not have been acted upon.
            sharing.changes.read_anew();
            return Err(error);
        }
        Ok(turn)
    }

    /// Whether others have changed something that is not known here.
    pub(super) fn has_news(&self) -> bool {
        (self.sharing.as_ref()).is_some_and(|sharing| sharing.changes.has_news())
    }

    /// Reads what others have changed, if that is possible without waiting.
    pub(super) fn look_at_news(&self) {
        if self.has_news() {
            drop(self.try_turn());
        }
    }

    /// Tells others of what is about to be done.
    pub(super) fn tell(&self, changes: &[Change]) -> Result<(), DiskError> {
        let Some(sharing) = self.sharing.as_ref().filter(|_| !changes.is_empty()) else {
            return Ok(());
        };
        let told = sharing.changes.append(changes);
        told.map_err(|source| DiskError::Io {
            action: "append to",
            file: "changes".to_owned(),
            source,
        })
    }

    /// Tells others of what is invalidated.
    pub(super) fn tell_invalidated(&self, invalidated: Invalidated) -> Result<(), DiskError> {
        self.tell(&[Change::Invalidated(invalidated)])
    }

    pub(super) fn tell_capacity(&self, capacity: Capacity) -> Result<(), DiskError> {
        let sharing = self.sharing.as_ref();
        let told = sharing.map_or(Ok(()), |sharing| sharing.changes.set_capacity(capacity));
        told.map_err(|source| DiskError::Io {
            action: "write the limits to",
            file: "changes".to_owned(),
            source,
        })
    }

    fn catch_up(&self, sharing: &Sharing, writer: &mut Writer) -> Result<(), DiskError> {
        let failed = |file: &str| {
            let file = file.to_owned();
            move |source| DiskError::Io {
                action: "read",
                file,
                source,
            }
        };
        let News {
            changes,
            capacity,
            is_anew,
        } = sharing.changes.read().map_err(failed("changes"))?;
        if let Some(capacity) = capacity {
            self.resize_room(capacity);
        }
        if is_anew {
            self.hear(writer, Invalidated::All);
        }
        // What has gone makes room, and an unfinished file becomes an entry: counted twice, it would push others out.
        let mut there = if is_anew {
            self.look_at_everything()?
        } else {
            Vec::new()
        };
        for change in changes {
            match change {
                Change::File(key) => there.extend(self.look_at(&key)?),
                Change::Invalidated(invalidated) => self.hear(writer, invalidated),
            }
        }
        let is_own = |name: &str| self.drafts.is_own(name);
        let others = self.storage.unfinished_by_others(&is_own);
        // A folder that was wiped has none.
        self.set_others(others.unwrap_or_default());
        self.put_in_index(there);
        Ok(())
    }

    /// Nothing that was computed before is stored, and those above are told when this turn is over.
    fn hear(&self, writer: &mut Writer, invalidated: Invalidated) {
        self.invalidations.note(&invalidated);
        for watch in &writer.watches {
            watch.log.note(&invalidated);
        }
        if !writer.watches.is_empty() {
            writer.heard.push(invalidated);
        }
    }

    /// What is in the file; if there is none any more, the index follows.
    fn look_at(&self, key: &Key) -> Result<Option<Recovered>, DiskError> {
        match look(&*self.storage, key, self.clock.wall()) {
            Ok(entry) if entry.expires_in != Some(Duration::ZERO) => return Ok(Some(entry)),
            Err(Unreadable::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
                self.forget(key);
            }
            Err(Unreadable::Io(source)) => {
                return Err(DiskError::Io {
                    action: "read",
                    file: file_of(key),
                    source,
                });
            }
            Ok(_) | Err(Unreadable::Damaged(_)) => {
                self.index.remove(key);
                self.departed.push(*key);
            }
        }
        Ok(None)
    }

    fn forget(&self, key: &Key) {
        if self.index.remove(key).is_some() {
            // Another one has removed the file.
            self.departed.withdraw(key);
        }
    }

    /// What there is; of the rest the index lets go.
    fn look_at_everything(&self) -> Result<Vec<Recovered>, DiskError> {
        let found = recover(&*self.storage, self.clock.wall(), false);
        let (entries, _) = found.map_err(Refusal::into_error)?;
        let there: std::collections::HashSet<Key> = entries.iter().map(|entry| entry.key).collect();
        let mut cursor = None;
        loop {
            let page = self.index.entries(cursor, 1000);
            let gone = page.entries.iter().filter(|(key, _)| !there.contains(key));
            gone.for_each(|(key, _)| self.forget(key));
            cursor = page.next;
            if cursor.is_none() {
                return Ok(entries);
            }
        }
    }
}
