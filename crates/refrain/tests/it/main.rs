//! The promises of the memory cache, one module per promise.

mod capacity;
mod conditions;
mod expiry;
mod flights;
mod foreign_code;
mod invalidation;
mod late_callers;
mod loads;
mod readers;
mod sides;
