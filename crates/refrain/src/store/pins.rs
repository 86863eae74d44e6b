//! Read-copy-update (RCU): an unlinked entry is dropped only after every reader that could see it has finished.
//!
//! Each thread marks a cache line of its own while it reads, so readers wait for no thread and move no shared line.
//! A writer that has unlinked an entry lists the readers of that moment and waits until each of them has moved on
//! (`McKenney` and Slingwine, "Read-Copy Update: Using Execution History to Solve Concurrency Problems", PDCS 1998).
//! Threads without a line of their own are counted in two turns, as in sleepable RCU (`McKenney`, "Sleepable RCU",
//! LWN 2006).

use std::marker::PhantomData;

use smallvec::SmallVec;

use super::thread_number::{NUMBERS, Reader, numbers_used, thread_number};
use crate::sync::atomic::{AtomicU64, Ordering, fence};

/// The threads that read now.
pub(super) struct Pins {
    /// Odd while the thread of that number reads.
    own: [Line; NUMBERS],
    crowd: Crowd,
}

/// 128 bytes: adjacent-line prefetch moves cache lines in pairs.
#[derive(Default)]
#[repr(align(128))]
struct Line(AtomicU64);

/// Readers without a line of their own.
#[derive(Default)]
struct Crowd {
    /// Its last bit says on which side readers that enter now are counted.
    turn: Line,
    inside: [Line; 2],
}

/// A reader's mark: every entry in sight stays whole as long as this lives.
pub(super) struct Pin<'a> {
    pins: &'a Pins,
    kind: Kind<'a>,
    /// The mark is on the line of the thread that set it.
    not_send: PhantomData<*const ()>,
}

enum Kind<'a> {
    /// On the thread's own line, which is to be this afterwards: what it was if the thread was reading already.
    Own {
        line: &'a AtomicU64,
        after: u64,
    },
    Crowd {
        side: usize,
    },
}

/// Readers to wait for.
pub(super) struct Readers<'a> {
    pins: &'a Pins,
    own: SmallVec<[(usize, u64); 8]>,
    crowd: CrowdWait,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CrowdWait {
    /// Readers of an earlier turn are still inside, so the turn cannot change yet.
    ForTurn,
    /// The turn has changed: the readers that entered before it are on this side.
    ForSide(usize),
    Over,
}

impl Pins {
    pub(super) fn new() -> Self {
        Self {
            own: std::array::from_fn(|_| Line::default()),
            crowd: Crowd::default(),
        }
    }

    /// Keeps all that is in sight from being dropped. `reader` is this thread.
    #[inline]
    pub(super) fn pin(&self, reader: Reader) -> Pin<'_> {
        let Reader { number, own } = reader;
        let kind = if own {
            let line = self.line(number);
            // Relaxed: only this thread writes to its line.
            let before = line.load(Ordering::Relaxed);
            if before & 1 == 1 {
                let after = before;
                Kind::Own { line, after }
            } else {
                Self::mark(line, before + 1);
                let after = before + 2;
                Kind::Own { line, after }
            }
        } else {
            Kind::Crowd {
                side: self.crowd.enter(),
            }
        };
        Pin {
            pins: self,
            kind,
            not_send: PhantomData,
        }
    }

    #[inline]
    fn line(&self, number: usize) -> &AtomicU64 {
        // There are as many lines as numbers.
        &self.own[number % NUMBERS].0
    }

    /// The mark is seen by others before this thread looks at anything. Pairs with the fence in `readers`.
    #[inline]
    fn mark(line: &AtomicU64, odd: u64) {
        if cfg!(all(target_arch = "x86_64", not(any(miri, loom)))) {
            // A locked exchange is a full fence there, at half the price of the instruction for one.
            line.swap(odd, Ordering::SeqCst);
            std::sync::atomic::compiler_fence(Ordering::SeqCst);
        } else {
            // Release: a writer that sees this mark instead of the end of an earlier pin sees that pin over all the same.
            line.store(odd, Ordering::Release);
            fence(Ordering::SeqCst);
        }
    }

    /// Whether no reader may be looking at an entry that the caller has just unlinked, with a full fence behind.
    #[inline]
    pub(super) fn nobody_reads(&self) -> bool {
        // Acquire: as in `are_gone`.
        let own = &self.own[..numbers_used()];
        own.iter()
            .all(|line| line.0.load(Ordering::Acquire) & 1 == 0)
            && self.crowd.is_empty(0)
            && self.crowd.is_empty(1)
    }

    /// The readers that may be looking at an entry that the caller has just unlinked.
    pub(super) fn readers(&self) -> Readers<'_> {
        // A reader that is not listed below marks its line after this fence, and then sees what was done before it.
        fence(Ordering::SeqCst);
        let mut own = SmallVec::new();
        for (number, line) in self.own[..numbers_used()].iter().enumerate() {
            // Acquire: as in `are_gone`.
            let mark = line.0.load(Ordering::Acquire);
            if mark & 1 == 1 {
                own.push((number, mark));
            }
        }
        Readers {
            pins: self,
            own,
            crowd: self.crowd.wait(),
        }
    }
}

