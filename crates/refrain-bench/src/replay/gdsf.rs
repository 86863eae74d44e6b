//! GreedyDual-Size-Frequency with admission: the least frequency × cost / weight leaves first, above a floor that rises
//! to the value of each victim, so that what was once valuable and is not used any more leaves too.
//!
//! Cherkasova, "Improving WWW Proxies Performance with Greedy-Dual-Size-Frequency Caching Policy"
//! (HP Labs HPL-98-69R1, 1998), after Cao and Irani, "Cost-Aware WWW Proxy Caching Algorithms" (USITS 1997).
//! As here the new entry may be its own victim: it must be worth at least as much as what it displaces.

use std::collections::{BTreeSet, HashMap};

use super::Replayed;
use super::trace::Request;

/// Costs below a microsecond count as one, as for the policies that ship.
const LEAST_COST_SECONDS: f32 = 1e-6;

/// A cache without values, ordered by what its entries are worth.
#[derive(Debug)]
pub(crate) struct Gdsf {
    entries: HashMap<u64, Entry>,
    /// The least valuable first.
    order: BTreeSet<(Worth, u64)>,
    floor: f64,
    capacity_bytes: u64,
    held_bytes: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    weight_bytes: u64,
    density: f64,
    uses: f64,
    worth: Worth,
}

/// A value that is never negative, as its bits: these are in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Worth(u64);

impl Worth {
    fn of(value: f64) -> Self {
        Self(value.to_bits())
    }

    fn value(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl Gdsf {
    pub(crate) fn new(capacity_bytes: u64) -> Self {
        Self {
            entries: HashMap::new(),
            order: BTreeSet::new(),
            floor: 0.0,
            capacity_bytes,
            held_bytes: 0,
        }
    }

    fn store(&mut self, request: Request) {
        let density = density(request);
        let worth = Worth::of(self.floor + density);
        let Some(victims) = self.victims(request.weight_bytes, worth) else {
            // What was refused raises the floor, as what is given up does.
            self.floor = worth.value();
            return;
        };
        for (displaced, key) in victims {
            self.order.remove(&(displaced, key));
            let gone = self.entries.remove(&key);
            self.held_bytes -= gone.map_or(0, |gone| gone.weight_bytes);
            self.floor = self.floor.max(displaced.value());
        }
        let entry = Entry {
            weight_bytes: request.weight_bytes,
            density,
            uses: 1.0,
            worth,
        };
        self.order.insert((worth, request.key));
        self.entries.insert(request.key, entry);
        self.held_bytes += request.weight_bytes;
    }

    /// What has to leave for an entry of this weight and worth; `None` if one of them is worth more.
    fn victims(&self, weight_bytes: u64, worth: Worth) -> Option<Vec<(Worth, u64)>> {
        let mut missing = (self.held_bytes + weight_bytes).saturating_sub(self.capacity_bytes);
        let mut victims = Vec::new();
        for &(least, key) in &self.order {
            if missing == 0 {
                break;
            }
            if least > worth {
                return None;
            }
            missing = missing.saturating_sub(self.entries[&key].weight_bytes);
            victims.push((least, key));
        }
        Some(victims)
    }
}

impl Replayed for Gdsf {
    fn request(&mut self, request: Request) -> bool {
        if let Some(entry) = self.entries.get_mut(&request.key) {
            self.order.remove(&(entry.worth, request.key));
            entry.uses += 1.0;
            entry.worth = Worth::of(self.floor + entry.uses * entry.density);
            self.order.insert((entry.worth, request.key));
            return true;
        }
        if request.weight_bytes <= self.capacity_bytes {
            self.store(request);
        }
        false
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a weight of 2^53 bytes and one more are worth the same"
)]
fn density(request: Request) -> f64 {
    f64::from(request.cost_seconds.max(LEAST_COST_SECONDS)) / request.weight_bytes.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(cache: &mut Gdsf, key: u64, weight_bytes: u64, cost_seconds: f32) -> bool {
        cache.request(Request {
            key,
            weight_bytes,
            cost_seconds,
        })
    }

    fn keys(cache: &Gdsf) -> Vec<u64> {
        let mut keys: Vec<u64> = cache.entries.keys().copied().collect();
        keys.sort_unstable();
        assert_eq!(cache.order.len(), keys.len(), "every entry is in order");
        keys
    }

    #[test]
    fn a_candidate_worth_less_than_what_it_displaces_is_refused_and_nothing_leaves() {
        let mut cache = Gdsf::new(10);
        ask(&mut cache, 1, 5, 10.0);
        ask(&mut cache, 2, 5, 1.0);
        ask(&mut cache, 3, 10, 3.0);
        assert_eq!(keys(&cache), [1, 2], "3 is worth more than 2 but not 1");
        ask(&mut cache, 4, 5, 3.0);
        assert_eq!(keys(&cache), [1, 4]);
        ask(&mut cache, 5, 11, 1e6);
        assert_eq!(keys(&cache), [1, 4], "5 fits into no cache of 10");
    }

    #[test]
    fn what_was_valuable_and_is_not_used_any_more_leaves_at_last() {
        let mut cache = Gdsf::new(4);
        ask(&mut cache, 0, 1, 50.0);
        for key in 1..2000 {
            ask(&mut cache, key, 1, 1.0);
            ask(&mut cache, key, 1, 1.0);
        }
        assert!(!keys(&cache).contains(&0));
    }

    #[test]
    fn what_is_used_often_outlives_what_is_not() {
        let mut cache = Gdsf::new(2);
        ask(&mut cache, 1, 1, 1.0);
        assert!(ask(&mut cache, 1, 1, 1.0));
        ask(&mut cache, 2, 1, 1.0);
        ask(&mut cache, 3, 1, 1.0);
        assert!(ask(&mut cache, 1, 1, 1.0));
    }
}
