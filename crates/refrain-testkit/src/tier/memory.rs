//! A tier in memory, as simple as can be: what the contract is written against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use refrain::tier::{
    Body, BodySource, BoxFuture, Metadata, Ticket, Tier, TierDescription, TierEntry, TierError,
    TierHealth,
};
use refrain::{Clock, Insertion, Key, TierName};

/// A tier whose entries are in a map. Clones share it.
///
/// ```
/// use refrain::tier::{Metadata, Tiers, TierEntry};
/// use refrain::{Clock, Key, block_on};
/// use refrain_testkit::tier::MemoryTier;
///
/// let tiers = Tiers::builder().tier(MemoryTier::new(&Clock::monotonic())).build();
/// let (key, ticket) = (Key::from_bytes([7; 32]), tiers.begin());
/// block_on(tiers.store(key, TierEntry::new("picture", Metadata::new("bytes")), &ticket));
/// assert!(block_on(tiers.load(key, &ticket)).is_some());
/// ```
#[derive(Debug, Clone)]
pub struct MemoryTier {
    name: TierName,
    clock: Clock,
    kept: Arc<Mutex<HashMap<Key, Kept>>>,
    /// Bodies come as sources, in pieces of this many bytes.
    piece: Option<usize>,
}

#[derive(Debug, Clone)]
struct Kept {
    body: Bytes,
    metadata: Metadata,
    at: Duration,
}

impl MemoryTier {
    /// An empty one.
    pub fn new(clock: &Clock) -> Self {
        Self {
            name: TierName::new("memory tier"),
            clock: clock.clone(),
            kept: Arc::default(),
            piece: None,
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = TierName::new(name);
        self
    }

    /// The same, with bodies that are read in pieces of this many bytes and are in memory only piece by piece.
    #[must_use]
    pub fn in_pieces_of(mut self, bytes: usize) -> Self {
        self.piece = Some(bytes);
        self
    }

    /// How many entries there are, expired ones included.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entry(&self, key: Key) -> Option<TierEntry> {
        let kept = self.lock().get(&key).cloned()?;
        let passed = self.clock.elapsed().saturating_sub(kept.at);
        let mut metadata = kept.metadata;
        metadata.age = metadata.age.saturating_add(passed);
        if let Some(left) = metadata.expires_in {
            if left <= passed {
                return None;
            }
            metadata.expires_in = Some(left.saturating_sub(passed));
        }
        let body = match self.piece {
            Some(piece) => Body::source(Arc::new(PiecewiseBody::new(kept.body, piece))),
            None => kept.body.into(),
        };
        Some(TierEntry::new(body, metadata))
    }

    fn remove(&self, is_meant: impl Fn(&Key, &Kept) -> bool) -> u64 {
        let mut kept = self.lock();
        let before = kept.len();
        kept.retain(|key, entry| !is_meant(key, entry));
        (before - kept.len()) as u64
    }
}

/// What is asked is done at once; the future only tells of it, and may be dropped.
fn at_once<T: Send + 'static>(value: T) -> BoxFuture<Result<T, TierError>> {
    Box::pin(async move { Ok(value) })
}

impl Tier for MemoryTier {
    fn describe(&self) -> TierDescription {
        TierDescription::new(self.name)
    }

    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        at_once(self.entry(key))
    }

    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>> {
        let this = self.clone();
        Box::pin(async move {
            let TierEntry { body, metadata, .. } = entry;
            let body = body.read_all().await?;
            let mut kept = this.lock();
            // Under the lock: an invalidation that is not in the log yet comes for the entry afterwards.
            if valid.is_overtaken(&key, &metadata.tags) {
                return Ok(Insertion::Invalidated);
            }
            if metadata.expires_in == Some(Duration::ZERO) {
                kept.remove(&key);
                return Ok(Insertion::Expired);
            }
            let at = this.clock.elapsed();
            kept.insert(key, Kept { body, metadata, at });
            Ok(Insertion::Stored)
        })
    }

    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
        at_once(self.remove(|own, _| *own == key) > 0)
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        at_once(self.remove(|_, entry| entry.metadata.tags.contains(&tag)))
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        at_once(self.remove(|_, _| true))
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        Some(self.entry(*key).is_some())
    }

    fn health(&self) -> TierHealth {
        let kept = self.lock();
        TierHealth {
            entries: Some(kept.len() as u64),
            bytes: Some(kept.values().map(|entry| entry.body.len() as u64).sum()),
            ..TierHealth::default()
        }
    }
}

/// A body that is read in pieces.
#[derive(Debug)]
pub struct PiecewiseBody {
    bytes: Bytes,
    digest: [u8; 32],
    piece: usize,
    /// Reads from here on fail.
    breaks_at: Option<u64>,
    /// The byte here is wrong.
    wrong_at: Option<u64>,
}

impl PiecewiseBody {
    /// These bytes, in pieces of at most `piece`.
    pub fn new(bytes: Bytes, piece: usize) -> Self {
        Self {
            digest: *blake3::hash(&bytes).as_bytes(),
            bytes,
            piece: piece.max(1),
            breaks_at: None,
            wrong_at: None,
        }
    }

    /// The same, failing in mid-read.
    #[must_use]
    pub fn breaking_at(mut self, offset: u64) -> Self {
        self.breaks_at = Some(offset);
        self
    }

    /// The same with a wrong byte, which a tier must not let out; the digest tells.
    #[must_use]
    pub fn wrong_at(mut self, offset: u64) -> Self {
        self.wrong_at = Some(offset);
        self
    }
}

impl BodySource for PiecewiseBody {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        let from = usize::try_from(offset)
            .unwrap_or(usize::MAX)
            .min(self.bytes.len());
        let to = from
            .saturating_add(len.min(self.piece))
            .min(self.bytes.len());
        let broken = self.breaks_at.is_some_and(|at| to as u64 > at);
        let mut piece = self.bytes.slice(from..to);
        if let Some(at) = self.wrong_at.and_then(|at| usize::try_from(at).ok())
            && (from..to).contains(&at)
        {
            let mut bytes = piece.to_vec();
            bytes[at - from] ^= 1;
            piece = bytes.into();
        }
        Box::pin(async move {
            if broken {
                return Err(TierError::failed("the body breaks off"));
            }
            Ok(piece)
        })
    }
}
