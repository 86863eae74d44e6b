use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Flight;

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
    pub(super) fn new(flight: Arc<Flight>) -> Self {
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
