//! The policy `hazard`, by least profit rate: the entry that saves the least computation time per byte and time held
//! leaves first.
//!
//! Between two uses of a key nothing about it changes but its age. Keeping an entry from some age on either pays its cost
//! at the next use, or wastes bytes and time; the hazard of a use decides which. [`model`] estimates that hazard by a
//! rough prior times factors learned online. [`lookahead`] turns it into the best ratio of the probability of a use to the
//! time the entry must be held for it. That ratio times cost over weight is the *index* by which entries are ordered. A
//! new entry must beat those it displaces.
//!
//! The objective, and profits kept after eviction, are those of WATCHMAN (Scheuermann, Shim and Vingralek, VLDB 1996).
//! Carrasco, Ferragut and Paganini, "On the optimality of timer-based caching" (2024), show that the hazard is the right
//! order where any entry may be fetched back at any moment; [`lookahead`] says why to look ahead.

mod history;
mod learned;
mod learner;
mod lookahead;
mod model;
mod order;
mod round;
mod state;
mod word;

use std::time::Duration;

use super::{
    Admission, Candidate, Hit, Moment, Residents, Sampling, Space, StateError, TAKEN_KEPT,
};
use learner::Learner;
use order::Order;
use round::Round;

pub(super) use word::touch;

/// Stale entries at the top that are put back before one leaves.
const CORRECTIONS_MAX: u32 = 64;
/// Slots to look at for one that is taken.
const PROBES_PER_REVIEW: usize = 4;
/// Entries looked at again for each one that leaves when the capacity shrinks.
const REVIEWS_TO_SHRINK: usize = 8;

/// The default policy: 14 bytes an entry beside its word, the history, and 100 KB.
#[derive(Debug)]
pub(super) struct Hazard {
    learner: Learner,
    order: Order,
    round: Round,
    /// How much exposure of the candidate just admitted is booked.
    admitted_booked: u64,
    /// And its index, if it had to be computed.
    admitted_index: Option<f32>,
    /// The entries taken out for a candidate that is not yet admitted, with their indices.
    taken: Vec<(u32, f32)>,
}

/// The estimated worth of a candidate.
#[derive(Debug, Clone, Copy)]
struct Bid {
    word: u64,
    /// Computed where space is missing: no entry that leaves for it may have a greater one.
    index: Option<f32>,
    booked: u64,
}

impl Hazard {
    pub(super) fn new() -> Self {
        Self {
            learner: Learner::new(),
            order: Order::new(),
            round: Round::default(),
            admitted_booked: 0,
            admitted_index: None,
            taken: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.order.contains(slot)
    }

    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        self.order.upcoming()
    }

    pub(super) fn sampling(&self) -> Sampling {
        self.learner.sampling()
    }

    pub(super) fn hit(&mut self, residents: &impl Residents, hit: Hit) {
        self.learner.hit(residents, &self.order, hit);
    }

