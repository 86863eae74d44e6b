//! A small number for each living thread, so that it may have a cache line of its own in every cache.

use std::cell::Cell;
use std::sync::PoisonError;

use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Mutex, SCHEDULES, statics, thread_local};

/// Numbers there are. Few where schedules are tried, so that some threads have none.
pub(super) const NUMBERS: usize = if SCHEDULES { 3 } else { 64 };

/// The last one belongs to all threads for which there is no other.
pub(super) const SHARED: usize = NUMBERS - 1;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    static LEASE: Lease = Lease::take();
}

/// A thread that reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader {
    pub(super) number: usize,
    /// Whether it has the number for itself.
    pub(super) own: bool,
}

/// The number of this thread.
#[inline]
pub(super) fn thread_number() -> Reader {
    let number = NUMBER.try_with(Cell::get).unwrap_or(SHARED);
    if number != usize::MAX {
        let own = number != SHARED;
        return Reader { number, own };
    }
    first_number()
}

#[cold]
fn first_number() -> Reader {
    // A thread that is ending has given its lease back.
    let number = LEASE.try_with(|lease| lease.0).unwrap_or(SHARED);
    let _ = NUMBER.try_with(|cell| cell.set(number));
    let own = number != SHARED;
    Reader { number, own }
}

/// Gives this thread a number of the test's choice.
#[cfg(all(test, loom))]
pub(super) fn choose(number: usize) {
    NUMBER.with(|own| own.set(number));
}

/// All numbers that any thread has had to itself are below this one.
pub(super) fn numbers_used() -> usize {
    if cfg!(loom) {
        return SHARED;
    }
    // SeqCst: a thread that reads, and so has a number, before a fence of the caller is counted.
    USED.load(Ordering::SeqCst)
}

statics! {
    static USED: AtomicUsize = AtomicUsize::new(0);
    static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
}

/// A number for as long as a thread lives, from `FREE` if there is one that no living thread has. The lock hands the counts
/// made under it on to the next thread.
struct Lease(usize);

impl Lease {
    fn take() -> Self {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = free.pop() {
            return Self(number);
        }
        let next = USED.load(Ordering::SeqCst);
        if next == SHARED {
            return Self(SHARED);
        }
        USED.store(next + 1, Ordering::SeqCst);
        Self(next)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A thread that is ending counts beside the others that have no number.
        let _ = NUMBER.try_with(|number| number.set(SHARED));
        if self.0 != SHARED {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(self.0);
        }
    }
}
