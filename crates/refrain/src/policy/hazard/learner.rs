//! What keys are used how: the model, and the keys that it is learned from.
//!
//! Every tracked key counts, resident or not, so what the cache decides does not bend what it learns, and
//! a cache of ten entries learns as fast as one of a million.
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "exposure is booked by the low bits of a tick, and estimates are rough"
)]

use crate::policy::by_slot::BySlot;
use crate::policy::{Candidate, Hit, Residents, Sampling};

use super::history::{Ghost, History};
use super::lookahead::{Lookahead, multiple_within};
use super::model::{Model, Profile, cost_class, size_class};
use super::order::Order;
use super::word::{Uses, touch};

/// The factors are corrected after so many requests; at the beginning, when they have doubled.
const REFRESH_REQUESTS: u64 = 512;
const FIRST_REFRESH: u64 = 64;
/// Places to look at for one that is taken when the exposure of one more key is booked.
const ROUND_PROBES: u32 = 16;
/// A life longer than this many ages or mean gaps, whichever is greater, is as good as endless.
const LONG_LIFE: f32 = 8.0;

#[derive(Debug)]
pub(super) struct Learner {
    pub(super) model: Model,
    pub(super) lookahead: Lookahead,
    pub(super) history: History,
    /// Low bits of the tick up to which the exposure of a resident is booked.
    booked: BySlot<u32>,
    pub(super) sampling: Sampling,
    next_refresh: u64,
    /// Where the round through all slots and all places of the history has come to.
    round: usize,
}

impl Learner {
    pub(super) fn new() -> Self {
        let model = Model::new();
        Self {
            lookahead: Lookahead::new(&model),
            model,
            history: History::new(),
            booked: BySlot::new(0),
            sampling: Sampling::ALL,
            next_refresh: FIRST_REFRESH,
            round: 0,
        }
    }

    pub(super) fn hit(&mut self, residents: &impl Residents, order: &Order, hit: Hit) {
        if !order.contains(hit.slot) || !self.sampling.takes(residents.fingerprint(hit.slot)) {
            return;
        }
        let uses = Uses::of(hit.before);
        let who = profile(residents, hit.slot, uses);
        let age = uses.age(hit.tick);
        self.model
            .expose(&who, self.booked_age(hit.slot, uses), age);
        self.model.observe(&who, age);
        self.booked[hit.slot] = hit.tick as u32;
        self.pass(residents, order, hit.tick);
    }

    pub(super) fn miss(
        &mut self,
        residents: &impl Residents,
        order: &Order,
        fingerprint: u64,
        tick: u64,
    ) {
        let sampled = self.sampling.takes(fingerprint);
        if let Some((place, mut ghost)) = self.history.find(fingerprint) {
            let uses = Uses::of(ghost.word);
            if sampled {
                let who = Profile::of(uses, ghost.size, ghost.cost);
                self.model.expose(&who, ghost.booked, uses.age(tick));
                self.model.observe(&who, uses.age(tick));
            }
            ghost.word = touch(ghost.word, tick);
            ghost.booked = 0;
            self.history.update(place, ghost);
        }
        if sampled {
            self.pass(residents, order, tick);
        }
    }

    /// What follows every request that is learned from.
    fn pass(&mut self, residents: &impl Residents, order: &Order, tick: u64) {
        self.book_next(residents, order, tick);
        if tick >= self.next_refresh {
            self.model.refresh();
            self.lookahead.refresh(&self.model);
            self.next_refresh = tick + (tick / 2).min(self.sampling.requests_per(REFRESH_REQUESTS));
        }
    }

    /// Books the exposure of the next tracked key in the round, so that keys which are never used again count as such.
    fn book_next(&mut self, residents: &impl Residents, order: &Order, tick: u64) {
        let slots = order.end() as usize;
        for _ in 0..ROUND_PROBES {
            self.round += 1;
            if self.round >= slots + self.history.places() {
                self.round = 0;
            }
            let booked = match u32::try_from(self.round) {
                Ok(slot) if self.round < slots => self.book_resident(residents, order, slot, tick),
                _ => self.book_ghost(self.round.saturating_sub(slots), tick),
            };
            if booked {
                break;
            }
        }
    }

