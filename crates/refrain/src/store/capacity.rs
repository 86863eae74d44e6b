//! Limits that change while the cache is in use.

use std::time::Duration;

use super::part::Held;
use super::{Removed, Store};
use crate::entry::{Capacity, RemovalCause};
use crate::policy::{Lowest, Moment};

/// Evictions for which all parts are held at a time, so that others get through.
const BATCH: usize = 256;

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    /// Changes the limits, having evicted what no longer fits.
    pub(crate) fn set_capacity(
        &self,
        capacity: Capacity,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) {
        loop {
            let mut all = self.hold_all();
            let moment = self.moment(now);
            if self.shrink(&mut all, capacity, moment, removed) {
                self.budget.set_capacity(capacity);
                (all[0].writer.eviction).set_capacity(capacity.bytes, capacity.entries);
                return;
            }
            // Nobody may fill what was just freed.
            let now = self.budget.capacity();
            self.budget.set_capacity(Capacity {
                bytes: now.bytes.min(self.budget.bytes().max(capacity.bytes)),
                entries: now.entries.min(self.budget.entries().max(capacity.entries)),
            });
        }
    }

    /// Evicts some entries on the way to `capacity`; true when it is reached.
    fn shrink(
        &self,
        all: &mut [Held<'_, K, V>],
        capacity: Capacity,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) -> bool {
        for _ in 0..BATCH {
            let Some(cause) = self.budget.cause(capacity, (0, 0)) else {
                return true;
            };
            if !self.evict(all, cause, moment, removed) {
                return false;
            }
        }
        self.budget.cause(capacity, (0, 0)).is_none()
    }

    /// Evicts the worst entry of all; false if there is none.
    fn evict(
        &self,
        all: &mut [Held<'_, K, V>],
        cause: RemovalCause,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) -> bool {
        loop {
            let scores = all.iter().map(|held| held.writer.eviction.score());
            let Lowest { at, next, .. } = Lowest::of(scores.enumerate());
            let Some(at) = at else {
                return false;
            };
            let held = &mut all[at];
            let contender = held.contender();
            // `None`: it has been used meanwhile, and another one comes first.
            let evicted = (contender.eviction).evict_below(&contender.residents, next, moment);
            if let Some(slot) = evicted {
                let (taken, weight_bytes) = held.vacate(slot, cause);
                self.budget.release(1, weight_bytes);
                removed.push(held.part.number, taken, cause);
                return true;
            }
        }
    }
}
