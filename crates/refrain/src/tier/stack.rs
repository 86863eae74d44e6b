//! The stack of tiers below the memory: asked from the top, invalidated from the bottom, back-filled in between.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Tier;
use super::entry::TierEntry;
use super::error::TierFailure;
use super::guarded::{Guarded, Unread};
use super::invalidations::{Hear, Invalidations, Ticket};
use super::lease::Lease;
use super::owed::Scope;
use super::stats::TierStats;
use crate::clock::Clock;
use crate::key::Key;
use crate::outcome::{Insertion, TierName};

/// Long enough for a hundred megabytes on a slow disk.
const DEADLINE: Duration = Duration::from_secs(10);

/// Longer than most generations take.
const PATIENCE: Duration = Duration::from_secs(600);

/// Entries that are loaded from a tier at the same time; more would arrive no sooner.
const LOADS_AT_ONCE: usize = 16;

/// Larger bodies stay where they are.
const BACK_FILL_AT_MOST: u64 = 8 << 20;

/// The tiers below the memory, the fastest first. Clones share them.
///
/// Whatever the tiers do, a cache above works: a tier that fails, hangs or panics costs a limited time and is counted
/// apart from misses.
///
/// * Each operation has a deadline, on the clock of the cache. A tier that missed one is not asked again before it has
///   answered.
/// * After three failures in a row a tier is left alone for four seconds (circuit breaker).
/// * An invalidation that a tier does not confirm is owed: what it means is not loaded from that tier until it has been
///   repeated.
/// * What is found in a tier is copied into the tiers above it (back-fill).
///
/// ```
/// use refrain::tier::{Metadata, TierEntry, Tiers};
/// use refrain::{Key, block_on};
/// # use refrain::tier::{BoxFuture, Tier, TierDescription, TierError, Ticket};
/// # use refrain::{Insertion, TierName};
/// # use std::collections::HashMap;
/// # use std::sync::{Arc, Mutex};
/// # #[derive(Debug, Default)]
/// # struct Shelf(Arc<Mutex<HashMap<Key, TierEntry>>>);
/// # impl Tier for Shelf {
/// #     fn describe(&self) -> TierDescription { TierDescription::new(TierName::new("shelf")) }
/// #     fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
/// #         let found = self.0.lock().unwrap().get(&key).cloned();
/// #         Box::pin(async move { Ok(found) })
/// #     }
/// #     fn store(&self, key: Key, entry: TierEntry, valid: Ticket) -> BoxFuture<Result<Insertion, TierError>> {
/// #         let shelf = Arc::clone(&self.0);
/// #         Box::pin(async move {
/// #             if valid.is_overtaken(&key, &entry.metadata.tags) { return Ok(Insertion::Invalidated); }
/// #             shelf.lock().unwrap().insert(key, entry);
/// #             Ok(Insertion::Stored)
/// #         })
/// #     }
/// #     fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
/// #         let removed = self.0.lock().unwrap().remove(&key).is_some();
/// #         Box::pin(async move { Ok(removed) })
/// #     }
/// #     fn invalidate_tag(&self, _: Arc<str>) -> BoxFuture<Result<u64, TierError>> { Box::pin(async { Ok(0) }) }
/// #     fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> { Box::pin(async { Ok(0) }) }
/// # }
/// # let shelf = Shelf::default();
///
/// let tiers = Tiers::builder().tier(shelf).build();
/// let key = Key::from_bytes([7; 32]);
/// let ticket = tiers.begin();
/// assert!(block_on(tiers.load(key, &ticket)).is_none());
/// let entry = TierEntry::new("two minutes of work", Metadata::new("bytes")); // …computed here…
/// block_on(tiers.store(key, entry, &ticket));
/// let loaded = block_on(tiers.load(key, &ticket)).unwrap();
/// assert_eq!(loaded.entry.body.whole().unwrap(), &b"two minutes of work"[..]);
/// assert_eq!(loaded.tier.as_str(), "shelf");
/// assert!(block_on(tiers.invalidate(key))?);
/// assert!(block_on(tiers.load(key, &ticket)).is_none());
/// # Ok::<(), refrain::tier::TierFailure>(())
/// ```
#[derive(Clone)]
pub struct Tiers(Arc<Stack>);

