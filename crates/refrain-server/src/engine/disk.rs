//! The disk as a tier of the stack: an adapter that asks it on threads that may wait.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use refrain::tier::{
    Body, BodySource, BoxFuture, Metadata, Ticket, Tier, TierDescription, TierEntry, TierError,
    TierHealth,
};
use refrain::{Clock, Insertion, TierName};
use refrain_disk::{DiskBody, DiskError, DiskTier, EntryMetadata, NewEntry, OpenError};

use crate::Key;

/// Bodies up to here are loaded in one piece.
const WHOLE_UP_TO: u64 = 8 << 20;

/// A disk tier that waits on other threads than those of its callers.
#[derive(Debug, Clone)]
pub(super) struct OnThreads(pub(super) Arc<DiskTier>);

/// Opens the disk tier and says what was found. Blocks, for as long as looking at each file takes.
pub(super) fn open(dir: &Path, capacity_bytes: u64, clock: &Clock) -> Result<OnThreads, OpenError> {
    let began = clock.elapsed();
    let tier = DiskTier::at(dir)
        .capacity_bytes(capacity_bytes)
        .clock(clock.clone())
        .open()?;
    let took = clock.elapsed().saturating_sub(began);
    let stats = tier.stats();
    tracing::info!(
        entries = stats.entries,
        bytes = stats.bytes,
        damaged = stats.damaged,
        seconds = took.as_secs_f64(),
        "disk tier opened"
    );
    Ok(OnThreads(Arc::new(tier)))
}

/// Runs an operation on a thread that may wait.
fn run<T: Send + 'static>(
    operation: impl FnOnce() -> Result<T, TierError> + Send + 'static,
) -> BoxFuture<Result<T, TierError>> {
    Box::pin(async move {
        let ran = tokio::task::spawn_blocking(operation).await;
        ran.unwrap_or_else(|error| Err(TierError::failed(error)))
    })
}

impl Tier for OnThreads {
    fn describe(&self) -> TierDescription {
        TierDescription::new(TierName::new("disk")).persistent()
    }

    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        let tier = Arc::clone(&self.0);
        if !tier.contains(&key) {
            return Box::pin(async { Ok(None) });
        }
        run(move || {
            let Some(entry) = tier.load_streamed(&key).map_err(TierError::failed)? else {
                return Ok(None);
            };
            let mut metadata = Metadata::new(entry.codec)
                .cost(entry.cost)
                .age(entry.age)
                .expires_in(entry.expires_in);
            metadata.fields = entry.fields;
            metadata.tags = entry.tags.into_iter().map(Arc::from).collect();
            let digest = entry.body_digest;
            let body = if entry.body.len() <= WHOLE_UP_TO {
                let length = usize::try_from(entry.body.len()).unwrap_or(usize::MAX);
                match entry.body.read_at(0, length) {
                    Ok(bytes) => Body::with_digest(bytes, digest),
                    Err(DiskError::Damaged { .. }) => return Ok(None),
                    Err(error) => return Err(TierError::failed(error)),
                }
            } else {
                let body = Arc::new(entry.body);
                Body::source(Arc::new(OnDisk { body, digest }))
            };
            Ok(Some(TierEntry::new(body, metadata)))
        })
    }

    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>> {
        let tier = Arc::clone(&self.0);
        run(move || {
            // Before the stack's ticket is looked at: an invalidation that comes after that overtakes this one.
            let ticket = tier.begin();
            if valid.is_overtaken(&key, &entry.metadata.tags) {
                return Ok(Insertion::Invalidated);
            }
            let Some(body) = entry.body.whole() else {
                return Ok(Insertion::Declined);
            };
            let metadata = entry.metadata;
            let mut about = EntryMetadata::default()
                .codec(metadata.codec)
                .tags(metadata.tags.iter().map(ToString::to_string))
                .cost(metadata.cost)
                .time_to_live(metadata.expires_in);
            for (name, value) in metadata.fields {
                about = about.field(name, value);
            }
            let entry = NewEntry::new(body).metadata(about);
            tier.store(&ticket, &key, &entry).map_err(TierError::failed)
        })
    }

    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
        let tier = Arc::clone(&self.0);
        run(move || tier.invalidate(&key).map_err(TierError::failed))
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        let tier = Arc::clone(&self.0);
        run(move || tier.invalidate_tag(&tag).map_err(TierError::failed))
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        let tier = Arc::clone(&self.0);
        run(move || tier.invalidate_all().map_err(TierError::failed))
    }

    fn touch(&self, key: &Key) {
        self.0.touch(key);
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        Some(self.0.contains(key))
    }

    fn health(&self) -> TierHealth {
        let stats = self.0.stats();
        TierHealth {
            suspended: stats.suspended,
            entries: Some(stats.entries),
            bytes: Some(stats.bytes),
            capacity_bytes: Some(stats.capacity_bytes),
        }
    }
}

/// A body that stays on the disk.
#[derive(Debug)]
struct OnDisk {
    body: Arc<DiskBody>,
    digest: [u8; 32],
}

impl BodySource for OnDisk {
    fn len(&self) -> u64 {
        self.body.len()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        let body = Arc::clone(&self.body);
        run(move || body.read_at(offset, len).map_err(TierError::failed))
    }
}
