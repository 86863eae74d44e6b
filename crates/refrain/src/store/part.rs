//! One part of the cache: entries whose keys hash to it, found without its lock and changed under it.

use std::borrow::Borrow;
use std::sync::{Arc, PoisonError, TryLockError};
use std::time::Duration;

use super::board::Board;
use super::index::Index;
use super::pins::Pins;
use super::slot::Slot;
use super::slots::{Content, Slots, Taken};
use super::writer::{MAX_SLOTS, Writer};
use super::{NewEntry, fingerprint, placing};
use crate::clock::whole_millis;
use crate::entry::RemovalCause;
use crate::policy::{Contender, Eviction, Moment, Residents};
use crate::sync::{Mutex, MutexGuard, spin_loop};

pub(super) struct Part<K, V> {
    pub(super) number: usize,
    pub(super) index: Index,
    pub(super) slots: Slots<K, V>,
    writer: Lock,
}

/// 128 bytes: adjacent-line prefetch moves cache lines in pairs, and readers look at the rest of the part.
#[repr(align(128))]
struct Lock(Mutex<Writer>);

/// A part under its lock. When that is let go, the board is told how soon one of the entries would have to go.
pub(super) struct Held<'a, K, V> {
    pub(super) part: &'a Part<K, V>,
    pub(super) writer: MutexGuard<'a, Writer>,
    board: &'a Board,
}

impl<K, V> Drop for Held<'_, K, V> {
    fn drop(&mut self) {
        let score = self.writer.eviction.score();
        self.board.tell(self.part.number, score);
    }
}

/// The entries of a part as a policy sees them.
pub(super) struct Seen<'a, K, V>(pub(super) &'a Slots<K, V>);

impl<K, V> Seen<'_, K, V> {
    fn slot(&self, slot: u32) -> &Slot {
        self.0
            .slot(slot)
            .expect("the policy names slots that were given to it")
    }
}

impl<K, V> Residents for Seen<'_, K, V> {
    fn word(&self, slot: u32) -> u64 {
        self.slot(slot).word()
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        self.0.weight_bytes(slot, self.slot(slot))
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        self.slot(slot).cost_seconds()
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        fingerprint(self.slot(slot).hash())
    }

    fn expires(&self, slot: u32) -> Option<Duration> {
        self.slot(slot).expires()
    }
}

impl<K: Eq, V> Part<K, V> {
    pub(super) fn new(number: usize, eviction: Eviction, pins: &Arc<Pins>) -> Self {
        let (index, index_writer) = Index::new();
        let (slots, tenancy) = Slots::new(Arc::clone(pins));
        Self {
            number,
            index,
            slots,
            writer: Lock(Mutex::new(Writer::new(eviction, index_writer, tenancy))),
        }
    }

    /// Takes the lock, and waits for it if need be.
    #[inline]
    pub(super) fn hold<'a>(&'a self, board: &'a Board) -> Held<'a, K, V> {
        match self.try_hold(board) {
            Some(held) => held,
            None => self.wait_to_hold(board),
        }
    }

    /// Others hold the lock for less than a microsecond as a rule, so it is tried for that long before this thread is put to
    /// sleep, which costs some microseconds by itself.
    #[cold]
    fn wait_to_hold<'a>(&'a self, board: &'a Board) -> Held<'a, K, V> {
        for pauses in (0..8).map(|tries| 1 << tries.min(6)) {
            (0..pauses).for_each(|_| spin_loop());
            if let Some(held) = self.try_hold(board) {
                return held;
            }
        }
        // Of the user's code, `Eq` alone runs under this lock, and before anything is changed.
        let writer = self.writer.0.lock().unwrap_or_else(PoisonError::into_inner);
        self.held(writer, board)
    }

