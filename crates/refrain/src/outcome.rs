//! The outcome of a request: how its answer came to be, in one enum for every door of the cache.

mod bypass;
mod cache_status;
mod stored;

pub use bypass::BypassReason;
pub use stored::{Insertion, Stored, TierName};

/// How an answer came to be.
///
/// [`cache_status`](Self::cache_status) is the one mapping to the words of RFC 9211: `Hit` and `Loaded` are `hit`, `Computed`
/// is `fwd=miss` or, if the caller did not want what was stored, `fwd=request`, `Collapsed` is `fwd=miss; collapsed`, and
/// `Bypassed` is `fwd=bypass` with the reason.
///
/// ```
/// use refrain::{Cache, Computed, Insertion, Outcome, TierName};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let first = cache.entry(1).get_or_compute(|| 10).unwrap();
/// let stored = Insertion::Stored.into();
/// assert_eq!(first.outcome, Outcome::Computed { stored, refreshed: false });
/// let second = cache.entry(1).get_or_compute(|| 99).unwrap();
/// assert_eq!((second.value, second.outcome), (10, Outcome::Hit));
///
/// let disk = TierName::new("disk");
/// let loaded = cache.entry(2).get_or_compute(|| Computed::new(20).loaded(disk)).unwrap();
/// assert_eq!(loaded.outcome, Outcome::Loaded { tier: disk, collapsed: false });
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was in memory.
    Hit,
    /// It was in a lower tier.
    Loaded {
        /// The tier that had it.
        tier: TierName,
        /// It was being loaded for another caller, and this one waited.
        collapsed: bool,
    },
    /// It was computed for this caller.
    Computed {
        /// Where it is now.
        stored: Stored,
        /// The caller did not want what was stored, or did not want to look.
        refreshed: bool,
    },
    /// It was being computed for another caller, and this one waited.
    Collapsed {
        /// Where it is now.
        stored: Stored,
    },
    /// The cache had no part in it.
    Bypassed {
        /// Why not.
        reason: BypassReason,
    },
}

impl Outcome {
    /// Whether the value was there and nothing was computed for it.
    ///
    /// ```
    /// use refrain::{Outcome, TierName};
    /// assert!(Outcome::Hit.was_stored());
    /// assert!(Outcome::Loaded { tier: TierName::new("disk"), collapsed: true }.was_stored());
    /// ```
    pub fn was_stored(&self) -> bool {
        matches!(self, Self::Hit | Self::Loaded { .. })
    }

    /// What became of the value after it was computed; `None` if it was not, or went past the cache.
    ///
    /// ```
    /// use refrain::{Insertion, Outcome};
    /// assert_eq!(Outcome::Hit.stored(), None);
    /// let collapsed = Outcome::Collapsed { stored: Insertion::Stored.into() };
    /// assert_eq!(collapsed.stored().unwrap().memory(), Insertion::Stored);
    /// ```
    pub fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Computed { stored, .. } | Self::Collapsed { stored } => Some(stored),
            Self::Hit | Self::Loaded { .. } | Self::Bypassed { .. } => None,
        }
    }

    /// Whether the next caller finds the value, in memory or in a tier below.
    ///
    /// ```
    /// use refrain::{Insertion, Outcome};
    /// assert!(Outcome::Hit.is_kept());
    /// let stored = Insertion::Overweight.into();
    /// assert!(!Outcome::Computed { stored, refreshed: false }.is_kept());
    /// ```
    pub fn is_kept(&self) -> bool {
        self.was_stored() || self.stored().is_some_and(Stored::is_anywhere)
    }

    /// The outcome in one word, for documents: `hit`, `collapsed`, or `miss` for whatever was computed for this caller.
    ///
    /// ```
    /// use refrain::{BypassReason, Outcome};
    /// assert_eq!(Outcome::Hit.word(), "hit");
    /// assert_eq!(Outcome::Bypassed { reason: BypassReason::SwitchedOff }.word(), "miss");
    /// ```
    pub fn word(&self) -> &'static str {
        match self {
            Self::Hit | Self::Loaded { .. } => "hit",
            Self::Collapsed { .. } => "collapsed",
            Self::Computed { .. } | Self::Bypassed { .. } => "miss",
        }
    }
}
