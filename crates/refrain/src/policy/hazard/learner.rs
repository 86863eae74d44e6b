//! The learner: follows the uses of entries and of the history, and books them in what is [learned](super::learned).
#![expect(
    clippy::cast_possible_truncation,
    reason = "exposure is booked by the low bits of a tick"
)]

use crate::policy::by_slot::BySlot;
use crate::policy::tempo::Tempo;
use crate::policy::{Candidate, Hit, Residents, Sampling};

use super::history::{Ghost, History};
use super::learned::Learned;
use super::model::{Profile, cost_class, size_class};
use super::order::Order;
use super::word::{Uses, touch};

/// Places to look at for one that is taken when the exposure of one more key is booked.
const ROUND_PROBES: u32 = 16;
/// It learns from every key while few are tracked, and from a share of them of about this size when there are more, as a
/// sample of fixed size does (SHARDS, FAST 2015): 4,096 save 0.1 points less.
const SAMPLED_KEYS: usize = 8192;

#[derive(Debug)]
pub(super) struct Learner {
    pub(super) tempo: Tempo,
    /// The keys to learn from.
    sampling: Sampling,
    pub(super) learned: Learned,
    pub(super) tracked: Tracked,
}

/// What is known of each key.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) history: History,
    /// Low bits of the tick up to which the exposure of a resident is booked.
    booked: BySlot<u32>,
    /// Where the round through all slots and all places of the history has come to.
    pub(super) round: usize,
}

impl Learner {
    pub(super) fn new() -> Self {
        Self {
            tempo: Tempo::default(),
            sampling: Sampling::ALL,
            learned: Learned::new(),
            tracked: Tracked {
                history: History::new(),
                booked: BySlot::new(0),
                round: 0,
            },
        }
    }

    pub(super) fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// Fits the room of the history, and the share of the keys to learn from, to what the cache holds.
    pub(super) fn fit(&mut self, residents: usize, held_bytes: u64) {
        self.tracked.history.set_room(residents, held_bytes);
        let tracked = residents + self.tracked.history.len();
        let shares = (tracked / SAMPLED_KEYS).max(1).next_power_of_two();
        self.sampling = Sampling::one_in_power_of_two(shares.ilog2());
    }

    pub(super) fn hit(&mut self, residents: &impl Residents, order: &Order, hit: Hit) {
        let sampling = self.sampling;
        if !order.contains(hit.slot) || !sampling.takes(residents.fingerprint(hit.slot)) {
            return;
        }
        let uses = Uses::of(hit.before);
        let who = profile(residents, hit.slot, uses);
        let age = uses.age(hit.tick);
        let booked = self.tracked.booked_age(hit.slot, uses);
        self.tracked.booked[hit.slot] = hit.tick as u32;
        self.learned.model.expose(&who, booked, age);
        self.learned.model.observe(&who, age);
        self.go_on(residents, order, hit.tick, sampling);
    }

    pub(super) fn miss(
        &mut self,
        residents: &impl Residents,
        order: &Order,
        fingerprint: u64,
        tick: u64,
    ) {
        let sampling = self.sampling;
        let sampled = sampling.takes(fingerprint);
        let known = self.tracked.history.find(fingerprint);
        if let Some((place, ghost)) = known {
            self.tracked.history.update(
                place,
                Ghost {
                    word: touch(ghost.word, tick),
                    booked: 0,
                    ..ghost
                },
            );
        }
        if sampled {
            if let Some((_, ghost)) = known {
                let uses = Uses::of(ghost.word);
                let who = Profile::of(uses, ghost.size, ghost.cost);
                let model = &mut self.learned.model;
                model.expose(&who, ghost.booked, uses.age(tick));
                model.observe(&who, uses.age(tick));
            }
            self.go_on(residents, order, tick, sampling);
        }
    }

    /// Work after every request that is learned from.
    fn go_on(&mut self, residents: &impl Residents, order: &Order, tick: u64, sampling: Sampling) {
        (self.tracked).book_next(&mut self.learned, residents, order, tick, sampling);
        self.learned.refresh(tick, sampling);
    }

