use refrain::{Cache, EntryOptions, Policy};

use super::{Limit, Subject, Weigh};
use crate::keys::BenchKey;

pub(super) fn cache<K: BenchKey, V: Weigh>(limit: Limit, policy: Policy) -> Cache<K, V> {
    let builder = Cache::builder().policy(policy);
    match limit {
        Limit::Entries(entries) => builder.capacity_entries(entries),
        Limit::Bytes { bytes, .. } => builder
            .capacity_bytes(bytes)
            .weigher(|_, value: &V| value.weight_bytes()),
    }
    .build()
    .expect("the settings make sense")
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for Cache<K, V> {
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.get(key)
    }

    fn insert(&self, key: K, value: V) {
        match value.cost() {
            None => self.insert(key, value),
            Some(cost) => self.insert_with(key, value, EntryOptions::default().cost(cost)),
        };
    }

    fn remove(&self, key: &K) {
        self.remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        self.get_or_compute(*key, compute)
            .expect("the computation neither fails nor asks for itself")
    }

    fn entries(&self) -> u64 {
        self.len()
    }

    fn weight(&self) -> u64 {
        self.weight_bytes()
    }
}
