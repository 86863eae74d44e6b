//! Opens the disk tier and tells the log what was found.

use std::path::Path;
use std::sync::Arc;

use refrain::Clock;
use refrain_disk::{DiskTier, OpenError};

/// Blocks, for as long as looking at each file takes.
pub(super) fn open(
    dir: &Path,
    capacity_bytes: u64,
    clock: &Clock,
) -> Result<Arc<DiskTier>, OpenError> {
    let began = clock.elapsed();
    let tier = DiskTier::at(dir)
        .capacity_bytes(capacity_bytes)
        .clock(clock.clone())
        .open()?;
    let took = clock.elapsed().saturating_sub(began);
    let stats = tier.stats();
    tracing::info!(
        entries = stats.entries,
        bytes = stats.bytes,
        damaged = stats.damaged,
        seconds = took.as_secs_f64(),
        "disk tier opened"
    );
    Ok(Arc::new(tier))
}
