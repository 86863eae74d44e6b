//! The one place that asks for the time: what is measured here is time itself.

use std::time::Instant;

#[expect(
    clippy::disallowed_methods,
    reason = "a measurement needs the clock of the machine"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}
