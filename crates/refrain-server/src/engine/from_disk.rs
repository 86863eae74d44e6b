//! Requests that the disk answered. To the cache in memory they were misses and computations; to clients they are hits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Relaxed throughout: a count orders nothing.
#[derive(Debug, Default)]
pub(crate) struct FromDisk {
    hits: AtomicU64,
    collapsed: AtomicU64,
    bytes: AtomicU64,
    micros_saved: AtomicU64,
}

impl FromDisk {
    /// A request had its result loaded, which took `cost` to generate once.
    pub(super) fn count(&self, bytes: u64, cost: Duration) {
        self.hits.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let micros = u64::try_from(cost.as_micros()).unwrap_or(u64::MAX);
        self.micros_saved.fetch_add(micros, Ordering::Relaxed);
    }

    /// A request waited while another one had the result loaded.
    pub(super) fn count_collapsed(&self) {
        self.collapsed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn reset(&self) {
        for count in [&self.hits, &self.collapsed, &self.bytes, &self.micros_saved] {
            count.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    pub(crate) fn collapsed(&self) -> u64 {
        self.collapsed.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn time_saved(&self) -> Duration {
        Duration::from_micros(self.micros_saved.load(Ordering::Relaxed))
    }
}
