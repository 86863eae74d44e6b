//! From a file to an entry, every byte verified; what is found damaged is looked at again under the lock before it goes.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use refrain::Key;

use super::{DiskTier, Inner};
use crate::body::DiskBody;
use crate::entry::DiskEntry;
use crate::error::DiskError;
use crate::format::Digest;
use crate::opened::{Opened, opened};
use crate::reading::Unreadable;
use crate::stats::count;

impl DiskTier {
    /// The fresh entry for `key`, with the whole body in memory.
    ///
    /// A file that is damaged or gone is a miss, and the entry forgotten.
    ///
    /// # Errors
    ///
    /// [`DiskError`]: to a cache the same as a miss.
    ///
    /// ```
    /// use refrain::Key;
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).open()?;
    /// assert_eq!(tier.load(&Key::from_bytes([7; 32]))?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load(&self, key: &Key) -> Result<Option<DiskEntry>, DiskError> {
        let inner = &*self.0;
        let now = inner.clock.wall();
        inner.counted(inner.load(key, &|opened| opened.whole(now)))
    }

    /// As [`load`](Self::load), with a handle to read the body by, of which next to nothing is in memory.
    ///
    /// The handle keeps its file open, so that its bytes can be read even when the entry leaves meanwhile; their space is free
    /// again when it is dropped. When more than [`max_open_files`](crate::DiskTierBuilder::max_open_files) are open, further
    /// handles open their file for each chunk, and fail when the entry has left.
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// ```
    /// use refrain::Key;
    /// use refrain_disk::{DiskTier, NewEntry};
    ///
    /// let dir = tempfile::tempdir()?;
    /// let tier = DiskTier::at(dir.path()).open()?;
    /// let key = Key::from_bytes([7; 32]);
    /// tier.store(&tier.begin(), &key, &NewEntry::new(b"picture"))?;
    /// let entry = tier.load_streamed(&key)?.expect("it was stored");
    /// tier.invalidate(&key)?;
    /// assert_eq!(&entry.body.read_at(0, 100)?[..], b"picture");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn load_streamed(&self, key: &Key) -> Result<Option<DiskEntry<DiskBody>>, DiskError> {
        let inner = &*self.0;
        let now = inner.clock.wall();
        inner.counted(inner.load(key, &|opened| self.0.streamed(key, opened, now)))
    }
}

impl Inner {
    /// With a handle that has a damaged entry forgotten.
    pub(super) fn streamed(
        self: &Arc<Self>,
        key: &Key,
        opened: Opened,
        now: SystemTime,
    ) -> Result<DiskEntry<DiskBody>, Unreadable> {
        let (tier, key) = (Arc::downgrade(self), *key);
        let on_damage = move |seal: &Digest| {
            if let Some(tier) = tier.upgrade() {
                tier.forget_damaged(&key, seal);
            }
        };
        let shared = (&self.storage, &self.open_files);
        opened.streamed(now, shared, Box::new(on_damage))
    }

    pub(super) fn counted<T>(
        &self,
        loaded: Result<Option<T>, DiskError>,
    ) -> Result<Option<T>, DiskError> {
        match &loaded {
            Ok(Some(_)) => count(&self.counters.hits),
            Ok(None) => count(&self.counters.misses),
            Err(error) => self.count_error(error),
        }
        loaded
    }

    pub(super) fn load<B>(
        &self,
        key: &Key,
        read: &dyn Fn(Opened) -> Result<DiskEntry<B>, Unreadable>,
    ) -> Result<Option<DiskEntry<B>>, DiskError> {
        self.sweep_if_idle();
        let resident = self.index.get_entry(key);
        let resident = resident.filter(|entry| entry.value.readable);
        if resident.is_none() && !self.has_news() {
            return Ok(None);
        }
        self.breaker.check()?;
        let marked = |opened: Opened| {
            // Of use only after a restart.
            let _ = opened.file.mark_used(self.clock.wall());
            read(opened)
        };
        if let Some(mut entry) = self.noted(opened(&*self.storage, key, marked))? {
            // The index counts on a clock that does not jump; but its time is that of the next file already while that one is
            // being written.
            let Some(resident) = resident else {
                // Another process has stored it. What its file says is all there is to know.
                return Ok(Some(entry).filter(|entry| entry.expires_in != Some(Duration::ZERO)));
            };
            let counted = resident.info.expires_in;
            entry.expires_in = match (entry.expires_in, counted) {
                (Some(told), Some(counted)) => Some(told.min(counted)),
                (told, counted) => told.or(counted),
            };
            return Ok(Some(entry));
        }
        if resident.is_none() {
            return Ok(None);
        }
        // Another thread or process may have replaced or removed it meanwhile, so it is looked at again when none can.
        let mut writer = self.turn()?;
        let is_there = self.index.peek_entry(key);
        if !is_there.is_some_and(|entry| entry.value.readable) {
            return Ok(None);
        }
        let found = self.noted(opened(&*self.storage, key, read))?;
        if found.is_none() {
            count(&self.counters.damaged);
            self.index.remove(key);
            self.sweep(&mut writer)?;
        }
        Ok(found)
    }

    /// Forgets the entry whose file a handle has found damaged, unless another file has taken its place.
    fn forget_damaged(&self, key: &Key, seal: &Digest) {
        let Ok(mut writer) = self.turn() else { return };
        if writer.is_closed {
            return;
        }
        let is_another = opened(&*self.storage, key, |opened| Ok(opened.found.seal != *seal));
        if let Ok(None | Some(false)) = is_another
            && (self.index.peek_entry(key)).is_some_and(|entry| entry.value.readable)
        {
            count(&self.counters.damaged);
            self.index.remove(key);
            // What cannot be removed now is tried again before anything is stored.
            let _ = self.sweep(&mut writer);
        }
    }
}
