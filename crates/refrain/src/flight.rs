//! Single-flight: one computation per key, owned by the cache and not by any caller.
//!
//! Callers hold a [`Subscription`]; the first to find nothing begins the flight, the others join it.
//! Whoever is polled drives an asynchronous computation onward, so no caller that stops being polled can hold up
//! the rest, and a spawned task keeps it going when all of them leave.

mod graph;
mod hit_for_miss;
mod names;
mod subscription;
mod table;
mod work;

use std::any::Any;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError};
use std::task::Waker;

use crate::catch::wake_all;
use crate::entry::Stored;
use crate::store::{Facts, Tags};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

pub(crate) use graph::{FlightId, enter, enter_and_block, is_inside};
pub(crate) use hit_for_miss::HitForMiss;
pub(crate) use names::CacheName;
pub(crate) use subscription::{Abandoned, Refusal, Subscription};
pub(crate) use table::{Boarding, FlightTable, TagPredicate};
pub use work::BoxFuture;
pub(crate) use work::{Work, drive_to_end};

/// One running computation.
pub(crate) struct Flight<V> {
    pub(crate) id: FlightId,
    /// What the cache had been told to invalidate when this computation began.
    pub(crate) began_at: u64,
    /// The entry was invalidated or written since: the value goes to those who wait, and nowhere else.
    overtaken: AtomicBool,
    pub(crate) on_abandoned: OnAbandoned,
    state: Mutex<State<V>>,
    pub(crate) work: Work,
}

/// What happens to a computation when the last caller who waited for it leaves.
///
/// ```
/// use refrain::{Cache, OnAbandoned};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let answer = cache.entry(1).on_abandoned(OnAbandoned::Cancel).get_or_compute(|| 10).unwrap();
/// assert_eq!(answer.value, 10);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAbandoned {
    /// It goes on, and its value is stored: work that was paid for is kept.
    #[default]
    Finish,
    /// It is dropped.
    Cancel,
}

/// How a flight ended, as everybody who waited for it sees it.
pub(crate) enum Landing<V> {
    Value(Landed<V>),
    /// The value may not be shared: it is the leader's, and the others compute for themselves.
    Released(std::sync::Mutex<Option<Landed<V>>>),
    /// It was not needed: a value is stored. Whoever waits looks for it, as it may have been invalidated since.
    Unneeded,
    Failed(Arc<dyn Any + Send + Sync>),
    Panicked(Arc<str>),
    Cancelled,
}

/// A landing in the hands of somebody who may see it.
pub(crate) enum Settled<V> {
    /// Nobody else has the flight, so nobody else will ask.
    Alone(Landing<V>),
    Shared(Arc<Landing<V>>),
}

#[derive(Clone)]
pub(crate) struct Landed<V> {
    pub(crate) value: V,
    pub(crate) facts: Facts,
    pub(crate) tags: Option<Tags>,
    pub(crate) stored: Stored,
    /// The first invalidation by tag that means this value: callers who came at this generation or later may not
    /// have it.
    pub(crate) stale_since: Option<u64>,
}

impl<V> Deref for Settled<V> {
    type Target = Landing<V>;

    fn deref(&self) -> &Landing<V> {
        match self {
            Self::Alone(landing) => landing,
            Self::Shared(landing) => landing,
        }
    }
}

enum State<V> {
    Running {
        subscribers: u32,
        wakers: Vec<(u64, Waker)>,
    },
    Ended(Arc<Landing<V>>),
}

static NEXT_WAITER: AtomicU64 = AtomicU64::new(0);

