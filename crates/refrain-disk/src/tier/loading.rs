//! From a file to an entry in memory, every byte verified.

use std::io;

use refrain::Key;

use super::{DiskTier, Inner};
use crate::entry::DiskEntry;
use crate::error::DiskError;
use crate::names::file_of;
use crate::stats::count;

impl DiskTier {
    /// The fresh entry for `key`. Reads the whole file.
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
        let loaded = inner.load(key);
        match &loaded {
            Ok(Some(_)) => count(&inner.counters.hits),
            Ok(None) => count(&inner.counters.misses),
            Err(error) => inner.count_error(error),
        }
        loaded
    }
}

impl Inner {
    pub(super) fn load(&self, key: &Key) -> Result<Option<DiskEntry>, DiskError> {
        self.sweep_if_idle();
        let resident = self.index.get_entry(key);
        let Some(resident) = resident.filter(|entry| entry.value.readable) else {
            return Ok(None);
        };
        self.breaker.check()?;
        if let Some(mut entry) = self.noted(self.read(key))? {
            // Of use only after a restart.
            let _ = self.storage.mark_used(&file_of(key), self.clock.wall());
            // The index counts on a clock that does not jump; but its time is that of the next file already while that one is
            // being written.
            let counted = resident.info.expires_in;
            entry.expires_in = match (entry.expires_in, counted) {
                (Some(told), Some(counted)) => Some(told.min(counted)),
                (told, counted) => told.or(counted),
            };
            return Ok(Some(entry));
        }
        // Somebody may have replaced or removed it meanwhile, so it is looked at again when nobody can.
        let mut writer = self.writer();
        let is_there = self.index.peek_entry(key);
        if !is_there.is_some_and(|entry| entry.value.readable) {
            return Ok(None);
        }
        let found = self.noted(self.read(key))?;
        if found.is_none() {
            count(&self.counters.damaged);
            self.index.remove(key);
            self.sweep(&mut writer)?;
        }
        Ok(found)
    }

    /// None if it is not there, or not as it was written.
    fn read(&self, key: &Key) -> Result<Option<DiskEntry>, DiskError> {
        let file = file_of(key);
        match self.storage.read(&file) {
            Ok(bytes) => Ok(DiskEntry::verified(key, bytes, self.clock.wall()).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(DiskError::Io {
                action: "read",
                file,
                source,
            }),
        }
    }
}
