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

use super::heap::Heap;
use super::pace::Pace;
use super::{
    Admission, Candidate, LEAST_COST_SECONDS, Moment, Residents, Sampling, Space, TAKEN_KEPT,
};
use floor::Floor;

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
    floor: Floor,
    pace: Pace,
    /// What has been taken out while it is not decided whether it leaves, and its value.
    taken: Vec<(u32, f64)>,
}

impl Gdsf {
    pub(super) fn new() -> Self {
        Self {
            heap: Heap::new(),
            floor: Floor::new(),
            pace: Pace::default(),
            taken: Vec::new(),
        }
    }

    pub(super) fn keep_pace(&mut self, now: Moment) {
        self.pace.keep(now);
    }

    pub(super) fn sampling(&self) -> Sampling {
        self.pace.sampling()
    }

    pub(super) fn contains(&self, slot: u32) -> bool {
        self.heap.contains(slot)
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The word and the value of a candidate that would have been used once more than `word` says.
    pub(super) fn bid(&self, candidate: &Candidate, word: u64, tick: u64) -> (u64, f64) {
        let uses = uses_of(word).max(1);
        let density = density(candidate.cost_seconds, candidate.weight_bytes);
        let value = self.floor.now() + f64::from(uses) * density;
        (pack(tick, uses), value)
    }

    /// Admits a candidate that is worth at least as much as the least of what it displaces, one by one.
    pub(super) fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        mut space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        let (word, value) = self.bid(candidate, 0, now.tick);
        while !space.is_enough() {
            let Some((slot, least)) = self.take_worst(residents) else {
                break;
            };
            self.taken.push((slot, least));
            if least > value {
                for (slot, value) in self.taken.drain(..) {
                    self.heap.set(slot, value);
                }
                self.taken.shrink_to(TAKEN_KEPT);
                // What was refused raises the floor, as what is given up does.
                self.floor.rise(now.tick, value);
                return Admission::Decline;
            }
            space = space.without(residents.weight_bytes(slot));
        }
        if let Some((_, displaced)) = self.taken.last() {
            self.floor.rise(now.tick, *displaced);
        }
        victims.extend(self.taken.drain(..).map(|(slot, _)| slot));
        self.taken.shrink_to(TAKEN_KEPT);
        Admission::Admit { word }
    }

    /// Takes the entry out that has to leave next.
    pub(super) fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        let (slot, value) = self.take_worst(residents)?;
        self.floor.rise(now.tick, value);
        Some(slot)
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

    /// Takes out the entry of least value; and its value.
    fn take_worst(&mut self, residents: &impl Residents) -> Option<(u32, f64)> {
        let (slot, value) = self.first(residents)?;
        self.heap.remove(slot);
        Some((slot, value))
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
        self.floor.at(word >> USES_BITS) + f64::from(uses_of(word)) * density
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.heap.memory_bytes() + self.floor.memory_bytes()
    }

    pub(super) fn validate(&self, residents: &impl Residents) {
        self.heap.validate();
        self.floor.validate();
        assert!(self.taken.is_empty(), "it is decided what leaves");
        for (slot, _) in self.heap.iter() {
            assert!(
                uses_of(residents.word(slot)) > 0,
                "an entry was used at least once"
            );
        }
    }
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
