//! What operators see and change: statistics, entries in pages, limits.

pub(crate) mod limits;
pub(crate) mod listing;
pub(crate) mod stats;