    pub(super) fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        self.learner
            .miss(residents, &self.order, fingerprint, now.tick);
    }

    /// Admits a candidate that is worth at least as much as each entry it displaces.
    pub(super) fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        mut space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        let bid = self.bid(residents, candidate, space, now);
        let mut corrections = 0;
        while !space.is_enough() {
            let Some((slot, index)) = self.take_worst(residents, now, &mut corrections) else {
                // No entry is left that could leave.
                break;
            };
            if self.taken.is_empty() {
                self.round.least(index);
            }
            self.taken.push((slot, index));
            if bid.index.is_some_and(|most| index > most) {
                self.refuse(candidate, &bid, now);
                return Admission::Decline;
            }
            space = space.without(residents.weight_bytes(slot));
        }
        for (slot, _) in self.taken.drain(..) {
            self.learner.remember(residents, slot, now.tick);
            victims.push(slot);
        }
        self.taken.shrink_to(TAKEN_KEPT);
        self.learner.forget(candidate);
        self.admitted_booked = bid.booked;
        self.admitted_index = bid.index;
        Admission::Admit { word: bid.word }
    }

    fn bid(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
    ) -> Bid {
        self.learner.tempo.keep(now);
        self.learner.fit(self.order.len(), space.held_bytes);
        let (word, booked) = self.learner.recall(candidate, now.tick);
        let mut index = None;
        if !space.is_enough() {
            index = Some(self.learner.learned.rates.index(
                word,
                candidate.weight_bytes,
                candidate.cost_seconds,
                now.tick,
                self.life(candidate.expires, now),
            ));
            let mut effort = self.round.go_on(now.tick, self.order.len());
            while effort.take() {
                if self.review(residents, now) {
                    effort.found();
                }
            }
        }
        Bid {
            word,
            index,
            booked,
        }
    }

    /// The entries taken out for a candidate go back, and the candidate is remembered.
    #[cold]
    fn refuse(&mut self, candidate: &Candidate, bid: &Bid, now: Moment) {
        while let Some((slot, index)) = self.taken.pop() {
            self.order.set(slot, index);
        }
        self.taken.shrink_to(TAKEN_KEPT);
        self.learner
            .remember_candidate(candidate, bid.word, bid.booked, now.tick);
    }

    /// The entry in `slot` gets another value: out of the order, and its word goes over to the new one.
    pub(super) fn replace(&mut self, residents: &impl Residents, slot: u32) -> u64 {
        self.admitted_booked = self.learner.booked_of(residents, slot);
        self.admitted_index = None;
        self.order.remove(slot);
        residents.word(slot)
    }

    pub(super) fn decline(&mut self, candidate: &Candidate, now: Moment) {
        let (word, booked) = self.learner.recall(candidate, now.tick);
        self.learner
            .remember_candidate(candidate, word, booked, now.tick);
    }

    pub(super) fn insert(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        self.learner
            .admitted(slot, residents.word(slot), self.admitted_booked);
        let index =
            (self.admitted_index.take()).unwrap_or_else(|| self.index(residents, slot, now));
        self.order.set(slot, index);
    }

    /// Remembers how an entry was used that is about to leave.
    pub(super) fn remember(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        if self.order.contains(slot) {
            self.learner.remember(residents, slot, now.tick);
        }
    }

    pub(super) fn remove(&mut self, slot: u32) -> bool {
        self.order.remove(slot)
    }

    pub(super) fn worst(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        let (slot, index) = self.take_worst(residents, now, &mut 0)?;
        self.order.set(slot, index);
        Some(slot)
    }

    /// Takes the entry out that has to leave next when no candidate asks for it.
    pub(super) fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        for _ in 0..REVIEWS_TO_SHRINK {
            self.review(residents, now);
        }
        let (slot, _) = self.take_worst(residents, now, &mut 0)?;
        self.learner.remember(residents, slot, now.tick);
        Some(slot)
    }

    /// Takes out the entry with the smallest index; and that index.
    ///
    /// Hits do not move entries. One that lies too low is corrected here; one too high, by [`Self::review`].
    fn take_worst(
        &mut self,
        residents: &impl Residents,
        now: Moment,
        corrections: &mut u32,
    ) -> Option<(u32, f32)> {
        loop {
            let slot = self.order.first()?;
            let index = self.index(residents, slot, now);
            self.order.remove(slot);
            if *corrections >= CORRECTIONS_MAX || self.order.would_be_first(index) {
                return Some((slot, index));
            }
            *corrections += 1;
            self.order.set(slot, index);
        }
    }

    /// Computes the index of the next entry in the round anew; whether it has come to where entries leave.
    #[inline]
    fn review(&mut self, residents: &impl Residents, now: Moment) -> bool {
        for _ in 0..PROBES_PER_REVIEW {
            let slot = self.round.next(self.order.end());
            if self.order.contains(slot) {
                let index = self.index(residents, slot, now);
                return self.order.set(slot, index) && self.round.is_low(index);
            }
        }
        false
    }

    #[inline]
    fn index(&mut self, residents: &impl Residents, slot: u32, now: Moment) -> f32 {
        let life = self.life(residents.expires(slot), now);
        let (weight_bytes, cost_seconds) =
            (residents.weight_bytes(slot), residents.cost_seconds(slot));
        self.learner.learned.rates.index(
            residents.word(slot),
            weight_bytes,
            cost_seconds,
            now.tick,
            life,
        )
    }

    /// Requests until an entry expires, 0 when it has; `None` if it never does or the pace is not known.
    #[inline]
    fn life(&self, expires: Option<Duration>, now: Moment) -> Option<f32> {
        match expires?.saturating_sub(now.time) {
            Duration::ZERO => Some(0.0),
            life => self.learner.tempo.requests_in(life),
        }
    }

    /// The learned factors and the history, as bytes.
    pub(super) fn save(&self, now: Moment) -> Vec<u8> {
        let Learner {
            learned, tracked, ..
        } = &self.learner;
        state::save(&learned.model, &tracked.history, now.tick)
    }

    /// A policy that begins with what `save` wrote.
    pub(super) fn load(&mut self, bytes: &[u8], now: Moment) -> Result<(), StateError> {
        let (learned, history) = state::load(bytes, now.tick)?;
        self.learner.learned = learned;
        self.learner.tracked.history = history;
        self.learner.tracked.round = 0;
        Ok(())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.learner.memory_bytes() + self.order.memory_bytes()
    }

    pub(super) fn validate(&self) {
        self.order.validate();
        assert!(self.taken.is_empty(), "it is decided what leaves");
        self.learner.tracked.history.validate();
    }
}

#[cfg(test)]
mod tests;
