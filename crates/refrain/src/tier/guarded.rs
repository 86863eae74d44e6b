//! One tier of the stack, and the guards that protect its callers: deadline, circuit breaker, turns, owed invalidations.

use std::sync::Arc;
use std::time::Duration;

use super::breaker::Breaker;
use super::deadline::{Overdue, Timed};
use super::entry::TierEntry;
use super::error::TierError;
use super::invalidations::{Hear, Invalidations, Ticket};
use super::lease::{Lease, Patience};
use super::owed::{Owed, Scope};
use super::stats::{Counters, TierStats, count, read};
use super::turns::Turns;
use super::{BoxFuture, Tier};
use crate::catch::catch;
use crate::clock::Clock;
use crate::key::Key;
use crate::outcome::{Insertion, TierName};

/// A body may take this much longer for each [`LARGE`] bytes of it.
const LONGER: Duration = Duration::from_secs(1);
const LARGE: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct Guarded {
    tier: Arc<dyn Tier>,
    pub(super) name: TierName,
    clock: Clock,
    limit: Duration,
    breaker: Breaker,
    overdue: Arc<Overdue>,
    turns: Arc<Turns>,
    owed: Owed,
    /// What the tier has confirmed while it was loading.
    confirmed: Invalidations,
    counters: Counters,
}

/// What a load gave.
pub(super) struct Found<T> {
    /// As the tier gave it, but for a body that was read.
    pub(super) entry: TierEntry,
    pub(super) value: T,
}

/// Why an entry is passed over.
pub(crate) enum Unread {
    /// It is of no version that can be read.
    Unreadable,
    /// The caller does not accept it.
    Unwelcome,
}

impl Guarded {
    pub(super) fn new(
        tier: Arc<dyn Tier>,
        clock: &Clock,
        limit: Duration,
        loads_at_once: usize,
    ) -> Self {
        Self {
            name: tier.describe().name,
            tier,
            clock: clock.clone(),
            limit,
            breaker: Breaker::new(clock.clone()),
            overdue: Arc::default(),
            turns: Turns::new(loads_at_once),
            owed: Owed::default(),
            confirmed: Invalidations::default(),
            counters: Counters::default(),
        }
    }

    /// The entry for `key`, and what `read` makes of it. Bodies of up to `whole_up_to` bytes are read into memory.
    pub(super) async fn load<T>(
        &self,
        key: Key,
        whole_up_to: u64,
        read: &(impl Fn(&TierEntry) -> Result<T, Unread> + Sync),
    ) -> Option<Found<T>> {
        if self.contains(&key) == Some(false) {
            count(&self.counters.misses);
            return None;
        }
        // Loads that are under way take the memory of a whole result each, and the deadline is not for the queue.
        let _turn = Turns::turn(&self.turns).await;
        if let Err(error) = self.repay(&key, &[]).await {
            self.count_error(&error);
            return None;
        }
        let since = self.confirmed.begin();
        let loaded = self.attempt(self.limit, |tier| tier.load(key)).await;
        let entry = match loaded {
            Ok(Some(entry)) if !entry.metadata.is_expired() => entry,
            Ok(_) => {
                count(&self.counters.misses);
                return None;
            }
            Err(error) => {
                self.count_error(&error);
                return None;
            }
        };
        let entry = match self.read_whole(entry, whole_up_to).await {
            Ok(entry) => entry,
            Err(error) => {
                self.count_error(&error);
                return None;
            }
        };
        // Invalidated by a tag, or while it was loaded, and still there.
        let tags = &entry.metadata.tags;
        if self.owed.concerning(&key, tags).is_some() || since.is_overtaken(&key, tags) {
            let _ = self.repay(&key, tags).await;
            count(&self.counters.skipped);
            return None;
        }
        match catch(|| read(&entry)) {
            Ok(Ok(value)) => {
                count(&self.counters.hits);
                Some(Found { entry, value })
            }
            Ok(Err(Unread::Unwelcome)) => {
                count(&self.counters.misses);
                None
            }
            Ok(Err(Unread::Unreadable)) | Err(_) => {
                count(&self.counters.misses);
                count(&self.counters.unreadable);
                None
            }
        }
    }