    /// `slot` has become resident, with this much of its exposure booked.
    pub(super) fn admitted(&mut self, slot: u32, word: u64, booked: u64) {
        let until = Uses::of(word).last.wrapping_add(booked) as u32;
        self.tracked.booked.set(slot, until);
    }

    /// Remembers a resident that leaves.
    pub(super) fn remember(&mut self, residents: &impl Residents, slot: u32, tick: u64) {
        let fingerprint = residents.fingerprint(slot);
        let word = residents.word(slot);
        let ghost = Ghost {
            word,
            booked: self.tracked.booked_age(slot, Uses::of(word)),
            size: size_class(residents.weight_bytes(slot)),
            cost: cost_class(residents.cost_seconds(slot)),
        };
        self.remember_ghost(fingerprint, ghost, tick);
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
        if let Some((print, left)) = self.tracked.history.insert(fingerprint, ghost, tick)
            && self.sampling.takes_print(print)
        {
            let uses = Uses::of(left.word);
            let who = Profile::of(uses, left.size, left.cost);
            (self.learned.model).expose(&who, left.booked, uses.age(tick));
        }
    }

    /// The remembered word of a candidate, and how much of its exposure is booked.
    pub(super) fn recall(&self, candidate: &Candidate, tick: u64) -> (u64, u64) {
        let known = self.tracked.history.find(candidate.fingerprint);
        known.map_or_else(
            || (touch(0, tick), 0),
            |(_, ghost)| (ghost.word, ghost.booked),
        )
    }

    /// `candidate` is resident now.
    pub(super) fn forget(&mut self, candidate: &Candidate) {
        self.tracked.history.remove(candidate.fingerprint);
    }

    pub(super) fn booked_of(&self, residents: &impl Residents, slot: u32) -> u64 {
        self.tracked
            .booked_age(slot, Uses::of(residents.word(slot)))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.learned.memory_bytes()
            + self.tracked.history.memory_bytes()
            + self.tracked.booked.memory_bytes()
    }
}

impl Tracked {
    /// Books the exposure of the next tracked key in the round, so that keys which are never used again count as such.
    fn book_next(
        &mut self,
        learned: &mut Learned,
        residents: &impl Residents,
        order: &Order,
        tick: u64,
        sampling: Sampling,
    ) {
        let slots = order.end() as usize;
        for _ in 0..ROUND_PROBES.max(2 << sampling.power()) {
            self.round += 1;
            if self.round >= slots + self.history.places() {
                self.round = 0;
            }
            let booked = match u32::try_from(self.round) {
                Ok(slot) if self.round < slots => {
                    let sampled =
                        order.contains(slot) && sampling.takes(residents.fingerprint(slot));
                    if sampled {
                        self.book_resident(learned, residents, slot, tick);
                    }
                    sampled
                }
                _ => self.book_ghost(learned, self.round.saturating_sub(slots), tick, sampling),
            };
            if booked {
                break;
            }
        }
    }

    fn book_resident(
        &mut self,
        learned: &mut Learned,
        residents: &impl Residents,
        slot: u32,
        tick: u64,
    ) {
        let uses = Uses::of(residents.word(slot));
        let who = profile(residents, slot, uses);
        let booked = self.booked_age(slot, uses);
        learned.model.expose(&who, booked, uses.age(tick));
        self.booked[slot] = tick as u32;
    }

    fn book_ghost(
        &mut self,
        learned: &mut Learned,
        place: usize,
        tick: u64,
        sampling: Sampling,
    ) -> bool {
        let Some((print, ghost)) = self.history.at(place) else {
            return false;
        };
        if !sampling.takes_print(print) {
            return false;
        }
        let uses = Uses::of(ghost.word);
        let who = Profile::of(uses, ghost.size, ghost.cost);
        let booked = self.history.book(place, uses.age(tick));
        learned.model.expose(&who, ghost.booked, booked);
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
}

fn profile(residents: &impl Residents, slot: u32, uses: Uses) -> Profile {
    let size = size_class(residents.weight_bytes(slot));
    let cost = cost_class(residents.cost_seconds(slot));
    Profile::of(uses, size, cost)
}
