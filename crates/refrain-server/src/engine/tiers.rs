//! Memory above, disk below: what is stored is looked for in both, and removed from both.

use std::sync::Arc;

use refrain::Computed;

use super::{Engine, not_cached};
use crate::engine::disk::Disk;
use crate::engine::flights::Flight;
use crate::engine::outcome::Served;
use crate::engine::result::StoredResult;
use crate::generate_error::GenerateError;
use crate::request::directives::Directives;
use crate::{Key, Problem};

impl Engine {
    /// Whether the client's directives forbid to answer with what is stored.
    pub(super) fn unwelcome(&self, key: Key, directives: Directives) -> bool {
        let unlimited = directives.max_age.is_none() && directives.min_fresh.is_none();
        if unlimited {
            return directives.no_cache || directives.no_store;
        }
        let stored = self.cache.peek_entry(&key);
        directives.no_cache
            || stored.is_some_and(|entry| {
                !directives.welcome(entry.value.age(&entry.info), entry.info.expires_in)
            })
    }

    /// The stored result or a problem, without generating anything.
    pub(super) async fn stored(&self, key: Key, directives: Directives) -> Result<Served, Problem> {
        if !self.cache_enabled || self.unwelcome(key, directives) {
            return Err(not_cached());
        }
        if let Some(entry) = self.cache.get_entry(&key) {
            return Ok(Served::hit(key, entry.value, &entry.info));
        }
        // Not put into memory on the way: only a flight knows whether it is invalidated meanwhile.
        let disk = self.disk.as_ref().ok_or_else(not_cached)?;
        let loaded = disk.load(key).await.ok_or_else(not_cached)?;
        if !directives.welcome(loaded.age, loaded.expires_in) {
            return Err(not_cached());
        }
        self.from_disk.count(loaded.result.length(), loaded.cost);
        Ok(Served::loaded(key, loaded))
    }

    /// The stored result, counted as neither hit nor miss.
    pub(crate) async fn peek(&self, key: Key) -> Option<Served> {
        if let Some(entry) = self.cache.peek_entry(&key) {
            return Some(Served::hit(key, entry.value, &entry.info));
        }
        let loaded = self.disk.as_ref()?.load(key).await?;
        Some(Served::loaded(key, loaded))
    }

    /// Removes the entry, and says whether there was one. On disk first: otherwise what is loaded from there meanwhile would
    /// bring it back into memory.
    pub(crate) async fn invalidate(&self, key: Key) -> Result<bool, Problem> {
        let on_disk = match &self.disk {
            Some(disk) => disk.invalidate(key).await,
            None => Ok(false),
        };
        let in_memory = self.cache.invalidate(&key);
        Ok(on_disk? || in_memory)
    }

    /// Removes all entries, and says how many there were.
    pub(crate) async fn invalidate_all(&self) -> Result<u64, Problem> {
        let Some(disk) = &self.disk else {
            return Ok(self.cache.invalidate_all());
        };
        let in_memory_alone = self.count_those_in_memory_alone(disk);
        let on_disk = disk.invalidate_all().await;
        self.cache.invalidate_all();
        Ok(on_disk? + in_memory_alone)
    }

    fn count_those_in_memory_alone(&self, disk: &Disk) -> u64 {
        let (mut count, mut cursor) = (0, None);
        loop {
            let page = self.cache.entries(cursor, 1024);
            let alone = page.entries.iter().filter(|(key, _)| !disk.contains(key));
            count += alone.count() as u64;
            cursor = page.next;
            if cursor.is_none() {
                return count;
            }
        }
    }

    /// The result that is on the disk, or a generated one, which is stored there as well.
    pub(super) async fn obtain(
        self: Arc<Self>,
        key: Key,
        flight: Arc<Flight>,
        refresh: bool,
    ) -> Result<Computed<StoredResult>, GenerateError> {
        let Some(disk) = &self.disk else {
            return Ok(self.generate(flight).await?.computed());
        };
        // Before anything is looked at: what is invalidated from now on is not stored.
        let ticket = disk.begin();
        if !refresh && let Some(loaded) = disk.load(key).await {
            return Ok(loaded.computed());
        }
        let made = Arc::clone(&self).generate(flight).await?;
        let time_to_live = self.cache.time_to_live();
        disk.store(ticket, key, &made.result, made.took, time_to_live)
            .await;
        Ok(made.computed())
    }
}
