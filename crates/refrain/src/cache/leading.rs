//! The leader of a flight: it computes, or hands its computation to the flight, and sees to it that the flight ends.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Inner, RequestOptions};
use crate::catch::{CatchUnwind, catch};
use crate::computed::Computed;
use crate::flight::{Flight, Landing, Settled, Waiting, drive_to_end, enter_and_block};

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
    pub(super) fn done(mut self) {
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
    /// Sees to it that `flight` ends even if what follows panics.
    pub(super) fn leading<'a>(
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

    /// Ends `flight` by a panic of something else than its computation.
    pub(crate) fn crash(&self, hash: u64, flight: &Arc<Flight<V>>, message: Arc<str>) {
        self.flights.leave(hash, flight);
        if flight.land(Landing::Panicked(message)).is_some() {
            self.counters.panics.fetch_add(1, Ordering::Relaxed);
            if flight.count_once() {
                self.recorder().missed_and_computed();
            }
        }
        flight.work.drop_future();
    }

    /// Computes on this thread and lands `flight`; how, unless something else has ended it.
    pub(crate) fn compute_here<R: Into<Computed<V>>, E: Send + Sync + 'static>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        options: &RequestOptions,
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

    /// Hands the computation over to `flight`, to be driven by its callers, and by a task if there is a spawner.
    /// The leader's place in it.
    pub(crate) fn compute_there<R, E>(
        self: &Arc<Self>,
        key: &K,
        hash: u64,
        flight: &Arc<Flight<V>>,
        request: &RequestOptions,
        compute: impl Future<Output = Result<R, E>> + Send + 'static,
    ) -> Waiting<V>
    where
        R: Into<Computed<V>> + Send + 'static,
        E: Send + Sync + 'static,
    {
        let leading = self.leading(hash, flight);
        let options = request.clone();
        let (inner, key, landing) = (Arc::clone(self), key.clone(), Arc::clone(flight));
        let began = self.clock.elapsed();
        flight.work.set(Box::pin(async move {
            let landed = async {
                let result = CatchUnwind(Box::pin(compute)).await;
                let result = result.and_then(|result| catch(|| result.map(Into::into)));
                inner.land(&key, hash, &landing, began, &options, result);
            };
            // Landing runs code of the user's too. The thread that happens to drive it is not to blame.
            if let Err(message) = CatchUnwind(Box::pin(landed)).await {
                inner.crash(hash, &landing, message);
            }
        }));
        // Before any task may find the flight abandoned.
        let waiting = Waiting::lead(flight, request.deadline, &self.clock, self.abandoned(hash));
        if let Some(spawner) = &self.spawner
            && flight.work.claim_driver()
        {
            // A task that is dropped hands the computation on, so a spawner that panics leaves it to the callers.
            let _ = catch(|| spawner(Box::pin(drive_to_end(Arc::clone(flight)))));
        }
        leading.done();
        waiting
    }
}