impl Readers<'_> {
    /// Whether all of them have moved on. All that they did while they read is then seen here.
    pub(super) fn are_gone(&mut self) -> bool {
        let pins = self.pins;
        self.own.retain(|(number, mark)| {
            // Acquire pairs with the release at the end of a pin.
            pins.line(*number).load(Ordering::Acquire) == *mark
        });
        self.crowd = pins.crowd.go_on(self.crowd);
        self.own.is_empty() && self.crowd == CrowdWait::Over
    }

    /// Whether this thread is one of them, so that waiting is in vain.
    pub(super) fn include_this_thread(&self) -> bool {
        let this = thread_number();
        this.own && self.own.iter().any(|(number, _)| *number == this.number)
    }
}

impl Pin<'_> {
    pub(super) fn is_of(&self, pins: &Pins) -> bool {
        std::ptr::eq(self.pins, pins)
    }
}

impl Drop for Pin<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release pairs with the acquires in `readers` and `are_gone`.
        match self.kind {
            Kind::Own { line, after } => line.store(after, Ordering::Release),
            Kind::Crowd { side } => self.pins.crowd.leave(side),
        }
    }
}

/// `SeqCst` throughout, but for leaving: a reader that is counted too late to be waited for sees that the turn has changed.
impl Crowd {
    fn enter(&self) -> usize {
        loop {
            let turn = self.turn.0.load(Ordering::SeqCst);
            let side = usize::from(turn & 1 == 1);
            self.inside[side].0.fetch_add(1, Ordering::SeqCst);
            if self.turn.0.load(Ordering::SeqCst) == turn {
                fence(Ordering::SeqCst);
                return side;
            }
            self.leave(side);
        }
    }

    fn leave(&self, side: usize) {
        self.inside[side].0.fetch_sub(1, Ordering::Release);
    }

    fn is_empty(&self, side: usize) -> bool {
        self.inside[side].0.load(Ordering::SeqCst) == 0
    }

    fn wait(&self) -> CrowdWait {
        if self.is_empty(0) && self.is_empty(1) {
            CrowdWait::Over
        } else {
            self.go_on(CrowdWait::ForTurn)
        }
    }

