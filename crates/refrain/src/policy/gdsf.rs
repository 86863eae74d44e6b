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

use super::heap::Heap;
use super::{Admission, Candidate, Moment, Residents, Space};

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
}

impl Gdsf {
    pub(super) fn new() -> Self {
        Self {
            heap: Heap::new(),
            floor: Floor::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Admits what is worth more than all that it displaces; `word` is 0, or that of the entry it replaces.
    pub(super) fn admit(
        &mut self,
        residents: &impl Residents,
        candidate: &Candidate,
        word: u64,
        mut space: Space,
        now: Moment,
        victims: &mut Vec<u32>,
    ) -> Admission {
        let uses = uses_of(word).max(1);
        let density = density(candidate.cost_seconds, candidate.weight_bytes);
        let value = self.floor.now() + f64::from(uses) * density;
        let (already, mut floor) = (victims.len(), 0.0);
        while !space.is_enough()
            && let Some((victim, known)) = self.first(residents)
        {
            if known > value {
                for victim in victims.drain(already..) {
                    self.insert(residents, victim);
                }
                self.floor.rise(now.tick, value);
                return Admission::Decline;
            }
            floor = known;
            self.heap.remove(victim);
            space = space.without(residents.weight_bytes(victim));
            victims.push(victim);
        }
        self.floor.rise(now.tick, floor);
        Admission::Admit {
            word: pack(now.tick, uses),
        }
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

    pub(super) fn evict(&mut self, residents: &impl Residents, now: Moment) -> Option<u32> {
        let (slot, value) = self.first(residents)?;
        self.heap.remove(slot);
        self.floor.rise(now.tick, value);
        Some(slot)
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
        self.heap.memory_bytes() + self.floor.steps.capacity() * size_of::<(u64, f64)>()
    }

    pub(super) fn validate(&self, residents: &impl Residents) {
        self.heap.validate();
        for (slot, _) in self.heap.iter() {
            assert!(
                uses_of(residents.word(slot)) > 0,
                "an entry was used at least once"
            );
        }
        assert!(
            self.floor
                .steps
                .is_sorted_by(|one, next| one.0 <= next.0 && one.1 < next.1)
        );
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a weight of 2^53 bytes and one more are worth the same"
)]
fn density(cost_seconds: f32, weight_bytes: u64) -> f64 {
    f64::from(cost_seconds) / weight_bytes.max(1) as f64
}

/// The floor by tick: exact for the last thousand rises, before that to a part in 64 of the age.
#[derive(Debug)]
struct Floor {
    /// Since this tick, this floor; both ascending.
    steps: Vec<(u64, f64)>,
}

impl Floor {
    /// So many steps are remembered until they are thinned out.
    const STEPS: usize = 4096;
    /// The latest are kept.
    const EXACT: usize = 1024;
    /// Of those before, one for each such part of the age.
    const PART: u64 = 64;

    fn new() -> Self {
        Self {
            steps: vec![(0, 0.0)],
        }
    }

    fn now(&self) -> f64 {
        self.steps[self.steps.len() - 1].1
    }

    /// The floor that held when the request of `tick` was served.
    fn at(&self, tick: u64) -> f64 {
        let after = self.steps.partition_point(|step| step.0 < tick);
        self.steps[after.saturating_sub(1)].1
    }

    /// From the next tick on.
    fn rise(&mut self, tick: u64, floor: f64) {
        if floor > self.now() {
            if self.steps.len() == Self::STEPS {
                self.thin_out(tick);
            }
            self.steps.push((tick, floor));
        }
    }

    fn thin_out(&mut self, now: u64) {
        let before = self.steps.len() - Self::EXACT;
        let (mut at, mut kept) = (0, None);
        self.steps.retain(|&(tick, _)| {
            at += 1;
            let apart = now.saturating_sub(tick) / Self::PART;
            let keep = at > before || kept.is_none_or(|kept| tick - kept >= apart);
            if keep {
                kept = Some(tick);
            }
            keep
        });
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the same sums must give the same numbers"
)]
mod tests {
    use proptest::prelude::*;

    use super::super::testing::Simulated;
    use super::super::{Moment, Policy};
    use super::*;

    /// GreedyDual-Size-Frequency as in the paper: values are computed at each use, and the least is searched for.
    #[derive(Default)]
    struct Naive {
        entries: Vec<NaiveEntry>,
        floor: f64,
        /// Two entries were worth exactly the same when one had to leave: the paper leaves open which.
        tied: bool,
    }

    #[derive(Clone, Copy, PartialEq)]
    struct NaiveEntry {
        key: u64,
        weight: u64,
        density: f64,
        uses: f64,
        value: f64,
    }

    impl Naive {
        fn request(&mut self, key: u64, weight: u64, cost: f32, capacity: u64) {
            if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
                entry.uses += 1.0;
                entry.value = self.floor + entry.uses * entry.density;
                return;
            }
            let density = density(cost, weight);
            let new = NaiveEntry {
                key,
                weight,
                density,
                uses: 1.0,
                value: self.floor + density,
            };
            let before = self.entries.clone();
            self.entries.push(new);
            while self.entries.iter().map(|entry| entry.weight).sum::<u64>() > capacity {
                let least = self.entries.iter().copied().reduce(|one, other| {
                    if other.value < one.value || other.value == one.value && other.key != key {
                        other
                    } else {
                        one
                    }
                });
                let least = least.expect("there is one more than fits");
                self.tied |= self
                    .entries
                    .iter()
                    .any(|entry| entry.value == least.value && entry.key != least.key);
                self.floor = self.floor.max(least.value);
                self.entries.retain(|entry| *entry != least);
                if least.key == key {
                    self.entries = before;
                    break;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn it_decides_as_the_paper_does(
            requests in prop::collection::vec((0..40_u64, 1..9_u64), 1..600),
            capacity in 10..60_u64,
        ) {
            let mut cache = Simulated::new(Policy::Gdsf, capacity);
            let mut naive = Naive::default();
            for (key, weight) in requests {
                // By key, so that hardly ever two values are equal.
                let (weight, cost) = (1 + (key * 7 + weight / 9) % 8, 0.37 + (key as f32 * 1.7).sin().abs());
                cache.request(key, weight, cost);
                naive.request(key, weight, cost, capacity);
                if naive.tied {
                    break;
                }
                let mut expected: Vec<_> = naive.entries.iter().map(|entry| entry.key).collect();
                expected.sort_unstable();
                prop_assert_eq!(cache.keys(), expected);
            }
            cache.validate();
        }
    }

    #[test]
    fn a_candidate_worth_less_than_what_it_displaces_is_declined_and_nothing_leaves() {
        let mut cache = Simulated::new(Policy::Gdsf, 10);
        cache.request(1, 5, 10.0);
        cache.request(2, 5, 1.0);
        cache.request(3, 10, 3.0);
        assert_eq!(
            cache.keys(),
            [1, 2],
            "2 is worth less than 3, but 1 is worth more"
        );
        cache.request(4, 5, 3.0);
        assert_eq!(cache.keys(), [1, 4]);
    }

    #[test]
    fn what_was_valuable_and_is_not_used_any_more_leaves_at_last() {
        let mut cache = Simulated::new(Policy::Gdsf, 4);
        cache.request(0, 1, 50.0);
        for key in 1..2000 {
            cache.request(key, 1, 1.0);
            cache.request(key, 1, 1.0);
        }
        assert!(!cache.keys().contains(&0));
    }

    #[test]
    fn the_floor_is_that_of_the_tick_and_coarser_the_longer_ago() {
        let mut floor = Floor::new();
        for tick in 1..=20_000_u32 {
            floor.rise(u64::from(tick), f64::from(tick));
        }
        assert!(floor.steps.len() <= Floor::STEPS);
        for tick in 19_100..=20_000_u32 {
            assert_eq!(
                floor.at(u64::from(tick)),
                f64::from(tick - 1),
                "it rises after its tick"
            );
        }
        for tick in 1..19_000_u32 {
            let error = f64::from(tick) - floor.at(u64::from(tick));
            let age = f64::from(20_000 - tick);
            assert!(
                (0.0..=2.0 + age / 24.0).contains(&error),
                "{error} at an age of {age}"
            );
        }
    }

    #[test]
    fn however_long_it_rises_few_steps_are_remembered() {
        let mut floor = Floor::new();
        for rise in 1..=60_000_u32 {
            floor.rise(u64::from(rise) << (rise / 2000), f64::from(rise));
            assert!(floor.steps.len() <= Floor::STEPS);
        }
    }

    #[test]
    fn a_shrinking_capacity_takes_the_least_valuable_first() {
        let mut cache = Simulated::new(Policy::Gdsf, 100);
        for (key, cost) in [(1, 3.0), (2, 1.0), (3, 2.0)] {
            cache.request(key, 10, cost);
        }
        let now = Moment::default();
        let mut left = Vec::new();
        while let Some(slot) = cache.eviction.evict(&cache.table, now) {
            left.push(cache.table.row(slot).fingerprint);
        }
        assert_eq!(left, [2, 3, 1]);
    }
}
