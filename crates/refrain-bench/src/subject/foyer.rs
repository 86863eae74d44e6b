use foyer_memory::{Cache, CacheBuilder, CacheEntry, CacheProperties, EvictionConfig};

use super::{Hasher, Limit, Subject, Weigh};
use crate::keys::BenchKey;

type Foyer<K, V> = Cache<K, V, Hasher, CacheProperties>;

pub(super) fn cache<K: BenchKey, V: Weigh>(
    limit: Limit,
    policy: impl Into<EvictionConfig>,
) -> Foyer<K, V> {
    let capacity = usize::try_from(limit.capacity()).expect("the capacity fits into memory");
    let builder = CacheBuilder::new(capacity)
        .with_eviction_config(policy)
        .with_hash_builder(Hasher::default());
    match limit {
        Limit::Entries(_) => builder,
        Limit::Bytes { .. } => builder.with_weighter(|_, value: &V| {
            usize::try_from(value.weight_bytes()).expect("a value fits into memory")
        }),
    }
    .build()
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for Foyer<K, V> {
    type Found = CacheEntry<K, V, Hasher, CacheProperties>;

    fn value(found: &Self::Found) -> &V {
        found.value()
    }

    fn get(&self, key: &K) -> Option<Self::Found> {
        self.get(key)
    }

    fn insert(&self, key: K, value: V) {
        self.insert(key, value);
    }

    fn remove(&self, key: &K) {
        self.remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> Self::Found {
        self.get(key)
            .unwrap_or_else(|| self.insert(*key, compute()))
    }

    fn entries(&self) -> u64 {
        self.entries() as u64
    }

    fn weight(&self) -> u64 {
        self.usage() as u64
    }
}
