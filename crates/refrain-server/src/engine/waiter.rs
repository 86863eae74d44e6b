//! A caller's place: which generation it waits for, and how it leaves.

use std::sync::Arc;

use refrain::OnAbandoned;
use tokio::sync::watch;

use crate::engine::flights::{Flight, Interest, LeaveSwitch};
use crate::progress::Snapshot;

/// Handed to the engine with a request, kept by whoever wants to watch or to leave. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    switch: LeaveSwitch,
    flight: watch::Sender<Option<Arc<Flight>>>,
}

impl Waiter {
    /// A place whose owner, when it hangs up, does to the work what `on_abandoned` says.
    pub(crate) fn new(on_abandoned: OnAbandoned) -> Self {
        let waiter = Self {
            switch: LeaveSwitch::default(),
            flight: watch::Sender::new(None),
        };
        if on_abandoned == OnAbandoned::Cancel {
            waiter.leave_on_purpose();
        }
        waiter
    }

    /// From now on hanging up stops work that nobody else waits for.
    pub(crate) fn leave_on_purpose(&self) {
        self.switch.on_purpose();
    }

    /// Sits down: the place is on the flight of `interest` from now on.
    pub(crate) fn take(&self, interest: Interest) -> Interest {
        self.flight
            .send_replace(Some(Arc::clone(interest.flight())));
        interest.with_switch(self.switch.clone())
    }

    /// Lets go of the flight, and with it of the request's data.
    pub(crate) fn vacate(&self) {
        self.flight.send_replace(None);
    }

    /// How far the work is; nothing before a flight was joined.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let flight = self.flight.borrow();
        flight
            .as_ref()
            .map(|flight| flight.progress().snapshot())
            .unwrap_or_default()
    }

    /// Watches the work from now on.
    pub(crate) fn watch(&self) -> WaiterWatch {
        let mut flight = self.flight.subscribe();
        let progress = progress_of(&mut flight);
        WaiterWatch { flight, progress }
    }
}

/// Notices whenever the work on a waiter is further than before.
#[derive(Debug)]
pub(crate) struct WaiterWatch {
    flight: watch::Receiver<Option<Arc<Flight>>>,
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
            changed = self.flight.changed() => {
                if changed.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            () = further => return,
        }
        self.progress = progress_of(&mut self.flight);
    }
}

fn progress_of(
    flight: &mut watch::Receiver<Option<Arc<Flight>>>,
) -> Option<watch::Receiver<Snapshot>> {
    flight
        .borrow_and_update()
        .as_ref()
        .and_then(|flight| flight.progress().watch())
}
