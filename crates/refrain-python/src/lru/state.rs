//! The data under the lock of an LRU cache: limits, counters and the entries. Nothing here runs code of the user's.

use super::amount::Amount;
use super::entries::{Entries, Entry, Place};

/// Entries to be dropped when the lock has been let go: dropping a value may run anything.
pub(super) type Removed = Vec<Entry>;

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_size: usize,
    pub(super) max_memory: Amount,
    /// Seconds; infinite for never.
    pub(super) default_ttl: f64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counters {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) evicted_by_count: u64,
    pub(super) evicted_by_size: u64,
}

pub(super) struct State {
    pub(super) entries: Entries,
    pub(super) limits: Limits,
    pub(super) counters: Counters,
    pub(super) max_used: Amount,
    /// Computations that run, with the hash of their key. Removing or writing a key takes those of its hash away, so
    /// that what they computed is not stored afterwards.
    running: Vec<(u64, isize)>,
    next_ticket: u64,
}

impl State {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            entries: Entries::new(),
            limits,
            counters: Counters::default(),
            max_used: Amount::NOTHING,
            running: Vec::new(),
            next_ticket: 0,
        }
    }

    /// An empty state with these limits, whose tickets are none of this one's.
    pub(super) fn begun_anew(&self) -> Self {
        Self {
            next_ticket: self.next_ticket,
            ..Self::new(self.limits)
        }
    }

    /// Removes `replaced` and stores `entry`, and evicts what has to go for it. An entry that is larger than the
    /// limit, or expired already, is not stored and evicts nothing; the older value is superseded all the same.
    pub(super) fn store(
        &mut self,
        replaced: Option<Place>,
        entry: Entry,
        removed: &mut Removed,
    ) -> bool {
        removed.extend(replaced.and_then(|place| self.entries.remove(place)));
        if entry.expires <= entry.written
            || !Amount::NOTHING.has_room_for(entry.size, self.limits.max_memory)
        {
            removed.push(entry);
            return false;
        }
        self.shrink_to(self.limits.max_size - 1, entry.size, removed);
        self.entries.push(entry);
        self.max_used = self.max_used.max(self.entries.used);
        true
    }

    /// Evicts until at most `count` entries are left, and `coming` fits beside them.
    pub(super) fn shrink_to(&mut self, count: usize, coming: Amount, removed: &mut Removed) {
        let limit = self.limits.max_memory;
        while let Some(oldest) = self.entries.oldest() {
            if self.entries.len() > count {
                self.counters.evicted_by_count += 1;
            } else if !self.entries.used.has_room_for(coming, limit) {
                self.counters.evicted_by_size += 1;
            } else {
                return;
            }
            removed.extend(self.entries.remove(oldest));
        }
    }

    pub(super) fn clear(&mut self) -> Entries {
        self.running.clear();
        std::mem::replace(&mut self.entries, Entries::new())
    }

    /// What is being computed is not stored either: whose it is, is not known before it ends.
    pub(super) fn clear_owned(&mut self, owner: u64) -> Vec<Entry> {
        self.running.clear();
        let places = self.entries.places_of(owner);
        let removed = places.into_iter().map(|place| self.entries.remove(place));
        removed.flatten().collect()
    }

    /// A computation for a key of this hash begins.
    pub(super) fn begin(&mut self, hash: isize) -> u64 {
        self.next_ticket += 1;
        self.running.push((self.next_ticket, hash));
        self.next_ticket
    }

    /// Nothing has been removed or written under its key since it began.
    pub(super) fn is_current(&self, ticket: u64) -> bool {
        self.running.iter().any(|(running, _)| *running == ticket)
    }

    pub(super) fn end(&mut self, ticket: u64) -> bool {
        let current = self.is_current(ticket);
        self.running.retain(|(running, _)| *running != ticket);
        current
    }

    /// Values that are being computed for keys of this hash are for their waiters, and are not stored.
    pub(super) fn overtake(&mut self, hash: isize) {
        self.running.retain(|(_, running)| *running != hash);
    }
}
