//! What became of a value: in memory, and in each tier below.

use std::fmt;
use std::sync::Arc;

/// What became of a computed value, as the flight that stored it tells.
///
/// ```
/// use refrain::{Insertion, Stored, TierName};
///
/// let stored = Stored::in_memory(Insertion::Declined).and_in([TierName::new("disk")]);
/// assert_eq!(stored.memory(), Insertion::Declined);
/// assert_eq!(stored.below(), [TierName::new("disk")]);
/// assert!(stored.is_anywhere());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stored {
    memory: Insertion,
    /// `None` for no tier, which is usual.
    below: Option<Arc<[TierName]>>,
}

impl Stored {
    /// This became of it in memory, and no tier below has it.
    ///
    /// ```
    /// use refrain::{Insertion, Stored};
    /// assert!(!Stored::in_memory(Insertion::Overweight).is_anywhere());
    /// ```
    #[must_use]
    pub fn in_memory(memory: Insertion) -> Self {
        Self {
            memory,
            below: None,
        }
    }

    /// The same, and these tiers below have it.
    ///
    /// ```
    /// use refrain::{Insertion, Stored};
    /// assert!(Stored::in_memory(Insertion::Stored).and_in([]).below().is_empty());
    /// ```
    #[must_use]
    pub fn and_in(mut self, tiers: impl IntoIterator<Item = TierName>) -> Self {
        let tiers: Vec<_> = tiers.into_iter().collect();
        self.below = (!tiers.is_empty()).then(|| tiers.into());
        self
    }

    /// What memory did with it.
    ///
    /// ```
    /// use refrain::{Insertion, Stored};
    /// assert_eq!(Stored::from(Insertion::Stored).memory(), Insertion::Stored);
    /// ```
    pub fn memory(&self) -> Insertion {
        self.memory
    }

    /// The tiers below that have it, the topmost first.
    ///
    /// ```
    /// use refrain::{Insertion, Stored};
    /// assert!(Stored::from(Insertion::Stored).below().is_empty());
    /// ```
    pub fn below(&self) -> &[TierName] {
        self.below.as_deref().unwrap_or_default()
    }

    /// Whether the next caller finds it, in memory or below.
    ///
    /// ```
    /// use refrain::{Insertion, Stored};
    /// assert!(!Stored::from(Insertion::NotAsked).is_anywhere());
    /// ```
    pub fn is_anywhere(&self) -> bool {
        self.memory == Insertion::Stored || self.below.is_some()
    }
}

impl From<Insertion> for Stored {
    fn from(memory: Insertion) -> Self {
        Self::in_memory(memory)
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
/// use refrain::{Cache, Computed, Insertion};
///
/// let cache: Cache<u64, Vec<u8>> = Cache::builder()
///     .capacity_bytes(100)
///     .weigher(|_, value: &Vec<u8>| value.len() as u64)
///     .build()?;
/// assert_eq!(cache.insert(1, vec![0; 100]), Insertion::Stored);
/// assert_eq!(cache.insert(2, vec![0; 101]), Insertion::Overweight);
/// let shared = cache.entry(3).get_or_compute(|| Computed::new(vec![0]).share_only()).unwrap();
/// assert_eq!(shared.outcome.stored().unwrap().memory(), Insertion::NotAsked);
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
    /// It is being computed still.
    Pending,
}
