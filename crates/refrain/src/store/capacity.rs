//! Limits that change while the cache is in use.

use std::time::Duration;

use super::held::{Held, Seen};
use super::{Removed, Store};
use crate::entry::Capacity;
use crate::policy::Moment;

/// Evictions under one hold of the lock, so that others get through.
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
            let mut held = self.hold();
            if held.shrink(capacity, self.moment(now), removed) {
                self.budget.set_capacity(capacity);
                (held.writer.eviction).set_capacity(capacity.bytes, capacity.entries);
                return;
            }
            // No other writer may fill what was just freed.
            let now = self.budget.capacity();
            self.budget.set_capacity(Capacity {
                bytes: now.bytes.min(self.budget.bytes().max(capacity.bytes)),
                entries: now.entries.min(self.budget.entries().max(capacity.entries)),
            });
        }
    }
}

impl<K: Eq + Clone, V: Clone> Held<'_, K, V> {
    /// Evicts some entries on the way to `capacity`; true when it is reached.
    fn shrink(
        &mut self,
        capacity: Capacity,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) -> bool {
        let budget = &self.store.budget;
        for _ in 0..BATCH {
            let Some(cause) = budget.cause(capacity, (0, 0)) else {
                return true;
            };
            let Some(slot) = (self.writer.eviction).evict(&Seen(&self.store.slots), moment) else {
                return false;
            };
            let (taken, weight_bytes) = self.vacate(slot, cause);
            budget.release(1, weight_bytes);
            removed.push(taken, cause);
        }
        budget.cause(capacity, (0, 0)).is_none()
    }
}
