//! Numbered places for entries, read without a lock under read-copy-update ([`Pins`]); they never move.
//!
//! A place is vacant, live, departed, and vacant again. The content of a live place does not change. A departed one is
//! out of sight for readers that begin now. Earlier readers may still look at it, so a writer moves its content out only
//! after each of them has moved on.

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::PoisonError;

use smallvec::SmallVec;

use super::fetch::fetch;
use super::pins::{Pin, Pins};
use super::segments::{MAX_ELEMENTS, Segments};
use super::slot::{Extra, Facts, Slot, State, Tags};
use super::thread_number::Reader;
use crate::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use crate::sync::{Mutex, MutexGuard, SCHEDULES, spin_loop, thread};

pub(super) struct Slots<K, V> {
    places: Segments<Place<K, V>, BLOCK_BYTES>,
    pins: Pins,
    /// Large weights and tags, which few entries have. An entry's is there from before it is live until it is moved out.
    extras: Mutex<HashMap<u32, Extra>>,
    /// The first of a chain of places that have become vacant.
    returned: AtomicU32,
    /// Entries that departed during a long read.
    limbo: Mutex<Vec<Departed>>,
    /// Whether there is any.
    in_limbo: AtomicBool,
}

struct Place<K, V> {
    slot: Slot,
    /// There unless the slot is vacant.
    content: UnsafeCell<MaybeUninit<Content<K, V>>>,
}

/// A place and its number, which belong together: looked for once, and used several times.
pub(super) struct Located<'a, K, V> {
    number: u32,
    place: &'a Place<K, V>,
}

pub(super) struct Content<K, V> {
    pub(super) key: K,
    pub(super) value: V,
}

/// What was in places that are vacant now; most calls empty one.
pub(super) type Contents<K, V> = SmallVec<[Content<K, V>; 1]>;

/// What a reader finds in a place.
pub(super) enum Read<'a, K, V> {
    Entry(&'a Slot, &'a Content<K, V>),
    /// The entry was taken out; there may be a newer one for its key elsewhere.
    Departed,
    Nothing,
}

/// The right to fill places and to take entries out; the one writer has it.
pub(super) struct Tenancy {
    used: u32,
    /// The first of a chain of vacant places.
    vacant: u32,
}

/// An entry that was taken out.
pub(super) enum Taken<K, V> {
    /// No thread was reading.
    Content(Content<K, V>),
    /// A reader may be looking at it.
    Departed(Departed),
}

/// The right to an entry that was taken out; its holder announces it and moves it out.
pub(super) struct Departed(u32);

/// No place.
const NONE: u32 = u32::MAX;

/// How often a writer looks whether readers have moved on before it lets others run, and then until it leaves the
/// rest to a later one. A read takes some tens of nanoseconds, unless its thread is interrupted in the middle.
const LOOKS: u32 = if SCHEDULES { 1 } else { 200 };
const YIELDS: u32 = if SCHEDULES { 1 } else { 2_000 };

/// Places are made so many bytes at a time: few blocks, so that their addresses stay in the processor's nearest cache.
const BLOCK_BYTES: usize = 1 << 16;

// SAFETY: a place hands out `&Content` to several threads at once, so both must be `Sync`, and moves it from the
// thread that filled it to the one that takes it out, so both must be `Send`. All else in it is atomic.
unsafe impl<K: Send + Sync, V: Send + Sync> Sync for Place<K, V> {}

impl<'a, K, V> Located<'a, K, V> {
    #[inline]
    pub(super) fn slot(&self) -> &'a Slot {
        &self.place.slot
    }
}

impl<K, V> Place<K, V> {
    fn vacant() -> Self {
        Self {
            slot: Slot::vacant(),
            content: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }
}

impl<K, V> Drop for Place<K, V> {
    fn drop(&mut self) {
        if self.slot.state() != State::Vacant {
            // SAFETY: a place that is not vacant has content, and no other reference to the place is left.
            unsafe { self.content.get_mut().assume_init_drop() }
        }
    }
}

impl Tenancy {
    /// Places that were ever filled are numbered below this.
    pub(super) fn used(&self) -> u32 {
        self.used
    }
}

impl<K, V> Slots<K, V> {
    pub(super) fn new() -> (Self, Tenancy) {
        let slots = Self {
            places: Segments::new(),
            pins: Pins::new(),
            extras: Mutex::default(),
            returned: AtomicU32::new(NONE),
            limbo: Mutex::default(),
            in_limbo: AtomicBool::new(false),
        };
        let tenancy = Tenancy {
            used: 0,
            vacant: NONE,
        };
        (slots, tenancy)
    }

    /// Keeps all that is in sight from being dropped. `reader` is this thread.
    #[inline]
    pub(super) fn pin(&self, reader: Reader) -> Pin<'_> {
        self.pins.pin(reader)
    }

