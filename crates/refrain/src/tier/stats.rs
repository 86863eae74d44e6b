//! Counters and health of a tier.

use std::sync::atomic::{AtomicU64, Ordering};

use super::TierDescription;

/// What a tier holds and how it feels, as it says itself.
///
/// ```
/// use refrain::tier::TierHealth;
///
/// let health = TierHealth { entries: Some(3), ..TierHealth::default() };
/// assert!(!health.suspended && health.bytes.is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TierHealth {
    /// Whether it leaves its storage alone for the moment, because that failed.
    pub suspended: bool,
    /// Entries it holds, if it can count them.
    pub entries: Option<u64>,
    /// Bytes they take.
    pub bytes: Option<u64>,
    /// Bytes they may take.
    pub capacity_bytes: Option<u64>,
}

/// What a tier did since it was put into the stack, or since its counters were reset.
///
/// Each load that the stack asks for counts exactly once: as a hit, a miss, an error, a timeout, or skipped.
///
/// ```
/// use refrain::tier::Tiers;
/// assert!(Tiers::none().stats().is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierStats {
    /// What the tier is called, and what it is like.
    pub description: TierDescription,
    /// What it says of itself.
    pub health: TierHealth,
    /// Loads that gave an entry.
    pub hits: u64,
    /// Loads of what is not there, has expired, or cannot be read as a value.
    pub misses: u64,
    /// Of the misses, entries that could not be read as a value.
    pub unreadable: u64,
    /// Operations that failed. Neither hits nor misses.
    pub errors: u64,
    /// Operations that took longer than they may. Neither hits nor misses.
    pub timeouts: u64,
    /// Loads and stores that were not tried: the tier had failed, was overdue, or owed an invalidation.
    pub skipped: u64,
    /// Entries that were stored, back-fills included.
    pub stores: u64,
    /// Entries that it did not store, for whatever reason but an error.
    pub not_stored: u64,
    /// Entries that were copied up into it after a hit in a lower tier.
    pub back_fills: u64,
    /// Invalidations that it has yet to confirm. What they mean is not loaded from it.
    pub owed: u64,
    /// Whether it has not answered in time, and is not asked again until it has.
    pub overdue: bool,
    /// Whether it is left alone for the moment, because it failed several times in a row or says so itself.
    pub suspended: bool,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
    pub(super) unreadable: AtomicU64,
    pub(super) errors: AtomicU64,
    pub(super) timeouts: AtomicU64,
    pub(super) skipped: AtomicU64,
    pub(super) stores: AtomicU64,
    pub(super) not_stored: AtomicU64,
    pub(super) back_fills: AtomicU64,
}

impl Counters {
    pub(super) fn reset(&self) {
        for counter in [
            &self.hits,
            &self.misses,
            &self.unreadable,
            &self.errors,
            &self.timeouts,
            &self.skipped,
            &self.stores,
            &self.not_stored,
            &self.back_fills,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

/// Relaxed: a count orders nothing.
pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(super) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
