//! Lists in order of use, each behind a mutex: one for all keys, or several for a part of the keys each.

use std::num::NonZeroUsize;

use hashlink::linked_hash_map::Entry;
use parking_lot::Mutex;

use super::{Hasher, Limit, Subject, Weigh};
use crate::keys::BenchKey;

type Lru<K, V> = lru::LruCache<K, V, Hasher>;
type Hashlink<K, V> = hashlink::LruCache<K, V, Hasher>;

/// A power of two of locks; the top bits of the key say which.
pub(super) struct Stripes<C> {
    stripes: Box<[Mutex<C>]>,
    shift: u32,
}

impl<C> Stripes<C> {
    fn new(limit: Limit, stripes: usize, make: impl Fn(usize) -> C) -> Self {
        let part = limit.entries().div_ceil(stripes);
        Self {
            stripes: (0..stripes).map(|_| Mutex::new(make(part))).collect(),
            shift: 64 - stripes.trailing_zeros(),
        }
    }

    fn of<K: BenchKey>(&self, key: &K) -> &Mutex<C> {
        // A shift by all 64 bits, for one stripe, is none.
        let stripe = key.bits().checked_shr(self.shift).unwrap_or(0);
        &self.stripes[usize::try_from(stripe).expect("fewer than 2^32 stripes")]
    }

    fn sum(&self, of: impl Fn(&C) -> usize) -> u64 {
        self.stripes.iter().map(|one| of(&one.lock()) as u64).sum()
    }
}

pub(super) fn lru<K: BenchKey, V: Weigh>(limit: Limit, stripes: usize) -> Stripes<Lru<K, V>> {
    Stripes::new(limit, stripes, |part| {
        let part = NonZeroUsize::new(part).expect("the limit is not 0");
        Lru::with_hasher(part, Hasher::default())
    })
}

pub(super) fn hashlink<K: BenchKey, V: Weigh>(
    limit: Limit,
    stripes: usize,
) -> Stripes<Hashlink<K, V>> {
    Stripes::new(limit, stripes, |part| {
        Hashlink::with_hasher(part, Hasher::default())
    })
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for Stripes<Lru<K, V>> {
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.of(key).lock().get(key).cloned()
    }

    fn insert(&self, key: K, value: V) {
        self.of(&key).lock().put(key, value);
    }

    fn remove(&self, key: &K) {
        self.of(key).lock().pop(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        self.of(key).lock().get_or_insert(*key, compute).clone()
    }

    fn entries(&self) -> u64 {
        self.sum(Lru::len)
    }

    fn weight(&self) -> u64 {
        self.sum(Lru::len)
    }
}

impl<K: BenchKey, V: Weigh> Subject<K, V> for Stripes<Hashlink<K, V>> {
    type Found = V;

    fn value(found: &V) -> &V {
        found
    }

    fn get(&self, key: &K) -> Option<V> {
        self.of(key).lock().get(key).cloned()
    }

    fn insert(&self, key: K, value: V) {
        self.of(&key).lock().insert(key, value);
    }

    fn remove(&self, key: &K) {
        self.of(key).lock().remove(key);
    }

    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> V {
        match self.of(key).lock().entry(*key) {
            Entry::Occupied(mut entry) => {
                entry.to_back();
                entry.get().clone()
            }
            Entry::Vacant(entry) => entry.insert(compute()).clone(),
        }
    }

    fn entries(&self) -> u64 {
        self.sum(Hashlink::len)
    }

    fn weight(&self) -> u64 {
        self.sum(Hashlink::len)
    }
}
