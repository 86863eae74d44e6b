//! Counters of a disk tier, and sums of what it holds.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a tier did since it was opened, and what it holds.
///
/// ```
/// use refrain::Key;
/// use refrain_disk::DiskTier;
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).open()?;
/// tier.load(&Key::builder().generator("render", "1").part("seed", &7).build()?)?;
/// assert_eq!((tier.stats().hits, tier.stats().misses), (0, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DiskStats {
    /// Loads that gave an entry.
    pub hits: u64,
    /// Loads of what is not there; also of what was found damaged or gone.
    pub misses: u64,
    /// Entries that were stored.
    pub stores: u64,
    /// Entries that had to go for space.
    pub evictions: u64,
    /// Entries whose time to live had passed.
    pub expirations: u64,
    /// Entries that were invalidated.
    pub invalidations: u64,
    /// Entries that were not stored because they are larger than the whole tier.
    pub overweight: u64,
    /// Entries that were not stored because the policy kept others.
    pub declined: u64,
    /// Files that did not have the digests they name, or no longer were there. Each was a miss.
    pub damaged: u64,
    /// What the operating system refused. Neither hits nor misses.
    pub errors: u64,
    /// Loads and stores that were not tried because the disk had failed before.
    pub skipped: u64,
    /// Entries there are.
    pub entries: u64,
    /// Bytes their files take, and those that are being written, in blocks of 4 KiB.
    pub bytes: u64,
    /// Bytes they may take.
    pub capacity_bytes: u64,
    /// Whether the disk is left alone for the moment because it failed.
    pub suspended: bool,
}

/// The tier's own counts; the others are the index's.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) stores: AtomicU64,
    pub(crate) overweight: AtomicU64,
    pub(crate) damaged: AtomicU64,
    pub(crate) errors: AtomicU64,
    pub(crate) skipped: AtomicU64,
}

/// Relaxed: a count orders nothing.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