    /// Takes the lock if nobody has it.
    #[inline]
    pub(super) fn try_hold<'a>(&'a self, board: &'a Board) -> Option<Held<'a, K, V>> {
        match self.writer.0.try_lock() {
            Ok(writer) => Some(self.held(writer, board)),
            Err(TryLockError::Poisoned(poisoned)) => Some(self.held(poisoned.into_inner(), board)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    fn held<'a>(&'a self, writer: MutexGuard<'a, Writer>, board: &'a Board) -> Held<'a, K, V> {
        Held {
            part: self,
            writer,
            board,
        }
    }

    pub(super) fn is_expired(&self, slot: u32, now: Duration) -> bool {
        self.slots
            .slot(slot)
            .and_then(Slot::expires)
            .is_some_and(|due| due <= now)
    }

    /// Why an entry leaves now that would leave for `cause`, were it fresh.
    pub(super) fn expired_or(&self, cause: RemovalCause, slot: u32, now: Duration) -> RemovalCause {
        if self.is_expired(slot, now) {
            RemovalCause::Expired
        } else {
            cause
        }
    }

    /// What the entry in place `slot`, which the caller keeps there, weighs.
    pub(super) fn weight_bytes(&self, slot: u32) -> u64 {
        let facts = self.slots.slot(slot).expect("an entry is in a place");
        self.slots.weight_bytes(slot, facts)
    }

    fn hash_of(&self, slot: u32) -> u32 {
        self.slots.slot(slot).map_or(0, Slot::hash)
    }
}

impl<K: Eq, V> Held<'_, K, V> {
    pub(super) fn contender(&mut self) -> Contender<'_, Seen<'_, K, V>> {
        Contender {
            eviction: &mut self.writer.eviction,
            residents: Seen(&self.part.slots),
        }
    }

