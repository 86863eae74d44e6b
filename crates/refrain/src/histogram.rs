//! A histogram of computation times, in buckets that double.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Durations counted in 40 buckets: below 1 µs, then each twice as wide, the last from 76 hours on.
///
/// ```
/// use refrain::{Cache, Clock};
/// use std::time::Duration;
///
/// let (clock, hands) = Clock::fake();
/// let cache: Cache<u64, u64> = Cache::builder().clock(clock).build()?;
/// for key in 0..100 {
///     cache.get_or_compute(key, || { hands.advance(Duration::from_secs(2)); key }).unwrap();
/// }
/// let latency = cache.stats().compute_latency;
/// assert_eq!(latency.count(), 100);
/// let median = latency.quantile(0.5).unwrap();
/// assert!(Duration::from_secs(2) <= median && median <= Duration::from_secs(4));
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    counts: Vec<u64>,
}

const BUCKETS: usize = 40;

impl Histogram {
    /// Durations counted.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.stats().compute_latency.count(), 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper end of the bucket in which the share `quantile` (0 to 1) of all durations is reached: at most twice
    /// the exact value. `None` before the first.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.stats().compute_latency.quantile(0.99), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank needs no more than f64 has, and the cast saturates"
    )]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((quantile.clamp(0.0, 1.0) * count as f64).ceil() as u64).max(1);
        let mut reached = 0;
        self.buckets()
            .find(|(_, in_bucket)| {
                reached += in_bucket;
                reached >= rank
            })
            .map(|(upper, _)| upper)
    }

    /// Each bucket's upper end and how many durations are in it, shortest first.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// cache.get_or_compute(1, || 1).unwrap();
    /// let counted: u64 = cache.stats().compute_latency.buckets().map(|(_, count)| count).sum();
    /// assert_eq!(counted, 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        (0..)
            .zip(&self.counts)
            .map(|(bucket, count)| (Duration::from_micros(1 << bucket), *count))
    }
}

/// The live counts behind a [`Histogram`].
#[derive(Debug)]
pub(crate) struct Latencies([AtomicU64; BUCKETS]);

impl Default for Latencies {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Latencies {
    pub(crate) fn record(&self, micros: u64) {
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        // Relaxed: a counter orders nothing.
        self.0[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn snapshot(&self) -> Histogram {
        Histogram {
            counts: self
                .0
                .iter()
                .map(|count| count.load(Ordering::Relaxed))
                .collect(),
        }
    }

    pub(crate) fn reset(&self) {
        for count in &self.0 {
            count.store(0, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_twice_the_exact_value() {
        let latencies = Latencies::default();
        (1..=1000).for_each(|micros| latencies.record(micros));
        let histogram = latencies.snapshot();
        for (quantile, exact) in [(0.1, 100), (0.5, 500), (0.99, 990), (1.0, 1000)] {
            let told = histogram.quantile(quantile).unwrap();
            let exact = Duration::from_micros(exact);
            assert!(exact <= told && told <= exact * 2, "{quantile}: {told:?}");
        }
    }

    #[test]
    fn the_shortest_and_the_longest_are_counted() {
        let latencies = Latencies::default();
        latencies.record(0);
        latencies.record(u64::MAX);
        assert_eq!(latencies.snapshot().count(), 2);
        latencies.reset();
        assert_eq!(latencies.snapshot().count(), 0);
    }
}
