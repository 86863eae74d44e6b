//! The memory with lower tiers below it: looked up before any flight, loaded or computed in one flight, stored everywhere.

mod codec;
mod obtaining;
mod request;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::block_on::block_on;
use crate::cache::Cache;
use crate::computed::EntryOptions;
use crate::entry::Answer;
use crate::key::Key;
use crate::outcome::Insertion;
use crate::tier::{Hear, TierFailure, Tiers};
pub use codec::{BytesCodec, Codec, CodecError};
use obtaining::Obtaining;
pub use request::{TieredRequest, TieredSideRequest};

/// A [`Cache`] with [`Tiers`] below it.
///
/// A value that is in memory is a hit, and no flight is begun for it. Otherwise one flight per key looks into the tiers,
/// and computes if nothing is there; what was computed is stored in memory and in all tiers. What is invalidated leaves
/// the lowest tier first, so nothing that is loaded meanwhile brings it back.
///
/// Methods without `async` in their name block the thread; those that ask only the memory never wait.
///
/// ```
/// use bytes::Bytes;
/// use refrain::tier::Tiers;
/// use refrain::{BytesCodec, Cache, Key, Outcome, TieredCache};
///
/// let tiers = Tiers::builder().build(); // …with a tier or two: see `refrain-disk`
/// let cache = TieredCache::new(Cache::builder().build()?, tiers, BytesCodec);
/// let key = Key::builder().generator("render", "1").part("seed", &7).build()?;
/// let render = || Bytes::from("two minutes of work");
/// let first = cache.entry(key).get_or_compute(render)?;
/// let again = cache.entry(key).get_or_compute(render)?;
/// assert_eq!(first.value, again.value);
/// assert_eq!(again.outcome, Outcome::Hit);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct TieredCache<V>(Arc<Obtaining<V>>);

