//! Entries on their way out: by the callers' wish, because their time is over, and out of the places where readers may still be.

use std::borrow::Borrow;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::part::Held;
use super::slots::{Contents, Departed};
use super::{Removed, Store, placing};
use crate::clock::whole_millis;
use crate::entry::RemovalCause;
use crate::policy::Moment;

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
        let mut held = self.hold(self.part_number(hash));
        let Some(slot) = held.slot_of(key, placing(hash)) else {
            return false;
        };
        let cause = (held.part).expired_or(RemovalCause::Invalidated, slot, now);
        self.take_out(&mut held, slot, cause, self.moment(now), removed);
        cause == RemovalCause::Invalidated
    }

    /// Takes every entry out that was there when this began; how many of them were fresh.
    pub(crate) fn clear(&self, now: Duration, removed: &mut Removed<'_, K, V>) -> u64 {
        self.expire(now, removed);
        let mut cleared = 0;
        for part in &self.parts {
            let mut held = part.hold(&self.board);
            for slot in 0..held.writer.tenancy.used() {
                if part.slots.look(slot, &held.writer.tenancy).is_some() {
                    let moment = self.moment(now);
                    self.take_out(&mut held, slot, RemovalCause::Invalidated, moment, removed);
                    cleared += 1;
                }
            }
        }
        cleared
    }

    /// Lets everything go that has expired.
    pub(crate) fn expire(&self, now: Duration, removed: &mut Removed<'_, K, V>) {
        self.board.forget_earliest();
        for part in &self.parts {
            let mut held = part.hold(&self.board);
            while let Some(slot) = held.next_expired(now) {
                let moment = self.moment(now);
                self.take_out(&mut held, slot, RemovalCause::Expired, moment, removed);
            }
            if let Some(due) = held.writer.expiry.lower_bound() {
                self.board.expires(due);
            }
        }
    }

    /// The same, if there may be anything.
    #[inline]
    pub(super) fn expire_due(&self, now: Duration, removed: &mut Removed<'_, K, V>) {
        let earliest = self.board.earliest();
        if earliest < u64::MAX && earliest <= whole_millis(now) {
            self.expire(now, removed);
        }
    }

    /// A moment before which no entry expires that is here now; `None` if none ever does.
    ///
    /// Every part is asked: while others let go what has expired, the board does not know.
    pub(crate) fn next_expiry(&self) -> Option<Duration> {
        let parts = self.parts.iter();
        let dues = parts.filter_map(|part| part.hold(&self.board).writer.expiry.lower_bound());
        dues.min().map(Duration::from_millis)
    }

    /// Takes an entry out that is in order, and releases its room.
    pub(super) fn take_out(
        &self,
        held: &mut Held<'_, K, V>,
        slot: u32,
        cause: RemovalCause,
        moment: Moment,
        removed: &mut Removed<'_, K, V>,
    ) {
        let (taken, weight_bytes) = held.remove(slot, cause, moment);
        self.budget.release(1, weight_bytes);
        removed.push(held.part.number, taken, cause);
    }
}

impl<K, V> Store<K, V> {
    /// Moves entries of one part to `contents` that nobody looks at any more, and those that earlier calls had to leave where
    /// they were.
    pub(super) fn move_out(
        &self,
        part: usize,
        departed: impl Iterator<Item = Departed>,
        contents: &mut Contents<K, V>,
    ) {
        contents.extend(self.parts[part].slots.move_out(departed));
        // Relaxed: what is seen late is moved out later.
        if self.held_up.load(Ordering::Relaxed) != 0 || self.parts[part].slots.has_limbo() {
            self.move_out_of_limbo(contents);
        }
    }

    #[cold]
    fn move_out_of_limbo(&self, contents: &mut Contents<K, V>) {
        let mut held_up = 0;
        for part in &self.parts {
            if part.slots.has_limbo() {
                contents.extend(part.slots.move_out(std::iter::empty()));
                held_up |= u64::from(part.slots.has_limbo()) << part.number;
            }
        }
        self.held_up.store(held_up, Ordering::Relaxed);
    }
}
