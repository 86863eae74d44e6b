//! The state that all handles of a cache share: lookups, weights and times of entries, and the listener of those that leave.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Inner;
use crate::catch::catch;
use crate::computed::EntryOptions;
use crate::entry::{Entry, EntryInfo};
use crate::store::{Facts, Found, Judged, Recorder, Removed};

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(crate) fn hash<Q: ?Sized + Hash>(&self, key: &Q) -> u64 {
        self.hasher.hash_one(key)
    }

    /// The fresh value for `key`; a hit is counted, a miss is not.
    #[inline]
    pub(super) fn value<Q: ?Sized + Eq>(&self, key: &Q, hash: u64) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.fresh(self.store.get(key, hash, &self.clock))
    }

    /// The fresh entry for `key`; a hit is counted, a miss is not.
    pub(crate) fn lookup<Q: ?Sized + Eq>(&self, key: &Q, hash: u64) -> Option<Entry<V>>
    where
        K: Borrow<Q>,
    {
        let found = self.fresh(self.store.get_entry(key, hash, &self.clock));
        found.map(|(value, info)| Entry { value, info })
    }

    /// The fresh entry for `key` if it is accepted, which counts a hit; a miss or a refusal is not counted.
    pub(crate) fn lookup_if<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        accept: impl FnOnce(&V, &EntryInfo) -> bool,
    ) -> Judged<Entry<V>>
    where
        K: Borrow<Q>,
    {
        match self.store.get_entry_if(key, hash, &self.clock, accept) {
            Judged::Accepted((value, info)) => Judged::Accepted(Entry { value, info }),
            Judged::Refused => Judged::Refused,
            Judged::Expired => {
                self.expire();
                Judged::Nothing
            }
            Judged::Nothing => Judged::Nothing,
        }
    }

    #[inline]
    fn fresh<R>(&self, found: Found<R>) -> Option<R> {
        match found {
            Found::Fresh(found) => Some(found),
            Found::Expired => {
                self.expire();
                None
            }
            Found::Nothing => None,
        }
    }

    pub(crate) fn recorder(&self) -> &Recorder {
        self.store.recorder()
    }

    /// Asks the weigher; its panic is the caller's.
    pub(crate) fn weigh(&self, key: &K, value: &V) -> u64 {
        match &self.weigher {
            Some(weigher) => weigher(key, value),
            None => (size_of::<K>() + size_of::<V>()) as u64,
        }
    }

    pub(super) fn time_to_live(&self) -> Option<Duration> {
        if !self.has_time_to_live.load(Ordering::Relaxed) {
            return None;
        }
        *self
            .time_to_live
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The moment at which an entry with these options is written: exact where that says when it expires.
    pub(super) fn moment_of_writing(&self, options: &EntryOptions) -> Duration {
        if options.time_to_live.is_some() || self.has_time_to_live.load(Ordering::Relaxed) {
            self.clock.elapsed()
        } else {
            self.clock.lately()
        }
    }

    /// What is known of an entry that is written at this moment, which is now or was just now.
    pub(crate) fn facts(
        &self,
        weight_bytes: u64,
        options: &EntryOptions,
        written: Duration,
    ) -> Facts {
        let time_to_live = options.time_to_live.or_else(|| self.time_to_live());
        Facts {
            weight_bytes,
            cost: options.cost.unwrap_or_default(),
            written,
            // Longer than the clock can count is for ever.
            expires: time_to_live.and_then(|span| written.checked_add(span)),
            hits: 0,
        }
    }

    /// Tells the listener of entries that left, and drops them. The caller holds no lock.
    #[inline]
    pub(crate) fn announce(&self, removed: Removed<'_, K, V>) {
        let Some(listener) = &self.listener else {
            return;
        };
        removed.for_each(|key, value, cause| {
            if catch(|| listener(key, value, cause)).is_err() {
                self.counters
                    .listener_panics
                    .fetch_add(1, Ordering::Relaxed);
            }
        });
        drop(removed);
    }

    /// Lets everything go that has expired.
    pub(crate) fn expire(&self) {
        let mut removed = Removed::new(&self.store);
        self.store.expire(self.clock.elapsed(), &mut removed);
        self.announce(removed);
    }
}