    /// The place of `key`, fresh or not. Under the lock a miss is a miss.
    pub(super) fn slot_of<Q: ?Sized + Eq>(&self, key: &Q, hash: u32) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.part.index.find(hash, |number| {
            let (_, content) = self.part.slots.look(number, &self.writer.tenancy)?;
            (content.key.borrow() == key).then_some(number)
        })
    }

    /// Puts an entry, for which room is reserved, into a place; false when there is none left to be had.
    pub(super) fn occupy(
        &mut self,
        entry: &mut Option<NewEntry<K, V>>,
        word: u64,
        moment: Moment,
    ) -> bool {
        let Some(hash) = entry.as_ref().map(|entry| placing(entry.hash)) else {
            return false;
        };
        let (part, writer) = (self.part, &mut *self.writer);
        let Some(number) = part.slots.vacant(&mut writer.tenancy, MAX_SLOTS) else {
            return false;
        };
        // The cell first: once the slot is filled, every reader finds it, also one that an old cell led here.
        let added = (part.index).insert(&mut writer.index, hash, number, |slot| part.hash_of(slot));
        if !added {
            part.slots.unused(&mut writer.tenancy, number);
            return false;
        }
        self.fill(entry, number, word, moment);
        true
    }

    /// Puts the new value of the entry in place `old` into a place of its own, and takes the old one out; `None` when
    /// there is no place left. A reader finds one of the two at every moment.
    pub(super) fn replace(
        &mut self,
        old: u32,
        entry: &mut Option<NewEntry<K, V>>,
        word: u64,
        moment: Moment,
    ) -> Option<Taken<K, V>> {
        let hash = placing(entry.as_ref()?.hash);
        let (part, writer) = (self.part, &mut *self.writer);
        let number = part.slots.vacant(&mut writer.tenancy, MAX_SLOTS)?;
        self.fill(entry, number, word, moment);
        let writer = &mut *self.writer;
        part.index.replace(&mut writer.index, hash, old, number);
        writer.expiry.remove(old);
        writer.counts.count(RemovalCause::Replaced);
        Some(part.slots.take(&mut writer.tenancy, old))
    }

    fn fill(&mut self, entry: &mut Option<NewEntry<K, V>>, number: u32, word: u64, moment: Moment) {
        let NewEntry {
            key,
            hash,
            value,
            tags,
            facts,
        } = entry.take().expect("the caller has looked at it");
        let (part, writer) = (self.part, &mut *self.writer);
        let content = Content { key, value };
        let names = (placing(hash), word);
        (part.slots).fill(&mut writer.tenancy, number, content, tags, names, &facts);
        (writer.eviction).insert(&Seen(&part.slots), number, moment);
        if let Some(due) = facts.expires_millis() {
            writer.expiry.insert(number, due);
            self.board.expires(due);
        }
        writer.counts.insertions += 1;
    }

    /// Takes an entry out that is in order still, and tells what it weighed.
    pub(super) fn remove(
        &mut self,
        slot: u32,
        cause: RemovalCause,
        moment: Moment,
    ) -> (Taken<K, V>, u64) {
        let (part, writer) = (self.part, &mut *self.writer);
        if cause == RemovalCause::Invalidated {
            writer.eviction.remove(&Seen(&part.slots), slot);
        } else {
            (writer.eviction).expire(&Seen(&part.slots), slot, moment);
        }
        self.vacate(slot, cause)
    }

    /// Takes an entry out that the policy has given up already, and tells what it weighed.
    pub(super) fn vacate(&mut self, number: u32, cause: RemovalCause) -> (Taken<K, V>, u64) {
        let (part, writer) = (self.part, &mut *self.writer);
        let slot = part.slots.slot(number).expect("an entry is in a place");
        writer.expiry.remove(number);
        (part.index).erase(&mut writer.index, slot.hash(), number);
        writer.counts.count(cause);
        let weight_bytes = part.slots.weight_bytes(number, slot);
        let taken = part.slots.take(&mut writer.tenancy, number);
        (taken, weight_bytes)
    }

    /// By the time that the next entries have to leave, what it takes is at hand: of the first, where the index has it, as
    /// its place was fetched when it was second.
    pub(super) fn fetch_upcoming(&self) {
        let [first, second] = self.writer.eviction.upcoming();
        if let Some(slot) = first.and_then(|slot| self.part.slots.slot(slot)) {
            self.part.index.fetch(slot.hash());
        }
        if let Some(slot) = second {
            self.part.slots.fetch(slot);
        }
    }

    /// One slot whose entry has expired by `now`.
    pub(super) fn next_expired(&mut self, now: Duration) -> Option<u32> {
        let part = self.part;
        (self.writer.expiry).pop_due(whole_millis(now), |slot| {
            let due = part.slots.slot(slot).and_then(Slot::expires);
            due.map_or(u64::MAX, whole_millis)
        })
    }

    /// From here to `end_change` no miss in this part counts.
    pub(super) fn begin_change(&mut self) {
        self.part.index.begin_change(&mut self.writer.index);
    }

    pub(super) fn end_change(&mut self) {
        self.part.index.end_change(&mut self.writer.index);
    }

    /// Entries and their weights, after a check of the whole part.
    pub(super) fn validate(&self) -> (u64, u64) {
        let (part, writer) = (self.part, &*self.writer);
        let indexed = (part.index).validate(&writer.index, |slot| part.hash_of(slot));
        let (mut entries, mut weight, mut expiring) = (0_u64, 0_u64, 0_usize);
        for number in 0..writer.tenancy.used() {
            if let Some((slot, _)) = part.slots.look(number, &writer.tenancy) {
                entries += 1;
                weight += part.slots.weight_bytes(number, slot);
                expiring += usize::from(slot.expires().is_some());
            }
        }
        assert_eq!(indexed as u64, entries, "every entry is in the index");
        assert_eq!(
            writer.eviction.len() as u64,
            entries,
            "every entry is in order"
        );
        assert_eq!(writer.expiry.len(), expiring, "every expiry is known");
        part.slots.validate(&writer.tenancy);
        writer.eviction.validate(&Seen(&part.slots));
        (entries, weight)
    }
}
