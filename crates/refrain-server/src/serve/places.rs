//! Admission control of connections: when all places are taken the longest idle connection makes room, and a reserve answers for
//! what must always be answered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::pace::Meter;

/// Places beside the ordinary ones.
const RESERVE: usize = 64;
/// Of the reserve, how many may be taken by requests that wait for an ordinary place.
const WAITING: usize = RESERVE / 2;
/// A connection is given this long to send its head before it has to make room.
const LEAST_IDLE: Duration = Duration::from_secs(1);

/// The places of one door.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// By the order in which they came.
    taken: BTreeMap<u64, Taken>,
    ordinary: usize,
    waiting: usize,
    next: u64,
}

#[derive(Debug)]
struct Taken {
    meter: Meter,
    is_ordinary: bool,
}

/// One place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    number: u64,
}

impl Places {
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            most,
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// A place for the connection of `meter`: an ordinary one if there is one or one can be made, else one of the reserve.
    /// Waits only while those are taken too.
    pub(super) async fn take(&self, meter: &Meter) -> Place {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(number) = self.lock().take(meter, self.0.most) {
                return Place {
                    places: self.clone(),
                    number,
                };
            }
            // A connection that came lately is idle for long enough before long.
            let _ = tokio::time::timeout(LEAST_IDLE, freed).await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take(&mut self, meter: &Meter, most: usize) -> Option<u64> {
        let is_ordinary = self.ordinary < most || self.make_room(true);
        if !is_ordinary {
            // Whatever is slow is to be quick from now on.
            self.taken.values().for_each(|taken| taken.meter.hurry());
            let of_reserve = self.taken.len() - self.ordinary;
            if of_reserve >= RESERVE && !self.make_room(false) {
                return None;
            }
        }
        let number = self.next;
        self.next += 1;
        self.ordinary += usize::from(is_ordinary);
        let meter = meter.clone();
        self.taken.insert(number, Taken { meter, is_ordinary });
        Some(number)
    }

    /// Ends the connection that has been idle for longest, of the ordinary ones or of the reserve.
    fn make_room(&mut self, ordinary: bool) -> bool {
        let now = Instant::now();
        let idle = self
            .taken
            .iter()
            .filter(|(_, taken)| taken.is_ordinary == ordinary)
            .filter_map(|(number, taken)| Some((taken.meter.idle_since()?, *number)))
            .min();
        let Some((since, number)) = idle else {
            return false;
        };
        if now.saturating_duration_since(since) < LEAST_IDLE {
            return false;
        }
        if let Some(taken) = self.remove(number) {
            taken.meter.end();
        }
        true
    }

    fn remove(&mut self, number: u64) -> Option<Taken> {
        let taken = self.taken.remove(&number)?;
        self.ordinary -= usize::from(taken.is_ordinary);
        Some(taken)
    }
}

impl Place {
    /// Whether it is of the reserve.
    pub(super) fn is_reserved(&self) -> bool {
        let state = self.places.lock();
        let taken = state.taken.get(&self.number);
        taken.is_some_and(|taken| !taken.is_ordinary)
    }

    /// Changes a place of the reserve for an ordinary one. False if there is none within `patience`, or too many wait.
    pub(super) async fn promote(&self, patience: Duration) -> bool {
        {
            let mut state = self.places.lock();
            if state.waiting >= WAITING {
                return false;
            }
            state.waiting += 1;
        }
        let _waiting = Waiting(&self.places);
        let promoted = async {
            loop {
                let freed = self.places.0.freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                if self.try_promote() {
                    return;
                }
                let _ = tokio::time::timeout(LEAST_IDLE, freed).await;
            }
        };
        tokio::time::timeout(patience, promoted).await.is_ok()
    }

    fn try_promote(&self) -> bool {
        let mut state = self.places.lock();
        if state.ordinary >= self.places.0.most && !state.make_room(true) {
            return false;
        }
        if let Some(taken) = state.taken.get_mut(&self.number) {
            taken.is_ordinary = true;
            state.ordinary += 1;
        }
        true
    }
}

/// One of those that wait for an ordinary place.
struct Waiting<'a>(&'a Places);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting -= 1;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().remove(self.number);
        self.places.0.freed.notify_waiters();
    }
}
