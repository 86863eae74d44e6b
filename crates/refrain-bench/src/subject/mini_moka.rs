use mini_moka::sync::{Cache, ConcurrentCacheExt};

use super::{Hasher, Limit, Subject, Weigh};
use crate::keys::BenchKey;

pub(super) fn cache<K: BenchKey, V: Weigh>(limit: Limit) -> Cache<K, V, Hasher> {
    let builder = Cache::builder().max_capacity(limit.capacity());
    match limit {
        Limit::Entries(_) => builder,
        Limit::Bytes { .. } => {
            builder.weigher(|_, value: &V| u32::try_from(value.weight_bytes()).unwrap_or(u32::MAX))
        }
    }
    .build_with_hasher(Hasher::default())
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for Cache<K, V, Hasher> {
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
        self.invalidate(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        self.get(key).unwrap_or_else(|| {
            let value = compute();
            self.insert(*key, value.clone());
            value
        })
    }

    fn entries(&self) -> u64 {
        self.sync();
        self.entry_count()
    }

    fn weight(&self) -> u64 {
        self.weighted_size()
    }
}
