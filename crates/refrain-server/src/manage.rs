//! Management: statistics, entries in pages and limits, for operators.

pub(crate) mod limits;
pub(crate) mod listing;
pub(crate) mod stats;
