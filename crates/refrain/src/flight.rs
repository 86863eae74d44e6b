//! Single-flight: one computation per key, owned by the cache and not by any caller.
//!
//! The first caller that finds nothing leads the flight, the others join it; each holds a [`Waiting`].
//! Every poll of any of them drives an asynchronous computation onward, so a caller that is polled no more holds up no
//! other, and a spawned task keeps the computation going when all callers leave.

mod graph;
mod hit_for_miss;
mod table;
mod waiting;
mod work;

use std::any::Any;
use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock, PoisonError};
use std::task::Waker;

use crate::catch::wake_all;
use crate::outcome::{Stored, TierName};
use crate::store::{Facts, Tags};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Mutex, MutexGuard};

pub(crate) use graph::{FlightId, enter, enter_and_block, is_inside};
pub(crate) use hit_for_miss::HitForMiss;
pub(crate) use table::{Boarding, FlightTable, TagPredicate};
pub(crate) use waiting::{Abandoned, Refusal, Waiting};
pub use work::BoxFuture;
pub(crate) use work::{Work, drive_to_end};

/// One running computation.
pub(crate) struct Flight<V> {
    pub(crate) id: FlightId,
    /// What the cache had been told to invalidate when this computation began.
    pub(crate) began_at: u64,
    /// The entry was invalidated or written since: the value goes to the waiters, and nowhere else.
    overtaken: AtomicBool,
    pub(crate) on_abandoned: OnAbandoned,
    /// Set once, by the leader, before it computes.
    side: OnceLock<Side>,
    /// Whether the leader's request has been counted.
    counted: AtomicBool,
    state: Mutex<State<V>>,
    pub(crate) work: Work,
}

/// A value that the leader keeps beside its flight, for every caller of the flight to use while it runs.
pub(crate) type Side = Arc<dyn Any + Send + Sync>;

/// The fate of a computation when the last caller that waited for it leaves.
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

/// How a flight ended, as all its callers see it.
pub(crate) enum Landing<V> {
    Value(Landed<V>),
    /// The value may not be shared: it is the leader's, and the others compute for themselves.
    Released(std::sync::Mutex<Option<Landed<V>>>),
    /// It was not needed: a value is stored. Waiters look for it, as it may have been invalidated since.
    Unneeded,
    Failed(Arc<dyn Any + Send + Sync>),
    Panicked(Arc<str>),
    Cancelled,
}

/// A landing in the hands of a caller that may see it.
pub(crate) enum Settled<V> {
    /// No other thread has the flight, so none will ask.
    Alone(Landing<V>),
    Shared(Arc<Landing<V>>),
}

#[derive(Clone)]
pub(crate) struct Landed<V> {
    pub(crate) value: V,
    pub(crate) facts: Facts,
    pub(crate) tags: Option<Tags>,
    /// The tier that it was loaded from, unless it was computed.
    pub(crate) loaded: Option<TierName>,
    pub(crate) stored: Stored,
    /// The leader did not want what was stored.
    pub(crate) refreshed: bool,
    /// The first invalidation by tag that means this value: callers that came at this generation or later may not
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
        callers: u32,
        wakers: Vec<(u64, Waker)>,
    },
    Ended(Arc<Landing<V>>),
}

static NEXT_WAITER: AtomicU64 = AtomicU64::new(0);

impl<V> Flight<V> {
    /// A flight in which its leader is counted as waiting from the beginning, so that no other caller abandons it.
    pub(crate) fn new(began_at: u64, on_abandoned: OnAbandoned, name: &Arc<str>) -> Self {
        Self {
            id: FlightId::next(name),
            began_at,
            overtaken: AtomicBool::new(false),
            on_abandoned,
            side: OnceLock::new(),
            counted: AtomicBool::new(false),
            state: Mutex::new(State::Running {
                callers: 1,
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

    /// Sets the side value and wakes the callers that came before it was there.
    pub(crate) fn set_side(&self, side: Side) {
        // Set before the wakers are taken: a caller that notes its waker down later looks at the side after that.
        let _ = self.side.set(side);
        wake_all(self.wakers());
    }

    pub(crate) fn side(&self) -> Option<&Side> {
        self.side.get()
    }

    pub(crate) fn has_side(&self, side: &Side) -> bool {
        self.side().is_some_and(|own| Arc::ptr_eq(own, side))
    }

    /// True for the first call: the leader's request is counted then, by any end of the flight.
    pub(crate) fn count_once(&self) -> bool {
        // Relaxed: it orders nothing.
        !self.counted.swap(true, Ordering::Relaxed)
    }

    /// One more caller waits. `Err` is the limit, when as many wait besides the leader; an ended flight takes any caller.
    fn add_waiter(&self, limit: u32) -> Result<(), u32> {
        match &mut *self.lock() {
            State::Running { callers, .. } if *callers > limit => Err(limit),
            State::Running { callers, .. } => {
                *callers += 1;
                Ok(())
            }
            State::Ended(_) => Ok(()),
        }
    }

    /// How many callers wait for it, the leader included; 0 when it has ended.
    fn waiters(&self) -> u32 {
        match &*self.lock() {
            State::Running { callers, .. } => *callers,
            State::Ended(_) => 0,
        }
    }

    /// One caller fewer waits; true when it was the last and the computation still runs.
    fn remove_waiter(&self) -> bool {
        match &mut *self.lock() {
            State::Running { callers, .. } => {
                *callers -= 1;
                *callers == 0
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

    /// Of the callers and tasks whose next poll may get further.
    fn wakers(&self) -> Vec<Waker> {
        match &*self.lock() {
            State::Running { wakers, .. } => {
                wakers.iter().map(|(_, waker)| waker.clone()).collect()
            }
            State::Ended(_) => Vec::new(),
        }
    }

    /// Ends the flight and wakes all its callers. Only the first landing counts; it is returned if this was it.
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

    /// [`land`](Self::land) by the thread that has just taken `flight` off the table. If no other has it, none is told.
    pub(crate) fn settle(flight: &Arc<Self>, landing: Landing<V>) -> Option<Settled<V>> {
        // Handles come only from the table, so the count cannot grow now; one that is being dropped may still be counted,
        // which merely costs a wake-up.
        if Arc::strong_count(flight) == 1 {
            return Some(Settled::Alone(landing));
        }
        flight.land(landing).map(Settled::Shared)
    }

    /// Ends the flight as cancelled unless another caller has joined it since; true if it was ended.
    fn cancel_if_abandoned(&self) -> bool {
        let wakers = {
            let mut state = self.lock();
            match &mut *state {
                State::Running { callers: 0, wakers } => {
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
