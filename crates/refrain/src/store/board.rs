//! What every part tells all others, to be looked at without a lock: how soon one of its entries would have to go.
//!
//! Relaxed throughout: a number that is out of date is found out under the lock of the part that it is about.

use crate::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Board {
    /// The [score](crate::policy::Eviction::score) of each part, as of when its lock was let go.
    scores: Box<[AtomicU64]>,
    earliest: Earliest,
}

/// A millisecond before which nothing expires anywhere. On a line of its own: every insertion looks at it.
#[derive(Debug)]
#[repr(align(128))]
struct Earliest(AtomicU64);

/// Where the worst entry of all is to be looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Worst {
    pub(super) part: usize,
    /// No entry of another part, the home part left aside, scores below.
    pub(super) outside: u64,
}

impl Board {
    pub(super) fn new(parts: usize) -> Self {
        Self {
            scores: (0..parts).map(|_| AtomicU64::new(u64::MAX)).collect(),
            earliest: Earliest(AtomicU64::new(u64::MAX)),
        }
    }

    /// Part number `part` has this score now.
    #[inline]
    pub(super) fn tell(&self, part: usize, score: u64) {
        // Written only when it changes: others have it in their caches.
        if self.scores[part].load(Ordering::Relaxed) != score {
            self.scores[part].store(score, Ordering::Relaxed);
        }
    }

    /// The part with the lowest score: `home`, which has the score `own`, if it is lowest to within `tolerance`.
    pub(super) fn worst(&self, home: usize, own: u64, tolerance: u64) -> Worst {
        let (mut least, mut at, mut second) = (u64::MAX, home, u64::MAX);
        for (part, score) in self.scores.iter().enumerate() {
            let score = score.load(Ordering::Relaxed);
            if score < second && part != home {
                if score < least {
                    (second, least, at) = (least, score, part);
                } else {
                    second = score;
                }
            }
        }
        if own < u64::MAX && own <= least.saturating_add(tolerance) {
            return Worst {
                part: home,
                outside: least,
            };
        }
        Worst {
            part: at,
            outside: second,
        }
    }

    /// Something expires in this millisecond.
    pub(super) fn expires(&self, millis: u64) {
        if millis < self.earliest() {
            self.earliest.0.fetch_min(millis, Ordering::Relaxed);
        }
    }

    /// Nothing expires before this millisecond.
    #[inline]
    pub(super) fn earliest(&self) -> u64 {
        self.earliest.0.load(Ordering::Relaxed)
    }

    /// Begins anew: the caller asks every part what [expires](Self::expires), one after the other. What is stored in one
    /// that was asked already tells so itself.
    pub(super) fn forget_earliest(&self) {
        self.earliest.0.store(u64::MAX, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board(scores: &[u64]) -> Board {
        let board = Board::new(scores.len());
        for (part, score) in scores.iter().enumerate() {
            board.tell(part, *score);
        }
        board
    }

    #[test]
    fn the_lowest_score_is_worst_and_the_next_lies_outside() {
        let worst = board(&[50, 20, 40, 30]).worst(2, 40, 0);
        let (part, outside) = (1, 30);
        assert_eq!(worst, Worst { part, outside });
    }

    #[test]
    fn home_is_taken_where_it_is_worst_to_within_the_tolerance() {
        let board = board(&[50, 20, 40, 30]);
        let home = |own, tolerance| board.worst(2, own, tolerance).part;
        assert_eq!((home(20, 0), home(21, 0), home(21, 1)), (2, 1, 2));
    }

    #[test]
    fn an_empty_home_is_never_worst() {
        assert_eq!(board(&[u64::MAX, 7]).worst(0, u64::MAX, u64::MAX).part, 1);
    }
}