struct Stack {
    tiers: Vec<Guarded>,
    invalidations: Invalidations,
    /// What was stored lately, so that no older entry is copied up over it.
    writes: Invalidations,
    clock: Clock,
    patience: Duration,
    back_fill_at_most: u64,
}

/// Settings of a stack of [`Tiers`], each with a default.
///
/// ```
/// use refrain::tier::Tiers;
/// use std::time::Duration;
///
/// let tiers = Tiers::builder().deadline(Duration::from_secs(2)).build();
/// assert!(tiers.is_empty());
/// ```
#[derive(Debug)]
#[must_use = "nothing is made before `build`"]
pub struct TiersBuilder {
    tiers: Vec<Arc<dyn Tier>>,
    invalidations: Invalidations,
    clock: Clock,
    deadline: Duration,
    patience: Duration,
    loads_at_once: usize,
    back_fill_at_most: u64,
}

/// What was found in a tier, and in which.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Loaded {
    /// As it was stored.
    pub entry: TierEntry,
    /// The tier that had it.
    pub tier: TierName,
}

impl TiersBuilder {
    /// One more tier, below those that are there.
    pub fn tier(self, tier: impl Tier) -> Self {
        self.shared_tier(Arc::new(tier))
    }

    /// [`tier`](Self::tier), for one that is used elsewhere too.
    pub fn shared_tier(mut self, tier: Arc<dyn Tier>) -> Self {
        self.tiers.push(tier);
        self
    }

    /// The log of what is invalidated, for stacks that have a tier in common: what is invalidated in one of them is stored by
    /// none that began before. Default: a log of its own.
    pub fn invalidations(mut self, log: Invalidations) -> Self {
        self.invalidations = log;
        self
    }

    /// Where the time comes from. Default: [`Clock::monotonic`]. Take the clock of the cache above.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long an operation of a tier may take, with a second more for each 8 MiB of a body. Default: ten seconds.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How long a computation waits for another process that computes the same. Default: ten minutes.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// How many entries are loaded from each tier at the same time; more callers wait for their turn. Default: 16.
    pub fn loads_at_once(mut self, loads: usize) -> Self {
        self.loads_at_once = loads;
        self
    }

    /// Larger bodies that a tier does not hand out whole are left in it: they are neither copied into the tiers above nor
    /// into memory. Default: 8 MiB.
    pub fn back_fill_at_most(mut self, bytes: u64) -> Self {
        self.back_fill_at_most = bytes;
        self
    }

    /// The stack.
    #[must_use]
    pub fn build(self) -> Tiers {
        let guarded = |tier| Guarded::new(tier, &self.clock, self.deadline, self.loads_at_once);
        Tiers(Arc::new(Stack {
            tiers: self.tiers.into_iter().map(guarded).collect(),
            invalidations: self.invalidations,
            writes: Invalidations::default(),
            clock: self.clock.clone(),
            patience: self.patience,
            back_fill_at_most: self.back_fill_at_most,
        }))
    }
}

impl Tiers {
    /// Settings of a new stack, which has no tiers yet.
    pub fn builder() -> TiersBuilder {
        TiersBuilder {
            tiers: Vec::new(),
            invalidations: Invalidations::default(),
            clock: Clock::monotonic(),
            deadline: DEADLINE,
            patience: PATIENCE,
            loads_at_once: LOADS_AT_ONCE,
            back_fill_at_most: BACK_FILL_AT_MOST,
        }
    }

