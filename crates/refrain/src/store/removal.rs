//! Removal of entries: those that callers invalidate, and those that have expired.

use std::borrow::Borrow;
use std::time::Duration;

use super::held::Held;
use super::{Removed, Store, placing};
use crate::clock::whole_millis;
use crate::entry::RemovalCause;
use crate::policy::Moment;

/// Entries that leave under one hold of the lock, so that others get through.
const BATCH: u32 = 256;

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    pub(crate) fn remove<Q: ?Sized + Eq>(
        &self,
        key: &Q,
        hash: u64,
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> bool
    where
        K: Borrow<Q>,
    {
        let mut held = self.hold();
        let Some(slot) = held.slot_of(key, placing(hash)) else {
            return false;
        };
        let cause = self.expired_or(RemovalCause::Invalidated, slot, now);
        held.take_out(slot, cause, self.moment(now), removed);
        cause == RemovalCause::Invalidated
    }

    /// Takes every entry out that was there when this began; how many of them were fresh.
    pub(crate) fn clear(&self, now: Duration, removed: &mut Removed<'_, K, V>) -> u64 {
        self.expire(now, removed);
        let used = self.hold().writer.tenancy.used();
        let mut cleared = 0;
        for first in (0..used).step_by(BATCH as usize) {
            let mut held = self.hold();
            for slot in first..used.min(first + BATCH) {
                if self.slots.look(slot, &held.writer.tenancy).is_some() {
                    held.take_out(slot, RemovalCause::Invalidated, self.moment(now), removed);
                    cleared += 1;
                }
            }
        }
        cleared
    }

    /// Lets everything go that has expired.
    pub(crate) fn expire(&self, now: Duration, removed: &mut Removed<'_, K, V>) {
        while !self.hold().expire_some(now, removed) {}
    }

    /// A moment before which no entry expires that is here now; `None` if none ever does.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        let due = self.hold().writer.expiry.lower_bound();
        due.map(Duration::from_millis)
    }
}

impl<K: Eq + Clone, V: Clone> Held<'_, K, V> {
    /// Lets some go that have expired; true when those were all.
    fn expire_some(&mut self, now: Duration, removed: &mut Removed<'_, K, V>) -> bool {
        for _ in 0..BATCH {
            let Some(slot) = self.next_expired(now) else {
                return true;
            };
            let moment = self.store.moment(now);
            self.take_out(slot, RemovalCause::Expired, moment, removed);
        }
        false
    }

    /// The same, where as a rule nothing has.
    #[inline]
    pub(super) fn expire_due(&mut self, now: Duration, removed: &mut Removed<'_, K, V>) -> bool {
        let due = self.writer.expiry.lower_bound();
        due.is_none_or(|due| due > whole_millis(now)) || self.expire_some(now, removed)
    }

    /// Takes an entry out that is in order, and releases its room.
    pub(super) fn take_out(
        &mut self,
        slot: u32,
        cause: RemovalCause,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) {
        let (taken, weight_bytes) = self.remove(slot, cause, moment);
        self.store.budget.release(1, weight_bytes);
        removed.push(taken, cause);
    }
}
