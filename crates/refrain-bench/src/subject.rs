//! The caches that are measured, behind one interface.
//!
//! All of them hash with the same function and none has a time limit, a listener or statistics switched on that it
//! does not have by default.

mod foyer;
mod maps;
mod mini_moka;
mod moka;
mod quick_cache;
mod refrain;
mod stripes;

use std::sync::Arc;
use std::time::Duration;

use ::refrain::Policy;
use clap::ValueEnum;
use foyer_memory::{LfuConfig, LruConfig, S3FifoConfig, SieveConfig};
use serde::Serialize;

use crate::keys::BenchKey;
use crate::payload::Payload;

/// The hasher of every cache: fast, seeded per process.
type Hasher = foldhash::fast::RandomState;

/// One cache under measurement.
pub(crate) trait Subject<K, V>: Send + Sync + 'static {
    /// What the caller owns after a hit, whether or not the entry stays.
    type Found;

    fn value(found: &Self::Found) -> &V;

    fn get(&self, key: &K) -> Option<Self::Found>;

    fn insert(&self, key: K, value: V);

    fn remove(&self, key: &K);

    /// The cache's own way to compute a missing value once; `get`, then `insert`, where it has none.
    fn get_or_compute(&self, key: &K, compute: impl FnOnce() -> V) -> Self::Found;

    /// Entries that the cache says it holds, after any work that it has put off.
    fn entries(&self) -> u64;

    /// What the cache says it holds, in the unit of its [`Limit`].
    fn weight(&self) -> u64;
}

/// What bounds a cache.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Limit {
    /// So many entries; values are not weighed.
    Entries(u64),
    /// So many bytes of values, in about so many entries.
    Bytes { bytes: u64, entries: u64 },
}

impl Limit {
    fn entries(self) -> usize {
        let (Self::Entries(entries) | Self::Bytes { entries, .. }) = self;
        usize::try_from(entries).expect("entries fit into memory")
    }

    fn capacity(self) -> u64 {
        let (Self::Entries(capacity)
        | Self::Bytes {
            bytes: capacity, ..
        }) = self;
        capacity
    }
}

/// Values whose bytes can be counted.
pub(crate) trait Weigh: Clone + Send + Sync + 'static {
    fn weight_bytes(&self) -> u64;

    /// What it took to compute, for the caches that take that into account.
    fn cost(&self) -> Option<Duration> {
        None
    }
}

impl Weigh for Arc<Payload> {
    fn weight_bytes(&self) -> u64 {
        size_of::<Payload>() as u64
    }
}

impl Weigh for Arc<[u8]> {
    fn weight_bytes(&self) -> u64 {
        self.len() as u64
    }
}

/// Which cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
pub(crate) enum SubjectName {
    /// With the default policy
    #[value(name = "refrain")]
    #[serde(rename = "refrain")]
    Refrain,
    #[value(name = "refrain-lru")]
    #[serde(rename = "refrain-lru")]
    RefrainLru,
    #[value(name = "quick_cache")]
    #[serde(rename = "quick_cache")]
    QuickCache,
    #[value(name = "moka")]
    #[serde(rename = "moka")]
    Moka,
    #[value(name = "mini-moka")]
    #[serde(rename = "mini-moka")]
    MiniMoka,
    #[value(name = "foyer-lru")]
    #[serde(rename = "foyer-lru")]
    FoyerLru,
    #[value(name = "foyer-lfu")]
    #[serde(rename = "foyer-lfu")]
    FoyerLfu,
    #[value(name = "foyer-s3fifo")]
    #[serde(rename = "foyer-s3fifo")]
    FoyerS3Fifo,
    #[value(name = "foyer-sieve")]
    #[serde(rename = "foyer-sieve")]
    FoyerSieve,
    #[value(name = "lru+mutex")]
    #[serde(rename = "lru+mutex")]
    Lru,
    #[value(name = "lru+16mutex")]
    #[serde(rename = "lru+16mutex")]
    LruStriped,
    #[value(name = "hashlink+mutex")]
    #[serde(rename = "hashlink+mutex")]
    Hashlink,
    #[value(name = "hashlink+16mutex")]
    #[serde(rename = "hashlink+16mutex")]
    HashlinkStriped,
    /// A map without eviction: an upper bound
    #[value(name = "map:dashmap")]
    #[serde(rename = "map:dashmap")]
    Dashmap,
    /// A map without eviction: an upper bound
    #[value(name = "map:papaya")]
    #[serde(rename = "map:papaya")]
    Papaya,
}

impl SubjectName {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn is_refrain(self) -> bool {
        matches!(self, Self::Refrain | Self::RefrainLru)
    }

    /// A map that grows without bound.
    pub(crate) fn is_map(self) -> bool {
        matches!(self, Self::Dashmap | Self::Papaya)
    }

    /// Another cache that evicts, and so can be compared with.
    pub(crate) fn is_rival(self) -> bool {
        !self.is_refrain() && !self.is_map()
    }

    /// Whether it computes a missing value by a function of its own; the rest look up and then insert.
    pub(crate) fn computes(self) -> bool {
        !matches!(
            self,
            Self::MiniMoka | Self::FoyerLru | Self::FoyerLfu | Self::FoyerS3Fifo | Self::FoyerSieve
        )
    }

