use std::convert::Infallible;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{UnitWeighter, Weighter};

use super::{Hasher, Limit, Subject, Weigh};
use crate::keys::BenchKey;

#[derive(Clone)]
pub(super) struct ByBytes;

impl<K, V: Weigh> Weighter<K, V> for ByBytes {
    fn weight(&self, _: &K, value: &V) -> u64 {
        value.weight_bytes()
    }
}

pub(super) fn counting<K: BenchKey, V: Weigh>(limit: Limit) -> Cache<K, V, UnitWeighter, Hasher> {
    with(limit, UnitWeighter)
}

pub(super) fn weighing<K: BenchKey, V: Weigh>(limit: Limit) -> Cache<K, V, ByBytes, Hasher> {
    with(limit, ByBytes)
}

fn with<K: BenchKey, V: Weigh, W: Weighter<K, V> + Clone>(
    limit: Limit,
    weighter: W,
) -> Cache<K, V, W, Hasher> {
    Cache::with(
        limit.entries(),
        limit.capacity(),
        weighter,
        Hasher::default(),
        DefaultLifecycle::default(),
    )
}

impl<K, V, W> Subject<K, V> for Cache<K, V, W, Hasher>
where
    K: BenchKey,
    V: Weigh,
    W: Weighter<K, V> + Clone + Send + Sync + 'static,
{
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.get(key)
    }

    fn insert(&self, key: K, value: V) {
        self.insert(key, value);
    }

    fn remove(&self, key: &K) {
        self.remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        let Ok(value) = self.get_or_insert_with(key, || Ok::<_, Infallible>(compute()));
        value
    }

    fn entries(&self) -> u64 {
        self.len() as u64
    }

    fn weight(&self) -> u64 {
        self.weight()
    }
}
