//! The second half of a miss: a flight ends with what its computation gave, and each caller makes its answer of that.

use std::any::Any;
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Inner, RequestOptions};
use crate::catch::catch;
use crate::clock::Clock;
use crate::computed::{Computed, Keep};
use crate::entry::{Answer, Entry};
use crate::error::ComputeError;
use crate::flight::{Flight, Landed, Landing, Settled};
use crate::outcome::{Insertion, Outcome, Stored};
use crate::stats::micros;
use crate::store::{Facts, NewEntry, Removed};

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Ends `flight` with what its computation gave, and stores that if it may be stored.
    pub(super) fn land<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        began: Duration,
        options: &RequestOptions,
        result: Result<Result<Computed<V>, E>, Arc<str>>,
    ) -> Option<Settled<V>> {
        let counters = &self.counters;
        let loaded = matches!(&result, Ok(Ok(computed)) if computed.loaded.is_some());
        if flight.count_once() && !loaded {
            self.recorder().missed_and_computed();
        }
        let landing = match result {
            Err(message) => {
                counters.panics.fetch_add(1, Ordering::Relaxed);
                self.flights.leave(hash, flight);
                Landing::Panicked(message)
            }
            Ok(Err(error)) => {
                counters.failures.fetch_add(1, Ordering::Relaxed);
                self.flights.leave(hash, flight);
                Landing::Failed(Arc::new(error))
            }
            Ok(Ok(computed)) => {
                let now = self.clock.elapsed();
                let took = computed.took.unwrap_or_else(|| now.saturating_sub(began));
                if !loaded {
                    self.recorder().computed(took);
                    counters.latencies.record(micros(took));
                }
                self.land_value(key, hash, flight, (took, now), options, computed)
            }
        };
        Flight::settle(flight, landing)
    }

    fn land_value(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        (took, now): (Duration, Duration),
        options: &RequestOptions,
        computed: Computed<V>,
    ) -> Landing<V> {
        let Computed {
            value,
            options: own,
            keep,
            loaded,
            below,
            refreshed,
            only_below,
            took: _,
        } = computed;
        self.note_sharing(hash, keep);
        let refreshed = refreshed || options.refresh;
        let mut options = own.or(&options.entry);
        options.cost.get_or_insert(took);
        let weight = match options.weight_bytes {
            Some(weight) => Ok(weight),
            None => catch(|| self.weigh(key, &value)),
        };
        let facts = self.facts(*weight.as_ref().unwrap_or(&0), &options, now);
        let tags = options.tags;
        let named = tags.as_deref().unwrap_or_default();
        let (stored, stale_since) = if keep != Keep::Store {
            let (_, stale_since) = self.flights.leave_and(flight, hash, named, || ());
            (Insertion::NotAsked, stale_since)
        } else if only_below {
            let mut removed = Removed::new(&self.store);
            let (stored, stale_since) = self.flights.leave_and(flight, hash, named, || {
                // An older value would be found before the one below.
                self.store.remove(key, hash, now, &mut removed);
                Insertion::NotAsked
            });
            self.announce(removed);
            (stored.unwrap_or(Insertion::Invalidated), stale_since)
        } else if weight.is_err() {
            let (_, stale_since) = self.flights.leave_and(flight, hash, named, || ());
            (Insertion::Declined, stale_since)
        } else {
            let mut entry = Some(NewEntry {
                key: key.clone(),
                hash,
                value: value.clone(),
                tags: tags.clone(),
                facts,
            });
            let mut removed = Removed::new(&self.store);
            let (stored, stale_since) = self.flights.leave_and(flight, hash, named, || {
                self.store.insert(&mut entry, facts.written, &mut removed)
            });
            drop(entry);
            self.announce(removed);
            self.schedule_purge(facts.expires);
            (stored.unwrap_or(Insertion::Invalidated), stale_since)
        };
        let stored = match stored {
            // What was invalidated has left the tiers, or leaves them now.
            Insertion::Invalidated => stored.into(),
            _ => Stored::in_memory(stored).and_in(below),
        };
        if loaded.is_some() {
            self.counters.count_load(facts.weight_bytes, facts.cost);
        }
        let landed = Landed {
            value,
            facts,
            tags,
            loaded,
            stored,
            refreshed,
            stale_since,
        };
        if keep == Keep::Private {
            Landing::Released(Mutex::new(Some(landed)))
        } else {
            Landing::Value(landed)
        }
    }

    /// What a caller of `flight` makes of its landing; `None`: compute without it.
    pub(crate) fn answer<T: Wanted<V>, E: Send + Sync + 'static>(
        &self,
        landing: Settled<V>,
        leader: bool,
    ) -> Option<Result<T, ComputeError<E>>> {
        if let Settled::Alone(Landing::Value(landed)) = landing {
            return Some(Ok(T::landed(landed, leader, &self.clock)));
        }
        match &*landing {
            Landing::Value(landed) => {
                if !leader {
                    let Facts {
                        weight_bytes, cost, ..
                    } = landed.facts;
                    match landed.loaded {
                        Some(_) => self.counters.count_collapsed_load(weight_bytes, cost),
                        None => self.recorder().joined(cost),
                    }
                }
                Some(Ok(T::landed(landed.clone(), leader, &self.clock)))
            }
            Landing::Released(own) if leader => own
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .map(|landed| Ok(T::landed(landed, true, &self.clock))),
            Landing::Released(_) => None,
            Landing::Failed(error) => {
                let error: Arc<dyn Any + Send + Sync> = Arc::clone(error);
                // Another type of error: the leader was another function. Its failure says nothing about this one.
                let error = error.downcast::<E>().ok()?;
                Some(Err(ComputeError::Failed(error)))
            }
            Landing::Panicked(message) => Some(Err(ComputeError::Panicked {
                message: Arc::clone(message),
            })),
            Landing::Cancelled if leader => Some(Err(ComputeError::Cancelled)),
            Landing::Cancelled | Landing::Unneeded => None,
        }
    }

    /// Remembers whether results of the key are to be shared.
    fn note_sharing(&self, hash: u64, keep: Keep) {
        if keep == Keep::Private {
            self.hit_for_miss.mark(hash, self.clock.elapsed());
        } else {
            self.hit_for_miss.unmark(hash);
        }
    }

    /// What a computation outside of any flight gave: handed out, not stored. `counted`: its caller's request is counted
    /// already.
    pub(crate) fn unshared<T: Wanted<V>, E>(
        &self,
        hash: u64,
        began: Duration,
        options: &RequestOptions,
        counted: bool,
        result: Result<Result<Computed<V>, E>, Arc<str>>,
    ) -> Result<T, ComputeError<E>> {
        let loaded = matches!(&result, Ok(Ok(computed)) if computed.loaded.is_some());
        if !counted && !loaded {
            self.recorder().missed_and_computed();
        }
        let computed = result
            .map_err(|message| ComputeError::Panicked { message })?
            .map_err(|error| ComputeError::Failed(Arc::new(error)))?;
        self.note_sharing(hash, computed.keep);
        let refreshed = computed.refreshed || options.refresh;
        let mut options = computed.options.or(&options.entry);
        let now = self.clock.elapsed();
        options.cost.get_or_insert(now.saturating_sub(began));
        let facts = self.facts(options.weight_bytes.unwrap_or(0), &options, now);
        if !counted && loaded {
            self.counters.count_load(facts.weight_bytes, facts.cost);
        }
        let landed = Landed {
            value: computed.value,
            facts,
            tags: options.tags,
            loaded: computed.loaded,
            stored: Insertion::NotAsked.into(),
            refreshed,
            stale_since: None,
        };
        Ok(T::landed(landed, true, &self.clock))
    }
}

