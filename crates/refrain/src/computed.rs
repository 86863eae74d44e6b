//! What a computation hands to the cache: the value, and what the cache should know of it.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::TierName;

/// A computed value with what only the computation could know: how long it stays fresh, what it cost, whether it
/// may be kept.
///
/// A plain value converts into it, so closures return either.
///
/// ```
/// use refrain::{Cache, Computed};
/// use std::time::Duration;
///
/// let cache: Cache<&str, String> = Cache::builder().build()?;
/// let draft = cache.get_or_compute("draft", || Computed::new("…".to_owned()).share_only());
/// assert_eq!(draft.unwrap(), "…");
/// assert!(cache.get(&"draft").is_none(), "shared with its waiters, but not stored");
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Computed<V> {
    pub(crate) value: V,
    pub(crate) options: EntryOptions,
    pub(crate) keep: Keep,
    /// The tier that it comes from, unless it was computed.
    pub(crate) loaded: Option<TierName>,
    /// The time it took to compute, if that is not all of the time that its flight took.
    pub(crate) took: Option<Duration>,
    /// The lower tiers that have it.
    pub(crate) below: Vec<TierName>,
    /// A stored value was there and not accepted.
    pub(crate) refreshed: bool,
    /// Its body is not in memory, so it has no place there: the tiers alone keep it.
    pub(crate) only_below: bool,
}

/// Which callers may have the value besides the one that computed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All callers, now and later.
    Store,
    /// Its waiters, and no later caller.
    Share,
    /// No other caller: each waiter computes for itself.
    Private,
}

/// What may be said about one entry when it is written. Everything left out takes the cache's own setting.
///
/// ```
/// use refrain::{Cache, EntryOptions};
/// use std::time::Duration;
///
/// let cache: Cache<u64, &str> = Cache::builder().build()?;
/// let options = EntryOptions::default()
///     .time_to_live(Duration::from_secs(60))
///     .cost(Duration::from_secs(120))
///     .tags(["model:v2"]);
/// cache.insert_with(7, "result", options);
/// assert_eq!(cache.invalidate_tag("model:v2"), 1);
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct EntryOptions {
    pub(crate) time_to_live: Option<Duration>,
    pub(crate) cost: Option<Duration>,
    pub(crate) weight_bytes: Option<u64>,
    pub(crate) tags: Option<Arc<[Arc<str>]>>,
}

impl EntryOptions {
    /// How long the entry is fresh. Zero: it is not stored. Longer than the clock can count: for ever.
    ///
    /// ```
    /// use refrain::{Cache, EntryOptions, Insertion};
    ///
    /// let cache: Cache<u64, &str> = Cache::builder().build()?;
    /// let never = EntryOptions::default().time_to_live(std::time::Duration::ZERO);
    /// assert_eq!(cache.insert_with(1, "gone", never), Insertion::Expired);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.time_to_live = Some(time_to_live);
        self
    }

    /// What making the value took. Default: the measured time of the computation, or nothing for a plain insert.
    ///
    /// ```
    /// # use refrain::EntryOptions;
    /// # use std::time::Duration;
    /// let cache: refrain::Cache<u64, &str> = refrain::Cache::builder().build()?;
    /// cache.insert_with(1, "x", EntryOptions::default().cost(Duration::from_secs(90)));
    /// assert_eq!(cache.peek_entry(&1).unwrap().info.cost, Duration::from_secs(90));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn cost(mut self, cost: Duration) -> Self {
        self.cost = Some(cost);
        self
    }

    /// Bytes this entry is charged with, instead of asking the cache's weigher.
    ///
    /// ```
    /// # use refrain::EntryOptions;
    /// let cache: refrain::Cache<u64, &str> = refrain::Cache::builder().build()?;
    /// cache.insert_with(1, "x", EntryOptions::default().weight_bytes(1 << 20));
    /// assert_eq!(cache.weight_bytes(), 1 << 20);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn weight_bytes(mut self, weight_bytes: u64) -> Self {
        self.weight_bytes = Some(weight_bytes);
        self
    }

    /// Labels by which many entries can be invalidated at once.
    ///
    /// ```
    /// # use refrain::EntryOptions;
    /// let cache: refrain::Cache<u64, &str> = refrain::Cache::builder().build()?;
    /// cache.insert_with(1, "x", EntryOptions::default().tags(["a", "b"]));
    /// assert_eq!(cache.invalidate_tag("b"), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn tags<T: Into<Arc<str>>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
        self.tags = Some(tags.into_iter().map(Into::into).collect());
        self
    }

    /// These options, with what is left out taken from `fallback`.
    pub(crate) fn or(self, fallback: &Self) -> Self {
        Self {
            time_to_live: self.time_to_live.or(fallback.time_to_live),
            cost: self.cost.or(fallback.cost),
            weight_bytes: self.weight_bytes.or(fallback.weight_bytes),
            tags: self.tags.or_else(|| fallback.tags.clone()),
        }
    }
}

