//! What was learned, as bytes.

use super::{Eviction, Order};
use crate::policy::hazard::Hazard;
use crate::policy::{Moment, StateError};

impl Eviction {
    /// What was learned so far, to be [loaded](Self::load) after a restart; `None` for a policy that learns nothing.
    #[must_use]
    pub fn save(&self, now: Moment) -> Option<Vec<u8>> {
        Self::save_parts(&[self], now)
    }

    /// The same of a cache with these parts, all that it has.
    #[must_use]
    pub fn save_parts(parts: &[&Self], now: Moment) -> Option<Vec<u8>> {
        let hazards = parts.iter().map(|part| match &part.order {
            Order::Lru(_) | Order::Gdsf(_) => None,
            Order::Hazard(hazard) => Some(&**hazard),
        });
        let hazards: Vec<_> = hazards.collect::<Option<_>>()?;
        Some(Hazard::save(&hazards, now))
    }

    /// Goes on from what [`save`](Self::save) returned, perhaps of another process with other ticks.
    ///
    /// # Errors
    ///
    /// When the bytes are not a whole state of this version, or this policy has none. Then nothing changes.
    pub fn load(&mut self, bytes: &[u8], now: Moment) -> Result<(), StateError> {
        Self::load_parts(&mut [self], bytes, now)
    }

    /// The same for a cache with these parts, all that it has.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_parts(
        parts: &mut [&mut Self],
        bytes: &[u8],
        now: Moment,
    ) -> Result<(), StateError> {
        let policy = parts[0].policy();
        let hazards = parts.iter_mut().map(|part| match &mut part.order {
            Order::Lru(_) | Order::Gdsf(_) => None,
            Order::Hazard(hazard) => Some(&mut **hazard),
        });
        match hazards.collect::<Option<Vec<_>>>() {
            Some(mut hazards) => Hazard::load(&mut hazards, bytes, now),
            None => Err(StateError::NoState {
                policy: policy.name(),
            }),
        }
    }
}
