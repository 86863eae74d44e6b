//! Who waits for which generation, and how far it is.
//!
//! Everybody who asks for a key joins its [`Flight`]. The one who computes writes progress into it, the others read
//! it, and the last one to leave on purpose stops it.

mod interest;
mod progress;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Key;
use crate::generator::Work;

pub(crate) use interest::{Interest, LeaveSwitch};
pub use progress::Progress;
pub(crate) use progress::{Phase, Snapshot};

/// The generations that somebody waits for or that are still running.
#[derive(Debug)]
pub(crate) struct Flights {
    by_key: Mutex<HashMap<Key, Weak<Flight>>>,
    stop: CancellationToken,
}

/// One generation: what is to be done, how far it is, who waits.
pub(crate) struct Flight {
    key: Key,
    work: Arc<dyn Work>,
    progress: watch::Sender<Snapshot>,
    cancelled: CancellationToken,
    /// Changed under the table's lock only, so that joining and cancelling cannot cross.
    waiting: AtomicUsize,
    table: Arc<Flights>,
}

impl Flights {
    /// A table whose flights are all cancelled once `stop` is.
    pub(crate) fn new(stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            by_key: Mutex::default(),
            stop,
        })
    }

    /// Joins the flight of `key`, or opens one.
    ///
    /// Whoever comes second shares the first one's work and lets go of its own, so a picture that many send is held
    /// once.
    pub(crate) fn join(self: &Arc<Self>, key: Key, work: Arc<dyn Work>) -> Interest {
        let mut by_key = self.lock();
        let found = by_key.get(&key).and_then(Weak::upgrade);
        let flight = match &found {
            Some(running) if !running.cancelled.is_cancelled() => Arc::clone(running),
            _ => {
                let opened = Arc::new(self.open(key, work));
                by_key.insert(key, Arc::downgrade(&opened));
                opened
            }
        };
        let interest = Interest::new(flight);
        // The last handle of a cancelled flight takes this lock when it goes, so `found` outlives the guard.
        drop(by_key);
        drop(found);
        interest
    }

    /// A flight that nobody else can join.
    pub(crate) fn alone(self: &Arc<Self>, key: Key, work: Arc<dyn Work>) -> Interest {
        let flight = Arc::new(self.open(key, work));
        let _guard = self.lock();
        Interest::new(flight)
    }

    fn open(self: &Arc<Self>, key: Key, work: Arc<dyn Work>) -> Flight {
        Flight {
            key,
            work,
            progress: watch::Sender::new(Snapshot::default()),
            cancelled: self.stop.child_token(),
            waiting: AtomicUsize::new(0),
            table: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Weak<Flight>>> {
        self.by_key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flight {
    pub(crate) fn work(&self) -> &Arc<dyn Work> {
        &self.work
    }

    /// Cancelled once the last one who waited has left on purpose, or the server stops.
    pub(crate) fn cancelled(&self) -> &CancellationToken {
        &self.cancelled
    }

    /// How far it is, now and from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<Snapshot> {
        self.progress.subscribe()
    }

    /// How far it is.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.progress.borrow().clone()
    }

    /// One who waited is gone; `cancel_if_last` stops the work when nobody is left.
    fn leave(&self, cancel_if_last: bool) {
        let _guard = self.table.lock();
        // Relaxed: every change happens under the lock.
        let before = self.waiting.fetch_sub(1, Ordering::Relaxed);
        if before == 1 && cancel_if_last {
            self.cancelled.cancel();
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut by_key = self.table.lock();
        // A newer flight of the same key may have taken the place already.
        let gone = |weak: &Weak<Self>| weak.strong_count() == 0;
        if by_key.get(&self.key).is_some_and(gone) {
            by_key.remove(&self.key);
        }
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight")
            .field("key", &self.key)
            .field("progress", &*self.progress.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
