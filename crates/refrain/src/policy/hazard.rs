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
mod learned;
mod learner;
mod lookahead;
mod model;
mod order;
mod state;
mod word;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::shared::Shared;
use super::{Candidate, Hit, Moment, Residents, Space, StateError};
pub(super) use learned::Learned;
use learner::Learner;
use order::Order;

pub(super) use order::TOLERANCE;
pub(super) use word::touch;

/// Stale entries at the top that are put back before one leaves.
pub(super) const CORRECTIONS_MAX: u32 = 64;
/// Slots to look at for one that is taken.
const PROBES_PER_REVIEW: usize = 4;
/// So many at least are looked at in one go: they lie side by side.
const REVIEWS_TOGETHER: usize = 8;
/// Entries looked at again for each one that leaves when the capacity shrinks.
const REVIEWS_TO_SHRINK: usize = 8;

/// One part of the default policy: 14 bytes an entry beside its word, the history, and 17 KB; 100 KB for all parts together.
#[derive(Debug)]
pub(super) struct Hazard {
    learner: Learner,
    order: Order,
    /// Where the round of reviews has come to.
    review: u32,
    /// Reviews that are due.
    reviews_due: usize,
    /// How much exposure of the candidate just admitted is booked.
    admitted_booked: u64,
    /// And its index, if it had to be computed.
    admitted_index: Option<f32>,
    /// Admissions decided since the pace was measured.
    admissions: u32,
}

/// What a candidate is thought to be worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bid {
    pub(super) word: u64,
    pub(super) rank: u64,
    index: Option<f32>,
    booked: u64,
}

/// Indices in order, as whole numbers: those that are not positive, of what has expired, are all alike.
fn rank(index: f32) -> u64 {
    u64::from(index.max(0.0).to_bits())
}

fn index_of(rank: u64) -> f32 {
    f32::from_bits(u32::try_from(rank).expect("it was made of 32 bits"))
}

impl Hazard {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            learner: Learner::new(shared),
            order: Order::new(),
            review: 0,
            reviews_due: 0,
            admitted_booked: 0,
            admitted_index: None,
            admissions: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.order.contains(slot)
    }

    /// The list of the entry with the smallest index, as it was last computed.
    pub(super) fn score(&self) -> u64 {
        self.order.first_list().map_or(u64::MAX, u64::from)
    }

    pub(super) fn upcoming(&self) -> [Option<u32>; 2] {
        self.order.upcoming()
    }

    pub(super) fn keep_pace(&mut self, now: Moment) {
        self.learner.shared.keep_pace(&mut self.admissions, now);
    }

    pub(super) fn hit(&mut self, residents: &impl Residents, hit: Hit) {
        self.learner.hit(residents, &self.order, hit);
    }

    pub(super) fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        self.learner
            .miss(residents, &self.order, fingerprint, now.tick);
    }

    /// What `candidate` would be worth; its rank counts only where space is missing.
    pub(super) fn bid(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
    ) -> Bid {
        self.keep_pace(now);
        self.learner.keep_up();
        (self.learner.tracked.history).set_room(self.order.len(), space.held_bytes);
        let (word, booked) = self.learner.recall(candidate, now.tick);
        let mut index = None;
        if !space.is_enough() {
            index = Some(self.learner.rates.index(
                word,
                candidate.weight_bytes,
                candidate.cost_seconds,
                now.tick,
                self.life(candidate.expires, now),
            ));
            self.reviews_due += self.learner.shared.reviews();
            if self.reviews_due >= REVIEWS_TOGETHER {
                let due = std::mem::take(&mut self.reviews_due);
                self.review(residents, due, now);
            }
        }
        Bid {
            word,
            rank: index.map_or(u64::MAX, rank),
            index,
            booked,
        }
    }

    /// The candidate of this bid is admitted.
    pub(super) fn accept(&mut self, candidate: &Candidate, bid: &Bid) {
        self.admissions = self.admissions.saturating_add(1);
        self.learner.forget(candidate);
        self.admitted_booked = bid.booked;
        self.admitted_index = bid.index;
    }

    /// The candidate of this bid is declined.
    pub(super) fn refuse(&mut self, candidate: &Candidate, bid: &Bid, now: Moment) {
        self.admissions = self.admissions.saturating_add(1);
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

    /// Remembers how an entry was used that was [taken out](Self::take_worst) to leave.
    pub(super) fn give_up(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        self.learner.remember(residents, slot, now.tick);
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
        let (slot, rank) = self.take_worst(residents, now, u64::MAX, &mut 0)?;
        self.put_back(slot, rank);
        Some(slot)
    }

    /// Looks at some entries again before several leave without a candidate.
    pub(super) fn review_to_shrink(&mut self, residents: &impl Residents, now: Moment) {
        self.learner.keep_up();
        self.review(residents, REVIEWS_TO_SHRINK, now);
    }

    /// Takes out the entry with the smallest index, unless that lies above list `limit`; and the rank of that index.
    ///
    /// Hits do not move entries. One that lies too low is corrected here; one too high, by [`Self::review`].
    pub(super) fn take_worst(
        &mut self,
        residents: &impl Residents,
        now: Moment,
        limit: u64,
        corrections: &mut u32,
    ) -> Option<(u32, u64)> {
        loop {
            let slot = self.order.first()?;
            let index = self.index(residents, slot, now);
            self.order.remove(slot);
            if *corrections >= CORRECTIONS_MAX || self.order.would_be_first(index, limit) {
                return Some((slot, rank(index)));
            }
            *corrections += 1;
            self.order.set(slot, index);
            if self.score() > limit {
                return None;
            }
        }
    }

    /// Undoes [`take_worst`](Self::take_worst).
    pub(super) fn put_back(&mut self, slot: u32, rank: u64) {
        self.order.set(slot, index_of(rank));
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
        self.learner.rates.index(
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
            life => self.learner.shared.requests_in(life),
        }
    }

    /// What all `parts` have learned and remember.
    pub(super) fn save(parts: &[&Self], now: Moment) -> Vec<u8> {
        let histories: Vec<_> = parts
            .iter()
            .map(|part| &part.learner.tracked.history)
            .collect();
        let learned = parts[0].learner.shared.learned();
        state::save(&learned.model, &histories, now.tick)
    }

    /// Makes all `parts` know what `save` wrote.
    pub(super) fn load(
        parts: &mut [&mut Self],
        bytes: &[u8],
        now: Moment,
    ) -> Result<(), StateError> {
        let shared = Arc::clone(&parts[0].learner.shared);
        let (learned, histories) = state::load(bytes, now.tick, shared.parts)?;
        *shared.learned() = learned;
        shared.version.fetch_add(1, Ordering::Relaxed);
        for (part, history) in parts.iter_mut().zip(histories) {
            part.learner.tracked.history = history;
            part.learner.tracked.round = 0;
            part.learner.keep_up();
        }
        Ok(())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.learner.memory_bytes() + self.order.memory_bytes()
    }

    pub(super) fn validate(&self) {
        self.order.validate();
        self.learner.tracked.history.validate();
    }
}

#[cfg(test)]
mod tests;
