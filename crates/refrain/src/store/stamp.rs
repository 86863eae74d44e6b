//! Stamps that order events across threads without a shared counter, by lock reservation and the time-stamp counter.
//!
//! As long as one thread alone takes stamps it counts by itself: it has the turn. Another thread that comes takes the
//! turn and counts on from the last stamp of all (Kawachiya, Koseki and Onodera, "Lock Reservation", OOPSLA 2002). After
//! a few short turns no thread has the turn any more, and all ask the processor's clock, which takes longer but moves no
//! cache line between cores.

use std::sync::PoisonError;

use super::thread_number::{NUMBERS, Reader};
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use crate::sync::{Mutex, SCHEDULES};

#[derive(Debug)]
pub(super) struct Stamps {
    /// The number of the thread whose turn it is, `NOBODY` or `ALL`.
    turn: AtomicUsize,
    turns: Mutex<Turns>,
    source: Source,
    /// How far stamps of all are ahead of what the source says.
    ahead: AtomicU64,
}

#[derive(Debug, Default)]
struct Turns {
    /// How many were short.
    short: u32,
    /// The thread that has the turn, if one has, and the stamp at which it began.
    now: Option<(usize, u64)>,
}

/// Where stamps come from when no thread has the turn for itself.
#[derive(Debug)]
enum Source {
    /// The processor's time-stamp counter: 10 to 30 ns, and no cache line moves between cores.
    #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
    Processor,
    /// One counter for all: always right, and slower with every core that uses it.
    Counter(AtomicU64),
}

/// No thread has these numbers.
const NOBODY: usize = NUMBERS;
const ALL: usize = NUMBERS + 1;

/// Short turns before turns are given up.
const SHORT_TURNS: u32 = if SCHEDULES { 2 } else { 16 };

/// To change the turn is to look at what each thread has counted, some microseconds: what so many stamps save.
const LONG: u64 = 1024;

/// Stamps left out when the turn changes: more than a thread takes before it notices that its turn is over.
const LEFT_OUT: u64 = 1 << 16;

/// The counter runs at 2 to 5 GHz: two hits by one thread are at least 2^5 cycles apart, and two events of which one
/// thread told the other are further.
#[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
const CYCLES_BITS: u32 = 5;

impl Stamps {
    /// By the processor's clock if it is one that all cores share and that never stops.
    pub(super) fn fastest() -> Self {
        #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
        if processor::is_invariant() {
            return Self::by(Source::Processor);
        }
        Self::counted()
    }

    /// The same stamps on every run.
    pub(super) fn counted() -> Self {
        Self::by(Source::Counter(AtomicU64::new(0)))
    }

    fn by(source: Source) -> Self {
        Self {
            turn: AtomicUsize::new(NOBODY),
            turns: Mutex::default(),
            source,
            ahead: AtomicU64::new(0),
        }
    }

    /// A number above each that this thread was given, and not below any that was given before this call began.
    /// `reader` is this thread; `last` has what the thread of a number was given last.
    #[inline]
    pub(super) fn next<'a>(&self, reader: Reader, last: impl Fn(usize) -> &'a AtomicU64) -> u64 {
        let own = last(reader.number);
        // Acquire pairs with the release in `change_turn`.
        let turn = self.turn.load(Ordering::Acquire);
        let may_count = turn == reader.number || (turn != ALL && self.change_turn(reader, &last));
        // Relaxed: threads without a number of their own are ordered by the source, others write to what is theirs.
        let mut stamp = own.load(Ordering::Relaxed) + 1;
        if !may_count {
            let ahead = self.ahead.load(Ordering::Relaxed);
            stamp = stamp.max(self.source.now() + ahead);
        }
        own.store(stamp, Ordering::Relaxed);
        stamp
    }

    /// Gives the turn to `reader`, or to all; whether it is the reader's then.
    ///
    /// All that happened before this call is seen here, stamps included, so it goes on above them. The thread that had the
    /// turn and does not know yet may count on for a moment, through the numbers that are left out.
    #[cold]
    fn change_turn<'a>(&self, reader: Reader, last: &impl Fn(usize) -> &'a AtomicU64) -> bool {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if self.turn.load(Ordering::Relaxed) == ALL {
            return false;
        }
        if let Some((before, from)) = turns.now {
            let taken = last(before).load(Ordering::Relaxed).saturating_sub(from);
            turns.short += u32::from(taken < LONG);
        }
        let one = reader.own && turns.short < SHORT_TURNS;
        if one {
            self.turn.store(reader.number, Ordering::Relaxed);
            // The turn is taken before this thread looks how far the others have counted.
            fence(Ordering::SeqCst);
        }
        let latest = (0..NUMBERS).map(|number| last(number).load(Ordering::Relaxed));
        let from = latest.max().unwrap_or(0) + LEFT_OUT;
        if one {
            last(reader.number).store(from, Ordering::Relaxed);
            turns.now = Some((reader.number, from));
        } else {
            let ahead = from.saturating_sub(self.source.now());
            self.ahead.store(ahead, Ordering::Relaxed);
            // Release pairs with the acquire in `next`: a thread that finds it knows how far ahead.
            self.turn.store(ALL, Ordering::Release);
        }
        one
    }
}

