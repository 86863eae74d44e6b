//! The outcome of a request: how its answer came to be, in one enum for every door of the cache.

use std::fmt;

/// How an answer came to be.
///
/// The mapping to the words of RFC 9211 (`Cache-Status`) is one to one: `Hit` and `Loaded` are `hit`, `Computed` is
/// `fwd=miss`, `Collapsed` is `fwd=miss; collapsed`, and `Bypassed` is `fwd=bypass`.
///
/// ```
/// use refrain::{Cache, Computed, Insertion, Outcome, TierName};
///
/// let cache: Cache<u64, u64> = Cache::builder().build()?;
/// let first = cache.entry(1).get_or_compute(|| 10).unwrap();
/// assert_eq!(first.outcome, Outcome::Computed { stored: Insertion::Stored });
/// let second = cache.entry(1).get_or_compute(|| 99).unwrap();
/// assert_eq!((second.value, second.outcome), (10, Outcome::Hit));
///
/// let disk = TierName::new("disk");
/// let loaded = cache.entry(2).get_or_compute(|| Computed::new(20).loaded(disk)).unwrap();
/// assert_eq!(loaded.outcome, Outcome::Loaded { tier: disk, collapsed: false });
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
        /// Whether it is in the cache now.
        stored: Insertion,
    },
    /// It was being computed for another caller, and this one waited.
    Collapsed {
        /// Whether it is in the cache now.
        stored: Insertion,
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
    pub fn was_stored(self) -> bool {
        matches!(self, Self::Hit | Self::Loaded { .. })
    }

    /// What became of the value after it was computed; `None` if it was not.
    ///
    /// ```
    /// use refrain::{Insertion, Outcome};
    /// assert_eq!(Outcome::Hit.stored(), None);
    /// assert_eq!(Outcome::Collapsed { stored: Insertion::Stored }.stored(), Some(Insertion::Stored));
    /// ```
    pub fn stored(self) -> Option<Insertion> {
        match self {
            Self::Computed { stored } | Self::Collapsed { stored } => Some(stored),
            Self::Hit | Self::Loaded { .. } | Self::Bypassed { .. } => None,
        }
    }
}

/// The reason why the cache had no part in an answer.
///
/// ```
/// use refrain::{BypassReason, Outcome};
///
/// let outcome = Outcome::Bypassed { reason: BypassReason::NotStored };
/// assert!(!outcome.was_stored());
/// assert_eq!(BypassReason::SwitchedOff.as_str(), "switched off");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BypassReason {
    /// The cache is switched off.
    SwitchedOff,
    /// The caller asked for an answer that is not stored.
    NotStored,
    /// A part of the request cannot be part of a key.
    NoKey,
    /// A rule says that such requests go past the cache.
    Rule,
    /// Other callers hold a value or compute one that this caller does not accept.
    Unwelcome,
}

impl BypassReason {
    /// The reason in words, for headers and logs.
    ///
    /// ```
    /// assert_eq!(refrain::BypassReason::NoKey.as_str(), "no key");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SwitchedOff => "switched off",
            Self::NotStored => "not stored",
            Self::NoKey => "no key",
            Self::Rule => "rule",
            Self::Unwelcome => "unwelcome",
        }
    }
}

/// The name of a tier in outcomes, statistics and messages. Small and copied freely.
///
/// ```
/// let name = refrain::TierName::new("disk");
/// assert_eq!(name.to_string(), "disk");
/// assert_eq!(name, refrain::TierName::new("disk"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TierName(&'static str);

impl TierName {
    /// A name that is part of the program.
    ///
    /// ```
    /// const DISK: refrain::TierName = refrain::TierName::new("disk");
    /// assert_eq!(DISK.as_str(), "disk");
    /// ```
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    ///
    /// ```
    /// assert_eq!(refrain::TierName::new("valkey").as_str(), "valkey");
    /// ```
    pub fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for TierName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

/// The outcome of offering a value to the cache or to a tier.
///
/// ```
/// use refrain::{Cache, Computed, Insertion, Outcome};
///
/// let cache: Cache<u64, Vec<u8>> = Cache::builder()
///     .capacity_bytes(100)
///     .weigher(|_, value: &Vec<u8>| value.len() as u64)
///     .build()?;
/// assert_eq!(cache.insert(1, vec![0; 100]), Insertion::Stored);
/// assert_eq!(cache.insert(2, vec![0; 101]), Insertion::Overweight);
/// let shared = cache.entry(3).get_or_compute(|| Computed::new(vec![0]).share_only()).unwrap();
/// assert_eq!(shared.outcome, Outcome::Computed { stored: Insertion::NotAsked });
/// # Ok::<(), refrain::BuildError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Insertion {
    /// It is there now.
    Stored,
    /// It is heavier than all that may be held, or no entries may be held at all. Nothing was evicted.
    Overweight,
    /// The policy kept what is there instead.
    Declined,
    /// Its computation said not to store it.
    NotAsked,
    /// Its time to live is zero.
    Expired,
    /// It was computed for an entry that has been invalidated or written since the computation began.
    Invalidated,
}
