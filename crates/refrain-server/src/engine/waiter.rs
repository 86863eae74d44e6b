//! A caller that waits: the generation it waits for, and how it leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use refrain::{OnAbandoned, Outcome};
use tokio::sync::watch;

use super::generation::{Generation, Interest, LeaveSwitch};
use crate::live::LiveReader;
use crate::progress::Snapshot;

/// Handed to the engine with a request; the caller keeps a clone to watch the work, or to leave it.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    switch: LeaveSwitch,
    place: watch::Sender<Option<Place>>,
    takes_live_bodies: bool,
}

/// The generation that a caller waits for.
#[derive(Debug, Clone)]
struct Place {
    generation: Arc<Generation>,
    /// How the answer comes to be, as far as it is known before its end.
    outcome: Outcome,
    /// Whether the caller has refused what was stored.
    refused: Arc<AtomicBool>,
}

impl Place {
    fn outcome(&self) -> Outcome {
        let mut outcome = self.outcome.clone();
        if let Outcome::Computed { refreshed, .. } = &mut outcome {
            // Relaxed: to see it late costs one word in a header.
            *refreshed |= self.refused.load(Ordering::Relaxed);
        }
        outcome
    }

    fn is_leader(&self) -> bool {
        !matches!(self.outcome, Outcome::Collapsed { .. })
    }
}

impl Waiter {
    /// A caller that, when it hangs up, does to the work what `on_abandoned` says.
    pub(crate) fn new(on_abandoned: OnAbandoned) -> Self {
        let waiter = Self {
            switch: LeaveSwitch::default(),
            place: watch::Sender::new(None),
            takes_live_bodies: false,
        };
        if on_abandoned == OnAbandoned::Cancel {
            waiter.leave_on_purpose();
        }
        waiter
    }

    /// The same for a caller that answers with the body while it grows.
    #[must_use]
    pub(crate) fn with_live_bodies(mut self) -> Self {
        self.takes_live_bodies = true;
        self
    }

    /// Whether the caller answers with the body while it grows.
    pub(crate) fn takes_live_bodies(&self) -> bool {
        self.takes_live_bodies
    }

    /// From now on hanging up stops work that no other caller waits for.
    pub(crate) fn leave_on_purpose(&self) {
        self.switch.on_purpose();
    }

    /// Waits for `generation` from now on; `None` if that has been told to stop.
    pub(crate) fn take(
        &self,
        generation: &Arc<Generation>,
        outcome: Outcome,
        refused: &Arc<AtomicBool>,
    ) -> Option<Interest> {
        self.place.send_replace(Some(Place {
            generation: Arc::clone(generation),
            outcome,
            refused: Arc::clone(refused),
        }));
        generation.join(self.switch.clone())
    }

    /// Whether the generation that it waits for is its own.
    pub(crate) fn leads(&self) -> bool {
        let place = self.place.borrow();
        place.as_ref().is_some_and(Place::is_leader)
    }

    /// Lets go of the generation, and with it of the request's data.
    pub(crate) fn vacate(&self) {
        self.place.send_replace(None);
    }

    /// How far the work is; nothing before a generation was joined.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let place = self.place.borrow();
        let snapshot = |place: &Place| place.generation.progress().snapshot();
        place.as_ref().map(snapshot).unwrap_or_default()
    }

    /// Watches the work from now on.
    pub(crate) fn watch(&self) -> WaiterWatch {
        let mut place = self.place.subscribe();
        let progress = progress_of(&mut place);
        WaiterWatch { place, progress }
    }

    /// Waits until the generation shows its body before that is complete, and gives a reader of it.
    pub(crate) async fn live(&self) -> (LiveReader, Outcome) {
        let mut places = self.place.subscribe();
        loop {
            let place = places.borrow_and_update().clone();
            let announced = async {
                if let Some(place) = &place
                    && let Some(reader) = place.generation.live().announced(place.is_leader()).await
                {
                    return (reader, place.outcome());
                }
                std::future::pending().await
            };
            tokio::select! {
                live = announced => return live,
                changed = places.changed() => {
                    if changed.is_err() {
                        std::future::pending::<()>().await;
                    }
                }
            }
        }
    }
}

/// Notices whenever the work that a caller waits for is further than before.
#[derive(Debug)]
pub(crate) struct WaiterWatch {
    place: watch::Receiver<Option<Place>>,
    progress: Option<watch::Receiver<Snapshot>>,
}

impl WaiterWatch {
    /// Returns when something changed since the last time; safe to drop and call again.
    pub(crate) async fn moved(&mut self) {
        let further = async {
            let alive = match &mut self.progress {
                Some(progress) => progress.changed().await.is_ok(),
                None => false,
            };
            if !alive {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            changed = self.place.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            () = further => return,
        }
        self.progress = progress_of(&mut self.place);
    }
}

fn progress_of(place: &mut watch::Receiver<Option<Place>>) -> Option<watch::Receiver<Snapshot>> {
    let place = place.borrow_and_update();
    place.as_ref()?.generation.progress().watch()
}