    /// Whether it can be bounded in bytes.
    pub(crate) fn weighs(self) -> bool {
        !self.is_map()
            && !matches!(
                self,
                Self::Lru | Self::LruStriped | Self::Hashlink | Self::HashlinkStriped
            )
    }

    /// Makes the cache and hands it to `visitor`.
    ///
    /// # Panics
    ///
    /// When `limit` is in bytes and the cache does not [weigh](Self::weighs).
    pub(crate) fn build<K: BenchKey, V: Weigh, R: Visitor<K, V>>(
        self,
        limit: Limit,
        visitor: R,
    ) -> R::Output {
        let in_bytes = matches!(limit, Limit::Bytes { .. });
        assert!(
            self.weighs() || !in_bytes,
            "{self} cannot be bounded in bytes"
        );
        match self {
            Self::Refrain => visitor.visit(refrain::cache(limit, Policy::default())),
            Self::RefrainLru => visitor.visit(refrain::cache(limit, Policy::Lru)),
            Self::QuickCache if in_bytes => visitor.visit(quick_cache::weighing(limit)),
            Self::QuickCache => visitor.visit(quick_cache::counting(limit)),
            Self::Moka => visitor.visit(moka::cache(limit)),
            Self::MiniMoka => visitor.visit(mini_moka::cache(limit)),
            Self::FoyerLru => visitor.visit(foyer::cache(limit, LruConfig::default())),
            Self::FoyerLfu => visitor.visit(foyer::cache(limit, LfuConfig::default())),
            Self::FoyerS3Fifo => visitor.visit(foyer::cache(limit, S3FifoConfig::default())),
            Self::FoyerSieve => visitor.visit(foyer::cache(limit, SieveConfig)),
            Self::Lru => visitor.visit(stripes::lru(limit, 1)),
            Self::LruStriped => visitor.visit(stripes::lru(limit, 16)),
            Self::Hashlink => visitor.visit(stripes::hashlink(limit, 1)),
            Self::HashlinkStriped => visitor.visit(stripes::hashlink(limit, 16)),
            Self::Dashmap => visitor.visit(maps::dashmap(limit)),
            Self::Papaya => visitor.visit(maps::papaya(limit)),
        }
    }
}

impl std::fmt::Display for SubjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value().expect("no variant is skipped");
        f.pad(value.get_name())
    }
}

/// What is done with a cache of whichever type.
pub(crate) trait Visitor<K, V> {
    type Output;

    fn visit<S: Subject<K, V>>(self, subject: S) -> Self::Output;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever a cache does, the value it finds is the one that was stored last.
    struct FindsWhatWasStored(SubjectName);

    impl Visitor<u64, Arc<Payload>> for FindsWhatWasStored {
        type Output = ();

        fn visit<S: Subject<u64, Arc<Payload>>>(self, subject: S) {
            let keys: Vec<u64> = (0..100).map(u64::from_id).collect();
            for key in &keys {
                assert!(subject.get(key).is_none(), "{}", self.0);
                subject.insert(*key, Payload::of(key));
            }
            for key in &keys {
                let found = subject.get(key).expect("100 of 1000 entries");
                assert!(S::value(&found).belongs_to(key), "{}", self.0);
                let found = subject.get_or_compute(key, || panic!("{} computes a hit", self.0));
                assert!(S::value(&found).belongs_to(key), "{}", self.0);
            }
            let new = u64::from_id(1000);
            let found = subject.get_or_compute(&new, || Payload::of(&new));
            assert!(S::value(&found).belongs_to(&new), "{}", self.0);
            assert!(subject.get(&new).is_some(), "{}", self.0);
            assert_eq!(subject.entries(), 101, "{}", self.0);
            subject.remove(&new);
            assert!(subject.get(&new).is_none(), "{}", self.0);
            assert_eq!(subject.entries(), 100, "{}", self.0);
        }
    }

    #[test]
    fn every_subject_finds_what_was_stored() {
        for name in SubjectName::all() {
            name.build(Limit::Entries(1000), FindsWhatWasStored(*name));
        }
    }

    struct HoldsAtMost(SubjectName, u64);

    impl Visitor<u64, Arc<[u8]>> for HoldsAtMost {
        type Output = ();

        fn visit<S: Subject<u64, Arc<[u8]>>>(self, subject: S) {
            for id in 0..10_000 {
                subject.insert(u64::from_id(id), Arc::from([0; 100]));
            }
            let entries = subject.entries();
            assert!(subject.weight() <= self.1, "{}", self.0);
            assert!(
                (1..=self.1 / 100).contains(&entries),
                "{} {entries}",
                self.0
            );
        }
    }

    #[test]
    fn every_subject_that_weighs_stays_within_its_bytes_when_it_rests() {
        let limit = Limit::Bytes {
            bytes: 100_000,
            entries: 1000,
        };
        for name in SubjectName::all().iter().filter(|name| name.weighs()) {
            name.build(limit, HoldsAtMost(*name, 100_000));
        }
    }
}