impl Source {
    #[inline]
    fn now(&self) -> u64 {
        match self {
            #[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
            Self::Processor => processor::cycles() >> CYCLES_BITS,
            // Relaxed: the order of the numbers is the counter's own.
            Self::Counter(last) => last.fetch_add(1, Ordering::Relaxed) + 1,
        }
    }
}

#[cfg(all(target_arch = "x86_64", not(any(miri, loom))))]
#[expect(
    unsafe_code,
    reason = "a hit may not cost 30 ns for the system's clock: docs/decisions.md, \"Stamps\""
)]
mod processor {
    use std::arch::x86_64::{_mm_lfence, _rdtsc};

    /// The counter, read after all earlier loads of this thread. Without the fence it could be read earlier, also before a
    /// message from another thread has come (Intel 64 and IA-32 Architectures Software Developer's Manual, RDTSC).
    #[inline]
    pub(super) fn cycles() -> u64 {
        // SAFETY: every processor of this architecture has both instructions. They write to no memory.
        unsafe {
            _mm_lfence();
            _rdtsc()
        }
    }

    /// Whether the counter runs at one speed and in step on all cores ("invariant TSC", AMD64 Architecture
    /// Programmer's Manual volume 3, CPUID function `8000_0007`, EDX bit 8).
    pub(super) fn is_invariant() -> bool {
        use std::arch::x86_64::__cpuid;

        __cpuid(0x8000_0000).eax >= 0x8000_0007 && __cpuid(0x8000_0007).edx & (1 << 8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::thread_number::SHARED;
    use super::*;

    fn lasts() -> Vec<AtomicU64> {
        (0..NUMBERS).map(|_| AtomicU64::new(0)).collect()
    }

    fn thread(number: usize) -> Reader {
        let own = number != SHARED;
        Reader { number, own }
    }

    #[test]
    fn a_thread_alone_counts_by_itself_also_after_many_long_turns() {
        let (stamps, lasts) = (Stamps::fastest(), lasts());
        for turn in 0..100 {
            let next = || stamps.next(thread(turn % 3), |number| &lasts[number]);
            let first = next();
            for after in 1..=LONG {
                assert_eq!(next(), first + after);
            }
        }
    }

    #[test]
    fn turns_are_given_up_when_they_are_short() {
        let (stamps, lasts) = (Stamps::counted(), lasts());
        for turn in 0..=2 * SHORT_TURNS as usize {
            stamps.next(thread(turn % 2), |number| &lasts[number]);
        }
        assert_eq!(stamps.turn.load(Ordering::Relaxed), ALL);
    }

    #[test]
    fn threads_that_take_turns_are_given_growing_numbers() {
        for stamps in [Stamps::fastest(), Stamps::counted()] {
            let lasts = lasts();
            let mut before = 0;
            // Many long turns, short ones, and at last a thread that has no number of its own.
            for (turn, number) in [3, 0, 3, 1, 0]
                .into_iter()
                .chain((0..99).map(|n| n % 7))
                .chain([SHARED, 4, SHARED, SHARED])
                .enumerate()
            {
                for _ in 0..(200 / (turn + 1)).max(1) {
                    let stamp = stamps.next(thread(number), |number| &lasts[number]);
                    assert!(stamp >= before, "turn {turn}: {stamp} after {before}");
                    before = stamp;
                }
            }
        }
    }

    /// How often a thread that was handed a stamp is given a smaller one; two threads take turns of so many stamps each.
    fn smaller_ones(stamps: &Stamps, length: usize) -> u64 {
        let (lasts, wrong) = (lasts(), AtomicU64::new(0));
        let (turn, handed_on) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for number in 0..2_usize {
                let (lasts, wrong, turn, handed_on) = (&lasts, &wrong, &turn, &handed_on);
                scope.spawn(move || {
                    for round in 0..300_000 / (length as u64 + 1) {
                        while turn.load(Ordering::Acquire) != 2 * round + number as u64 {
                            std::hint::spin_loop();
                        }
                        for _ in 0..length {
                            let before = handed_on.load(Ordering::Relaxed);
                            let stamp = stamps.next(thread(number), |number| &lasts[number]);
                            // No locked instruction unless it is needed: the processor would keep to the order then.
                            if stamp < before {
                                wrong.fetch_add(1, Ordering::Relaxed);
                            }
                            handed_on.store(stamp, Ordering::Relaxed);
                        }
                        turn.fetch_add(1, Ordering::Release);
                    }
                });
            }
        });
        wrong.load(Ordering::Relaxed)
    }

    #[test]
    fn a_stamp_taken_after_another_is_not_smaller_on_any_thread() {
        for length in [1, 2, 100] {
            assert_eq!(
                smaller_ones(&Stamps::fastest(), length),
                0,
                "{length} in turn"
            );
            assert_eq!(
                smaller_ones(&Stamps::counted(), length),
                0,
                "{length} in turn"
            );
        }
    }
}
