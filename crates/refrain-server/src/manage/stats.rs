//! The statistics as documents show them.

use refrain::tier::TierStats;
use refrain_disk::DiskStats;
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Engine;
use crate::rounding::{rounded, rounded_mb, seconds};

/// What the cache did since the start or the last reset, and what it holds. Sizes are in units of 1,048,576 bytes;
/// sizes and rates have two decimals.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatsDocument {
    /// Requests answered with a stored result.
    hits: u64,
    /// Requests for which there was none.
    misses: u64,
    /// Hits in a hundred lookups; 0 before the first.
    hit_rate_percent: f64,
    /// Entries removed for space.
    evictions: u64,
    /// Of these, because there were too many.
    evictions_by_count: u64,
    /// Of these, because they took too much memory.
    evictions_by_size: u64,
    /// Entries held.
    current_items: u64,
    /// Memory they take.
    current_memory_mb: f64,
    /// Most entries allowed.
    max_items: u64,
    /// Most memory allowed.
    max_memory_mb: f64,
    /// Memory taken, of a hundred allowed.
    memory_utilization_percent: f64,
    /// Most memory ever taken.
    max_memory_seen_mb: f64,
    /// Memory the entries take, in bytes.
    current_memory_bytes: u64,
    /// Requests that waited for a generation that was running already; neither hits nor misses.
    collapsed: u64,
    /// Flights begun: one for all requests that ask at once for a result that is not in memory. A hit begins none.
    flights_begun: u64,
    /// Generations begun.
    generations: u64,
    /// Shared generations that ended with an error.
    failures: u64,
    /// Requests that went past the cache.
    bypasses: u64,
    /// Entries removed because their time was over.
    expirations: u64,
    /// Entries removed on request.
    invalidations: u64,
    /// Results larger than the whole cache, which were not stored.
    overweight: u64,
    /// Generation time that hits and collapsed requests did not have to spend.
    seconds_saved: f64,
    /// Generation time spent.
    seconds_spent: f64,
    /// Bytes of results that hits were answered with.
    bytes_saved: u64,
    /// What the policy of the cache has saved, beside what LRU would have; absent if the policy is LRU.
    #[serde(skip_serializing_if = "Option::is_none")]
    versus_lru: Option<VersusLruDocument>,
    /// Generations that run now.
    running: usize,
    /// Generations that wait for their turn now.
    queued: usize,
    /// The results on disk; absent without a disk tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    disk: Option<DiskDocument>,
}

/// The cache and exact LRU of the same capacity, on the same requests. Where not every key is followed, these are
/// estimates: their difference means something, more than each alone.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct VersusLruDocument {
    /// Requests compared.
    requests: f64,
    /// Hits of this cache.
    hits: f64,
    /// Hits that LRU would have had.
    lru_hits: f64,
    /// Generation time that the hits of this cache saved.
    seconds_saved: f64,
    /// Generation time that LRU would have saved.
    lru_seconds_saved: f64,
}

/// What the disk tier did since the start, and what it holds. Loads and stores are the disk's own, not requests'.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct DiskDocument {
    /// Loads that gave a result.
    hits: u64,
    /// Results that were stored.
    stores: u64,
    /// Entries removed for space.
    evictions: u64,
    /// Entries removed because their time was over.
    expirations: u64,
    /// Entries removed on request.
    invalidations: u64,
    /// Results larger than the whole tier, or not worth its space, which were not stored.
    declined: u64,
    /// Files that were found damaged or gone. Their results are generated again.
    damaged: u64,
    /// What the operating system refused.
    errors: u64,
    /// Operations that took longer than ten seconds.
    timeouts: u64,
    /// Operations that were not tried because the disk had failed before.
    skipped: u64,
    /// Entries held.
    current_items: u64,
    /// Space they take.
    current_mb: f64,
    /// Most space allowed.
    max_mb: f64,
    /// Whether the disk is left alone for the moment because it failed.
    suspended: bool,
}

impl DiskDocument {
    fn of((stats, asked): (DiskStats, TierStats)) -> Self {
        Self {
            hits: stats.hits,
            stores: stats.stores,
            evictions: stats.evictions,
            expirations: stats.expirations,
            invalidations: stats.invalidations,
            declined: stats.declined + stats.overweight,
            damaged: stats.damaged,
            errors: stats.errors,
            timeouts: asked.timeouts,
            skipped: stats.skipped + asked.skipped,
            current_items: stats.entries,
            current_mb: rounded_mb(stats.bytes),
            max_mb: rounded_mb(stats.capacity_bytes),
            suspended: is_suspended(&asked),
        }
    }
}

/// Whether a tier is left alone because it failed or does not answer.
pub(crate) fn is_suspended(asked: &TierStats) -> bool {
    asked.suspended || asked.overdue || asked.health.suspended
}

impl StatsDocument {
    pub(crate) fn of(engine: &Engine) -> Self {
        let stats = engine.cache().stats();
        let capacity = engine.cache().capacity();
        let hits = stats.hits + stats.loads + stats.collapsed_loads;
        Self {
            hits,
            misses: stats.misses,
            hit_rate_percent: percent(hits, hits + stats.misses),
            evictions: stats.evictions(),
            evictions_by_count: stats.evictions_by_count,
            evictions_by_size: stats.evictions_by_size,
            current_items: stats.entries,
            current_memory_mb: rounded_mb(stats.weight_bytes),
            max_items: capacity.entries,
            max_memory_mb: rounded_mb(capacity.bytes),
            memory_utilization_percent: percent(stats.weight_bytes, capacity.bytes),
            max_memory_seen_mb: rounded_mb(stats.peak_weight_bytes),
            current_memory_bytes: stats.weight_bytes,
            collapsed: stats.collapsed - stats.collapsed_loads,
            flights_begun: stats.flights_begun,
            generations: engine.generations(),
            failures: stats.failures,
            bypasses: engine.bypasses(),
            expirations: stats.expirations,
            invalidations: stats.invalidations,
            overweight: stats.overweight,
            seconds_saved: seconds(stats.time_saved + stats.time_saved_by_loads),
            seconds_spent: seconds(stats.compute_time),
            bytes_saved: stats.bytes_saved + stats.bytes_loaded,
            versus_lru: stats.versus_lru.as_ref().map(|versus| VersusLruDocument {
                requests: rounded(versus.requests),
                hits: rounded(versus.hits),
                lru_hits: rounded(versus.lru_hits),
                seconds_saved: rounded(versus.saved_seconds),
                lru_seconds_saved: rounded(versus.lru_saved_seconds),
            }),
            running: engine.running(),
            queued: engine.queued(),
            disk: engine.disk().map(DiskDocument::of),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "two decimals are kept")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    rounded(part as f64 / whole as f64 * 100.0)
}
