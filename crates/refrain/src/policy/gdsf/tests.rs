#![expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the same sums must give the same numbers"
)]

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