impl<V> Computed<V> {
    /// The value, to be stored with the cache's own settings.
    ///
    /// ```
    /// let cache: refrain::Cache<u64, u64> = refrain::Cache::builder().build()?;
    /// assert_eq!(cache.get_or_compute(2, || refrain::Computed::new(4)).unwrap(), 4);
    /// assert_eq!(cache.get(&2), Some(4));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn new(value: V) -> Self {
        Self {
            value,
            options: EntryOptions::default(),
            keep: Keep::Store,
            loaded: None,
            took: None,
            below: Vec::new(),
            refreshed: false,
            only_below: false,
        }
    }

    /// The same value with these options; they win over those of the request.
    ///
    /// ```
    /// use refrain::{Cache, Computed, EntryOptions};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.get_or_compute(2, || Computed::new(4).with(EntryOptions::default().tags(["even"]))).unwrap();
    /// assert_eq!(cache.invalidate_tag("even"), 1);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn with(mut self, options: EntryOptions) -> Self {
        self.options = options.or(&self.options);
        self
    }

    /// How long the value is fresh; see [`EntryOptions::time_to_live`].
    ///
    /// ```
    /// use refrain::{Cache, Computed};
    /// use std::time::Duration;
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.get_or_compute(2, || Computed::new(4).time_to_live(Duration::from_secs(9))).unwrap();
    /// assert!(cache.peek_entry(&2).unwrap().info.expires_in <= Some(Duration::from_secs(9)));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn time_to_live(mut self, time_to_live: Duration) -> Self {
        self.options.time_to_live = Some(time_to_live);
        self
    }

    /// What making the value took, instead of the measured time.
    ///
    /// ```
    /// use refrain::{Cache, Computed};
    /// use std::time::Duration;
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.get_or_compute(2, || Computed::new(4).cost(Duration::from_secs(9))).unwrap();
    /// assert_eq!(cache.peek_entry(&2).unwrap().info.cost, Duration::from_secs(9));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn cost(mut self, cost: Duration) -> Self {
        self.options.cost = Some(cost);
        self
    }

    /// The value was loaded from this tier and not computed: the outcome is
    /// [`Outcome::Loaded`](crate::Outcome::Loaded), and it counts as a [load](crate::Stats::loads), not as a computation.
    ///
    /// ```
    /// use refrain::{Cache, Computed, TierName};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// cache.get_or_compute(2, || Computed::new(4).loaded(TierName::new("disk"))).unwrap();
    /// let stats = cache.stats();
    /// assert_eq!((stats.loads, stats.misses, stats.computations), (1, 0, 0));
    /// assert_eq!(cache.get(&2), Some(4));
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn loaded(mut self, tier: TierName) -> Self {
        self.loaded = Some(tier);
        self
    }

    /// Not stored; callers that waited for it get it.
    ///
    /// ```
    /// use refrain::{Cache, Computed};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// assert_eq!(cache.get_or_compute(2, || Computed::new(4).share_only()).unwrap(), 4);
    /// assert_eq!(cache.get(&2), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn share_only(mut self) -> Self {
        self.keep = Keep::Share;
        self
    }

    /// Neither stored nor shared: callers that waited for it are released and compute for themselves, all at once.
    ///
    /// For the minute after that, callers for the same key do not wait for one another (hit-for-miss), until one of
    /// them gets a result that may be shared; the next one after that is stored.
    ///
    /// ```
    /// use refrain::{Cache, Computed};
    ///
    /// let cache: Cache<u64, u64> = Cache::builder().build()?;
    /// assert_eq!(cache.get_or_compute(2, || Computed::new(4).private()).unwrap(), 4);
    /// assert_eq!(cache.get(&2), None);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    #[must_use]
    pub fn private(mut self) -> Self {
        self.keep = Keep::Private;
        self
    }
}

impl<V> From<V> for Computed<V> {
    fn from(value: V) -> Self {
        Self::new(value)
    }
}
