//! The ticket of the disk: the moment at which a computation began.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use refrain_disk::Ticket;

/// Taken before a computation begins, and shown when its result is to be stored.
#[pyclass(frozen, module = "refrain_cache._native")]
pub(crate) struct DiskTicket {
    ticket: Option<Ticket>,
    /// Of the tier that gave it.
    tier: u64,
    process: u32,
}

impl DiskTicket {
    pub(super) fn new(ticket: Ticket, tier: u64) -> Self {
        Self {
            ticket: Some(ticket),
            tier,
            process: std::process::id(),
        }
    }

    pub(super) fn library_ticket(&self) -> &Ticket {
        let ticket = self.ticket.as_ref();
        ticket.expect("it is there until it is dropped")
    }

    pub(super) fn check(&self, tier: u64) -> PyResult<()> {
        if self.tier == tier {
            return Ok(());
        }
        Err(PyValueError::new_err(
            "`ticket` is of another tier; take it from the one that is to store the result",
        ))
    }
}

impl Drop for DiskTicket {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // Its lock may be held by a thread that does not exist in this child.
            Box::leak(Box::new(self.ticket.take()));
        }
    }
}