    /// A stack without tiers.
    ///
    /// ```
    /// assert!(refrain::tier::Tiers::none().is_empty());
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::builder().build()
    }

    /// Whether there are no tiers.
    pub fn is_empty(&self) -> bool {
        self.0.tiers.is_empty()
    }

    /// A moment at which a computation begins. Taken before anything is looked at: what is invalidated from now on is not
    /// stored.
    pub fn begin(&self) -> Ticket {
        self.0.invalidations.begin()
    }

    /// The log of what is invalidated in this stack.
    pub fn invalidations(&self) -> &Invalidations {
        &self.0.invalidations
    }

    /// Bodies that are larger stay in the tier that has them.
    pub fn back_fill_limit(&self) -> u64 {
        self.0.back_fill_at_most
    }

    /// The first entry for `key`, from the top of the stack down; copied into the tiers above the one that had it, unless
    /// it has been invalidated since `valid` was taken.
    ///
    /// A body that is not in memory is read into it if it may be back-filled. Larger ones come as their source.
    pub async fn load(&self, key: Key, valid: &Ticket) -> Option<Loaded> {
        let limit = self.0.back_fill_at_most;
        let as_it_is = |entry: &TierEntry| Ok(entry.clone());
        let (entry, tier) = self.load_with(key, valid, limit, as_it_is).await?;
        Some(Loaded { entry, tier })
    }

    /// [`load`](Self::load), with bodies of any size read into memory.
    pub async fn load_whole(&self, key: Key, valid: &Ticket) -> Option<Loaded> {
        let as_it_is = |entry: &TierEntry| Ok(entry.clone());
        let (entry, tier) = self.load_with(key, valid, u64::MAX, as_it_is).await?;
        Some(Loaded { entry, tier })
    }

    /// The first entry of which `read` makes something, and what that is.
    pub(crate) async fn load_with<T>(
        &self,
        key: Key,
        valid: &Ticket,
        whole_up_to: u64,
        read: impl Fn(&TierEntry) -> Result<T, Unread> + Sync,
    ) -> Option<(T, TierName)> {
        // Taken before anything is looked at: what is stored meanwhile is newer than what is found.
        let valid = valid.and(self.0.writes.begin());
        for (at, tier) in self.0.tiers.iter().enumerate() {
            if let Some(found) = tier.load(key, whole_up_to, &read).await {
                self.back_fill(at, key, &found.entry, &valid).await;
                return Some((found.value, tier.name));
            }
        }
        None
    }

    async fn back_fill(&self, from: usize, key: Key, entry: &TierEntry, valid: &Ticket) {
        if from == 0 || entry.body.len() > self.0.back_fill_at_most {
            return;
        }
        let began = self.0.clock.elapsed();
        // The nearest first: what a higher tier holds, the lower ones do too.
        for tier in self.0.tiers[..from].iter().rev() {
            let passed = self.0.clock.elapsed().saturating_sub(began);
            let copy = TierEntry {
                body: entry.body.clone(),
                metadata: entry.metadata.clone().later_by(passed),
            };
            if copy.metadata.is_expired() {
                return;
            }
            if let Ok(Insertion::Stored) = tier.store(key, copy, valid.clone(), false).await {
                tier.count_back_fill();
            }
        }
    }

    /// Stores a result in all tiers, from the bottom up, unless it has been invalidated since `valid` was taken. What became
    /// of it in each.
    pub async fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: &Ticket,
    ) -> Vec<(TierName, Result<Insertion, TierFailure>)> {
        self.store_in_place(key, entry, valid, false).await
    }

    /// [`store`](Self::store), for a result that takes the place of one that must not be seen again: where it cannot be
    /// stored, the older one is removed as soon as the tier answers, and not loaded before.
    pub async fn replace(
        &self,
        key: Key,
        entry: TierEntry,
        valid: &Ticket,
    ) -> Vec<(TierName, Result<Insertion, TierFailure>)> {
        self.store_in_place(key, entry, valid, true).await
    }

    async fn store_in_place(
        &self,
        key: Key,
        entry: TierEntry,
        valid: &Ticket,
        replaces: bool,
    ) -> Vec<(TierName, Result<Insertion, TierFailure>)> {
        let mut became = Vec::with_capacity(self.0.tiers.len());
        for tier in self.0.tiers.iter().rev() {
            let stored = tier
                .store(key, entry.clone(), valid.clone(), replaces)
                .await;
            // An older entry that was found in this tier has a ticket from before this note, so it is not copied into a
            // tier above after that one has the new entry.
            self.0.writes.key(&key);
            let failure = |error| TierFailure {
                tier: tier.name,
                error,
            };
            became.push((tier.name, stored.map_err(failure)));
        }
        became
    }

    /// Removes what the tiers hold for `key`, for a value that takes its place and is not stored below. Not an invalidation: that
    /// value's own ticket stays good. What a tier does not confirm is not loaded from it any more.
    pub async fn forget(&self, key: Key) {
        for tier in self.0.tiers.iter().rev() {
            tier.forget(key).await;
        }
    }

    /// Removes the entry for `key` from all tiers, from the bottom up; whether there was one. The memory above comes
    /// afterwards.
    ///
    /// # Errors
    ///
    /// The first [`TierFailure`]. The other tiers are invalidated all the same, and nothing is loaded from the one that
    /// failed that this call means; but a restart may bring it back.
    pub async fn invalidate(&self, key: Key) -> Result<bool, TierFailure> {
        let note = |log: &Invalidations| log.key(&key);
        let removed = self.remove(&Scope::Key(key), note).await;
        removed.map(|count| count > 0)
    }

    /// Removes all entries with this tag from all tiers, from the bottom up; how many there were in the tier that had most.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    pub async fn invalidate_tag(&self, tag: &str) -> Result<u64, TierFailure> {
        let note = |log: &Invalidations| log.tag(tag);
        self.remove(&Scope::Tag(Arc::from(tag)), note).await
    }

    /// Removes all entries from all tiers, from the bottom up; how many there were in the tier that had most.
    ///
    /// # Errors
    ///
    /// As [`invalidate`](Self::invalidate).
    pub async fn invalidate_all(&self) -> Result<u64, TierFailure> {
        self.remove(&Scope::All, Invalidations::all).await
    }

    async fn remove(
        &self,
        scope: &Scope,
        note: impl Fn(&Invalidations),
    ) -> Result<u64, TierFailure> {
        let (mut most, mut failure) = (0, None);
        // An entry that is loaded from a tier before this removes it there has a ticket from before the note that follows,
        // so it is not copied into a tier above after that one was passed.
        for tier in self.0.tiers.iter().rev() {
            note(&self.0.invalidations);
            match tier.invalidate(scope.clone()).await {
                Ok(count) => most = most.max(count),
                Err(error) => {
                    let tier = tier.name;
                    failure.get_or_insert(TierFailure { tier, error });
                }
            }
        }
        note(&self.0.invalidations);
        failure.map_or(Ok(most), Err)
    }

    /// The right to compute what belongs under `key`, among all that use the tiers; waits for others that have it. To be kept until
    /// the result is stored, and what others have stored is to be looked for once more.
    ///
    /// ```
    /// # use refrain::{Key, block_on, tier::Tiers};
    /// assert!(block_on(Tiers::none().lease(Key::from_bytes([7; 32]), true)).is_empty());
    /// ```
    pub async fn lease(&self, key: Key, waits: bool) -> Vec<Lease> {
        let mut leases = Vec::new();
        for tier in &self.0.tiers {
            leases.extend(tier.lease(key, waits, self.0.patience).await);
        }
        leases
    }

    /// Calls `hear` with what others that use the tiers have invalidated, soon after they have.
    ///
    /// ```
    /// let hear: refrain::tier::Hear = std::sync::Arc::new(|_| true);
    /// refrain::tier::Tiers::none().watch(&hear);
    /// ```
    pub fn watch(&self, hear: &Hear) {
        for tier in &self.0.tiers {
            tier.watch(&self.0.invalidations, Arc::clone(hear));
        }
    }

    /// Tells all tiers that the entry was used in memory: what is used most stays in them too.
    pub fn touch(&self, key: &Key) {
        for tier in &self.0.tiers {
            tier.touch(key);
        }
    }

    /// Whether a tier can say without waiting that it has a fresh entry for `key`.
    pub fn contains(&self, key: &Key) -> bool {
        self.0
            .tiers
            .iter()
            .any(|tier| tier.contains(key) == Some(true))
    }

    /// What each tier did, the topmost first.
    pub fn stats(&self) -> Vec<TierStats> {
        self.0.tiers.iter().map(Guarded::stats).collect()
    }

    /// Zeroes the counters of each tier.
    pub fn reset_stats(&self) {
        self.0.tiers.iter().for_each(Guarded::reset_stats);
    }
}

impl fmt::Debug for Tiers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.tiers.iter().map(|tier| tier.name))
            .finish()
    }
}