    async fn read_whole(
        &self,
        mut entry: TierEntry,
        whole_up_to: u64,
    ) -> Result<TierEntry, TierError> {
        if entry.body.whole().is_some() || entry.body.len() > whole_up_to {
            return Ok(entry);
        }
        let (began, length) = (self.clock.elapsed(), entry.body.len());
        let body = entry.body.clone();
        let bytes = self
            .attempt(self.limit_for(length), |_| body.read_all())
            .await?;
        entry.body = match entry.body.digest() {
            Some(digest) => super::Body::with_digest(bytes, digest),
            None => bytes.into(),
        };
        let passed = self.clock.elapsed().saturating_sub(began);
        entry.metadata = entry.metadata.later_by(passed);
        Ok(entry)
    }

    /// Stores an entry. `replaces`: an older one that may be there must not be loaded any more, whatever happens.
    pub(super) async fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
        replaces: bool,
    ) -> Result<Insertion, TierError> {
        // What is overdue may put one there yet.
        let may_be_there = replaces && (self.overdue.any() || self.contains(&key) != Some(false));
        let stored = match self.repay(&key, &entry.metadata.tags).await {
            Ok(()) => {
                let limit = self.limit_for(entry.body.len());
                self.attempt(limit, |tier| tier.store(key, entry, valid))
                    .await
            }
            Err(error) => Err(error),
        };
        match &stored {
            Ok(Insertion::Stored) => count(&self.counters.stores),
            Ok(_) => count(&self.counters.not_stored),
            Err(error) => {
                self.count_error(error);
                if may_be_there {
                    self.owed.add(Scope::Key(key));
                }
            }
        }
        stored
    }

    pub(super) fn count_back_fill(&self) {
        count(&self.counters.back_fills);
    }

    /// Removes what `scope` means, even from a tier that is left alone otherwise. What it does not confirm, it owes.
    pub(super) async fn invalidate(&self, scope: Scope) -> Result<u64, TierError> {
        // Noted first: the caller may leave at any moment.
        let number = self.owed.add(scope.clone());
        let removed = if self.overdue.any() {
            Err(TierError::StillOverdue { limit: self.limit })
        } else {
            let removed = self.timed(self.limit, |tier| remove(tier, &scope)).await;
            self.judge(&removed);
            removed
        };
        match &removed {
            Ok(_) => self.confirm(&scope, number),
            Err(error) => self.count_error(error),
        }
        removed
    }

    /// Nothing that is there for `key` is loaded any more.
    pub(super) async fn forget(&self, key: Key) {
        if self.overdue.any() || self.contains(&key) != Some(false) {
            // What it does not confirm is owed and counted.
            let _ = self.invalidate(Scope::Key(key)).await;
        }
    }

    /// The right to compute, waited for with this patience.
    pub(super) async fn lease(&self, key: Key, waits: bool, patience: Duration) -> Option<Lease> {
        if self.overdue.any() || self.breaker.is_open() {
            return None;
        }
        let asked = catch(|| self.tier.lease(key, waits)).ok()?;
        // What is wrong with the tier is counted where it is asked for an entry.
        Patience::new(asked, patience, &self.clock).await?.ok()?
    }

    pub(super) fn watch(&self, log: &Invalidations, hear: Hear) {
        self.hint(|tier| tier.watch(log, hear));
    }

    pub(super) fn touch(&self, key: &Key) {
        self.hint(|tier| tier.touch(key));
    }

    pub(super) fn contains(&self, key: &Key) -> Option<bool> {
        self.hint(|tier| tier.contains(key)).flatten()
    }

    pub(super) fn stats(&self) -> TierStats {
        let own = &self.counters;
        let health = self.hint(Tier::health).unwrap_or_default();
        TierStats {
            description: self.tier.describe(),
            health,
            hits: read(&own.hits),
            misses: read(&own.misses),
            unreadable: read(&own.unreadable),
            errors: read(&own.errors),
            timeouts: read(&own.timeouts),
            skipped: read(&own.skipped),
            stores: read(&own.stores),
            not_stored: read(&own.not_stored),
            back_fills: read(&own.back_fills),
            owed: self.owed.len() as u64,
            overdue: self.overdue.any(),
            suspended: self.breaker.is_open() || health.suspended,
        }
    }

    pub(super) fn reset_stats(&self) {
        self.counters.reset();
    }

    /// Repeats the invalidations that stand between this tier and an entry for `key` with these tags.
    async fn repay(&self, key: &Key, tags: &[Arc<str>]) -> Result<(), TierError> {
        while let Some((scope, number)) = self.owed.concerning(key, tags) {
            self.attempt(self.limit, |tier| remove(tier, &scope))
                .await?;
            self.confirm(&scope, number);
        }
        Ok(())
    }

    /// The tier has removed what it owed. An entry that is being loaded may have been seen before that.
    fn confirm(&self, scope: &Scope, number: u64) {
        // Noted first: a load that finds nothing owed any more finds the note.
        match scope {
            Scope::Key(key) => self.confirmed.key(key),
            Scope::Tag(tag) => self.confirmed.tag(tag),
            Scope::All => self.confirmed.all(),
        }
        self.owed.remove(scope, number);
    }

    /// Asks the tier, unless it is overdue or left alone.
    async fn attempt<T: Send + 'static>(
        &self,
        limit: Duration,
        operation: impl FnOnce(&dyn Tier) -> BoxFuture<Result<T, TierError>>,
    ) -> Result<T, TierError> {
        if self.overdue.any() {
            return Err(TierError::StillOverdue { limit: self.limit });
        }
        self.breaker.check()?;
        let result = self.timed(limit, operation).await;
        self.judge(&result);
        result
    }

    async fn timed<T: Send + 'static>(
        &self,
        limit: Duration,
        operation: impl FnOnce(&dyn Tier) -> BoxFuture<Result<T, TierError>>,
    ) -> Result<T, TierError> {
        match catch(|| operation(&*self.tier)) {
            Ok(operation) => Timed::new(operation, limit, &self.clock, &self.overdue).await,
            Err(message) => Err(TierError::Panicked { message }),
        }
    }

    /// Tells the breaker how an operation ended.
    fn judge<T>(&self, result: &Result<T, TierError>) {
        match result {
            Ok(_) => self.breaker.succeeded(),
            // The tier has a breaker of its own, or would refuse the same every time.
            Err(TierError::Suspended(_) | TierError::StillOverdue { .. }) => {}
            Err(error) if !error.is_retryable() => {}
            Err(_) => self.breaker.failed(),
        }
    }

    fn count_error(&self, error: &TierError) {
        count(match error {
            TierError::Suspended(_) | TierError::StillOverdue { .. } => &self.counters.skipped,
            TierError::Overdue { .. } => &self.counters.timeouts,
            _ => &self.counters.errors,
        });
    }

    fn limit_for(&self, bytes: u64) -> Duration {
        let times = u32::try_from(bytes / LARGE).unwrap_or(u32::MAX);
        self.limit.saturating_add(LONGER.saturating_mul(times))
    }

    /// Asks the tier what it can say at once; nothing if that panics.
    fn hint<T>(&self, ask: impl FnOnce(&dyn Tier) -> T) -> Option<T> {
        catch(|| ask(&*self.tier)).ok()
    }
}

fn remove(tier: &dyn Tier, scope: &Scope) -> BoxFuture<Result<u64, TierError>> {
    match scope {
        Scope::Key(key) => {
            let removed = tier.invalidate(*key);
            Box::pin(async move { Ok(u64::from(removed.await?)) })
        }
        Scope::Tag(tag) => tier.invalidate_tag(Arc::clone(tag)),
        Scope::All => tier.invalidate_all(),
    }
}
