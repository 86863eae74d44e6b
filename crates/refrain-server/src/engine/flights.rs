//! Who waits for which generation, and how far it is.
//!
//! Everybody who asks for a key joins its [`Flight`]. The one who computes writes progress into it, the others read
//! it, and the last one to leave on purpose stops it.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio_util::sync::CancellationToken;

use crate::Key;
use crate::generators::Work;
use crate::progress::Progress;

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
    progress: Progress,
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
        let cancelled = self.stop.child_token();
        Flight {
            key,
            work,
            progress: Progress::new(cancelled.clone()),
            cancelled,
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

    /// How far it is.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
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
            .field("progress", &self.progress.snapshot())
            .finish_non_exhaustive()
    }
}

/// A share in a flight: as long as it lives, somebody waits for the result.
///
/// Dropping it is hanging up, which by default lets the work go on.
/// After [`LeaveSwitch::on_purpose`] it is leaving, which stops the work if nobody else waits.
#[derive(Debug)]
pub(crate) struct Interest {
    flight: Arc<Flight>,
    on_purpose: LeaveSwitch,
}

/// Says whether the owner of an [`Interest`], once it is dropped, meant to stop the work.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaveSwitch(Arc<AtomicBool>);

impl LeaveSwitch {
    /// From now on dropping the interest cancels work that nobody else waits for.
    pub(crate) fn on_purpose(&self) {
        // Release, paired with the Acquire in `is_on_purpose`; the drop follows on the same or a later task.
        self.0.store(true, Ordering::Release);
    }

    fn is_on_purpose(&self) -> bool {
        // Acquire, paired with the Release in `on_purpose`.
        self.0.load(Ordering::Acquire)
    }
}

impl Interest {
    /// One more who waits. The caller holds the table's lock.
    fn new(flight: Arc<Flight>) -> Self {
        flight.waiting.fetch_add(1, Ordering::Relaxed);
        Self {
            flight,
            on_purpose: LeaveSwitch::default(),
        }
    }

    /// The same share, with a switch that somebody else holds too.
    #[must_use]
    pub(crate) fn with_switch(mut self, switch: LeaveSwitch) -> Self {
        self.on_purpose = switch;
        self
    }

    /// The wait is over: dropping this is neither hanging up nor leaving.
    pub(crate) fn settle(mut self) {
        self.on_purpose = LeaveSwitch::default();
    }

    #[cfg(test)]
    pub(crate) fn switch(&self) -> &LeaveSwitch {
        &self.on_purpose
    }

    pub(crate) fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.flight.leave(self.on_purpose.is_on_purpose());
    }
}

#[cfg(test)]
mod tests;
