//! A miss, from the moment nothing was found to the moment everybody who waits has the value.

use std::any::Any;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::Inner;
use crate::catch::{CatchUnwind, catch};
use crate::clock::Clock;
use crate::computed::{Computed, EntryOptions, Keep};
use crate::entry::{Answer, Entry, Outcome, Stored as StoredHow};
use crate::flight::{
    Abandoned, Boarding, Flight, Landed, Landing, OnAbandoned, Refusal, Settled, Subscription,
    drive_to_end, enter_and_block, is_inside,
};
use crate::stats::micros;
use crate::store::{NewEntry, Removed};

/// What a request says about itself, beside its key.
#[derive(Debug, Clone, Default)]
pub(crate) struct RequestOptions {
    pub(crate) entry: EntryOptions,
    pub(crate) wait_at_most: Option<Duration>,
    /// The moment that `wait_at_most` comes to, once the request has begun.
    pub(crate) deadline: Option<Duration>,
    pub(crate) refresh: bool,
    /// The caller found nothing just now, so the first look is spared.
    pub(crate) looked_up: bool,
    pub(crate) on_abandoned: OnAbandoned,
}

/// What there is to do about a request.
pub(crate) enum Begun<V: Send + Sync + 'static> {
    /// Nothing: here it is.
    Hit(Entry<V>),
    /// Compute it, for this flight.
    Lead(Arc<Flight<V>>),
    /// Compute it for this caller alone: results of the key are not to be shared, as far as is known.
    Alone,
    /// Wait for it.
    Wait(Subscription<V>, Joined<V>),
    Refused(Refusal),
}

/// Which flight was joined, and at which generation.
pub(crate) struct Joined<V> {
    flight: Arc<Flight<V>>,
    generation: u64,
}

/// Ends a flight that its leader, by a panic, did not.
pub(crate) struct Leading<'a, K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    inner: &'a Arc<Inner<K, V>>,
    hash: u64,
    flight: &'a Arc<Flight<V>>,
    done: bool,
}

impl<K, V> Leading<'_, K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn done(mut self) {
        self.done = true;
    }
}

