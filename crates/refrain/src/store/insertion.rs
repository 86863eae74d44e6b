//! Insertion of a value: whether it is stored, and which entries leave for it.

use std::time::Duration;

use super::held::{Held, Seen};
use super::{NewEntry, Removed, Store, fingerprint, placing};
use crate::entry::{Capacity, RemovalCause};
use crate::outcome::Insertion;
use crate::policy::{Admission, Candidate, Moment};

/// Room for so many victims is kept from one insertion to the next. A large value may displace a million.
const VICTIMS_KEPT: usize = 256;

/// A value, and what the policy sees of it.
struct Offer<'a, K, V> {
    entry: &'a mut Option<NewEntry<K, V>>,
    candidate: Candidate,
    moment: Moment,
}

impl<K, V> Offer<'_, K, V> {
    fn is_expired(&self) -> bool {
        (self.candidate.expires).is_some_and(|due| due <= self.moment.time)
    }
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    /// Stores `entry`, evicting what is needed. The sums never exceed the capacity on the way.
    ///
    /// What is not stored stays where it was, to be dropped by the caller when no lock is held.
    pub(crate) fn insert(
        &self,
        entry: &mut Option<NewEntry<K, V>>,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let Some(new) = entry.as_ref() else {
            return Insertion::Declined;
        };
        let hash = placing(new.hash);
        // What is there for the key, if anything, is looked at under the lock, so it is fetched before.
        if let Some(slot) = self.index.probe(hash).next() {
            self.slots.fetch(slot);
        }
        let mut held = self.hold();
        while !held.expire_due(now, removed) {
            // There is more; others get through meanwhile.
            drop(held);
            held = self.hold();
        }
        held.deliver_hits(now);
        let candidate = Candidate {
            fingerprint: fingerprint(hash),
            weight_bytes: new.facts.weight_bytes,
            cost_seconds: new.facts.cost.as_secs_f32(),
            expires: new.facts.expires,
        };
        // Under the lock: what is stored later is stored at a later moment.
        let moment = self.moment(now);
        let old = held.slot_of(&new.key, hash);
        let mut offer = Offer {
            entry,
            candidate,
            moment,
        };
        match old {
            None => {
                (held.writer.eviction).miss(&Seen(&self.slots), candidate.fingerprint, moment);
                held.add(&mut offer, removed)
            }
            Some(old) => held.supersede(old, &mut offer, removed),
        }
    }
}

impl<K: Eq + Clone, V: Clone> Held<'_, K, V> {
    /// Adds an entry whose key is not there, having evicted as many as it takes.
    #[inline]
    fn add(&mut self, offer: &mut Offer<'_, K, V>, removed: &mut Removed<'_, K, V>) -> Insertion {
        if let Some(refused) = self.refuse(offer) {
            return refused;
        }
        let (store, weight_bytes) = (self.store, offer.candidate.weight_bytes);
        let writer = &mut *self.writer;
        let admission = writer.eviction.admit(
            &Seen(&store.slots),
            &offer.candidate,
            store.budget.space(weight_bytes),
            offer.moment,
            &mut writer.victims,
        );
        let Admission::Admit { word } = admission else {
            writer.counts.declined += 1;
            return Insertion::Declined;
        };
        let mut left = (0, 0);
        if !self.writer.victims.is_empty() {
            left = self.let_victims_go(weight_bytes, removed);
        }
        let stored = self.occupy(offer.entry, word, offer.moment);
        if !stored {
            store.budget.release(left.0, left.1);
            self.writer.counts.declined += 1;
            return Insertion::Declined;
        }
        store.budget.exchange(left, (1, weight_bytes));
        let sampling = self.writer.eviction.sampling();
        store.recorder.fit(store.budget.entries(), sampling);
        Insertion::Stored
    }

    /// Takes out what leaves for an entry of this weight; how many they are and what they weighed, which the budget still
    /// counts.
    #[inline]
    fn let_victims_go(&mut self, weight_bytes: u64, removed: &mut Removed<'_, K, V>) -> (u64, u64) {
        let budget = &self.store.budget;
        let capacity = budget.capacity();
        let room = Capacity {
            bytes: capacity.bytes.saturating_sub(weight_bytes),
            entries: capacity.entries.saturating_sub(1),
        };
        let mut left = (0, 0);
        for at in 0..self.writer.victims.len() {
            let slot = self.writer.victims[at];
            let cause = (budget.cause(room, left)).unwrap_or(RemovalCause::EvictedBySize);
            let (taken, weight_bytes) = self.vacate(slot, cause);
            left = (left.0 + 1, left.1 + weight_bytes);
            removed.push(taken, cause);
        }
        self.writer.victims.clear();
        self.writer.victims.shrink_to(VICTIMS_KEPT);
        self.fetch_upcoming();
        left
    }

    /// What becomes of the entry in place `old` when there is a newer value for its key.
    fn supersede(
        &mut self,
        old: u32,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let (store, now) = (self.store, offer.moment.time);
        let (old_weight, new_weight) = (store.weight_of(old), offer.candidate.weight_bytes);
        let stays = store.budget.could_hold(new_weight) && !offer.is_expired();
        let cause = store.expired_or(RemovalCause::Replaced, old, now);
        let fits = store
            .budget
            .has_room_for(new_weight.saturating_sub(old_weight));
        if !stays || !fits || cause == RemovalCause::Expired {
            // The old entry has to go first; readers are not to see that there was a moment without any.
            self.begin_change();
            self.take_out(old, cause, offer.moment, removed);
            let insertion = self.add(offer, removed);
            self.end_change();
            return insertion;
        }
        let seen = Seen(&store.slots);
        let word = (self.writer.eviction).replace(&seen, old, &offer.candidate, offer.moment);
        let Some(taken) = self.replace(old, offer.entry, word, offer.moment) else {
            // No place is left that could be numbered: the old one goes, and nothing comes in its place.
            let (taken, weight) = self.vacate(old, RemovalCause::Replaced);
            store.budget.release(1, weight);
            removed.push(taken, RemovalCause::Replaced);
            self.writer.counts.declined += 1;
            return Insertion::Declined;
        };
        store.budget.exchange((1, old_weight), (1, new_weight));
        removed.push(taken, RemovalCause::Replaced);
        Insertion::Stored
    }

    /// Turns away what could not be stored even in an empty cache.
    #[inline]
    fn refuse(&mut self, offer: &Offer<'_, K, V>) -> Option<Insertion> {
        if offer.is_expired() {
            return Some(Insertion::Expired);
        }
        if self.store.budget.could_hold(offer.candidate.weight_bytes) {
            return None;
        }
        self.writer.counts.overweight += 1;
        (self.writer.eviction).decline(&offer.candidate, offer.moment);
        Some(Insertion::Overweight)
    }
}
