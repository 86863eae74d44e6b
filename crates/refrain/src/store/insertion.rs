//! A value on its way in: whether it is stored, what leaves for it, and which parts are held meanwhile.
//!
//! As a rule one part is held, that of the key, or two, that of the key and that of the worst entry of all. Whatever takes
//! more is decided while all parts are held, in order of their numbers. Who holds one part waits only for parts with
//! greater numbers.

use std::time::Duration;

use super::part::{Held, Seen};
use super::{NewEntry, Removed, Store, fingerprint, placing};
use crate::entry::{Capacity, Insertion, RemovalCause};
use crate::policy::{
    Admission, Candidate, Contender, Moment, OverOne, Victims, admit_among, admit_over_one,
};
use crate::sync::{SCHEDULES, spin_loop};

/// How often another worst entry is looked for: what parts tell may be out of date, and others change it meanwhile.
const TRIES: usize = if SCHEDULES { 6 } else { 128 };
/// And for so many of them, a part that is held by somebody else is not waited for.
const PATIENCE: usize = if SCHEDULES { 2 } else { 96 };

fn is_part<K, V>(held: Option<&Held<'_, K, V>>, number: usize) -> bool {
    held.is_some_and(|held| held.part.number == number)
}

/// A value, and what the policy sees of it.
struct Offer<'a, K, V> {
    entry: &'a mut Option<NewEntry<K, V>>,
    candidate: Candidate,
    moment: Moment,
    hash: u32,
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
        let home = self.part_number(new.hash);
        self.parts[home].index.fetch(hash);
        self.expire_due(now, removed);
        self.deliver_hits(now);
        let candidate = Candidate {
            fingerprint: fingerprint(hash),
            weight_bytes: new.facts.weight_bytes,
            cost_seconds: new.facts.cost.as_secs_f32(),
            expires: new.facts.expires,
        };
        let mut held = self.hold(home);
        let mut offer = Offer {
            candidate,
            // Under the lock: whatever is stored in one part later is stored at a later moment.
            moment: self.moment(now),
            hash,
            entry,
        };
        match offer.resident(&held) {
            None => self.add(held, &mut offer, removed),
            Some(old) => {
                if let Some(insertion) = self.supersede(&mut held, old, &mut offer, removed) {
                    return insertion;
                }
                drop(held);
                self.insert_alone(home, &mut offer, removed)
            }
        }
    }

    /// Adds an entry whose key is not there.
    fn add<'a>(
        &'a self,
        mut held: Held<'a, K, V>,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let home = held.part.number;
        held.miss(offer);
        if let Some(insertion) = self.refuse(&mut held, offer) {
            return insertion;
        }
        if let Some(insertion) = self.add_where_there_is_room(&mut held, offer) {
            return insertion;
        }
        match self.displace(held, offer, removed) {
            Some(insertion) => insertion,
            None => self.insert_alone(home, offer, removed),
        }
    }

    /// Stores an entry for which nothing has to leave; `None` if something has to.
    fn add_where_there_is_room(
        &self,
        held: &mut Held<'_, K, V>,
        offer: &mut Offer<'_, K, V>,
    ) -> Option<Insertion> {
        let weight_bytes = offer.candidate.weight_bytes;
        if !self.budget.reserve(weight_bytes) {
            return None;
        }
        let word = offer.accept(held, self);
        let insertion = held.store(offer, word);
        Some(self.settle(held, insertion, weight_bytes))
    }

    /// Stores an entry in the place of the worst of all, if that is enough; `None` if it takes more to decide.
    fn displace<'a>(
        &'a self,
        mut held: Held<'a, K, V>,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Option<Insertion> {
        let home = held.part.number;
        let weight_bytes = offer.candidate.weight_bytes;
        let mut beside: Option<Held<'a, K, V>> = None;
        for tries in 0..TRIES {
            let own = held.writer.eviction.score();
            let worst = self.board.worst(home, own, self.tolerance);
            if worst.part == home {
                beside = None;
            } else if !is_part(beside.as_ref(), worst.part) {
                drop(beside.take());
                beside = self.parts[worst.part].try_hold(&self.board);
                if beside.is_none() && tries < PATIENCE {
                    // Whoever holds it is taking its worst entry out, and then another part may have the worst of all.
                    spin_loop();
                    continue;
                }
                if beside.is_none() {
                    // Whoever holds it may wait for this one: both are taken anew, in order.
                    drop(held);
                    let first = self.hold(home.min(worst.part));
                    let second = self.hold(home.max(worst.part));
                    let (own, other) = if home < worst.part {
                        (first, second)
                    } else {
                        (second, first)
                    };
                    (held, beside) = (own, Some(other));
                    if offer.resident(&held).is_some() {
                        return None;
                    }
                    offer.moment = self.moment(offer.moment.time);
                    continue;
                }
            }
            let space = self.budget.space(weight_bytes);
            if space.is_enough() {
                // Others have made room meanwhile.
                drop(beside);
                return self.add_where_there_is_room(&mut held, offer);
            }
            let verdict = admit_over_one(
                &mut held.contender(),
                (beside.as_mut()).map(Held::contender).as_mut(),
                worst.outside,
                &offer.candidate,
                space,
                offer.moment,
            );
            let (word, from_beside, slot) = match verdict {
                None => continue,
                Some(OverOne::Decline) => {
                    held.writer.counts.declined += 1;
                    return Some(Insertion::Declined);
                }
                Some(OverOne::Admit { word, beside, slot }) => (word, beside, slot),
            };
            let mut freed = (0, 0);
            let from = match &mut beside {
                Some(beside) if from_beside => beside,
                _ => &mut held,
            };
            self.vacate(from, slot, offer, &mut freed, removed);
            from.fetch_upcoming();
            drop(beside);
            if !self.budget.exchange(freed.0, freed.1, weight_bytes) {
                // Others took the room meanwhile.
                return None;
            }
            let insertion = held.store(offer, word);
            return Some(self.settle(&held, insertion, weight_bytes));
        }
        None
    }

    /// What becomes of the entry in place `old` when there is a newer value for its key; `None` if that needs room which is
    /// not there.
    fn supersede(
        &self,
        held: &mut Held<'_, K, V>,
        old: u32,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Option<Insertion> {
        let now = offer.moment.time;
        let new_weight = offer.candidate.weight_bytes;
        if !self.budget.could_hold(new_weight) || offer.is_expired() {
            let cause = (held.part).expired_or(RemovalCause::Replaced, old, now);
            self.take_out(held, old, cause, offer.moment, removed);
            return self.refuse(held, offer);
        }
        if held.part.is_expired(old, now) {
            return None;
        }
        let old_weight = held.part.weight_bytes(old);
        if !self
            .budget
            .reserve_bytes(new_weight.saturating_sub(old_weight))
        {
            return None;
        }
        let part = held.part;
        let word =
            (held.writer.eviction).replace(&Seen(&part.slots), old, &offer.candidate, offer.moment);
        let Some(taken) = held.replace(old, offer.entry, word, offer.moment) else {
            // No place is left that could be numbered: the old one goes, and nothing comes in its place.
            self.budget
                .release(0, new_weight.saturating_sub(old_weight));
            let (taken, weight) = held.vacate(old, RemovalCause::Replaced);
            self.budget.release(1, weight);
            removed.push(part.number, taken, RemovalCause::Replaced);
            held.writer.counts.declined += 1;
            return Some(Insertion::Declined);
        };
        self.budget
            .release(0, old_weight.saturating_sub(new_weight));
        removed.push(part.number, taken, RemovalCause::Replaced);
        Some(Insertion::Stored)
    }

    /// Inserts while all parts are held.
    fn insert_alone(
        &self,
        home: usize,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        let mut all = self.hold_all();
        offer.moment = self.moment(offer.moment.time);
        let held = &mut all[home];
        let old = offer.resident(held);
        if let Some(old) = old {
            if let Some(insertion) = self.supersede(held, old, offer, removed) {
                return insertion;
            }
            let cause = (held.part).expired_or(RemovalCause::Replaced, old, offer.moment.time);
            // The budget wants the old entry gone first; readers are not to see that there was a moment without any.
            held.begin_change();
            self.take_out(held, old, cause, offer.moment, removed);
        }
        let insertion = self.make_room(&mut all, home, offer, removed);
        if old.is_some() {
            all[home].end_change();
        }
        insertion
    }

    /// Adds an entry whose key is not there, having evicted as many as it takes.
    fn make_room(
        &self,
        all: &mut [Held<'_, K, V>],
        home: usize,
        offer: &mut Offer<'_, K, V>,
        removed: &mut Removed<'_, K, V>,
    ) -> Insertion {
        if let Some(insertion) = self.refuse(&mut all[home], offer) {
            return insertion;
        }
        let mut victims = Victims::new();
        let mut contenders: Vec<_> = all.iter_mut().map(Held::contender).collect();
        // The key's own part is asked first.
        contenders.swap(0, home);
        let admission = offer.ask(&mut contenders, self, &mut victims);
        drop(contenders);
        let mut freed = (0, 0);
        for victim in &victims {
            let part = match victim.contender {
                0 => home,
                other if other == home => 0,
                other => other,
            };
            self.vacate(&mut all[part], victim.slot, offer, &mut freed, removed);
        }
        self.budget.release(freed.0, freed.1);
        let weight_bytes = offer.candidate.weight_bytes;
        let held = &mut all[home];
        if let Admission::Admit { word } = admission
            && self.budget.reserve(weight_bytes)
        {
            let insertion = held.store(offer, word);
            return self.settle(held, insertion, weight_bytes);
        }
        held.writer.counts.declined += 1;
        Insertion::Declined
    }

    /// Why an entry is not stored whatever else is there, if it is not.
    fn refuse(&self, held: &mut Held<'_, K, V>, offer: &Offer<'_, K, V>) -> Option<Insertion> {
        if offer.is_expired() {
            return Some(Insertion::Expired);
        }
        if self.budget.could_hold(offer.candidate.weight_bytes) {
            return None;
        }
        held.writer.counts.overweight += 1;
        (held.writer.eviction).decline(&offer.candidate, offer.moment);
        Some(Insertion::Overweight)
    }

    /// Takes a victim out, and adds it to the entries and bytes that were `freed` before, all of which the budget still counts.
    fn vacate(
        &self,
        held: &mut Held<'_, K, V>,
        slot: u32,
        offer: &Offer<'_, K, V>,
        freed: &mut (u64, u64),
        removed: &mut Removed<'_, K, V>,
    ) {
        let capacity = self.budget.capacity();
        let room = Capacity {
            bytes: capacity.bytes.saturating_sub(offer.candidate.weight_bytes),
            entries: capacity.entries.saturating_sub(1),
        };
        let cause = (self.budget.cause(room, *freed)).unwrap_or(RemovalCause::EvictedBySize);
        let (taken, weight_bytes) = held.vacate(slot, cause);
        removed.push(held.part.number, taken, cause);
        *freed = (freed.0 + 1, freed.1 + weight_bytes);
    }

    /// After an attempt to store what room was reserved for.
    fn settle(&self, held: &Held<'_, K, V>, insertion: Insertion, weight_bytes: u64) -> Insertion {
        if insertion == Insertion::Stored {
            let sampling = held.writer.eviction.sampling();
            self.recorder.fit(self.budget.entries(), sampling);
        } else {
            self.budget.release(1, weight_bytes);
        }
        insertion
    }
}

impl<K: Eq, V> Held<'_, K, V> {
    fn miss(&mut self, offer: &Offer<'_, K, V>) {
        let part = self.part;
        let fingerprint = offer.candidate.fingerprint;
        (self.writer.eviction).miss(&Seen(&part.slots), fingerprint, offer.moment);
    }

    fn store(&mut self, offer: &mut Offer<'_, K, V>, word: u64) -> Insertion {
        if self.occupy(offer.entry, word, offer.moment) {
            Insertion::Stored
        } else {
            self.writer.counts.declined += 1;
            Insertion::Declined
        }
    }
}

impl<K: Eq + Clone, V: Clone> Offer<'_, K, V> {
    fn is_expired(&self) -> bool {
        (self.candidate.expires).is_some_and(|due| due <= self.moment.time)
    }

    /// The place of the key's older value, fresh or not.
    fn resident(&self, held: &Held<'_, K, V>) -> Option<u32> {
        let entry = self.entry.as_ref()?;
        held.slot_of(&entry.key, self.hash)
    }

    /// The word of a candidate for which room has been reserved.
    fn accept(&self, held: &mut Held<'_, K, V>, store: &Store<K, V>) -> u64 {
        let contender = held.contender();
        let held_bytes = store.budget.bytes();
        (contender.eviction).accept_into_free_room(
            &contender.residents,
            &self.candidate,
            held_bytes,
            self.moment,
        )
    }

    /// Asks the policy, the key's own part first.
    fn ask(
        &self,
        contenders: &mut [Contender<'_, Seen<'_, K, V>>],
        store: &Store<K, V>,
        victims: &mut Victims,
    ) -> Admission {
        let space = store.budget.space(self.candidate.weight_bytes);
        let (candidate, moment) = (&self.candidate, self.moment);
        admit_among(contenders, candidate, space, moment, victims)
    }
}
