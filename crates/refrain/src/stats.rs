//! Counters, each defined by one rule, and the snapshot that leaves the crate.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::histogram::{Histogram, Latencies};
use crate::policy::VersusLru;

/// The counters of a cache and the sums of what it holds, at one moment.
///
/// Each call that looks a key up counts exactly once, when its answer is known: as a hit, a miss, a load, or collapsed,
/// which is known when it joins.
/// Counters grow until [`Cache::reset_stats`](crate::Cache::reset_stats); what the cache holds now is never reset.
///
/// ```
/// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
/// cache.get(&1);
/// cache.get_or_compute(1, || 10).unwrap();
/// cache.get(&1);
/// let stats = cache.stats();
/// assert_eq!((stats.hits, stats.misses, stats.computations), (1, 2, 1));
/// assert_eq!(stats.hit_rate(), 1.0 / 3.0);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Lookups answered from the cache.
    pub hits: u64,
    /// Lookups that found nothing fresh, and after which the caller computed or left it at that. A computation's is
    /// counted when it ends.
    pub misses: u64,
    /// Lookups that found nothing in memory, and whose caller loaded the value from a lower tier. Neither hits nor misses.
    pub loads: u64,
    /// Lookups that found nothing but joined a flight. Neither hits nor misses.
    pub collapsed: u64,
    /// Of the collapsed, those whose flight gave a loaded value.
    pub collapsed_loads: u64,
    /// Flights begun: one for all callers that ask at once for a key that is not there. A hit begins none.
    pub flights_begun: u64,
    /// Computations that ended, however they did. [`flights`](Self::flights) are those that run.
    pub computations: u64,
    /// Computations that returned an error.
    pub failures: u64,
    /// Computations that panicked.
    pub panics: u64,
    /// Computations cancelled because no caller waited any more.
    pub cancelled: u64,
    /// Values written, replacements included.
    pub insertions: u64,
    /// Values written over an entry that was still fresh.
    pub replacements: u64,
    /// Entries evicted because the cache held as many entries as allowed.
    pub evictions_by_count: u64,
    /// Entries evicted because the cache held as many bytes as allowed.
    pub evictions_by_size: u64,
    /// Entries that left because their time to live had passed.
    pub expirations: u64,
    /// Entries that were removed or invalidated by a caller.
    pub invalidations: u64,
    /// Values not stored because they were heavier than the whole cache.
    pub overweight: u64,
    /// Values not stored because the policy preferred what was there.
    pub declined: u64,
    /// Listener calls that panicked; the panic ended there.
    pub listener_panics: u64,
    /// Bytes served by hits: the sum of the weights of the entries hit.
    pub bytes_saved: u64,
    /// Computation time saved: the sum of the costs of the entries hit, and of the computations joined.
    pub time_saved: Duration,
    /// Bytes served by loads: the sum of the weights of the values loaded, once for each caller.
    pub bytes_loaded: u64,
    /// Computation time saved by loads: the sum of the costs of the values loaded, once for each caller.
    pub time_saved_by_loads: Duration,
    /// Time spent in computations that returned a value.
    pub compute_time: Duration,
    /// How long those took.
    pub compute_latency: Histogram,
    /// Entries held now.
    pub entries: u64,
    /// Bytes held now.
    pub weight_bytes: u64,
    /// The most bytes held since the cache was made.
    pub peak_weight_bytes: u64,
    /// Computations running now.
    pub flights: u64,
    /// What exact LRU would have saved on the same requests, estimated from a sample of the keys; `None` if the policy
    /// is LRU.
    pub versus_lru: Option<VersusLru>,
}

impl Stats {
    /// Entries evicted for space, whatever the cause.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().capacity_entries(1).build()?;
    /// cache.insert(1, 1);
    /// cache.insert(2, 2);
    /// assert_eq!(cache.stats().evictions(), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn evictions(&self) -> u64 {
        self.evictions_by_count + self.evictions_by_size
    }

    /// Hits as a share of hits and misses, 0 to 1; 0 before the first lookup.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.stats().hit_rate(), 0.0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[expect(
        clippy::cast_precision_loss,
        reason = "a rate needs no more than f64 has"
    )]
    pub fn hit_rate(&self) -> f64 {
        let lookups = self.hits + self.misses;
        if lookups == 0 {
            return 0.0;
        }
        self.hits as f64 / lookups as f64
    }
}

/// Counters of events that cost a computation anyway.
#[derive(Debug, Default)]
pub(crate) struct FlightCounters {
    pub(crate) begun: AtomicU64,
    pub(crate) collapsed: AtomicU64,
    loads: AtomicU64,
    collapsed_loads: AtomicU64,
    bytes_loaded: AtomicU64,
    micros_saved_by_loads: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) panics: AtomicU64,
    pub(crate) cancelled: AtomicU64,
    pub(crate) listener_panics: AtomicU64,
    pub(crate) latencies: Latencies,
}

impl FlightCounters {
    /// A request whose value was loaded from a lower tier, which is this heavy and took this long to make once.
    pub(crate) fn count_load(&self, weight_bytes: u64, cost: Duration) {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.count_loaded(weight_bytes, cost);
    }

    /// A request that waited while another one had its value loaded.
    pub(crate) fn count_collapsed_load(&self, weight_bytes: u64, cost: Duration) {
        self.collapsed_loads.fetch_add(1, Ordering::Relaxed);
        self.count_loaded(weight_bytes, cost);
    }

    fn count_loaded(&self, weight_bytes: u64, cost: Duration) {
        self.bytes_loaded.fetch_add(weight_bytes, Ordering::Relaxed);
        self.micros_saved_by_loads
            .fetch_add(micros(cost), Ordering::Relaxed);
    }

    // Relaxed throughout: counters order nothing, and a snapshot is not one instant of all threads.
    pub(crate) fn add_to(&self, stats: &mut Stats) {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        stats.flights_begun = read(&self.begun);
        stats.collapsed = read(&self.collapsed);
        stats.loads = read(&self.loads);
        stats.collapsed_loads = read(&self.collapsed_loads);
        stats.bytes_loaded = read(&self.bytes_loaded);
        stats.time_saved_by_loads = Duration::from_micros(read(&self.micros_saved_by_loads));
        stats.failures = read(&self.failures);
        stats.panics = read(&self.panics);
        stats.cancelled = read(&self.cancelled);
        stats.listener_panics = read(&self.listener_panics);
        stats.compute_latency = self.latencies.snapshot();
    }

    pub(crate) fn reset(&self) {
        for counter in [
            &self.begun,
            &self.collapsed,
            &self.loads,
            &self.collapsed_loads,
            &self.bytes_loaded,
            &self.micros_saved_by_loads,
            &self.failures,
            &self.panics,
            &self.cancelled,
            &self.listener_panics,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        self.latencies.reset();
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