    /// What a reader finds in place `number`.
    #[inline]
    pub(super) fn read<'a>(&'a self, number: u32, pin: &'a Pin<'_>) -> Read<'a, K, V> {
        debug_assert!(pin.is_of(&self.pins), "a pin keeps its own places");
        let Some(place) = self.places.get(number) else {
            return Read::Nothing;
        };
        match place.slot.state() {
            // SAFETY: it was live after the pin, so it has content, which is moved out only once this pin is gone.
            State::Live => Read::Entry(&place.slot, unsafe {
                (*place.content.get()).assume_init_ref()
            }),
            State::Departed => Read::Departed,
            State::Vacant => Read::Nothing,
        }
    }

    /// The live entry in place `number`; borrowing the tenancy keeps it there.
    pub(super) fn look<'a>(
        &'a self,
        number: u32,
        _: &'a Tenancy,
    ) -> Option<(&'a Slot, &'a Content<K, V>)> {
        let place = self.places.get(number)?;
        if place.slot.state() != State::Live {
            return None;
        }
        // SAFETY: it is live, so it has content, and departs only by `depart`, which borrows the tenancy mutably.
        let content = unsafe { (*place.content.get()).assume_init_ref() };
        Some((&place.slot, content))
    }

    /// Where an entry is that is there.
    #[inline]
    pub(super) fn locate(&self, number: u32) -> Located<'_, K, V> {
        let place = self.places.get(number).expect("an entry is in a place");
        Located { number, place }
    }

    /// The facts of place `number`, whatever is in it.
    #[inline]
    pub(super) fn slot(&self, number: u32) -> Option<&Slot> {
        self.places.get(number).map(|place| &place.slot)
    }

    /// Has the processor fetch place `number`, which will be looked at soon.
    #[inline]
    pub(super) fn fetch(&self, number: u32) {
        if let Some(place) = self.places.get(number) {
            fetch(place);
        }
    }

    /// A vacant place; `None` when all that can be numbered are used.
    pub(super) fn vacant(&self, tenancy: &mut Tenancy, most: u32) -> Option<u32> {
        if tenancy.vacant == NONE {
            // Acquire pairs with the release in `give_back`.
            tenancy.vacant = self.returned.swap(NONE, Ordering::Acquire);
        }
        if let Some(slot) = self.slot(tenancy.vacant) {
            return Some(std::mem::replace(&mut tenancy.vacant, slot.next()));
        }
        let number = tenancy.used;
        if number == most.min(MAX_ELEMENTS) {
            return None;
        }
        self.places.make_room(number, Place::vacant);
        tenancy.used += 1;
        Some(number)
    }

    /// Returns a place that [`vacant`](Self::vacant) gave and that was not filled.
    pub(super) fn unused(&self, tenancy: &mut Tenancy, number: u32) {
        if let Some(slot) = self.slot(number) {
            slot.clear(std::mem::replace(&mut tenancy.vacant, number));
        }
    }

    /// Makes an entry live in a place that [`vacant`](Self::vacant) gave.
    pub(super) fn fill(
        &self,
        _: &mut Tenancy,
        number: u32,
        content: Content<K, V>,
        tags: Option<Tags>,
        (hash, word): (u32, u64),
        facts: &Facts,
    ) {
        let place = self.places.get(number).expect("its room was made");
        assert_eq!(place.slot.state(), State::Vacant, "a place has one entry");
        let tags = tags.filter(|tags| !tags.is_empty());
        let extra = tags.is_some() || Slot::is_heavy(facts.weight_bytes);
        if extra {
            let (tags, weight_bytes) = (tags.unwrap_or_default(), facts.weight_bytes);
            self.extras().insert(number, Extra { tags, weight_bytes });
        }
        // SAFETY: no thread reads what is not live, and no other one fills or takes, as the tenancy is lent to this call.
        // The place is vacant, so nothing is overwritten.
        unsafe { (*place.content.get()).write(content) };
        place.slot.enliven(hash, word, extra, facts);
    }

    /// Takes an entry out: its place is vacant at once, if no thread is reading.
    #[inline]
    pub(super) fn take(
        &self,
        tenancy: &mut Tenancy,
        Located { number, place }: Located<'_, K, V>,
    ) -> Taken<K, V> {
        let departed = Self::depart_from(place, number);
        if !self.pins.nobody_reads() {
            return Taken::Departed(departed);
        }
        let content = self.move_content_out(place, departed);
        place
            .slot
            .clear(std::mem::replace(&mut tenancy.vacant, number));
        Taken::Content(content)
    }

    /// Takes the entry in place `number` out of sight.
    #[cfg(all(test, loom))]
    pub(super) fn depart(&self, _: &mut Tenancy, number: u32) -> Departed {
        Self::depart_from(self.locate(number).place, number)
    }

    fn depart_from(place: &Place<K, V>, number: u32) -> Departed {
        assert_eq!(place.slot.state(), State::Live, "an entry leaves once");
        place.slot.depart();
        Departed(number)
    }

    /// The entry that was taken out.
    pub(super) fn departed(&self, departed: &Departed) -> &Content<K, V> {
        let place = self.places.get(departed.0).expect("it was in a place");
        // SAFETY: between `depart`, which made this the only right to the place, and `give_back`, which ends it, the
        // content stays as it is. Only the holder of the right can end it, and the right is lent to this call.
        unsafe { (*place.content.get()).assume_init_ref() }
    }

    /// Moves entries out that no reader looks at any more; the caller drops them when no lock is held.
    ///
    /// Waits for readers for a few milliseconds at most, and leaves the entries that they still look at to a later call.
    pub(super) fn move_out(&self, departed: impl Iterator<Item = Departed>) -> Contents<K, V> {
        let earlier = if self.has_limbo() {
            self.in_limbo.store(false, Ordering::Relaxed);
            std::mem::take(&mut *self.limbo())
        } else {
            Vec::new()
        };
        let departed = earlier.into_iter().chain(departed);
        if self.nobody_looks() {
            return departed.map(|departed| self.give_back(departed)).collect();
        }
        self.limbo().extend(departed);
        self.in_limbo.store(true, Ordering::Relaxed);
        Contents::new()
    }

    /// Whether there is something to move out that an earlier call has left.
    #[inline]
    pub(super) fn has_limbo(&self) -> bool {
        // Relaxed: it is only a hint.
        self.in_limbo.load(Ordering::Relaxed)
    }

    fn limbo(&self) -> MutexGuard<'_, Vec<Departed>> {
        self.limbo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until all threads that read now have moved on; false if that takes too long.
    fn nobody_looks(&self) -> bool {
        let mut readers = self.pins.readers();
        for _ in 0..LOOKS {
            if readers.are_gone() {
                return true;
            }
            spin_loop();
        }
        if readers.include_this_thread() {
            return false;
        }
        for _ in 0..YIELDS {
            thread::yield_now();
            if readers.are_gone() {
                return true;
            }
        }
        false
    }

    /// Ends what `departed` is a right to, the content of `place`: its readers are gone.
    fn move_content_out(&self, place: &Place<K, V>, Departed(number): Departed) -> Content<K, V> {
        if place.slot.has_extra() {
            let extra = self.extras().remove(&number);
            drop(extra);
        }
        // SAFETY: the content is there, as `depart` found it live and only this function takes it out, once for each
        // right. All readers that could see it have moved on: the caller looked for them after it had departed.
        unsafe { (*place.content.get()).assume_init_read() }
    }

    /// The same, and returns the place.
    fn give_back(&self, departed: Departed) -> Content<K, V> {
        let number = departed.0;
        let place = self.places.get(number).expect("it was in a place");
        let content = self.move_content_out(place, departed);
        let mut first = self.returned.load(Ordering::Relaxed);
        loop {
            place.slot.clear(first);
            // Release pairs with the acquire in `vacant`, which takes the whole chain: no thread takes a single link.
            match self.returned.compare_exchange_weak(
                first,
                number,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return content,
                Err(now) => first = now,
            }
        }
    }

    fn extras(&self) -> MutexGuard<'_, HashMap<u32, Extra>> {
        self.extras.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the entry in place `number`, which the caller keeps there, weighs.
    #[inline]
    pub(super) fn weight_bytes(&self, number: u32, slot: &Slot) -> u64 {
        slot.weight_bytes()
            .unwrap_or_else(|| self.extra(number).weight_bytes)
    }

    /// The tags of the entry in place `number`, which the caller keeps there.
    pub(super) fn tags(&self, number: u32, slot: &Slot) -> Tags {
        if slot.has_extra() {
            self.extra(number).tags
        } else {
            Tags::default()
        }
    }

    #[cold]
    fn extra(&self, number: u32) -> Extra {
        self.extras().get(&number).cloned().unwrap_or_default()
    }

    /// Checks that every place is live, free, or on its way from one to the other.
    pub(super) fn validate(&self, tenancy: &Tenancy) {
        let limbo = self.limbo();
        let mut live = 0;
        for number in 0..tenancy.used {
            let slot = self.slot(number).expect("its room was made");
            live += u32::from(slot.state() == State::Live);
            if slot.state() == State::Live && slot.has_extra() {
                assert!(self.extras().contains_key(&number), "an extra is kept");
            }
        }
        let mut chained = 0;
        for first in [tenancy.vacant, self.returned.load(Ordering::Acquire)] {
            let mut number = first;
            while let Some(slot) = self.slot(number) {
                assert_eq!(slot.state(), State::Vacant, "a free place is vacant");
                chained += 1;
                // Running calls may give more back meanwhile.
                assert!(
                    chained <= tenancy.used,
                    "a vacant place is in one chain, once"
                );
                number = slot.next();
            }
        }
        // Running calls hold the rest.
        assert!((live + chained) as usize + limbo.len() <= tenancy.used as usize);
    }
}
