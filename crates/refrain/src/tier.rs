//! Lower tiers: places below the memory where results live, each behind one trait, and one stack of them for every door.
//!
//! A [`Tier`] holds entries: a [`Body`] and its [`Metadata`]. [`Tiers`] is the stack: the order in which tiers are asked,
//! back-fill, a deadline and a circuit breaker for each, and the promise that what was invalidated is gone.
//! [`TieredCache`](crate::TieredCache) puts the memory on top.
//!
//! Nothing here needs a runtime. The futures of a tier are driven by the callers that wait for them, with
//! [`block_on`](crate::block_on) where a caller blocks its thread.

mod body;
mod breaker;
mod deadline;
mod entry;
mod error;
mod guarded;
mod invalidations;
mod lease;
mod owed;
mod stack;
mod stats;
mod turns;

use std::fmt;
use std::sync::Arc;

pub use crate::flight::BoxFuture;
use crate::key::Key;
use crate::outcome::{Insertion, TierName};
pub use body::{Body, BodySource};
pub use breaker::{Breaker, Suspension};
pub use entry::{Metadata, TierEntry};
pub use error::{TierError, TierFailure};
pub(crate) use guarded::Unread;
pub use invalidations::{Hear, Invalidated, Invalidations, Ticket};
pub use lease::Lease;
pub use stack::{Loaded, Tiers, TiersBuilder};
pub use stats::{TierHealth, TierStats};

/// A place below the memory where results live: files, another server, an object store.
///
/// What every tier promises, and what the contract suite of `refrain-testkit` tries:
///
/// * *Never a wrong byte.* A body is what was stored for exactly this key, verified before it leaves, or there is none.
/// * *Invalidated is gone.* After `invalidate…` has succeeded nothing stored before is loaded again, and a
///   [`store`](Self::store) that comes later with a [`Ticket`] from before is refused.
/// * *The metadata comes back as it was*, but for age and time left, which go on.
/// * *A store that stores nothing leaves nothing older* for the key.
///
/// What no tier has to do, as [`Tiers`] does it for all: wait for a limited time, leave a broken store alone, count.
/// The futures may be dropped at any moment and must not block the thread that polls them.
///
/// ```
/// use refrain::tier::{BoxFuture, Tier, TierDescription, TierEntry, TierError, Ticket};
/// use refrain::{Insertion, Key, TierName};
/// use std::sync::Arc;
///
/// /// A tier that forgets everything.
/// #[derive(Debug)]
/// struct Nowhere;
///
/// impl Tier for Nowhere {
///     fn describe(&self) -> TierDescription {
///         TierDescription::new(TierName::new("nowhere"))
///     }
///     fn load(&self, _: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
///         Box::pin(async { Ok(None) })
///     }
///     fn store(&self, _: Key, _: TierEntry, _: Ticket) -> BoxFuture<Result<Insertion, TierError>> {
///         Box::pin(async { Ok(Insertion::Declined) })
///     }
///     fn invalidate(&self, _: Key) -> BoxFuture<Result<bool, TierError>> {
///         Box::pin(async { Ok(false) })
///     }
///     fn invalidate_tag(&self, _: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
///         Box::pin(async { Ok(0) })
///     }
///     fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
///         Box::pin(async { Ok(0) })
///     }
/// }
///
/// let loaded = refrain::block_on(Nowhere.load(Key::from_bytes([7; 32])))?;
/// assert!(loaded.is_none());
/// # Ok::<(), TierError>(())
/// ```
pub trait Tier: fmt::Debug + Send + Sync + 'static {
    /// What it is called, and what it is like.
    fn describe(&self) -> TierDescription;

    /// The entry for `key`, if there is a fresh one.
    ///
    /// # Errors
    ///
    /// [`TierError`], if it cannot be known. What is there and damaged is not an error but nothing.
    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>>;

    /// Stores an entry in place of what was there, unless the ticket [is overtaken](Ticket::is_overtaken) at the moment
    /// at which the entry could first be loaded.
    ///
    /// # Errors
    ///
    /// [`TierError`]; it may be stored or not then, and the older entry may be there or not.
    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>>;

    /// Removes the entry for `key` for good; whether there was one.
    ///
    /// # Errors
    ///
    /// [`TierError`], if it may still be there.
    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>>;

    /// Removes all entries with this tag for good; how many there were.
    ///
    /// # Errors
    ///
    /// [`TierError`], if some may still be there.
    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>>;

    /// Removes all entries for good; how many there were.
    ///
    /// # Errors
    ///
    /// [`TierError`], if some may still be there.
    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>>;

    /// Hears that the entry was used in a tier above: what is used most should not be the first to be evicted here.
    /// Must be cheap.
    fn touch(&self, _key: &Key) {}

    /// Whether there is a fresh entry for `key`, if that can be said without waiting.
    fn contains(&self, _key: &Key) -> Option<bool> {
        None
    }

    /// The right to compute what belongs under `key`, if others use the tier too: at once, or when another one that has it gives it
    /// back. Nothing, where there is none to be had, or `waits` is false and another one has it.
    ///
    /// The caller looks again where the lease says so, and waits for a limited time.
    ///
    /// # Errors
    ///
    /// [`TierError`]; the caller computes without it.
    fn lease(&self, _key: Key, _waits: bool) -> BoxFuture<Result<Option<Lease>, TierError>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// What others that use the tier invalidate is noted in `log` before anything is stored here, and told to `hear` soon after.
    fn watch(&self, _log: &Invalidations, _hear: Hear) {}

    /// What it holds and how it feels, as far as that can be said without waiting.
    fn health(&self) -> TierHealth {
        TierHealth::default()
    }
}

/// What a tier is like.
///
/// ```
/// use refrain::TierName;
/// use refrain::tier::TierDescription;
///
/// let disk = TierDescription::new(TierName::new("disk")).persistent();
/// assert!(disk.persistent && !disk.shared);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierDescription {
    /// What it is called.
    pub name: TierName,
    /// Whether entries outlive the process.
    pub persistent: bool,
    /// Whether other machines use it too.
    pub shared: bool,
}

impl TierDescription {
    /// A tier of this process alone.
    ///
    /// ```
    /// use refrain::tier::TierDescription;
    /// let memory = TierDescription::new(refrain::TierName::new("second memory"));
    /// assert!(!memory.persistent);
    /// ```
    pub fn new(name: TierName) -> Self {
        Self {
            name,
            persistent: false,
            shared: false,
        }
    }

    /// Its entries outlive the process.
    ///
    /// ```
    /// use refrain::tier::TierDescription;
    /// assert!(TierDescription::new(refrain::TierName::new("disk")).persistent().persistent);
    /// ```
    #[must_use]
    pub fn persistent(mut self) -> Self {
        self.persistent = true;
        self
    }

    /// Other machines use it too.
    ///
    /// ```
    /// use refrain::tier::TierDescription;
    /// assert!(TierDescription::new(refrain::TierName::new("valkey")).shared().shared);
    /// ```
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = true;
        self
    }
}
