//! Which entries stay: the policies `lru` and `hazard` as pure structures.
//!
//! Nothing in here reads a clock, does I/O or draws random numbers: the cache tells the tick and
//! the time with each call, so recorded requests replay through the code that ships.
//! `docs/eviction.md` explains the policies and has the measurements.
//!
//! # How a cache drives it
//!
//! An entry is named by its *slot*, a dense number below 2^31. Each slot carries a *word* of 64 bits, which
//! [`Policy::touch`] turns into the next one: a hit is a load, a little arithmetic and a store, under no lock.
//! Everything else happens under one lock over the whole [`Eviction`]:
//!
//! * A hit may be reported later, with [`learn`](Eviction::learn) in batches; if it is lost nothing breaks.
//!   Those worth reporting are named by [`sampling`](Eviction::sampling).
//! * A miss is reported with [`miss`](Eviction::miss), before the value is computed.
//! * To store, [`admit`](Eviction::admit) names the victims or declines; the cache frees the victims, fills a slot with
//!   the word that it was given and calls [`insert`](Eviction::insert). [`replace`](Eviction::replace) is for a key that is
//!   resident already and whose new value fits.
//! * An entry that leaves for another reason is reported with [`expire`](Eviction::expire), which remembers how it was
//!   used, or [`remove`](Eviction::remove), which does not.
//! * A smaller capacity takes [`evict`](Eviction::evict) until enough is free.
//!
//! Whatever is asked of [`Residents`] about a slot must be answered until the call returns that reports its leaving.

mod by_slot;
mod calendar;
mod eviction;
mod hazard;
mod lru;
mod sampling;
mod shadow;
mod tempo;
#[cfg(test)]
mod testing;

use std::time::Duration;

pub use eviction::Eviction;
pub use sampling::Sampling;
pub use shadow::VersusLru;

/// Which entries a full cache gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Policy {
    /// The least recently used, exactly.
    Lru,
    /// The one that saves the least computation time per byte and time held, by rates of reuse that it learns.
    #[default]
    Hazard,
}

impl Policy {
    fn name(self) -> &'static str {
        match self {
            Self::Lru => "lru",
            Self::Hazard => "hazard",
        }
    }

    /// The word of an entry after one more use at `tick`; 0 is the word of a key never used.
    ///
    /// Ticks count requests: each request has a greater one than the last.
    #[must_use]
    pub fn touch(self, word: u64, tick: u64) -> u64 {
        match self {
            Self::Lru => tick,
            Self::Hazard => hazard::touch(word, tick),
        }
    }
}

/// What the policies ask of the cache about an entry, by slot.
pub trait Residents {
    /// The packed history of use, as [`Policy::touch`] left it.
    fn word(&self, slot: u32) -> u64;
    /// Bytes the entry is charged with.
    fn weight_bytes(&self, slot: u32) -> u64;
    /// Seconds it took to compute.
    fn cost_seconds(&self, slot: u32) -> f32;
    /// A hash of the key, 64 bits of it. Two keys with the same one only cost accuracy.
    fn fingerprint(&self, slot: u32) -> u64;
    /// When it expires, on the clock of [`Moment::time`].
    fn expires(&self, slot: u32) -> Option<Duration>;
    /// The entry will be asked about soon, so its memory may be fetched meanwhile. Does nothing unless it is told how.
    fn fetch(&self, _slot: u32) {}
}

/// Now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Requests so far.
    pub tick: u64,
    /// Time since the cache was built.
    pub time: Duration,
}

/// A hit that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The entry.
    pub slot: u32,
    /// Its word before the hit.
    pub before: u64,
    /// The tick of the hit.
    pub tick: u64,
}

/// An entry that asks to be stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// A hash of the key, as [`Residents::fingerprint`].
    pub fingerprint: u64,
    /// Bytes it would be charged with.
    pub weight_bytes: u64,
    /// Seconds it took to compute.
    pub cost_seconds: f32,
    /// When it expires.
    pub expires: Option<Duration>,
}

/// Costs below a microsecond count as one, so that entries of which no cost is known still differ by use and weight.
const LEAST_COST_SECONDS: f32 = 1e-6;

/// Room for so many entries that were taken out is kept from one admission to the next. A large value may displace a million.
const TAKEN_KEPT: usize = 256;

/// What the cache holds, and what has to leave before the candidate fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Space {
    /// Bytes held before.
    pub held_bytes: u64,
    /// Bytes missing.
    pub missing_bytes: u64,
    /// Entries too many.
    pub missing_entries: u64,
}

impl Space {
    pub(crate) fn is_enough(self) -> bool {
        self.missing_bytes == 0 && self.missing_entries == 0
    }

    /// After an entry of `weight_bytes` has left.
    fn without(self, weight_bytes: u64) -> Self {
        Self {
            held_bytes: self.held_bytes.saturating_sub(weight_bytes),
            missing_bytes: self.missing_bytes.saturating_sub(weight_bytes),
            missing_entries: self.missing_entries.saturating_sub(1),
        }
    }
}

/// Whether an entry is worth its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Store it in a slot with this word, after the victims have left.
    Admit {
        /// What [`Residents::word`] must say of it from now on.
        word: u64,
    },
    /// Serve it and forget it: what it would displace saves more.
    Decline,
}

/// A saved state that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// They do not begin as one does.
    #[error("these bytes are no saved policy state")]
    NotAState,
    /// It was written by another version.
    #[error("saved policy state has version {found}; this build reads version {readable}")]
    Version {
        /// The version it has.
        found: u32,
        /// The version that can be read.
        readable: u32,
    },
    /// It was cut short, or bytes of it have changed.
    #[error("saved policy state is damaged; start without it and the policy learns anew")]
    Damaged,
    /// The policy learns nothing.
    #[error("policy `{policy}` has no state to load")]
    NoState {
        /// Its name.
        policy: &'static str,
    },
}

impl<R: Residents> Residents for &R {
    fn word(&self, slot: u32) -> u64 {
        R::word(self, slot)
    }

    fn weight_bytes(&self, slot: u32) -> u64 {
        R::weight_bytes(self, slot)
    }

    fn cost_seconds(&self, slot: u32) -> f32 {
        R::cost_seconds(self, slot)
    }

    fn fingerprint(&self, slot: u32) -> u64 {
        R::fingerprint(self, slot)
    }

    fn expires(&self, slot: u32) -> Option<Duration> {
        R::expires(self, slot)
    }
}

/// 32 mixed bits of a fingerprint: what is kept where memory counts.
fn print_of(fingerprint: u64) -> u32 {
    u32::try_from(fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).expect("half of the bits")
}