impl<K, V> Drop for Leading<'_, K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    fn drop(&mut self) {
        if !self.done {
            let message = Arc::from("the caller who computed it panicked on the way");
            self.inner.crash(self.hash, self.flight, message);
        }
    }
}

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Ends `flight` by a panic of something else than its computation.
    fn crash(&self, hash: u64, flight: &Arc<Flight<V>>, message: Arc<str>) {
        self.flights.leave(hash, flight);
        if flight.land(Landing::Panicked(message)).is_some() {
            self.counters.panics.fetch_add(1, Ordering::Relaxed);
        }
        flight.work.drop_future();
    }

    /// Looks the key up and, if nothing is there, boards its flight.
    pub(crate) fn begin(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        options: &RequestOptions,
    ) -> Begun<V> {
        if !options.refresh
            && !options.looked_up
            && let Some(entry) = self.lookup(key, hash)
        {
            return Begun::Hit(entry);
        }
        // Within another computation it takes a flight, as only flights tell when a computation asks for itself.
        if self.hit_for_miss.contains(hash, &self.clock) && !is_inside() {
            self.recorder().began_to_compute();
            return Begun::Alone;
        }
        let boarding = self.flights.board(key, hash, |began_at| {
            Flight::new(began_at, options.on_abandoned, &self.name)
        });
        match boarding {
            Boarding::Waiter(flight, generation) => match self.subscribe(hash, &flight, options) {
                Ok(subscription) => {
                    self.counters.collapsed.fetch_add(1, Ordering::Relaxed);
                    Begun::Wait(subscription, Joined { flight, generation })
                }
                Err(refusal) => Begun::Refused(refusal),
            },
            Boarding::Leader(flight) => {
                let leading = self.leading(hash, &flight);
                // A flight may have landed between the lookup and the boarding. It stored its value before it left
                // the table, so a second look finds it.
                if !options.refresh
                    && let Some(entry) = self.lookup(key, hash)
                {
                    self.flights.leave(hash, &flight);
                    flight.land(Landing::Unneeded);
                    leading.done();
                    return Begun::Hit(entry);
                }
                self.recorder().began_to_compute();
                leading.done();
                Begun::Lead(flight)
            }
        }
    }

    /// Sees to it that `flight` ends even if what follows panics.
    fn leading<'a>(
        self: &'a Arc<Self>,
        hash: u64,
        flight: &'a Arc<Flight<V>>,
    ) -> Leading<'a, K, V> {
        Leading {
            inner: self,
            hash,
            flight,
            done: false,
        }
    }

    /// Whether someone who joined has to look again: what the landing holds is not for him.
    pub(crate) fn looks_again(&self, hash: u64, joined: &Joined<V>, landing: &Landing<V>) -> bool {
        let again = match landing {
            Landing::Value(landed) => landed
                .stale_since
                .is_some_and(|stale| stale <= joined.generation),
            // Cancelled before he joined it.
            Landing::Unneeded | Landing::Cancelled => true,
            Landing::Released(_) | Landing::Failed(_) | Landing::Panicked(_) => false,
        };
        if again {
            self.flights.leave(hash, &joined.flight);
            // He is counted where he finds something.
            let collapsed = &self.counters.collapsed;
            // A reset may have come in between: not below zero.
            let _ = collapsed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                count.checked_sub(1)
            });
        }
        again
    }

    /// Joins `flight`; whoever leaves it last takes it off the table if that ends it.
    fn subscribe(
        self: &Arc<Self>,
        hash: u64,
        flight: &Arc<Flight<V>>,
        options: &RequestOptions,
    ) -> Result<Subscription<V>, Refusal> {
        let abandoned = self.abandoned(hash);
        Subscription::join(
            flight,
            self.waiter_limit,
            options.deadline,
            &self.clock,
            abandoned,
        )
    }

    fn abandoned(self: &Arc<Self>, hash: u64) -> Abandoned<V> {
        let inner = Arc::clone(self);
        Box::new(move |flight: &Arc<Flight<V>>| {
            inner.flights.leave(hash, flight);
            inner.counters.cancelled.fetch_add(1, Ordering::Relaxed);
        })
    }

    /// Computes on this thread and lands `flight`; how, unless something else has ended it.
    pub(crate) fn compute_here<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        options: &EntryOptions,
        compute: impl FnOnce() -> Result<R, E>,
    ) -> Option<Settled<V>> {
        let leading = self.leading(hash, flight);
        let began = self.clock.elapsed();
        let result = {
            let _inside = enter_and_block(&flight.id);
            catch(|| compute().map(Into::into))
        };
        let landing = self.land(key, hash, flight, began, options, result);
        leading.done();
        landing
    }

    /// Hands the computation over to `flight`, to be driven by whoever waits, and by a task if there is a spawner.
    /// The leader's place in it.
    pub(crate) fn compute_there<R, E>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        request: &RequestOptions,
        compute: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Subscription<V>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let leading = self.leading(hash, flight);
        let options = request.entry.clone();
        let (inner, key, landing) = (Arc::clone(self), key.clone(), Arc::clone(flight));
        let began = self.clock.elapsed();
        flight.work.set(Box::pin(async move {
            let landed = async {
                let result = CatchUnwind(Box::pin(compute)).await;
                let result = result.and_then(|result| catch(|| result.map(Into::into)));
                inner.land(&key, hash, &landing, began, &options, result);
            };
            // Landing runs code of the user's too. Whoever happens to drive it is not to blame.
            if let Err(message) = CatchUnwind(Box::pin(landed)).await {
                inner.crash(hash, &landing, message);
            }
        }));
        // Before any task may find the flight abandoned.
        let subscription =
            Subscription::lead(flight, request.deadline, &self.clock, self.abandoned(hash));
        if let Some(spawner) = &self.spawner
            && flight.work.claim_driver()
        {
            // A task that is dropped hands the computation on, so a spawner that panics leaves it to whoever waits.
            let _ = catch(|| spawner(Box::pin(drive_to_end(Arc::clone(flight)))));
        }
        leading.done();
        subscription
    }

    /// Ends `flight` with what its computation gave, and stores that if it may be stored.
    fn land<E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        began: Duration,
        options: &EntryOptions,
        result: Result<Result<Computed<V>, E>, Arc<str>>,
    ) -> Option<Settled<V>> {
        let counters = &self.counters;
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
                let took = now.saturating_sub(began);
                self.recorder().computed(took);
                counters.latencies.record(micros(took));
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
        options: &EntryOptions,
        computed: Computed<V>,
    ) -> Landing<V> {
        let Computed {
            value,
            options: own,
            keep,
        } = computed;
        self.note_sharing(hash, keep);
        let mut options = own.or(options);
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
            (StoredHow::NotAsked, stale_since)
        } else if weight.is_err() {
            let (_, stale_since) = self.flights.leave_and(flight, hash, named, || ());
            (StoredHow::Declined, stale_since)
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
            let stored = stored.map_or(StoredHow::Invalidated, Into::into);
            (stored, stale_since)
        };
        let landed = Landed {
            value,
            facts,
            tags,
            stored,
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
    ) -> Option<Result<T, crate::ComputeError<E>>> {
        use crate::ComputeError;
        if let Settled::Alone(Landing::Value(landed)) = landing {
            return Some(Ok(T::landed(landed, leader, &self.clock)));
        }
        match &*landing {
            Landing::Value(landed) => {
                if !leader {
                    self.recorder().joined(landed.facts.cost);
                }
                Some(Ok(T::landed(landed.clone(), leader, &self.clock)))
            }
            Landing::Released(own) if leader => own
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
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

    /// What a computation outside of any flight gave: handed out, not stored.
    pub(crate) fn unshared<T: Wanted<V>, E>(
        &self,
        hash: u64,
        began: Duration,
        options: &EntryOptions,
        result: Result<Result<Computed<V>, E>, Arc<str>>,
    ) -> Result<T, crate::ComputeError<E>> {
        use crate::ComputeError;
        let computed = result
            .map_err(|message| ComputeError::Panicked { message })?
            .map_err(|error| ComputeError::Failed(Arc::new(error)))?;
        self.note_sharing(hash, computed.keep);
        let mut options = computed.options.or(options);
        let now = self.clock.elapsed();
        options.cost.get_or_insert(now.saturating_sub(began));
        let facts = self.facts(options.weight_bytes.unwrap_or(0), &options, now);
        let landed = Landed {
            value: computed.value,
            facts,
            tags: options.tags,
            stored: StoredHow::NotAsked,
            stale_since: None,
        };
        Ok(T::landed(landed, true, &self.clock))
    }
}

/// What a caller wants to have of what his request came to.
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
        Self {
            value: landed.value,
            outcome: if leader {
                Outcome::Computed { stored }
            } else {
                Outcome::Collapsed { stored }
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
