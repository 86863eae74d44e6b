//! The promises of the memory cache, one module per promise.

mod capacity;
mod expiry;
mod flights;
mod invalidation;
mod readers;
