//! What the engine asks of the tiers below the memory, beside the flights: what is stored, and that it is removed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use refrain::tier::{TierFailure, TierStats};
use refrain_disk::DiskStats;

use super::Engine;
use super::outcome::Served;
use super::problems::not_cached;
use super::result::StoredResult;
use crate::request::directives::Directives;
use crate::{Key, Problem, ProblemKind};

/// Tells the log when the tiers begin to fail, and when they work again. Relaxed throughout: a line may come late.
#[derive(Debug, Default)]
pub(super) struct TiersFail {
    failing: AtomicBool,
    failures: AtomicU64,
    successes: AtomicU64,
}

impl Engine {
    /// The stored result or a problem, without generating anything.
    pub(super) async fn stored(&self, key: Key, directives: Directives) -> Result<Served, Problem> {
        if !self.cache_enabled || directives.no_cache || directives.no_store {
            return Err(not_cached());
        }
        let accept = move |result: &StoredResult, info: &refrain::EntryInfo| {
            directives.welcome(result.age(info), info.expires_in)
        };
        let stored = self.cache.entry(key).accept(accept).stored_async().await;
        self.note_tiers();
        let answer = stored.ok_or_else(not_cached)?;
        Ok(Served::of(key, answer))
    }

    /// The stored result, counted as neither hit nor miss.
    pub(crate) async fn peek(&self, key: Key) -> Option<Served> {
        let answer = self.cache.peek_async(key).await;
        self.note_tiers();
        Some(Served::of(key, answer?))
    }

    /// Removes the entry everywhere, and says whether there was one.
    pub(crate) async fn invalidate(&self, key: Key) -> Result<bool, Problem> {
        let removed = self.cache.invalidate_async(key).await;
        removed.map_err(|failure| not_removed(&failure))
    }

    /// Removes all entries everywhere, and says how many there were.
    pub(crate) async fn invalidate_all(&self) -> Result<u64, Problem> {
        let removed = self.cache.invalidate_all_async().await;
        removed.map_err(|failure| not_removed(&failure))
    }

    /// The disk tier's own numbers, and those of the stack that asks it.
    pub(crate) fn disk(&self) -> Option<(DiskStats, TierStats)> {
        let disk = self.disk.as_ref()?;
        let asked = self.cache.tiers().stats().into_iter().next()?;
        Some((disk.stats(), asked))
    }

    /// Notices that tiers have begun to fail, or to work again.
    pub(super) fn note_tiers(&self) {
        if !self.cache.tiers().is_empty() {
            self.tiers_fail.note(&self.cache.tiers().stats());
        }
    }
}

impl TiersFail {
    fn note(&self, tiers: &[TierStats]) {
        let sum = |count: fn(&TierStats) -> u64| tiers.iter().map(count).sum::<u64>();
        let failures = sum(|tier| tier.errors + tier.timeouts);
        let successes = sum(|tier| tier.hits + tier.misses + tier.stores);
        let more_failures = self.failures.swap(failures, Ordering::Relaxed) < failures;
        let more_successes = self.successes.swap(successes, Ordering::Relaxed) < successes;
        if more_failures && !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!("the disk fails; results are generated instead");
        } else if more_successes && !more_failures && self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the disk works again");
        }
    }
}

fn not_removed(failure: &TierFailure) -> Problem {
    tracing::error!(%failure, "an entry could not be removed");
    Problem::new(
        ProblemKind::DiskFailed,
        format!(
            "{failure}: this server does not serve what was to be removed again, but a restart may bring it back; \
             repeat the request when the disk works"
        ),
    )
}
