//! The disk as a lower tier of a stack: futures on top, and below them threads that wait for the disk.

use std::sync::Arc;

use bytes::Bytes;
use refrain::tier::{
    Body, BodySource, BoxFuture, Hear, Invalidations, Lease, Metadata, Ticket, Tier,
    TierDescription, TierEntry, TierError, TierHealth,
};
use refrain::{Insertion, Key, TierName};

use super::spool::Spooled;
use super::streaming::EntryWriter;
use super::{DiskTier, Inner};
use crate::body::DiskBody;
use crate::entry::DiskEntry;
use crate::error::DiskError;
use crate::format::Sealing;
use crate::metadata::EntryMetadata;
use crate::opened::Opened;
use crate::pool::flatten;

/// Bodies up to here are loaded as a whole, in one go.
const WHOLE_UP_TO: u64 = 8 << 20;
/// What a body that lies elsewhere is read in.
const PIECE_BYTES: usize = 256 << 10;

impl Tier for DiskTier {
    fn describe(&self) -> TierDescription {
        TierDescription::new(TierName::new("disk")).persistent()
    }

    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        let tier = Arc::clone(&self.0);
        Box::pin(async move {
            let on_a_thread = Arc::clone(&tier);
            let loaded = tier.loads.run(move || on_a_thread.load_body(&key)).await;
            flatten(loaded)
        })
    }

    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>> {
        let tier = Arc::clone(&self.0);
        Box::pin(async move {
            let (body, about) = (entry.body, about(&entry.metadata));
            if let Some(bytes) = body.whole().cloned() {
                let on_a_thread = Arc::clone(&tier);
                let stored = tier.stores.run(move || {
                    on_a_thread.store_whole(&valid, &key, (&bytes, body.digest()), &about)
                });
                return flatten(stored.await);
            }
            let spooled = body.downcast::<Spooled>();
            if let Some(writer) = spooled.and_then(|spooled| spooled.take(&tier, &key)) {
                let stored = tier.stores.run(move || writer.finish_if(valid, &about));
                return flatten(stored.await);
            }
            let mut writer = EntryWriter::new(&tier, valid, key);
            writer.expect_digest(body.digest());
            let mut at = 0;
            while at < body.len() {
                let piece = body.read_at(at, PIECE_BYTES).await?;
                at += piece.len() as u64;
                if piece.is_empty() || at > body.len() {
                    let length = body.len();
                    return Err(TierError::WrongLength { read: at, length });
                }
                let written = tier.stores.run(move || {
                    writer.write(&piece)?;
                    Ok(writer)
                });
                writer = flatten(written.await)?;
            }
            let stored = tier.stores.run(move || writer.finish(&about));
            flatten(stored.await)
        })
    }

    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
        self.removed(move |tier| tier.invalidate(&key))
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        self.removed(move |tier| tier.invalidate_tag(&tag))
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        self.removed(Inner::invalidate_all)
    }

    fn touch(&self, key: &Key) {
        self.touch(key);
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        match self.0.knows(key) {
            // Another process may have stored it.
            false if self.0.has_news() => None,
            there => Some(there),
        }
    }

    fn lease(&self, key: Key, waits: bool) -> BoxFuture<Result<Option<Lease>, TierError>> {
        self.lease_of(key, waits)
    }

    fn watch(&self, log: &Invalidations, hear: Hear) {
        self.begin_to_watch(log, hear);
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

impl DiskTier {
    fn removed<T: Send + 'static>(
        &self,
        remove: impl FnOnce(&Inner) -> Result<T, DiskError> + Send + 'static,
    ) -> BoxFuture<Result<T, TierError>> {
        let tier = Arc::clone(&self.0);
        Box::pin(async move {
            let on_a_thread = Arc::clone(&tier);
            let removed = tier.stores.run(move || remove(&on_a_thread));
            flatten(removed.await)
        })
    }
}

impl Inner {
    /// With the whole body if it is small.
    fn load_body(self: &Arc<Self>, key: &Key) -> Result<Option<TierEntry>, DiskError> {
        let now = self.clock.wall();
        let loaded = self.load(key, &|opened: Opened| {
            if opened.found.body.len <= WHOLE_UP_TO {
                let entry = opened.whole(now)?;
                let digest = entry.body_digest;
                return Ok(entry.map_body(|bytes| Body::with_digest(bytes, digest)));
            }
            let entry = self.streamed(key, opened, now)?;
            let digest = entry.body_digest;
            Ok(entry.map_body(|body| {
                Body::source(Arc::new(Source {
                    body: Arc::new(body),
                    digest,
                    tier: Arc::clone(self),
                }))
            }))
        });
        Ok(self.counted(loaded)?.map(entry_of_tier))
    }

    fn store_whole(
        &self,
        valid: &Ticket,
        key: &Key,
        (bytes, digest): (&Bytes, Option<[u8; 32]>),
        about: &EntryMetadata,
    ) -> Result<Insertion, DiskError> {
        let sealed = Sealing::whole(bytes);
        let checked = sealed.check(digest).map_err(DiskError::from);
        self.noted_store(checked.and_then(|()| self.store(valid, key, (bytes, &sealed), about)))
    }
}

/// A large body in a file, read on the threads of the tier.
#[derive(Debug)]
struct Source {
    body: Arc<DiskBody>,
    digest: [u8; 32],
    tier: Arc<Inner>,
}

impl BodySource for Source {
    fn len(&self) -> u64 {
        self.body.len()
    }

    fn digest(&self) -> Option<[u8; 32]> {
        Some(self.digest)
    }

    fn read_at(&self, offset: u64, len: usize) -> BoxFuture<Result<Bytes, TierError>> {
        if let Some(bytes) = self.body.at_hand(offset, len) {
            return Box::pin(std::future::ready(Ok(bytes)));
        }
        let (body, tier) = (Arc::clone(&self.body), Arc::clone(&self.tier));
        Box::pin(async move {
            let read = tier.loads.run(move || body.read_at(offset, len));
            flatten(read.await)
        })
    }
}

fn about(metadata: &Metadata) -> EntryMetadata {
    let fields = metadata.fields.iter();
    let about = fields.fold(EntryMetadata::default(), |about, (name, value)| {
        about.field(name.clone(), value.clone())
    });
    about
        .codec(metadata.codec.clone())
        .tags(metadata.tags.iter().map(|tag| &**tag))
        .cost(metadata.cost)
        .age(metadata.age)
        .time_to_live(metadata.expires_in)
}

pub(crate) fn entry_of_tier(entry: DiskEntry<Body>) -> TierEntry {
    let mut metadata = Metadata::new(entry.codec);
    metadata.fields = entry.fields;
    metadata.tags = entry.tags.into_iter().map(Arc::from).collect();
    metadata.cost = entry.cost;
    metadata.age = entry.age;
    metadata.expires_in = entry.expires_in;
    TierEntry::new(entry.body, metadata)
}
