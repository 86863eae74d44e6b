//! Entries, answers and listings as callers see them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::outcome::Outcome;

/// A stored value and its facts.
///
/// ```
/// let cache: refrain::Cache<u64, &str> = refrain::Cache::builder().build()?;
/// cache.insert(1, "one");
/// let entry = cache.get_entry(&1).unwrap();
/// assert_eq!((entry.value, entry.info.hits), ("one", 1));
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Entry<V> {
    /// The value that was stored.
    pub value: V,
    /// The facts of the entry.
    pub info: EntryInfo,
}

/// The facts of one entry.
///
/// ```
/// use refrain::{Cache, Clock};
/// use std::time::Duration;
///
/// let (clock, hands) = Clock::fake();
/// let cache: Cache<u64, &str> = Cache::builder().clock(clock).build()?;
/// cache.insert(1, "one");
/// hands.advance(Duration::from_secs(5));
/// let info = cache.peek_entry(&1).unwrap().info;
/// assert_eq!(info.age, Duration::from_secs(5));
/// assert_eq!(info.expires_in, None, "without a time to live it never expires");
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// Bytes the entry is charged with.
    pub weight_bytes: u64,
    /// The time that making the value took, as measured or as told.
    pub cost: Duration,
    /// Time since it was written; up to ten milliseconds more if it has no time to live.
    pub age: Duration,
    /// Time until it expires; `None` if it never does.
    pub expires_in: Option<Duration>,
    /// Wall clock at which it was written, by the same moment as `age`.
    pub written_at: SystemTime,
    /// Hits since it was written, up to 8,388,607. Two at the same instant may count once; the cache's own
    /// [counter](crate::Stats::hits) is exact.
    pub hits: u64,
    /// Its tags.
    pub tags: Arc<[Arc<str>]>,
}

/// The reason why an entry left the cache.
///
/// ```
/// use refrain::RemovalCause;
///
/// assert!(RemovalCause::EvictedBySize.was_evicted());
/// assert!(!RemovalCause::Expired.was_evicted());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RemovalCause {
    /// The cache held as many entries as allowed.
    EvictedByCount,
    /// The cache held as many bytes as allowed.
    EvictedBySize,
    /// Its time to live had passed.
    Expired,
    /// A caller removed or invalidated it.
    Invalidated,
    /// A newer value took its place.
    Replaced,
}

impl RemovalCause {
    /// Whether it had to go for space.
    ///
    /// ```
    /// assert!(refrain::RemovalCause::EvictedByCount.was_evicted());
    /// ```
    pub fn was_evicted(self) -> bool {
        matches!(self, Self::EvictedByCount | Self::EvictedBySize)
    }
}

/// A value and how it came to be.
///
/// ```
/// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
/// let answer = cache.entry(1).get_or_compute(|| 10).unwrap();
/// assert_eq!((answer.value, answer.info.hits), (10, 0));
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Answer<V> {
    /// The value.
    pub value: V,
    /// How it came to be.
    pub outcome: Outcome,
    /// What the cache knows of it, or would know had it been stored.
    pub info: EntryInfo,
}

/// How much a cache may hold. Both limits are kept at every instant.
///
/// ```
/// use refrain::{Cache, Capacity};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// cache.set_capacity(Capacity { bytes: 1 << 20, entries: 10 });
/// assert_eq!(cache.capacity().entries, 10);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capacity {
    /// Bytes. [`u64::MAX`] is no limit, 0 stores only weightless entries.
    pub bytes: u64,
    /// Entries. [`u64::MAX`] is no limit, 0 stores nothing.
    pub entries: u64,
}

/// The place where a listing goes on; see [`Cache::entries`](crate::Cache::entries).
///
/// ```
/// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
/// cache.insert(1, 1);
/// let page = cache.entries(None, 10);
/// assert!(page.next.is_none(), "one page was enough");
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor(pub(crate) u32);

/// Some entries of a cache and where the listing goes on.
///
/// ```
/// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
/// (0..5).for_each(|n| { cache.insert(n, n); });
/// let first = cache.entries(None, 3);
/// let rest = cache.entries(first.next, 3);
/// assert_eq!((first.entries.len(), rest.entries.len()), (3, 2));
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EntriesPage<K> {
    /// Keys with what the cache knows of their entries.
    pub entries: Vec<(K, EntryInfo)>,
    /// Where to go on; `None` after the last page.
    pub next: Option<Cursor>,
}
