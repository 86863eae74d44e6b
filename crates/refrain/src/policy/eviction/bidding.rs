//! What a candidate is worth, and what it is measured against.

use super::{Eviction, Order};
use crate::policy::hazard::Bid as HazardBid;
use crate::policy::{Candidate, Moment, Residents, Space};

/// What a candidate is thought to be worth, before it is known what would have to leave for it.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Bid {
    /// Of what has to leave for it, nothing may rank higher.
    pub(in crate::policy) rank: u64,
    pub(in crate::policy) word: u64,
    hazard: Option<HazardBid>,
}

impl Eviction {
    pub(in crate::policy) fn bid(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        space: Space,
        now: Moment,
    ) -> Bid {
        let of = |word, rank| Bid {
            rank,
            word,
            hazard: None,
        };
        match &mut self.order {
            // Everything that fits is admitted.
            Order::Lru(_) => of(now.tick, u64::MAX),
            Order::Gdsf(gdsf) => {
                let (word, rank) = gdsf.bid(candidate, 0, now.tick);
                of(word, rank)
            }
            Order::Hazard(hazard) => {
                let bid = hazard.bid(residents, candidate, space, now);
                Bid {
                    rank: bid.rank,
                    word: bid.word,
                    hazard: Some(bid),
                }
            }
        }
    }

    /// The candidate of this bid is admitted. `displaced` is the rank of the last victim, 0 without any.
    pub(in crate::policy) fn accept(
        &mut self,
        candidate: &Candidate,
        bid: &Bid,
        displaced: u64,
        now: Moment,
    ) {
        self.shared.compare(candidate, false, now);
        match (&mut self.order, &bid.hazard) {
            (Order::Gdsf(gdsf), _) => gdsf.raise_floor(displaced, now.tick),
            (Order::Hazard(hazard), Some(bid)) => hazard.accept(candidate, bid),
            _ => {}
        }
    }

    /// The candidate of this bid is declined.
    pub(in crate::policy) fn refuse(&mut self, candidate: &Candidate, bid: &Bid, now: Moment) {
        self.shared.compare(candidate, false, now);
        match (&mut self.order, &bid.hazard) {
            (Order::Gdsf(gdsf), _) => gdsf.raise_floor(bid.rank, now.tick),
            (Order::Hazard(hazard), Some(bid)) => hazard.refuse(candidate, bid, now),
            _ => {}
        }
    }

    /// Takes the worst entry of this part out of the order, unless it comes after `limit` in the order of all parts.
    /// Then the [score](Self::score) has grown.
    pub(in crate::policy) fn take_worst(
        &mut self,
        residents: &impl Residents,
        now: Moment,
        limit: u64,
        corrections: &mut u32,
    ) -> Option<(u32, u64)> {
        match &mut self.order {
            Order::Lru(lru) => lru.take_worst(residents, limit),
            Order::Gdsf(gdsf) => gdsf.take_worst(residents, limit),
            Order::Hazard(hazard) => hazard.take_worst(residents, now, limit, corrections),
        }
    }

    /// Undoes the last [`take_worst`](Self::take_worst) that was not undone.
    pub(in crate::policy) fn put_back(&mut self, slot: u32, rank: u64) {
        match &mut self.order {
            Order::Lru(lru) => lru.put_back(slot, rank),
            Order::Gdsf(gdsf) => gdsf.put_back(slot, rank),
            Order::Hazard(hazard) => hazard.put_back(slot, rank),
        }
    }

    /// What was [taken out](Self::take_worst) leaves.
    pub(in crate::policy) fn give_up(
        &mut self,
        residents: &impl Residents,
        slot: u32,
        now: Moment,
    ) {
        if let Order::Hazard(hazard) = &mut self.order {
            hazard.give_up(residents, slot, now);
        }
        self.note_whether_empty();
    }
}