impl<V> Flight<V> {
    /// A flight that its leader is subscribed to from the beginning, so that nobody else abandons it.
    pub(crate) fn new(began_at: u64, on_abandoned: OnAbandoned, name: &CacheName) -> Self {
        Self {
            id: FlightId::next(name),
            began_at,
            overtaken: AtomicBool::new(false),
            on_abandoned,
            state: Mutex::new(State::Running {
                subscribers: 1,
                wakers: Vec::new(),
            }),
            work: Work::none(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<V>> {
        // No user code runs under this lock, so a poisoned one holds a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Written and read under the table's lock, which orders it; atomic only to be shared.
    pub(crate) fn overtake(&self) {
        self.overtaken.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_overtaken(&self) -> bool {
        self.overtaken.load(Ordering::Relaxed)
    }

    /// One more caller waits. `Err` is the limit, when as many wait besides the leader; an ended flight takes anybody.
    fn subscribe(&self, limit: u32) -> Result<(), u32> {
        match &mut *self.lock() {
            State::Running { subscribers, .. } if *subscribers > limit => Err(limit),
            State::Running { subscribers, .. } => {
                *subscribers += 1;
                Ok(())
            }
            State::Ended(_) => Ok(()),
        }
    }

    /// How many callers wait for it, the leader included; 0 when it has ended.
    fn subscribers(&self) -> u32 {
        match &*self.lock() {
            State::Running { subscribers, .. } => *subscribers,
            State::Ended(_) => 0,
        }
    }

    /// One caller fewer waits; true when it was the last and the computation still runs.
    fn unsubscribe(&self) -> bool {
        match &mut *self.lock() {
            State::Running { subscribers, .. } => {
                *subscribers -= 1;
                *subscribers == 0
            }
            State::Ended(_) => false,
        }
    }

    pub(crate) fn landing(&self) -> Option<Arc<Landing<V>>> {
        match &*self.lock() {
            State::Running { .. } => None,
            State::Ended(landing) => Some(Arc::clone(landing)),
        }
    }

    /// The landing, or `None` after `waker` has been noted down for it.
    fn landing_or_wake(&self, waiter: u64, waker: &Waker) -> Option<Arc<Landing<V>>> {
        let mut replaced = None;
        let landing = match &mut *self.lock() {
            State::Ended(landing) => Some(Arc::clone(landing)),
            State::Running { wakers, .. } => {
                match wakers.iter_mut().find(|(id, _)| *id == waiter) {
                    Some((_, known)) if known.will_wake(waker) => {}
                    Some((_, known)) => replaced = Some(std::mem::replace(known, waker.clone())),
                    None => wakers.push((waiter, waker.clone())),
                }
                None
            }
        };
        // A waker's drop is foreign code: not under the lock.
        drop(replaced);
        landing
    }

    fn forget_waker(&self, waiter: u64) {
        let forgotten = match &mut *self.lock() {
            State::Running { wakers, .. } => wakers
                .iter()
                .position(|(id, _)| *id == waiter)
                .map(|at| wakers.swap_remove(at)),
            State::Ended(_) => None,
        };
        drop(forgotten);
    }

    /// Everybody whose next poll may get further.
    fn wakers(&self) -> Vec<Waker> {
        match &*self.lock() {
            State::Running { wakers, .. } => {
                wakers.iter().map(|(_, waker)| waker.clone()).collect()
            }
            State::Ended(_) => Vec::new(),
        }
    }

    /// Ends the flight and wakes everybody. Only the first landing counts; it is returned if this was it.
    pub(crate) fn land(&self, landing: Landing<V>) -> Option<Arc<Landing<V>>> {
        let landing = Arc::new(landing);
        let wakers = {
            let mut state = self.lock();
            match &mut *state {
                State::Ended(_) => return None,
                State::Running { wakers, .. } => {
                    let wakers = std::mem::take(wakers);
                    *state = State::Ended(Arc::clone(&landing));
                    wakers
                }
            }
        };
        wake_all(wakers.into_iter().map(|(_, waker)| waker));
        Some(landing)
    }

    /// The same for who has just taken `flight` off the table. If nobody else has it, nobody is told.
    pub(crate) fn settle(flight: &Arc<Self>, landing: Landing<V>) -> Option<Settled<V>> {
        // It is got from the table only, so nobody can come any more; who has left may be seen late, and is told then.
        if Arc::strong_count(flight) == 1 {
            return Some(Settled::Alone(landing));
        }
        flight.land(landing).map(Settled::Shared)
    }

    /// Ends the flight as cancelled unless somebody has joined it since; true if it was ended.
    fn cancel_if_abandoned(&self) -> bool {
        let wakers = {
            let mut state = self.lock();
            match &mut *state {
                State::Running {
                    subscribers: 0,
                    wakers,
                } => {
                    let wakers = std::mem::take(wakers);
                    *state = State::Ended(Arc::new(Landing::Cancelled));
                    wakers
                }
                _ => return false,
            }
        };
        wake_all(wakers.into_iter().map(|(_, waker)| waker));
        true
    }
}
