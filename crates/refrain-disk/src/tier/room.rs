//! One limit for entries and for files that are still being written: what those take, the index may not.

use std::sync::{Mutex, MutexGuard, PoisonError};

use refrain::Capacity;

use super::Inner;

/// How the limit is shared out. Changed only while the lock on the writer is held.
#[derive(Debug)]
pub(super) struct Room(Mutex<Limits>);

#[derive(Debug)]
struct Limits {
    capacity: Capacity,
    /// Bytes of files that are being written as they come, or could not be removed.
    unfinished: u64,
    /// Bytes of what other processes have not finished.
    others: u64,
}

impl Room {
    pub(super) fn new(capacity: Capacity) -> Self {
        Self(Mutex::new(Limits {
            capacity,
            unfinished: 0,
            others: 0,
        }))
    }

    /// What entries and unfinished files may take together.
    pub(super) fn capacity(&self) -> Capacity {
        self.lock().capacity
    }

    /// Bytes of unfinished files.
    pub(super) fn unfinished(&self) -> u64 {
        self.lock().unfinished
    }

    fn lock(&self) -> MutexGuard<'_, Limits> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Limits {
    fn of_entries(&self) -> Capacity {
        Capacity {
            bytes: self
                .capacity
                .bytes
                .saturating_sub(self.unfinished)
                .saturating_sub(self.others),
            entries: self.capacity.entries,
        }
    }
}

impl Inner {
    /// Takes bytes for an unfinished file. What the index evicts for it is to be swept before they are written. An error is how
    /// many bytes there could be for it at most.
    pub(super) fn take_room(&self, bytes: u64) -> Result<(), u64> {
        let mut limits = self.room.lock();
        let unfinished = limits.unfinished.saturating_add(bytes);
        let all = limits.capacity.bytes.saturating_sub(limits.others);
        if unfinished > all {
            return Err(all - limits.unfinished.min(all));
        }
        limits.unfinished = unfinished;
        self.share_out(limits);
        Ok(())
    }

    /// Counts a file that was an entry's and could not be removed.
    pub(super) fn count_leftover(&self, bytes: u64) {
        let mut limits = self.room.lock();
        limits.unfinished = limits.unfinished.saturating_add(bytes);
        self.share_out(limits);
    }

    /// Gives back bytes of an unfinished file, which has been removed or is to be an entry's.
    pub(super) fn give_room(&self, bytes: u64) {
        let mut limits = self.room.lock();
        limits.unfinished = limits.unfinished.saturating_sub(bytes);
        self.share_out(limits);
    }

    /// Counts what other processes have not finished.
    pub(super) fn set_others(&self, bytes: u64) {
        let mut limits = self.room.lock();
        if limits.others != bytes {
            limits.others = bytes;
            self.share_out(limits);
        }
    }

    /// Sets another limit for all.
    pub(super) fn resize_room(&self, capacity: Capacity) {
        let mut limits = self.room.lock();
        limits.capacity = capacity;
        self.share_out(limits);
    }

    fn share_out(&self, limits: MutexGuard<'_, Limits>) {
        let of_entries = limits.of_entries();
        // The index tells of what it evicts, which must not find the room locked.
        drop(limits);
        self.index.set_capacity(of_entries);
    }
}
