//! A pointer that readers load without a lock; superseded values are kept until the cache is dropped.

use std::sync::{Mutex, PoisonError};

use crate::sync::atomic::{AtomicPtr, Ordering};

/// The value that was published last, and all before it. Each is twice as large as the one before, so all together take
/// twice the last.
pub(super) struct Published<T> {
    last: AtomicPtr<T>,
    all: Mutex<Vec<*mut T>>,
}

// SAFETY: it owns the values, so it may be handed on if they may.
unsafe impl<T: Send> Send for Published<T> {}
// SAFETY: it hands out `&T` to any thread, and takes a `T` from one thread that another one may drop.
unsafe impl<T: Send + Sync> Sync for Published<T> {}

impl<T> Published<T> {
    pub(super) fn new(first: T) -> Self {
        let first = Box::into_raw(Box::new(first));
        Self {
            last: AtomicPtr::new(first),
            all: Mutex::new(vec![first]),
        }
    }

    #[inline]
    pub(super) fn get(&self) -> &T {
        // Acquire pairs with the release in `publish`: the value is whole before it is found.
        let last = self.last.load(Ordering::Acquire);
        // SAFETY: `new` or `publish` made it. Only `drop` frees it, and there is no mutable reference to it.
        unsafe { &*last }
    }

    /// From now on `next` is found.
    pub(super) fn publish(&self, next: T) {
        let next = Box::into_raw(Box::new(next));
        (self.all.lock())
            .unwrap_or_else(PoisonError::into_inner)
            .push(next);
        // Release pairs with the acquire in `get`.
        self.last.store(next, Ordering::Release);
    }
}

impl<T> Drop for Published<T> {
    fn drop(&mut self) {
        let all = (self.all.get_mut()).unwrap_or_else(PoisonError::into_inner);
        for value in all.drain(..) {
            // SAFETY: `new` or `publish` made it by `Box::into_raw` and listed it once, and no other user is left.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn who_looks_at_an_older_value_keeps_it() {
        let published = Published::new(1);
        let first = published.get();
        for next in 2..100 {
            published.publish(next);
            assert_eq!((*first, *published.get()), (1, next));
        }
    }

    #[test]
    fn every_value_is_dropped_once() {
        let counted = Arc::new(());
        let published = Published::new(Arc::clone(&counted));
        published.publish(Arc::clone(&counted));
        assert_eq!(Arc::strong_count(&counted), 3);
        drop(published);
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}