    fn book_resident(
        &mut self,
        residents: &impl Residents,
        order: &Order,
        slot: u32,
        tick: u64,
    ) -> bool {
        if !order.contains(slot) || !self.sampling.takes(residents.fingerprint(slot)) {
            return false;
        }
        let uses = Uses::of(residents.word(slot));
        let who = profile(residents, slot, uses);
        self.model
            .expose(&who, self.booked_age(slot, uses), uses.age(tick));
        self.booked[slot] = tick as u32;
        true
    }

    fn book_ghost(&mut self, place: usize, tick: u64) -> bool {
        let Some((print, ghost)) = self.history.at(place) else {
            return false;
        };
        if !self.sampling.takes_print(print) {
            return false;
        }
        let uses = Uses::of(ghost.word);
        let who = Profile::of(uses, ghost.size, ghost.cost);
        let booked = self.history.book(place, uses.age(tick));
        self.model.expose(&who, ghost.booked, booked);
        true
    }

    /// Up to which age the exposure of a resident is booked since its last use.
    fn booked_age(&self, slot: u32, uses: Uses) -> u64 {
        // Behind the last use when hits were lost: then their exposure is lost too.
        let ahead = self.booked.get(slot).wrapping_sub(uses.last as u32);
        if ahead >> 31 == 0 {
            u64::from(ahead)
        } else {
            0
        }
    }

    /// `slot` has become resident, with this much of its exposure booked.
    pub(super) fn admitted(&mut self, slot: u32, word: u64, booked: u64) {
        self.booked
            .set(slot, Uses::of(word).last.wrapping_add(booked) as u32);
    }

    /// Remembers a resident that leaves.
    pub(super) fn remember(&mut self, residents: &impl Residents, slot: u32, tick: u64) {
        let word = residents.word(slot);
        let ghost = Ghost {
            word,
            booked: self.booked_age(slot, Uses::of(word)),
            size: size_class(residents.weight_bytes(slot)),
            cost: cost_class(residents.cost_seconds(slot)),
        };
        self.remember_ghost(residents.fingerprint(slot), ghost, tick);
    }

    /// Remembers a candidate that is not stored.
    pub(super) fn remember_candidate(
        &mut self,
        candidate: &Candidate,
        word: u64,
        booked: u64,
        tick: u64,
    ) {
        let ghost = Ghost {
            word,
            booked,
            size: size_class(candidate.weight_bytes),
            cost: cost_class(candidate.cost_seconds),
        };
        self.remember_ghost(candidate.fingerprint, ghost, tick);
    }

    fn remember_ghost(&mut self, fingerprint: u64, ghost: Ghost, tick: u64) {
        if let Some((print, left)) = self.history.insert(fingerprint, ghost, tick)
            && self.sampling.takes_print(print)
        {
            let uses = Uses::of(left.word);
            let who = Profile::of(uses, left.size, left.cost);
            self.model.expose(&who, left.booked, uses.age(tick));
        }
    }

    /// Computation time to be saved for each byte and tick it is held, looking ahead as far as is best
    /// and at most `life` ticks.
    pub(super) fn index(
        &self,
        word: u64,
        weight_bytes: u64,
        cost_seconds: f32,
        tick: u64,
        life: Option<f32>,
    ) -> f32 {
        let uses = Uses::of(word);
        let (size, cost) = (size_class(weight_bytes), cost_class(cost_seconds));
        let who = Profile::of(uses, size, cost);
        let age = uses.age(tick) as f32 + 0.5;
        let multiple = match life {
            Some(life) if life <= 0.0 => return -1.0,
            Some(life) if life < LONG_LIFE * age.max(who.gap) => {
                multiple_within(&self.model, &who, age, life)
            }
            _ => self.lookahead.multiple(&who, age),
        };
        let density = cost_seconds / weight_bytes.max(1) as f32;
        who.prior(age) * multiple * self.model.worth(size, cost) * density
    }

    /// The factors have just been loaded.
    pub(super) fn restart_refreshes(&mut self, tick: u64) {
        self.next_refresh = tick + REFRESH_REQUESTS;
        self.round = 0;
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.lookahead.memory_bytes() + self.history.memory_bytes() + self.booked.memory_bytes()
    }
}

fn profile(residents: &impl Residents, slot: u32, uses: Uses) -> Profile {
    let size = size_class(residents.weight_bytes(slot));
    let cost = cost_class(residents.cost_seconds(slot));
    Profile::of(uses, size, cost)
}
