//! GreedyDual-Size-Frequency: the least frequency × cost / weight leaves first, above a floor that rises
//! to the value of each victim, so that what was once valuable and is not used any more leaves too.
//!
//! Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy"
//! (HP Labs HPL-98-69R1, 1998), after Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms" (USITS 1997).
//! As here the new entry may be its own victim: it must beat what it displaces.
//!
//! A hit changes an entry's value to floor + frequency × cost / weight, with the floor at that moment. It is not
//! computed then: the word keeps the frequency and the tick of the last use, [`Floor`] remembers which floor
//! belongs to that tick, and values only grow, so it is enough to correct an entry when it reaches the top.

mod floor;

use std::sync::Arc;

use super::heap::Heap;
use super::shared::Shared;
use super::{Candidate, LEAST_COST_SECONDS, Residents};
pub(super) use floor::Floor;

/// Uses are counted to here, in the low bits of the word below the tick.
const USES_BITS: u32 = 16;

/// One more use at `tick`.
pub(super) fn touch(word: u64, tick: u64) -> u64 {
    pack(tick, uses_of(word).saturating_add(1))
}

fn pack(tick: u64, uses: u16) -> u64 {
    (tick << USES_BITS) | u64::from(uses)
}

fn uses_of(word: u64) -> u16 {
    u16::try_from(word & u64::from(u16::MAX)).expect("masked")
}

/// GreedyDual-Size-Frequency: about 20 bytes an entry beside its word.
#[derive(Debug)]
pub(super) struct Gdsf {
    heap: Heap,
    /// Has the floor, which is one for all parts.
    shared: Arc<Shared>,
}

impl Gdsf {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            heap: Heap::new(),
            shared,
        }
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.heap.contains(slot)
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// No entry is of less value.
    pub(super) fn score(&self) -> u64 {
        self.heap.first().map_or(u64::MAX, |(_, value)| rank(value))
    }

    /// The word and the rank of a candidate that would have been used once more than `word` says.
    pub(super) fn bid(&self, candidate: &Candidate, word: u64, tick: u64) -> (u64, u64) {
        let uses = uses_of(word).max(1);
        let density = density(candidate.cost_seconds, candidate.weight_bytes);
        let value = self.shared.floor().now() + f64::from(uses) * density;
        (pack(tick, uses), rank(value))
    }

    /// What was given up, or refused, raises the floor.
    pub(super) fn raise_floor(&self, rank: u64, tick: u64) {
        self.shared.floor().rise(tick, f64::from_bits(rank));
    }

    pub(super) fn insert(&mut self, residents: &impl Residents, slot: u32) {
        self.heap.set(slot, self.value(residents, slot));
    }

    pub(super) fn remove(&mut self, slot: u32) -> bool {
        self.heap.remove(slot)
    }

    pub(super) fn worst(&mut self, residents: &impl Residents) -> Option<u32> {
        self.first(residents).map(|(slot, _)| slot)
    }

    /// Takes out the entry of least value, unless it ranks above `limit`; and its rank.
    pub(super) fn take_worst(
        &mut self,
        residents: &impl Residents,
        limit: u64,
    ) -> Option<(u32, u64)> {
        let (slot, value) = self.first(residents)?;
        if rank(value) > limit {
            return None;
        }
        self.heap.remove(slot);
        Some((slot, rank(value)))
    }

    /// Undoes [`take_worst`](Self::take_worst).
    pub(super) fn put_back(&mut self, slot: u32, rank: u64) {
        self.heap.set(slot, f64::from_bits(rank));
    }

    /// The entry of least value, and that value. Those that were used since they were looked at move back first.
    fn first(&mut self, residents: &impl Residents) -> Option<(u32, f64)> {
        loop {
            let (slot, known) = self.heap.first()?;
            let value = self.value(residents, slot);
            if value <= known {
                return Some((slot, known));
            }
            self.heap.set(slot, value);
        }
    }

    fn value(&self, residents: &impl Residents, slot: u32) -> f64 {
        let word = residents.word(slot);
        let density = density(residents.cost_seconds(slot), residents.weight_bytes(slot));
        self.shared.floor().at(word >> USES_BITS) + f64::from(uses_of(word)) * density
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.heap.memory_bytes()
    }

    pub(super) fn validate(&self, residents: &impl Residents) {
        self.heap.validate();
        for (slot, _) in self.heap.iter() {
            assert!(
                uses_of(residents.word(slot)) > 0,
                "an entry was used at least once"
            );
        }
    }
}

/// Values in order, as whole numbers; none is negative.
fn rank(value: f64) -> u64 {
    value.max(0.0).to_bits()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a weight of 2^53 bytes and one more are worth the same"
)]
fn density(cost_seconds: f32, weight_bytes: u64) -> f64 {
    f64::from(cost_seconds.max(LEAST_COST_SECONDS)) / weight_bytes.max(1) as f64
}

#[cfg(test)]
mod tests;
