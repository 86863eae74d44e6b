//! Incremental review with adaptive effort: which entries are looked at again before one leaves, and how many.
//!
//! The index of an entry falls as it ages and as the factors change, and nobody tells. So a round goes through all slots,
//! some for each request. As long as it finds what has come to where entries leave it goes on, as the expiry cycle of Redis
//! does while a good part of what it looks at has expired. It counts requests and finds, and knows no time.

/// Entries looked at again for each request since an admission that needed space.
const PER_REQUEST: u64 = 3;
/// While there are no more entries than these, which lie in a near cache of the processor, as many as there may be.
const FEW: usize = 4096;
/// One that turns out to be where entries leave pays for so many more.
const PER_FIND: u64 = 32;
/// But for one admission no more than these. With as many for every admission `docs/eviction.md` would show 0.1 points more.
pub(super) const REVIEWS_MAX: u64 = 64;

/// The round through all slots.
#[derive(Debug, Default)]
pub(super) struct Round {
    slot: u32,
    /// When it went on last.
    tick: u64,
    /// What was worth the least when space was needed last.
    bar: f32,
}

/// Reviews that one admission pays for.
#[derive(Debug)]
pub(super) struct Effort {
    due: u64,
    done: u64,
}

impl Round {
    /// The effort of an admission at `tick`, when there are so many entries.
    #[inline]
    pub(super) fn go_on(&mut self, tick: u64, entries: usize) -> Effort {
        let requests = tick.saturating_sub(self.tick);
        self.tick = tick;
        Effort {
            due: if entries <= FEW {
                REVIEWS_MAX
            } else {
                requests.saturating_mul(PER_REQUEST)
            },
            done: 0,
        }
    }

    /// The next slot of those below `end`.
    #[inline]
    pub(super) fn next(&mut self, end: u32) -> u32 {
        self.slot = if self.slot + 1 < end {
            self.slot + 1
        } else {
            0
        };
        self.slot
    }

    /// This was worth the least of all entries.
    pub(super) fn least(&mut self, index: f32) {
        self.bar = index;
    }

    /// Whether an entry of this index would leave before the one that was worth the least.
    #[inline]
    pub(super) fn is_low(&self, index: f32) -> bool {
        index <= self.bar
    }
}

impl Effort {
    /// Whether there is one more review to do.
    #[inline]
    pub(super) fn take(&mut self) -> bool {
        let more = self.done < self.due.min(REVIEWS_MAX);
        self.done += u64::from(more);
        more
    }

    /// The review found an entry that may have to leave.
    pub(super) fn found(&mut self) {
        self.due = self.due.saturating_add(PER_FIND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(mut effort: Effort, finds: u64) -> u64 {
        let mut taken = 0;
        while effort.take() {
            if taken < finds {
                effort.found();
            }
            taken += 1;
        }
        taken
    }

    #[test]
    fn each_request_pays_for_some_and_finds_for_more() {
        let mut round = Round::default();
        assert_eq!(taken(round.go_on(1, 5000), 0), 3);
        assert_eq!(taken(round.go_on(5, 5000), 0), 12);
        assert_eq!(taken(round.go_on(6, 5000), 1), 35);
        assert_eq!(taken(round.go_on(7, 100), 0), REVIEWS_MAX, "of few entries");
    }

    #[test]
    fn no_admission_pays_for_more_than_the_most() {
        let mut round = Round::default();
        assert_eq!(taken(round.go_on(u64::MAX, 5000), u64::MAX), REVIEWS_MAX);
        assert_eq!(
            taken(round.go_on(0, 5000), 10),
            0,
            "time that goes back pays for none"
        );
    }

    #[test]
    fn it_comes_to_every_slot_and_begins_again() {
        let mut round = Round::default();
        let slots: Vec<_> = (0..5).map(|_| round.next(3)).collect();
        assert_eq!(slots, [1, 2, 0, 1, 2]);
        assert_eq!(round.next(0), 0);
    }
}
