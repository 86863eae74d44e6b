//! The entry that saves the least computation time per byte and time held leaves first.
//!
//! Between two uses of a key nothing about it changes but its age. Keeping it from some age on either pays its cost at
//! the next use, or wastes bytes and time; which, depends on the hazard of a use. [`model`] estimates it by
//! a rough prior times factors learned online, [`lookahead`] turns it into the best ratio of what can be saved to
//! how long it must be held, and that ratio times cost over weight is the *index* entries are ordered by.
//! A new entry must beat what it displaces.
//!
//! The objective, and profits kept after eviction, are those of WATCHMAN (Scheuermann, Shim and Vingralek, VLDB 1996);
//! that the hazard is the right thing to order by when anything may be fetched back at any moment, see Carrasco, Ferragut
//! and Paganini, "On the optimality of timer-based caching" (2024); why to look ahead, [`lookahead`].

mod history;
mod learner;
mod lookahead;
mod model;
mod order;
mod state;
mod word;

use std::time::Duration;

use super::pace::Pace;
use super::{Admission, Candidate, Hit, Moment, Residents, Sampling, Space, StateError};
use learner::Learner;
use order::Order;

pub(super) use word::touch;

/// Stale entries at the top that are put back before one leaves.
const CORRECTIONS_MAX: u32 = 64;
/// Slots to look at for one that is taken.
const PROBES_PER_REVIEW: usize = 4;
/// Entries looked at again for each one that leaves when the capacity shrinks.
const REVIEWS_TO_SHRINK: usize = 8;

/// The default policy: 14 bytes an entry beside its word, the history, and 90 KB.
#[derive(Debug)]
pub(super) struct Hazard {
    learner: Learner,
    order: Order,
    pace: Pace,
    /// Where the round of reviews has come to.
    review: u32,
    /// How much exposure of the candidate just admitted is booked.
    admitted_booked: u64,
    /// Victims of the decision at hand with their indices, kept for its allocation.
    indices: Vec<f32>,
}

impl Hazard {
    pub(super) fn new() -> Self {
        Self {
            learner: Learner::new(),
            order: Order::new(),
            pace: Pace::default(),
            review: 0,
            admitted_booked: 0,
            indices: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.order.contains(slot)
    }

    pub(super) fn sampling(&self) -> Sampling {
        self.learner.sampling
    }

    pub(super) fn learn(&mut self, residents: &impl Residents, hits: &[Hit], now: Moment) {
        self.pace.keep(now);
        self.learner.sampling = self.pace.sampling();
        for hit in hits {
            self.learner.hit(residents, &self.order, *hit);
        }
    }

    pub(super) fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        self.learner
            .miss(residents, &self.order, fingerprint, now.tick);
    }

    pub(super) fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        mut space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        self.pace.admission(now);
        self.learner.sampling = self.pace.sampling();
        self.learner
            .history
            .set_room(self.order.len(), space.held_bytes);
        let known = self.learner.history.find(candidate.fingerprint);
        let (word, booked) = known.map_or_else(
            || (touch(0, now.tick), 0),
            |(_, ghost)| (ghost.word, ghost.booked),
        );

        if !space.is_enough() {
            let life = self.life(candidate.expires, now);
            let index = self.learner.index(
                word,
                candidate.weight_bytes,
                candidate.cost_seconds,
                now.tick,
                life,
            );
            self.review(residents, self.pace.reviews(), now);
            let already = victims.len();
            let mut corrections = 0;
            self.indices.clear();
            while !space.is_enough()
                && let Some((victim, victim_index)) =
                    self.take_worst(residents, now, &mut corrections)
            {
                self.indices.push(victim_index);
                victims.push(victim);
                if victim_index > index {
                    for (victim, index) in victims.drain(already..).zip(self.indices.drain(..)) {
                        self.order.set(victim, index);
                    }
                    self.learner
                        .remember_candidate(candidate, word, booked, now.tick);
                    return Admission::Decline;
                }
                space = space.without(residents.weight_bytes(victim));
            }
            for &victim in &victims[already..] {
                self.learner.remember(residents, victim, now.tick);
            }
        }
        self.learner.history.remove(candidate.fingerprint);
        self.admitted_booked = booked;
        Admission::Admit { word }
    }

    pub(super) fn decline(&mut self, candidate: &Candidate, now: Moment) {
        let known = self.learner.history.find(candidate.fingerprint);
        let (word, booked) = known.map_or_else(
            || (touch(0, now.tick), 0),
            |(_, ghost)| (ghost.word, ghost.booked),
        );
        self.learner
            .remember_candidate(candidate, word, booked, now.tick);
    }

    pub(super) fn insert(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        self.learner
            .admitted(slot, residents.word(slot), self.admitted_booked);
        self.order.set(slot, self.index(residents, slot, now));
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

    pub(super) fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        self.review(residents, REVIEWS_TO_SHRINK, now);
        let (slot, _) = self.take_worst(residents, now, &mut 0)?;
        self.learner.remember(residents, slot, now.tick);
        Some(slot)
    }

    /// Takes out the entry with the smallest index, and that index.
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

    /// Computes the indices of the next `count` entries in the round anew.
    fn review(&mut self, residents: &impl Residents, count: usize, now: Moment) {
        let mut left = count.min(self.order.len());
        for _ in 0..count * PROBES_PER_REVIEW {
            if left == 0 {
                break;
            }
            self.review = if self.review + 1 < self.order.end() {
                self.review + 1
            } else {
                0
            };
            if self.order.contains(self.review) {
                self.order
                    .set(self.review, self.index(residents, self.review, now));
                left -= 1;
            }
        }
    }

    fn index(&self, residents: &impl Residents, slot: u32, now: Moment) -> f32 {
        let life = self.life(residents.expires(slot), now);
        let (weight_bytes, cost_seconds) =
            (residents.weight_bytes(slot), residents.cost_seconds(slot));
        self.learner.index(
            residents.word(slot),
            weight_bytes,
            cost_seconds,
            now.tick,
            life,
        )
    }

    /// Requests until an entry expires, 0 when it has; `None` if it never does or nobody can tell.
    fn life(&self, expires: Option<Duration>, now: Moment) -> Option<f32> {
        match expires?.saturating_sub(now.time) {
            Duration::ZERO => Some(0.0),
            life => self.pace.requests_in(life),
        }
    }

    pub(super) fn save(&self, now: Moment) -> Vec<u8> {
        state::save(&self.learner, now.tick)
    }

    pub(super) fn load(&mut self, bytes: &[u8], now: Moment) -> Result<(), StateError> {
        state::load(&mut self.learner, bytes, now.tick)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.learner.memory_bytes() + self.order.memory_bytes()
    }

    pub(super) fn validate(&self) {
        self.order.validate();
        self.learner.history.validate();
    }
}

#[cfg(test)]
mod tests;
