//! What a function with an attribute does, one module per promise.

mod asynchronous;
mod derives;
mod errors;
mod flights;
mod global;
mod handles;
mod keys;
mod methods;
mod settings;
mod shapes;

use refrain::{AnyValue, Cache, Clock, FakeClock, Key};

/// A cache that takes any type, with hands for its clock.
fn any_cache() -> (Cache<Key, AnyValue>, FakeClock) {
    let (clock, hands) = Clock::fake();
    let cache = Cache::builder().clock(clock).build();
    (cache.expect("the settings are in range"), hands)
}
