//! Settings and outcomes as Python spells them, for memory and disk alike.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use refrain::{Capacity, Insertion, Policy};

use crate::clock::seconds;

/// The outcome of storing a value, in a word.
pub(crate) fn became(insertion: Insertion) -> &'static str {
    match insertion {
        Insertion::Stored => "stored",
        Insertion::Overweight => "overweight",
        Insertion::Declined => "declined",
        Insertion::Expired => "expired",
        _ => "invalidated",
    }
}

pub(crate) fn policy_of(name: &str) -> PyResult<Policy> {
    match name {
        "lru" => Ok(Policy::Lru),
        "hazard" => Ok(Policy::Hazard),
        other => Err(PyValueError::new_err(format!(
            "`policy` is {other:?} but must be \"hazard\" or \"lru\""
        ))),
    }
}

pub(crate) fn capacity(max_entries: Option<u64>, max_bytes: Option<u64>) -> Capacity {
    Capacity {
        entries: max_entries.unwrap_or(u64::MAX),
        bytes: max_bytes.unwrap_or(u64::MAX),
    }
}

/// The largest number is no limit.
pub(crate) fn limit(limit: u64) -> Option<u64> {
    (limit != u64::MAX).then_some(limit)
}

/// For ever is no time to live at all.
pub(crate) fn time_to_live(ttl_seconds: Option<f64>) -> PyResult<Option<Duration>> {
    let ttl = ttl_seconds
        .map(|ttl| seconds("ttl_seconds", ttl))
        .transpose()?;
    Ok(ttl.filter(|ttl| *ttl != Duration::MAX))
}
