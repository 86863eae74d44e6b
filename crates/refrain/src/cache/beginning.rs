//! The first half of a miss: a caller that found nothing leads a flight, joins one, or computes alone.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Inner;
use crate::computed::EntryOptions;
use crate::entry::Entry;
use crate::flight::{
    Abandoned, Boarding, Flight, Landing, OnAbandoned, Refusal, Side, Waiting, is_inside,
};

/// The options of a request, beside its key.
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

/// The next step of a request.
pub(crate) enum Begun<V: Send + Sync + 'static> {
    /// Nothing: here it is.
    Hit(Entry<V>),
    /// Compute it, for this flight.
    Lead(Arc<Flight<V>>),
    /// Compute it for this caller alone: results of the key are not to be shared, as far as is known.
    Alone,
    /// Wait for it.
    Wait(Waiting<V>, Joined<V>),
    Refused(Refusal),
}

/// The flight that was joined, and the generation at which.
pub(crate) struct Joined<V> {
    flight: Arc<Flight<V>>,
    generation: u64,
}

impl<V> Joined<V> {
    /// The side value of the flight, once its leader has set it.
    pub(crate) fn side(&self) -> Option<&Side> {
        self.flight.side()
    }
}

impl<K, V> Inner<K, V>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
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
            return Begun::Alone;
        }
        let boarding = self.flights.board(key, hash, |began_at| {
            Flight::new(began_at, options.on_abandoned, &self.name)
        });
        match boarding {
            Boarding::Waiter(flight, generation) => match self.join(hash, &flight, options) {
                Ok(waiting) => {
                    self.counters.collapsed.fetch_add(1, Ordering::Relaxed);
                    Begun::Wait(waiting, Joined { flight, generation })
                }
                Err(refusal) => Begun::Refused(refusal),
            },
            Boarding::Leader(flight) => {
                self.counters.begun.fetch_add(1, Ordering::Relaxed);
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
                leading.done();
                Begun::Lead(flight)
            }
        }
    }

    /// Whether a caller that joined has to look again: what the landing holds is not for it.
    pub(crate) fn looks_again(&self, hash: u64, joined: &Joined<V>, landing: &Landing<V>) -> bool {
        let again = match landing {
            Landing::Value(landed) => landed
                .stale_since
                .is_some_and(|stale| stale <= joined.generation),
            // Cancelled before this caller joined it.
            Landing::Unneeded | Landing::Cancelled => true,
            Landing::Released(_) | Landing::Failed(_) | Landing::Panicked(_) => false,
        };
        if again {
            self.flights.leave(hash, &joined.flight);
            // The caller is counted where it finds something.
            let collapsed = &self.counters.collapsed;
            // A reset may have come in between: not below zero.
            let _ = collapsed.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
                count.checked_sub(1)
            });
        }
        again
    }

    /// Joins `flight`; the caller that leaves it last takes it off the table if that ends it.
    fn join(
        self: &Arc<Self>,
        hash: u64,
        flight: &Arc<Flight<V>>,
        options: &RequestOptions,
    ) -> Result<Waiting<V>, Refusal> {
        let abandoned = self.abandoned(hash);
        Waiting::join(
            flight,
            self.waiter_limit,
            options.deadline,
            &self.clock,
            abandoned,
        )
    }

    pub(super) fn abandoned(self: &Arc<Self>, hash: u64) -> Abandoned<V> {
        let inner = Arc::clone(self);
        Box::new(move |flight: &Arc<Flight<V>>| {
            inner.flights.leave(hash, flight);
            inner.counters.cancelled.fetch_add(1, Ordering::Relaxed);
            if flight.count_once() {
                inner.recorder().missed_and_computed();
            }
        })
    }
}
