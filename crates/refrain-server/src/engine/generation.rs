//! One generation: its work, its progress, its live body, and the number of callers that wait for it.
//!
//! It is the side value of a flight of the cache, so there is no table of generations: callers that find a flight running
//! find its generation there.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio_util::sync::CancellationToken;

use super::Engine;
use super::turns::TurnsOf;
use crate::Key;
use crate::generators::Work;
use crate::live::LiveBody;
use crate::progress::Progress;

/// A generation that runs, or waits for its turn.
pub(crate) struct Generation {
    work: Arc<dyn Work>,
    turns: TurnsOf,
    progress: Progress,
    live: LiveBody,
    waiting: Mutex<Waiting>,
    /// Where its flight is found; none for a generation of one caller.
    shared_by: Option<(Weak<Engine>, Key)>,
}

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    is_cancelled: bool,
}

/// A share in a generation: as long as it lives, a caller waits for the result.
///
/// Dropping it is hanging up, which by default lets the work go on.
/// After [`LeaveSwitch::on_purpose`] it is leaving, which stops the work if no other caller waits.
#[derive(Debug)]
pub(crate) struct Interest {
    generation: Arc<Generation>,
    on_purpose: LeaveSwitch,
}

/// Says whether the owner of an [`Interest`], once it is dropped, meant to stop the work.
#[derive(Debug, Clone, Default)]
pub(crate) struct LeaveSwitch(Arc<AtomicBool>);

impl Generation {
    /// A generation that callers share: the flight of `key` in `cache` will have it.
    pub(crate) fn shared(
        work: Arc<dyn Work>,
        turns: TurnsOf,
        stop: &CancellationToken,
        (engine, key): (&Arc<Engine>, Key),
    ) -> Self {
        let live = LiveBody::new(engine.keeping(Some(key)));
        Self {
            shared_by: Some((Arc::downgrade(engine), key)),
            ..Self::alone(work, turns, stop, live)
        }
    }

    /// A generation for one caller.
    pub(crate) fn alone(
        work: Arc<dyn Work>,
        turns: TurnsOf,
        stop: &CancellationToken,
        live: LiveBody,
    ) -> Self {
        Self {
            work,
            turns,
            progress: Progress::new(stop.child_token()),
            live,
            waiting: Mutex::default(),
            shared_by: None,
        }
    }

    /// One more caller waits; `None` if the work has been told to stop, and the result is not to be had.
    pub(crate) fn join(self: &Arc<Self>, on_purpose: LeaveSwitch) -> Option<Interest> {
        let mut waiting = self.waiting();
        if waiting.is_cancelled {
            return None;
        }
        waiting.count += 1;
        drop(waiting);
        Some(Interest {
            generation: Arc::clone(self),
            on_purpose,
        })
    }

    /// A caller that waited is gone; `cancel_if_last` stops the work when none is left.
    fn leave(self: &Arc<Self>, cancel_if_last: bool) {
        {
            let mut waiting = self.waiting();
            waiting.count -= 1;
            if waiting.count > 0 || !cancel_if_last {
                return;
            }
            waiting.is_cancelled = true;
        }
        self.progress.cancel();
        // The next caller begins anew instead of waiting for what has been told to stop.
        self.retire();
    }

    /// From now on no other caller finds this generation.
    pub(super) fn retire(self: &Arc<Self>) {
        if let Some((engine, key)) = &self.shared_by
            && let Some(engine) = engine.upgrade()
        {
            engine.cache.retire_flight(key, self);
        }
    }

    pub(crate) fn work(&self) -> &Arc<dyn Work> {
        &self.work
    }

    pub(crate) fn turns(&self) -> &TurnsOf {
        &self.turns
    }

    /// How far it is, and whether it should stop.
    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// What it has written.
    pub(crate) fn live(&self) -> &LiveBody {
        &self.live
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LeaveSwitch {
    /// From now on dropping the interest cancels work that no other caller waits for.
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
    /// The wait is over: dropping this is neither hanging up nor leaving.
    pub(crate) fn settle(mut self) {
        self.on_purpose = LeaveSwitch::default();
    }
}

impl Drop for Interest {
    fn drop(&mut self) {
        self.generation.leave(self.on_purpose.is_on_purpose());
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("progress", &self.progress.snapshot())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Client;
    use crate::engine::turns::Turns;
    use crate::{GenerateError, ResultFile, blocking};

    fn generation() -> Arc<Generation> {
        let work = blocking(|_: &Progress| -> Result<ResultFile, GenerateError> {
            Err(GenerateError::Cancelled)
        });
        let stop = CancellationToken::new();
        let turns = Arc::new(Turns::new(1, 1, Duration::MAX)).of(Client::default());
        Arc::new(Generation::alone(work, turns, &stop, LiveBody::whole()))
    }

    fn join(generation: &Arc<Generation>) -> (Interest, LeaveSwitch) {
        let switch = LeaveSwitch::default();
        (generation.join(switch.clone()).unwrap(), switch)
    }

    #[test]
    fn hanging_up_lets_the_work_go_on() {
        let generation = generation();
        drop(join(&generation));
        assert!(!generation.progress().is_cancelled());
    }

    #[test]
    fn the_last_to_leave_on_purpose_stops_the_work_and_nobody_joins_it_any_more() {
        let generation = generation();
        let (first, first_switch) = join(&generation);
        let (second, second_switch) = join(&generation);
        first_switch.on_purpose();
        drop(first);
        assert!(!generation.progress().is_cancelled(), "the second waits");
        second_switch.on_purpose();
        drop(second);
        assert!(generation.progress().is_cancelled());
        assert!(generation.join(LeaveSwitch::default()).is_none());
    }

    #[test]
    fn a_caller_that_has_its_result_stops_nothing_when_it_goes() {
        let generation = generation();
        let (interest, switch) = join(&generation);
        switch.on_purpose();
        interest.settle();
        assert!(!generation.progress().is_cancelled());
    }
}
