//! Maps that never evict: what lookups cost when nothing is remembered about use.

use dashmap::DashMap;
use papaya::HashMap;

use super::{Hasher, Limit, Subject, Weigh};
use crate::keys::BenchKey;

pub(super) fn dashmap<K: BenchKey, V: Weigh>(limit: Limit) -> DashMap<K, V, Hasher> {
    DashMap::with_capacity_and_hasher(limit.entries(), Hasher::default())
}

pub(super) fn papaya<K: BenchKey, V: Weigh>(limit: Limit) -> HashMap<K, V, Hasher> {
    HashMap::with_capacity_and_hasher(limit.entries(), Hasher::default())
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for DashMap<K, V, Hasher> {
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.get(key).map(|entry| entry.value().clone())
    }

    fn insert(&self, key: K, value: V) {
        self.insert(key, value);
    }

    fn remove(&self, key: &K) {
        self.remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        self.entry(*key).or_insert_with(compute).value().clone()
    }

    fn entries(&self) -> u64 {
        self.len() as u64
    }

    fn weight(&self) -> u64 {
        self.len() as u64
    }
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for HashMap<K, V, Hasher> {
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.pin().get(key).cloned()
    }

    fn insert(&self, key: K, value: V) {
        self.pin().insert(key, value);
    }

    fn remove(&self, key: &K) {
        self.pin().remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        self.pin().get_or_insert_with(*key, compute).clone()
    }

    fn entries(&self) -> u64 {
        self.len() as u64
    }

    fn weight(&self) -> u64 {
        self.len() as u64
    }
}