/// What a caller wants to have of what its request came to.
pub(crate) trait Wanted<V> {
    fn hit(entry: Entry<V>) -> Self;

    fn landed(landed: Landed<V>, leader: bool, clock: &Clock) -> Self;
}

impl<V: Clone> Wanted<V> for Answer<V> {
    fn hit(entry: Entry<V>) -> Self {
        Self {
            value: entry.value,
            outcome: Outcome::Hit,
            info: entry.info,
        }
    }

    fn landed(landed: Landed<V>, leader: bool, clock: &Clock) -> Self {
        let (stored, facts) = (landed.stored, &landed.facts);
        let refreshed = landed.refreshed;
        Self {
            value: landed.value,
            outcome: match (landed.loaded, leader) {
                (Some(tier), _) => Outcome::Loaded {
                    tier,
                    collapsed: !leader,
                },
                (None, true) => Outcome::Computed { stored, refreshed },
                (None, false) => Outcome::Collapsed { stored },
            },
            info: facts.info(landed.tags.unwrap_or_default(), facts.written, clock),
        }
    }
}

/// Nothing but the value.
pub(crate) struct JustTheValue<V>(pub(crate) V);

impl<V: Clone> Wanted<V> for JustTheValue<V> {
    fn hit(entry: Entry<V>) -> Self {
        Self(entry.value)
    }

    fn landed(landed: Landed<V>, _: bool, _: &Clock) -> Self {
        Self(landed.value)
    }
}