impl<V: Clone + Send + Sync + 'static> TieredCache<V> {
    /// This memory above these tiers.
    ///
    /// Values reach the tiers through `codec`. Give the tiers the clock of the memory.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// assert!(cache.memory().is_empty());
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn new(memory: Cache<Key, V>, tiers: Tiers, codec: impl Codec<V>) -> Self {
        let cache = Arc::new(Obtaining {
            memory,
            tiers,
            codec: Box::new(codec),
        });
        let above = Arc::downgrade(&cache);
        let hear: Hear = Arc::new(move |invalidated| {
            let Some(cache) = above.upgrade() else {
                return false;
            };
            cache.forget_in_memory(invalidated);
            true
        });
        cache.tiers.watch(&hear);
        Self(cache)
    }

    /// The memory: for its limits, its listing, its statistics and the flights that run. What is removed here comes back from
    /// the tiers.
    pub fn memory(&self) -> &Cache<Key, V> {
        &self.0.memory
    }

    /// The tiers below the memory.
    pub fn tiers(&self) -> &Tiers {
        &self.0.tiers
    }

    /// A request for `key`.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let answer = cache.entry(Key::from_bytes([7; 32])).get_or_compute(|| bytes::Bytes::from("picture"));
    /// assert_eq!(answer.unwrap().value, "picture");
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn entry(&self, key: Key) -> TieredRequest<'_, V> {
        TieredRequest::new(&self.0, key)
    }

    /// The side value of the flight of `key` that runs now; as [`Cache::running_side`].
    pub fn running_side<S: Any + Send + Sync>(&self, key: &Key) -> Option<Arc<S>> {
        self.0.memory.running_side(key)
    }

    /// Takes a flight off the table; as [`Cache::retire_flight`]. What it gives is not stored in any tier.
    pub fn retire_flight<S: Any + Send + Sync>(&self, key: &Key, side: &Arc<S>) -> bool {
        let running = self.running_side::<S>(key);
        if !running.is_some_and(|running| Arc::ptr_eq(&running, side)) {
            return false;
        }
        // Noted while no later flight of the key can have begun.
        self.0.tiers.invalidations().key(key);
        self.0.memory.retire_flight(key, side)
    }

    /// What is stored for `key`; counted as neither hit nor miss in memory.
    pub async fn peek_async(&self, key: Key) -> Option<Answer<V>> {
        self.0.peek(key).await
    }

    /// [`peek_async`](Self::peek_async), on this thread.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, EntryOptions, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let key = Key::from_bytes([7; 32]);
    /// cache.insert(key, "picture".into(), EntryOptions::default());
    /// assert_eq!(cache.peek(key).unwrap().value, "picture");
    /// assert_eq!(cache.memory().stats().hits, 0);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn peek(&self, key: Key) -> Option<Answer<V>> {
        block_on(self.peek_async(key))
    }

    /// Stores `value` in all tiers and in memory, in place of what was there and of what is being computed.
    pub async fn insert_async(&self, key: Key, value: V, options: EntryOptions) -> Insertion {
        self.0.insert(key, value, options).await
    }

    /// [`insert_async`](Self::insert_async), on this thread.
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, EntryOptions, Insertion, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// let inserted = cache.insert(Key::from_bytes([7; 32]), "picture".into(), EntryOptions::default());
    /// assert_eq!(inserted, Insertion::Stored);
    /// # Ok::<(), refrain::BuildError>(())
    /// ```
    pub fn insert(&self, key: Key, value: V, options: EntryOptions) -> Insertion {
        block_on(self.insert_async(key, value, options))
    }

    /// Makes sure that no value of `key` that was made before now is seen again, in any tier; whether there was one.
    ///
    /// # Errors
    ///
    /// [`TierFailure`], if a tier did not confirm it. Nothing is loaded from that tier that this call means, but a restart
    /// may bring it back.
    pub async fn invalidate_async(&self, key: Key) -> Result<bool, TierFailure> {
        let below = self.0.tiers.invalidate(key).await;
        let in_memory = self.0.memory.invalidate(&key);
        Ok(below? || in_memory)
    }

    /// [`invalidate_async`](Self::invalidate_async), on this thread.
    ///
    /// # Errors
    ///
    /// As [`invalidate_async`](Self::invalidate_async).
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// assert!(!cache.invalidate(Key::from_bytes([7; 32]))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate(&self, key: Key) -> Result<bool, TierFailure> {
        block_on(self.invalidate_async(key))
    }

    /// Invalidates all entries with this tag, in all tiers; how many there were in the tier that had most.
    ///
    /// # Errors
    ///
    /// As [`invalidate_async`](Self::invalidate_async).
    pub async fn invalidate_tag_async(&self, tag: &str) -> Result<u64, TierFailure> {
        let below = self.0.tiers.invalidate_tag(tag).await;
        let in_memory = self.0.memory.invalidate_tag(tag);
        Ok(below?.max(in_memory))
    }

    /// [`invalidate_tag_async`](Self::invalidate_tag_async), on this thread.
    ///
    /// # Errors
    ///
    /// As [`invalidate_async`](Self::invalidate_async).
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// assert_eq!(cache.invalidate_tag("model:v1")?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_tag(&self, tag: &str) -> Result<u64, TierFailure> {
        block_on(self.invalidate_tag_async(tag))
    }

    /// Invalidates all entries, in all tiers; how many there were, each counted once if the tiers can tell without waiting.
    /// O(entries).
    ///
    /// # Errors
    ///
    /// As [`invalidate_async`](Self::invalidate_async).
    pub async fn invalidate_all_async(&self) -> Result<u64, TierFailure> {
        let in_memory_alone = self.0.count_those_in_memory_alone();
        let below = self.0.tiers.invalidate_all().await;
        self.0.memory.invalidate_all();
        Ok(below? + in_memory_alone)
    }

    /// [`invalidate_all_async`](Self::invalidate_all_async), on this thread.
    ///
    /// # Errors
    ///
    /// As [`invalidate_async`](Self::invalidate_async).
    ///
    /// ```
    /// use refrain::tier::Tiers;
    /// use refrain::{BytesCodec, Cache, EntryOptions, Key, TieredCache};
    /// let cache = TieredCache::new(Cache::builder().build()?, Tiers::none(), BytesCodec);
    /// cache.insert(Key::from_bytes([7; 32]), "picture".into(), EntryOptions::default());
    /// assert_eq!(cache.invalidate_all()?, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn invalidate_all(&self) -> Result<u64, TierFailure> {
        block_on(self.invalidate_all_async())
    }
}

impl<V> Clone for TieredCache<V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<V> fmt::Debug for TieredCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredCache")
            .field("memory", &self.0.memory)
            .field("tiers", &self.0.tiers)
            .finish()
    }
}
