//! The store while its lock is held: the operations of the one writer.

use std::borrow::Borrow;
use std::sync::{PoisonError, TryLockError};
use std::time::Duration;

use super::slot::Slot;
use super::slots::{Content, Slots, Taken};
use super::writer::{MAX_SLOTS, Writer};
use super::{NewEntry, Store, fingerprint, placing};
use crate::clock::whole_millis;
use crate::entry::RemovalCause;
use crate::policy::{Moment, Residents};
use crate::sync::{Mutex, MutexGuard, spin_loop};

/// 128 bytes: adjacent-line prefetch moves cache lines in pairs, and readers look at the rest of the store.
#[repr(align(128))]
pub(super) struct Lock(pub(super) Mutex<Writer>);

/// The store, and the right to change which entries there are.
pub(super) struct Held<'a, K, V> {
    pub(super) store: &'a Store<K, V>,
    pub(super) writer: MutexGuard<'a, Writer>,
}

/// The entries as a policy sees them.
pub(super) struct Seen<'a, K, V>(pub(super) &'a Slots<K, V>);

impl<K, V> Seen<'_, K, V> {
    #[inline]
    fn slot(&self, slot: u32) -> &Slot {
        self.0
            .slot(slot)
            .expect("the policy names slots that were given to it")
    }
}

impl<K, V> Residents for Seen<'_, K, V> {
    #[inline]
    fn word(&self, slot: u32) -> u64 {
        self.slot(slot).word()
    }

    #[inline]
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

    #[inline]
    fn fetch(&self, slot: u32) {
        self.0.fetch(slot);
    }
}

impl<K, V> Store<K, V> {
    /// Takes the lock, and waits for it if need be.
    #[inline]
    pub(super) fn hold(&self) -> Held<'_, K, V> {
        match self.try_hold() {
            Some(held) => held,
            None => self.wait_to_hold(),
        }
    }

    /// Spins with backoff for some tens of microseconds before this thread sleeps: a holder needs less than one as a rule.
    ///
    /// Tries are rare, and become rarer. So a thread that stores one entry after the other does so a few times in a row,
    /// while its data stays in its own core's cache instead of moving from core to core each time.
    #[cold]
    fn wait_to_hold(&self) -> Held<'_, K, V> {
        for pauses in [128, 256, 512, 1024, 1024, 1024] {
            (0..pauses).for_each(|_| spin_loop());
            if let Some(held) = self.try_hold() {
                return held;
            }
        }
        // Of the user's code, `Eq` alone runs under this lock, and before anything is changed.
        let writer = self.writer.0.lock().unwrap_or_else(PoisonError::into_inner);
        Held {
            store: self,
            writer,
        }
    }

    #[inline]
    fn try_hold(&self) -> Option<Held<'_, K, V>> {
        let writer = match self.writer.0.try_lock() {
            Ok(writer) => writer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Held {
            store: self,
            writer,
        })
    }

    fn hash_of(&self, slot: u32) -> u32 {
        self.slots.slot(slot).map_or(0, Slot::hash)
    }

    /// What the entry in place `slot`, which the caller keeps there, weighs.
    pub(super) fn weight_of(&self, slot: u32) -> u64 {
        Seen(&self.slots).weight_bytes(slot)
    }

    pub(super) fn is_expired(&self, slot: u32, now: Duration) -> bool {
        let expires = self.slots.slot(slot).and_then(Slot::expires);
        expires.is_some_and(|due| due <= now)
    }

    /// Why an entry leaves now that would leave for `cause`, were it fresh.
    pub(super) fn expired_or(&self, cause: RemovalCause, slot: u32, now: Duration) -> RemovalCause {
        if self.is_expired(slot, now) {
            RemovalCause::Expired
        } else {
            cause
        }
    }
}

