//! Hit-for-miss, as in Varnish: callers of a key whose last result was not to be shared do not wait for one another.
//!
//! A caller that waits for a computation and is then told to compute for itself has lost the time of that computation,
//! and so has every caller behind it in turn.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Clock;

/// For how long a key is remembered after its last result that was not to be shared.
const FOR: Duration = Duration::from_secs(60);

/// Keys remembered at most. Callers for one that is not have to wait for one another.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct HitForMiss {
    /// By hash: of two keys with the same one, the other computes alone for nothing.
    until: Mutex<HashMap<u64, Duration>>,
    len: AtomicUsize,
}

impl HitForMiss {
    /// Whether the key's results are not to be shared, as far as is known.
    pub(crate) fn contains(&self, hash: u64, clock: &Clock) -> bool {
        // Relaxed: a caller that sees a mark late waits in vain once more.
        self.len.load(Ordering::Relaxed) > 0 && self.contains_at(hash, clock.elapsed())
    }

    fn contains_at(&self, hash: u64, now: Duration) -> bool {
        self.lock().get(&hash).is_some_and(|until| *until > now)
    }

    pub(crate) fn mark(&self, hash: u64, now: Duration) {
        let mut until = self.lock();
        if until.len() >= MOST {
            until.retain(|_, until| *until > now);
        }
        if until.len() < MOST {
            until.insert(hash, now.saturating_add(FOR));
        }
        self.len.store(until.len(), Ordering::Relaxed);
    }

    /// The key has a result that may be shared.
    pub(crate) fn unmark(&self, hash: u64) {
        if self.len.load(Ordering::Relaxed) > 0 {
            let mut until = self.lock();
            until.remove(&hash);
            self.len.store(until.len(), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Duration>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_for_a_minute_or_until_it_may_be_shared() {
        let marks = HitForMiss::default();
        assert!(!marks.contains_at(1, Duration::ZERO));
        marks.mark(1, Duration::ZERO);
        assert!(marks.contains_at(1, FOR.saturating_sub(Duration::from_nanos(1))));
        assert!(!marks.contains_at(1, FOR));
        assert!(!marks.contains_at(2, Duration::ZERO));
        marks.unmark(1);
        assert!(!marks.contains_at(1, Duration::ZERO));
    }

    #[test]
    fn as_many_keys_are_remembered_as_there_is_room_for_and_old_ones_make_room() {
        let marks = HitForMiss::default();
        for hash in 0..2 * MOST as u64 {
            marks.mark(hash, Duration::ZERO);
        }
        assert!(marks.contains_at(0, Duration::ZERO));
        assert!(!marks.contains_at(MOST as u64, Duration::ZERO));
        marks.mark(MOST as u64, FOR);
        assert!(marks.contains_at(MOST as u64, FOR));
    }
}
