//! One part of an order of eviction: one policy of three behind one interface.

mod bidding;
mod state;

use std::sync::Arc;

use super::gdsf::Gdsf;
use super::hazard::{self, Hazard};
use super::lru::Lru;
use super::shadow::VersusLru;
use super::shared::Shared;
use super::{
    Admission, Candidate, Contender, Hit, Moment, Policy, Residents, Sampling, Space, Victims,
    admit_among,
};

/// The order of some or all entries of a cache.
#[derive(Debug)]
pub struct Eviction {
    order: Order,
    shared: Arc<Shared>,
    /// Which part it is.
    part: usize,
    /// Whether `shared` knows that there is something in it.
    noted_filled: bool,
}

#[derive(Debug)]
enum Order {
    Lru(Box<Lru>),
    Gdsf(Box<Gdsf>),
    Hazard(Box<Hazard>),
}

impl Eviction {
    /// `policy` over an empty cache, in one part.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::of(&Arc::new(Shared::new(policy, 1)), 0)
    }

    /// The same in `count` parts, up to 64, each of which orders entries of its own. They learn together, and
    /// [`admit_among`] finds the worst entry of all.
    ///
    /// # Panics
    ///
    /// When `count` is 0 or above 64.
    #[must_use]
    pub fn parts(policy: Policy, count: usize) -> Vec<Self> {
        assert!((1..=64).contains(&count), "1 to 64 parts, not {count}");
        let shared = Arc::new(Shared::new(policy, count));
        (0..count).map(|part| Self::of(&shared, part)).collect()
    }

    fn of(shared: &Arc<Shared>, part: usize) -> Self {
        let order = match shared.policy {
            Policy::Lru => Order::Lru(Box::new(Lru::new())),
            Policy::Gdsf => Order::Gdsf(Box::new(Gdsf::new(Arc::clone(shared)))),
            Policy::Hazard => Order::Hazard(Box::new(Hazard::new(Arc::clone(shared)))),
        };
        Self {
            order,
            shared: Arc::clone(shared),
            part,
            noted_filled: false,
        }
    }

    /// Which policy it is.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.shared.policy
    }

    /// How many entries are in order.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.order {
            Order::Lru(lru) => lru.len(),
            Order::Gdsf(gdsf) => gdsf.len(),
            Order::Hazard(hazard) => hazard.len(),
        }
    }

    /// Whether there is nothing to evict.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// No entry of this part comes before this in the order of all parts; the greatest number there is if it is empty.
    ///
    /// Scores may be compared between parts of one order, and within [`tolerance`](Policy::tolerance) count as equal.
    #[must_use]
    pub fn score(&self) -> u64 {
        match &self.order {
            Order::Lru(lru) => lru.score(),
            Order::Gdsf(gdsf) => gdsf.score(),
            Order::Hazard(hazard) => hazard.score(),
        }
    }

    /// The entries of this part that will probably leave next, from what is at hand.
    #[must_use]
    pub fn upcoming(&self) -> [Option<u32>; 2] {
        match &self.order {
            Order::Lru(lru) => lru.upcoming(),
            Order::Gdsf(_) => [None; 2],
            Order::Hazard(hazard) => hazard.upcoming(),
        }
    }

    /// The capacity that LRU is given in the [comparison](Self::versus_lru); without limits until then.
    pub fn set_capacity(&mut self, bytes: u64, entries: u64) {
        self.shared.set_capacity(bytes, entries);
    }

    /// Which hits [`learn`](Self::learn) has a use for; it changes with the rate of requests.
    #[must_use]
    pub fn sampling(&self) -> Sampling {
        self.shared.sampling()
    }

    /// Learns from hits, in the order in which they happened.
    pub fn learn(&mut self, residents: &impl Residents, hits: &[Hit], now: Moment) {
        match &mut self.order {
            Order::Lru(_) => return,
            Order::Gdsf(_) => self.shared.keep_pace(&mut 0, now),
            Order::Hazard(hazard) => {
                hazard.keep_pace(now);
                for hit in hits {
                    hazard.hit(residents, *hit);
                }
            }
        }
        for hit in hits {
            if self.contains(hit.slot) {
                (self.shared).compare(&resident(residents, hit.slot), true, now);
            }
        }
    }

    fn contains(&self, slot: u32) -> bool {
        match &self.order {
            Order::Lru(lru) => lru.contains(slot),
            Order::Gdsf(gdsf) => gdsf.contains(slot),
            Order::Hazard(hazard) => hazard.contains(slot),
        }
    }

    /// Learns from a miss: `fingerprint` was asked for and is about to be computed.
    pub fn miss(&mut self, residents: &impl Residents, fingerprint: u64, now: Moment) {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.miss(residents, fingerprint, now);
        }
    }

    /// Decides whether `candidate` is stored, and appends to `victims` what has to leave for it, where this is the only part.
    ///
    /// Victims are out of the order when this returns; the cache frees them without further word. A candidate
    /// heavier than the whole cache is for [`decline`](Self::decline), as nothing could make room for it.
    pub fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        let mut found = Victims::new();
        let mut alone = [Contender {
            eviction: self,
            residents,
        }];
        let admission = admit_among(&mut alone, candidate, space, now, &mut found);
        victims.extend(found.iter().map(|victim| victim.slot));
        admission
    }

    /// The word of `candidate`, which belongs to this part and is stored where there is room.
    pub fn accept_into_free_room(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        held_bytes: u64,
        now: Moment,
    ) -> u64 {
        let space = Space {
            held_bytes,
            ..Space::default()
        };
        let bid = self.bid(residents, candidate, space, now);
        self.accept(candidate, &bid, 0, now);
        bid.word
    }

    /// The key in `slot` gets the value of `candidate`, which takes a slot of its own: `slot` is out of the order
    /// afterwards. The word for the new one.
    pub fn replace(
        &mut self,
        residents: &impl Residents,
        slot: u32,
        candidate: &Candidate,
        now: Moment,
    ) -> u64 {
        self.shared
            .forget_in_comparison(residents.fingerprint(slot));
        self.shared.compare(candidate, false, now);
        match &mut self.order {
            Order::Lru(lru) => {
                lru.remove(slot);
                now.tick
            }
            Order::Gdsf(gdsf) => {
                gdsf.remove(slot);
                gdsf.bid(candidate, residents.word(slot), now.tick).0
            }
            Order::Hazard(hazard) => hazard.replace(residents, slot),
        }
    }

    /// Remembers a candidate that is not stored because it is heavier than the whole cache.
    pub fn decline(&mut self, candidate: &Candidate, now: Moment) {
        self.shared.compare(candidate, false, now);
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.decline(candidate, now);
        }
    }

    /// Puts `slot` in order: it has just been filled with what was admitted.
    pub fn insert(&mut self, residents: &impl Residents, slot: u32, now: Moment) {
        match &mut self.order {
            Order::Lru(lru) => lru.insert(residents, slot),
            Order::Gdsf(gdsf) => gdsf.insert(residents, slot),
            Order::Hazard(hazard) => hazard.insert(residents, slot, now),
        }
        if !self.noted_filled {
            self.noted_filled = true;
            self.shared.note_filled(self.part, true);
        }
    }

    fn note_whether_empty(&mut self) {
        if self.noted_filled && self.is_empty() {
            self.noted_filled = false;
            self.shared.note_filled(self.part, false);
        }
    }

    /// Takes `slot` out of the order and remembers how it was used; whether it was in order.
    pub fn expire(&mut self, residents: &impl Residents, slot: u32, now: Moment) -> bool {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.remember(residents, slot, now);
        }
        self.remove(residents, slot)
    }

    /// Takes `slot` out of the order and forgets it; whether it was in order.
    pub fn remove(&mut self, residents: &impl Residents, slot: u32) -> bool {
        let found = match &mut self.order {
            Order::Lru(lru) => lru.remove(slot),
            Order::Gdsf(gdsf) => gdsf.remove(slot),
            Order::Hazard(hazard) => hazard.remove(slot),
        };
        if found {
            self.note_whether_empty();
            self.shared
                .forget_in_comparison(residents.fingerprint(slot));
        }
        found
    }

    /// This cache and LRU on the same requests, those of a sample of the keys; `None` if the policy is LRU.
    #[must_use]
    pub fn versus_lru(&self) -> Option<VersusLru> {
        self.shared.versus_lru()
    }

    /// Begins the comparison anew.
    pub fn reset_versus_lru(&mut self) {
        self.shared.reset_versus_lru();
    }

    /// The entry of this part that would leave next.
    pub fn worst(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        match &mut self.order {
            Order::Lru(lru) => lru.worst(residents),
            Order::Gdsf(gdsf) => gdsf.worst(residents),
            Order::Hazard(hazard) => hazard.worst(residents, now),
        }
    }

    /// Takes the entry of this part that has to leave next out of the order, unless it comes after `limit` in the order of
    /// all parts.
    pub fn evict_below(
        &mut self,
        residents: &impl Residents,
        limit: u64,
        now: Moment,
    ) -> Option<u32> {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.review_to_shrink(residents, now);
        }
        let (slot, rank) = self.take_worst(residents, now, limit, &mut 0)?;
        if let Order::Gdsf(gdsf) = &mut self.order {
            gdsf.raise_floor(rank, now.tick);
        }
        self.give_up(residents, slot, now);
        Some(slot)
    }

    /// Takes the entry that has to leave next out of the order, where this is the only part.
    pub fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        self.evict_below(residents, u64::MAX, now)
    }

    /// Bytes this structure takes, without the words.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let order = match &self.order {
            Order::Lru(lru) => lru.memory_bytes(),
            Order::Gdsf(gdsf) => gdsf.memory_bytes(),
            Order::Hazard(hazard) => hazard.memory_bytes(),
        };
        order + self.shared.memory_bytes() / self.shared.parts
    }

    /// Checks every invariant, for tests.
    ///
    /// # Panics
    ///
    /// When one is broken.
    pub fn validate(&self, residents: &impl Residents) {
        match &self.order {
            Order::Lru(lru) => lru.validate(residents),
            Order::Gdsf(gdsf) => gdsf.validate(residents),
            Order::Hazard(hazard) => hazard.validate(),
        }
        self.shared.validate();
    }
}

impl Policy {
    /// By how much [scores](Eviction::score) may differ and count as equal.
    #[must_use]
    pub fn tolerance(self) -> u64 {
        match self {
            Self::Lru | Self::Gdsf => 0,
            Self::Hazard => u64::from(hazard::TOLERANCE),
        }
    }
}

fn resident(residents: &impl Residents, slot: u32) -> Candidate {
    Candidate {
        fingerprint: residents.fingerprint(slot),
        weight_bytes: residents.weight_bytes(slot),
        cost_seconds: residents.cost_seconds(slot),
        expires: residents.expires(slot),
    }
}
