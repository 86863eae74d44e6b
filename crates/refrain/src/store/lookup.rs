//! Lookup of an entry without a lock: a read under read-copy-update, and a miss checked by seqlock.

use std::borrow::Borrow;

use super::slot::{Birth, Slot};
use super::slots::{Content, Read};
use super::thread_number::{Reader, thread_number};
use super::{Store, placing};
use crate::clock::Clock;
use crate::entry::EntryInfo;
use crate::sync::{SCHEDULES, spin_loop};

/// How a lookup ended.
pub(crate) enum Found<R> {
    Fresh(R),
    Expired,
    Nothing,
}

/// How a lookup with a condition ended.
pub(crate) enum Judged<R> {
    Accepted(R),
    /// There is a fresh entry, and the condition does not hold for it.
    Refused,
    Expired,
    Nothing,
}

/// Misses that have to be checked again happen while a page of the index is split, which takes a microsecond, or when
/// another writer took out what was just found.
const TRIES: usize = if SCHEDULES { 1 } else { 63 };

/// The key to look for, and the thread that looks.
struct Search<'a, Q: ?Sized> {
    key: &'a Q,
    hash: u64,
    clock: &'a Clock,
    reader: Reader,
}

// Not derived: that would want `Q` to be `Copy` too.
impl<Q: ?Sized> Clone for Search<'_, Q> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q: ?Sized> Copy for Search<'_, Q> {}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    /// The value of the fresh entry for `key`; a hit is counted and makes it the most recently used.
    #[inline]
    pub(crate) fn get<Q: ?Sized + Eq>(&self, key: &Q, hash: u64, clock: &Clock) -> Found<V>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, |content, _, _| content.value.clone())
    }

    /// The value of the fresh entry for `key` and what is known of it; a hit is counted.
    pub(crate) fn get_entry<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
    ) -> Found<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        self.hit(key, hash, clock, |content, slot, number| {
            let info = self.info(number, slot, clock.elapsed(), clock);
            (content.value.clone(), info)
        })
    }

    /// The same, neither counted nor counted as use.
    pub(crate) fn peek_entry<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
    ) -> Option<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        let reader = thread_number();
        let search = Search {
            key,
            hash,
            clock,
            reader,
        };
        let visit = |content: &Content<K, V>, slot: &_, number| {
            let info = self.info(number, slot, clock.elapsed(), clock);
            (content.value.clone(), info)
        };
        let found = self.attempt(search, visit);
        match found.unwrap_or_else(|| self.find_in_spite_of_changes(search, visit)) {
            Found::Fresh(entry) => Some(entry),
            Found::Expired | Found::Nothing => None,
        }
    }

    /// The same, counted as a hit only if `accept` says so of it.
    ///
    /// The condition is asked when the reader has let go of the place: it may use the store, and take its time.
    pub(crate) fn get_entry_if<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        accept: impl FnOnce(&V, &EntryInfo) -> bool,
    ) -> Judged<(V, EntryInfo)>
    where
        K: Borrow<Q>,
    {
        let reader = thread_number();
        let search = Search {
            key,
            hash,
            clock,
            reader,
        };
        let visit = |content: &Content<K, V>, slot: &Slot, number| {
            let info = self.info(number, slot, clock.elapsed(), clock);
            ((content.value.clone(), info), number, slot.birth())
        };
        let found = self.attempt(search, visit);
        match found.unwrap_or_else(|| self.find_in_spite_of_changes(search, visit)) {
            Found::Fresh(((value, mut info), number, birth)) => {
                if !accept(&value, &info) {
                    return Judged::Refused;
                }
                info.hits += u64::from(self.count_later(reader, number, birth, &info));
                Judged::Accepted((value, info))
            }
            Found::Expired => Judged::Expired,
            Found::Nothing => Judged::Nothing,
        }
    }

    /// Counts a hit of an entry that was seen in place `number` a moment ago; whether it is there still.
    fn count_later(&self, reader: Reader, number: u32, birth: Birth, info: &EntryInfo) -> bool {
        let pin = self.slots.pin(reader);
        let is_there = match self.slots.read(number, &pin) {
            Read::Entry(slot, _) if slot.birth() == birth => {
                self.count_hit(reader, slot, number, || ());
                true
            }
            _ => false,
        };
        if !is_there {
            (self.recorder).hit_of_departed(reader, info.weight_bytes, info.cost);
        }
        is_there
    }

    #[inline]
    fn hit<Q: ?Sized + Eq, R>(
        &self,
        key: &Q,
        hash: u64,
        clock: &Clock,
        take: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Found<R>
    where
        K: Borrow<Q>,
    {
        let by = |reader| Search {
            key,
            hash,
            clock,
            reader,
        };
        // Two copies of all that follows: the one for nearly all threads knows that no other writes to their lines.
        match thread_number() {
            reader @ Reader { own: true, .. } => self.hit_by(by(reader), take),
            reader => self.hit_from_the_crowd(by(reader), take),
        }
    }

    #[cold]
    #[inline(never)]
    fn hit_from_the_crowd<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        take: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Found<R>
    where
        K: Borrow<Q>,
    {
        self.hit_by(search, take)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is to know whose the reader is")]
    fn hit_by<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        take: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Found<R>
    where
        K: Borrow<Q>,
    {
        let found = self.attempt(search, |content, slot, number| {
            self.count_hit(search.reader, slot, number, || take(content, slot, number))
        });
        match found {
            Some(found) => found,
            None => self.hit_in_spite_of_changes(search, take),
        }
    }

    /// The same visit made anew: one that both could call would be a call in each.
    #[cold]
    #[inline(never)]
    fn hit_in_spite_of_changes<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        take: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Found<R>
    where
        K: Borrow<Q>,
    {
        self.find_in_spite_of_changes(search, |content, slot, number| {
            self.count_hit(search.reader, slot, number, || take(content, slot, number))
        })
    }

    /// Counts a hit, and takes what was found.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call of its own costs a tenth of a hit"
    )]
    fn count_hit<R>(
        &self,
        reader: Reader,
        slot: &Slot,
        number: u32,
        take: impl FnOnce() -> R,
    ) -> R {
        slot.count_hit();
        // The value's cache line is on its way while the hit is recorded.
        let taken = take();
        let weight_bytes = self.slots.weight_bytes(number, slot);
        self.recorder.hit(reader, number, slot, weight_bytes);
        taken
    }

    /// What is found, or that there is nothing; `None` if a change may have hidden it.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call of its own costs a tenth of a hit"
    )]
    fn attempt<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        visit: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Option<Found<R>>
    where
        K: Borrow<Q>,
    {
        let version = self.index.version();
        match self.probe(search, visit) {
            Ok(found) => Some(found),
            Err(departed) => (!departed && self.index.is_still(version)).then_some(Found::Nothing),
        }
    }

    /// The entry found, or whether the reader met one that a writer is taking out: there may be a newer one by now.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call of its own costs a tenth of a hit"
    )]
    fn probe<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        visit: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Result<Found<R>, bool>
    where
        K: Borrow<Q>,
    {
        let Search {
            key,
            hash,
            clock,
            reader,
        } = search;
        let mut departed = false;
        let pin = self.slots.pin(reader);
        for number in self.index.probe(placing(hash)) {
            match self.slots.read(number, &pin) {
                Read::Entry(slot, content) if content.key.borrow() == key => {
                    let expired = slot.expires().is_some_and(|due| due <= clock.elapsed());
                    return Ok(if expired {
                        Found::Expired
                    } else {
                        Found::Fresh(visit(content, slot, number))
                    });
                }
                Read::Departed => departed = true,
                Read::Entry(..) | Read::Nothing => {}
            }
        }
        Err(departed)
    }

    #[cold]
    fn find_in_spite_of_changes<Q: ?Sized + Eq, R>(
        &self,
        search: Search<'_, Q>,
        visit: impl Fn(&Content<K, V>, &Slot, u32) -> R,
    ) -> Found<R>
    where
        K: Borrow<Q>,
    {
        for _ in 0..TRIES {
            spin_loop();
            if let Some(found) = self.attempt(search, &visit) {
                return found;
            }
        }
        // The writer was interrupted in the middle of a change: wait for it.
        let _held = self.hold();
        self.probe(search, &visit).unwrap_or(Found::Nothing)
    }
}
