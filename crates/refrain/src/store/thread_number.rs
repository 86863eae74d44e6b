//! A small number for each living thread, so that it may have a cache line of its own in every cache.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// Numbers there are.
pub(super) const NUMBERS: usize = 64;

/// The last one belongs to all threads for which there is no other.
pub(super) const SHARED: usize = NUMBERS - 1;

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
    static LEASE: Lease = Lease::take();
}

/// The number of this thread, and whether it has it for itself.
#[inline]
pub(super) fn thread_number() -> (usize, bool) {
    let number = NUMBER.try_with(Cell::get).unwrap_or(SHARED);
    if number != usize::MAX {
        return (number, number != SHARED);
    }
    first_number()
}

#[cold]
fn first_number() -> (usize, bool) {
    // A thread that is ending has given its lease back.
    let number = LEASE.try_with(|lease| lease.0).unwrap_or(SHARED);
    let _ = NUMBER.try_with(|cell| cell.set(number));
    (number, number != SHARED)
}

/// All numbers that any thread has had to itself are below this one.
pub(super) fn numbers_used() -> usize {
    // SeqCst: a thread that reads, and so has a number, before a fence of the caller is counted.
    USED.load(Ordering::SeqCst)
}

static USED: AtomicUsize = AtomicUsize::new(0);

/// Numbers that no living thread has.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());

/// A number for as long as a thread lives. The lock hands what was counted under it on to the next thread.
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
        // What the thread still does while it ends, it does beside the others that have no number.
        let _ = NUMBER.try_with(|number| number.set(SHARED));
        if self.0 != SHARED {
            let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(self.0);
        }
    }
}
