//! Entries place by place, part by part, and what is done with those that were listed.

use std::time::Duration;

use super::part::Part;
use super::slot::{Slot, Tags};
use super::slots::Read;
use super::thread_number::thread_number;
use super::{Removed, Store};
use crate::clock::Clock;
use crate::entry::{EntryInfo, RemovalCause};

/// One listed entry: where it is, which write it is, and what was asked of it.
pub(crate) struct Listed<R> {
    pub(crate) place: Place,
    hash: u32,
    written: Duration,
    pub(crate) seen: R,
}

/// Where a listing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    part: u32,
    slot: u32,
}

impl<K: Eq + Clone, V: Clone> Store<K, V> {
    /// Up to `limit` fresh entries from place `from` on, as `visit` sees them, and where to go on.
    pub(crate) fn page<R>(
        &self,
        from: Place,
        limit: usize,
        clock: &Clock,
        mut visit: impl FnMut(&K, EntryInfo) -> R,
    ) -> (Vec<Listed<R>>, Option<Place>) {
        let now = clock.elapsed();
        let reader = thread_number();
        let mut page = Vec::new();
        let mut first = from.slot;
        for part in self.parts.iter().skip(from.part as usize) {
            let end = part.hold(&self.board).writer.tenancy.used();
            for number in std::mem::take(&mut first)..end {
                let pin = self.pins.pin(reader);
                let Read::Entry(slot, content) = part.slots.read(number, &pin) else {
                    continue;
                };
                if slot.expires().is_some_and(|due| due <= now) {
                    continue;
                }
                let place = Place {
                    part: u32::try_from(part.number).expect("there are at most 64"),
                    slot: number,
                };
                if page.len() == limit {
                    return (page, Some(place));
                }
                page.push(Listed {
                    place,
                    hash: slot.hash(),
                    written: slot.facts(0).written,
                    seen: visit(&content.key, part.info(number, slot, now, clock)),
                });
            }
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
        for run in listed.chunk_by(|one, next| one.place.part == next.place.part) {
            let mut held = self.hold(run[0].place.part as usize);
            let slots = &held.part.slots;
            for entry in run {
                let number = entry.place.slot;
                let same = slots
                    .look(number, &held.writer.tenancy)
                    .is_some_and(|(slot, _)| {
                        // Two writes of one millisecond may have had the place.
                        slot.hash() == entry.hash
                            && slot.facts(0).written == entry.written
                            && slots.tags(number, slot) == entry.seen
                    });
                if same {
                    let moment = self.moment(now);
                    self.take_out(
                        &mut held,
                        number,
                        RemovalCause::Invalidated,
                        moment,
                        removed,
                    );
                    count += 1;
                }
            }
        }
        count
    }
}

impl<K, V> Part<K, V> {
    pub(super) fn info(&self, number: u32, slot: &Slot, now: Duration, clock: &Clock) -> EntryInfo {
        slot.facts(self.slots.weight_bytes(number, slot)).info(
            self.slots.tags(number, slot),
            now,
            clock,
        )
    }
}

impl From<u64> for Place {
    #[expect(clippy::cast_possible_truncation, reason = "one half, and the other")]
    fn from(number: u64) -> Self {
        Self {
            part: (number >> 32) as u32,
            slot: number as u32,
        }
    }
}

impl From<Place> for u64 {
    fn from(place: Place) -> Self {
        Self::from(place.part) << 32 | Self::from(place.slot)
    }
}