    fn go_on(&self, wait: CrowdWait) -> CrowdWait {
        match wait {
            CrowdWait::ForTurn => {
                let turn = self.turn.0.load(Ordering::SeqCst);
                let side = usize::from(turn & 1 == 1);
                // The other side has to be empty: from now on it is where readers go.
                let turned = self.is_empty(1 - side)
                    && (self.turn.0)
                        .compare_exchange(turn, turn + 1, Ordering::SeqCst, Ordering::SeqCst)
                        .is_ok();
                if turned {
                    self.go_on(CrowdWait::ForSide(side))
                } else {
                    CrowdWait::ForTurn
                }
            }
            CrowdWait::ForSide(side) if self.is_empty(side) => CrowdWait::Over,
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn a_reader_is_waited_for_until_it_has_moved_on() {
        let pins = Pins::new();
        let pin = pins.pin(thread_number());
        let mut readers = pins.readers();
        assert!(!readers.are_gone());
        assert!(readers.include_this_thread());
        drop(pin);
        assert!(readers.are_gone());
    }

    #[test]
    fn who_comes_later_is_not_waited_for() {
        let pins = Pins::new();
        let pin = pins.pin(thread_number());
        let mut readers = pins.readers();
        drop(pin);
        let _later = pins.pin(thread_number());
        assert!(readers.are_gone());
    }

    #[test]
    fn a_pin_within_a_pin_changes_nothing() {
        let pins = Pins::new();
        let outer = pins.pin(thread_number());
        drop(pins.pin(thread_number()));
        assert!(!pins.readers().are_gone());
        drop(outer);
        assert!(pins.readers().are_gone());
    }

    #[test]
    fn nobody_reads_at_first() {
        let pins = Pins::new();
        assert!(pins.readers().are_gone());
        assert!(!pins.readers().include_this_thread());
    }

    #[test]
    fn readers_without_a_line_are_waited_for_through_any_number_of_turns() {
        let crowd = Crowd::default();
        for _ in 0..5 {
            let side = crowd.enter();
            let mut first = crowd.wait();
            assert_eq!(first, CrowdWait::ForSide(side));
            let later = crowd.enter();
            assert_ne!(later, side, "who comes later is counted elsewhere");
            let mut second = crowd.wait();
            assert_eq!(second, CrowdWait::ForTurn);
            crowd.leave(side);
            first = crowd.go_on(first);
            second = crowd.go_on(second);
            assert_eq!(first, CrowdWait::Over);
            assert_eq!(second, CrowdWait::ForSide(later));
            crowd.leave(later);
            assert_eq!(crowd.go_on(second), CrowdWait::Over);
        }
    }

    /// Readers look at one of two flags, between `enter` and `leave`; a writer raises a flag, points to the other one,
    /// waits, and lowers the first.
    fn nobody_sees_what_was_taken_apart<P>(
        enter: impl Fn() -> P + Sync,
        leave: impl Fn(P) + Sync,
        mut wait: impl FnMut(),
    ) {
        let whole = [AtomicBool::new(true), AtomicBool::new(true)];
        let shown = AtomicU64::new(0);
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let pin = enter();
                        let at = usize::from(shown.load(Ordering::Acquire) == 1);
                        for _ in 0..20 {
                            assert!(whole[at].load(Ordering::Relaxed), "taken apart too soon");
                        }
                        leave(pin);
                    }
                });
            }
            for round in 0..10_000_u64 {
                let (old, new) = (usize::from(round % 2 == 1), usize::from(round % 2 == 0));
                whole[new].store(true, Ordering::Relaxed);
                shown.store((round + 1) % 2, Ordering::Release);
                wait();
                whole[old].store(false, Ordering::Relaxed);
            }
            stop.store(true, Ordering::Relaxed);
        });
    }

    #[test]
    fn what_threads_with_a_line_read_stays_whole() {
        let pins = Pins::new();
        nobody_sees_what_was_taken_apart(
            || pins.pin(thread_number()),
            drop,
            || {
                let mut readers = pins.readers();
                while !readers.are_gone() {
                    std::thread::yield_now();
                }
            },
        );
    }

    #[test]
    fn what_threads_without_a_line_read_stays_whole() {
        let crowd = Crowd::default();
        nobody_sees_what_was_taken_apart(
            || crowd.enter(),
            |side| crowd.leave(side),
            || {
                fence(Ordering::SeqCst);
                let mut wait = crowd.wait();
                while wait != CrowdWait::Over {
                    std::thread::yield_now();
                    wait = crowd.go_on(wait);
                }
            },
        );
    }
}