impl<K: Eq, V> Held<'_, K, V> {
    /// The place of `key`, fresh or not. Under the lock a miss is a miss.
    #[inline]
    pub(super) fn slot_of<Q: ?Sized + Eq>(&self, key: &Q, hash: u32) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.store.index.probe(hash).find(|number| {
            let found = self.store.slots.look(*number, &self.writer.tenancy);
            found.is_some_and(|(_, content)| content.key.borrow() == key)
        })
    }

    /// Puts an entry, for which there is room, into a place; false when there is none left to be had.
    #[inline]
    pub(super) fn occupy(
        &mut self,
        entry: &mut Option<NewEntry<K, V>>,
        word: u64,
        moment: Moment,
    ) -> bool {
        let Some(hash) = entry.as_ref().map(|entry| placing(entry.hash)) else {
            return false;
        };
        let (store, writer) = (self.store, &mut *self.writer);
        let Some(number) = store.slots.vacant(&mut writer.tenancy, MAX_SLOTS) else {
            return false;
        };
        // The cell first: once the slot is filled, every reader finds it, also one that an old cell led here.
        let added = store.index.insert(
            &mut writer.index,
            hash,
            number,
            |slot| store.hash_of(slot),
            |slot| store.slots.fetch(slot),
        );
        if !added {
            store.slots.unused(&mut writer.tenancy, number);
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
        let store = self.store;
        let number = (store.slots).vacant(&mut self.writer.tenancy, MAX_SLOTS)?;
        self.fill(entry, number, word, moment);
        let writer = &mut *self.writer;
        store.index.replace(&mut writer.index, hash, old, number);
        writer.expiry.remove(old);
        writer.counts.count(RemovalCause::Replaced);
        Some(
            store
                .slots
                .take(&mut writer.tenancy, store.slots.locate(old)),
        )
    }

    #[inline]
    fn fill(&mut self, entry: &mut Option<NewEntry<K, V>>, number: u32, word: u64, moment: Moment) {
        let NewEntry {
            key,
            hash,
            value,
            tags,
            facts,
        } = entry.take().expect("the caller has looked at it");
        let (store, writer) = (self.store, &mut *self.writer);
        let content = Content { key, value };
        let names = (placing(hash), word);
        (store.slots).fill(&mut writer.tenancy, number, content, tags, names, &facts);
        (writer.eviction).insert(&Seen(&store.slots), number, moment);
        if let Some(due) = facts.expires_millis() {
            writer.expiry.insert(number, due);
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
        let (seen, writer) = (Seen(&self.store.slots), &mut *self.writer);
        if cause == RemovalCause::Invalidated {
            writer.eviction.remove(&seen, slot);
        } else {
            writer.eviction.expire(&seen, slot, moment);
        }
        self.vacate(slot, cause)
    }

    /// Takes an entry out that the policy has given up already, and tells what it weighed.
    #[inline]
    pub(super) fn vacate(&mut self, number: u32, cause: RemovalCause) -> (Taken<K, V>, u64) {
        let (store, writer) = (self.store, &mut *self.writer);
        let located = store.slots.locate(number);
        let slot = located.slot();
        writer.expiry.remove(number);
        (store.index).erase(&mut writer.index, slot.hash(), number);
        writer.counts.count(cause);
        let weight_bytes = store.slots.weight_bytes(number, slot);
        let taken = store.slots.take(&mut writer.tenancy, located);
        (taken, weight_bytes)
    }

    /// By the time that the next entries have to leave, what it takes is at hand: of the first, where the index has it, as
    /// its place was fetched when it was second.
    #[inline]
    pub(super) fn fetch_upcoming(&self) {
        let [first, second] = self.writer.eviction.upcoming();
        if let Some(slot) = first.and_then(|slot| self.store.slots.slot(slot)) {
            self.store.index.fetch(slot.hash());
        }
        if let Some(slot) = second {
            self.store.slots.fetch(slot);
        }
    }

    /// One slot whose entry has expired by `now`.
    pub(super) fn next_expired(&mut self, now: Duration) -> Option<u32> {
        let slots = &self.store.slots;
        (self.writer.expiry).pop_due(whole_millis(now), |slot| {
            let due = slots.slot(slot).and_then(Slot::expires);
            due.map_or(u64::MAX, whole_millis)
        })
    }

    /// From here to `end_change` no miss counts.
    pub(super) fn begin_change(&mut self) {
        self.store.index.begin_change(&mut self.writer.index);
    }

    pub(super) fn end_change(&mut self) {
        self.store.index.end_change(&mut self.writer.index);
    }

    /// Checks the whole store.
    pub(super) fn validate(&self) {
        let (store, writer) = (self.store, &*self.writer);
        let indexed = (store.index).validate(&writer.index, |slot| store.hash_of(slot));
        let (mut entries, mut weight, mut expiring) = (0_u64, 0_u64, 0_usize);
        for number in 0..writer.tenancy.used() {
            if let Some((slot, _)) = store.slots.look(number, &writer.tenancy) {
                entries += 1;
                weight += store.slots.weight_bytes(number, slot);
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
        store.slots.validate(&writer.tenancy);
        writer.eviction.validate(&Seen(&store.slots));
        assert_eq!(weight, store.budget.bytes(), "the weights add up");
        assert_eq!(entries, store.budget.entries(), "the entries add up");
        let capacity = store.budget.capacity();
        assert!(weight <= capacity.bytes, "bytes within the limit");
        assert!(entries <= capacity.entries, "entries within the limit");
    }
}
