//! Listing of entries, place by place, and removal of those that were listed.

use std::time::Duration;

use super::slot::{Slot, Tags};
use super::slots::Read;
use super::thread_number::thread_number;
use super::{Removed, Store};
use crate::clock::Clock;
use crate::entry::{EntryInfo, RemovalCause};

/// One listed entry: its place, which write it is, and what `visit` made of it.
pub(crate) struct Listed<R> {
    place: u32,
    hash: u32,
    written: Duration,
    pub(crate) seen: R,
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    /// Up to `limit` fresh entries from place `from` on, as `visit` sees them, and where to go on.
    pub(crate) fn page<R>(
        &self,
        from: u32,
        limit: usize,
        clock: &Clock,
        mut visit: impl FnMut(&K, EntryInfo) -> R,
    ) -> (Vec<Listed<R>>, Option<u32>) {
        let now = clock.elapsed();
        let reader = thread_number();
        let mut page = Vec::new();
        let end = self.hold().writer.tenancy.used();
        for place in from..end {
            let pin = self.slots.pin(reader);
            let Read::Entry(slot, content) = self.slots.read(place, &pin) else {
                continue;
            };
            if slot.expires().is_some_and(|due| due <= now) {
                continue;
            }
            if page.len() == limit {
                return (page, Some(place));
            }
            page.push(Listed {
                place,
                hash: slot.hash(),
                written: slot.facts(0).written,
                seen: visit(&content.key, self.info(place, slot, now, clock)),
            });
        }
        (page, None)
    }

    /// Removes the listed entries, where they are still the same write, as far as their tags tell.
    pub(crate) fn remove_listed(
        &self,
        listed: &[Listed<Tags>],
        now: Duration,
        removed: &mut Removed<'_, K, V>,
    ) -> u64 {
        let mut count = 0;
        let mut held = self.hold();
        for entry in listed {
            let found = self.slots.look(entry.place, &held.writer.tenancy);
            let same = found.is_some_and(|(slot, _)| {
                // Two writes of one millisecond may have had the place.
                slot.hash() == entry.hash
                    && slot.facts(0).written == entry.written
                    && self.slots.tags(entry.place, slot) == entry.seen
            });
            if same {
                let cause = RemovalCause::Invalidated;
                held.take_out(entry.place, cause, self.moment(now), removed);
                count += 1;
            }
        }
        count
    }
}

impl<K, V> Store<K, V> {
    pub(super) fn info(&self, number: u32, slot: &Slot, now: Duration, clock: &Clock) -> EntryInfo {
        slot.facts(self.slots.weight_bytes(number, slot)).info(
            self.slots.tags(number, slot),
            now,
            clock,
        )
    }
}
