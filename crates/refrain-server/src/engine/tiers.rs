//! Memory above, disk below: a result is looked for in both, and removed from both.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use refrain::Computed;

use super::disk::Disk;
use super::generating::Kept;
use super::generation::Generation;
use super::outcome::Served;
use super::problems::not_cached;
use super::result::{Loaded, StoredResult};
use super::{DirectLoads, Engine};
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
        if let Some(result) = self.cache.hit(&key)
            && let Some(entry) = self.cache.peek_entry(&key)
        {
            return Ok(Served::hit(key, result, &entry.info));
        }
        // Not put into memory on the way: only a flight knows whether it is invalidated meanwhile.
        let loaded = match &self.disk {
            Some(disk) => disk.load(key).await,
            None => None,
        };
        let loaded = loaded.filter(|loaded| directives.welcome(loaded.age, loaded.expires_in));
        let Some(loaded) = loaded else {
            // Counts the miss.
            self.cache.get(&key);
            return Err(not_cached());
        };
        self.direct_loads.count(&loaded);
        Ok(Served::loaded(key, loaded))
    }

    /// Counts on the disk too that the result was answered from memory: what is used most stays there.
    pub(super) fn touch_disk(&self, key: &Key) {
        if let Some(disk) = &self.disk {
            disk.touch(key);
        }
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
        generation: Arc<Generation>,
        refresh: bool,
    ) -> Result<Computed<StoredResult>, GenerateError> {
        let Some(disk) = &self.disk else {
            return Ok(self.generate(generation).await?.computed());
        };
        // Before anything is looked at: what is invalidated from now on is not stored.
        let ticket = disk.begin();
        if !refresh && let Some(loaded) = disk.load(key).await {
            return Ok(loaded.computed());
        }
        let made = Arc::clone(&self).generate(generation).await?;
        if made.keep == Kept::Stored {
            let time_to_live = made.time_to_live.or_else(|| self.cache.time_to_live());
            disk.store(ticket, key, &made.result, made.took, time_to_live)
                .await;
        }
        Ok(made.computed())
    }
}

impl DirectLoads {
    fn count(&self, loaded: &Loaded) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.bytes
            .fetch_add(loaded.result.length(), Ordering::Relaxed);
        let micros = u64::try_from(loaded.cost.as_micros()).unwrap_or(u64::MAX);
        self.micros_saved.fetch_add(micros, Ordering::Relaxed);
    }
}
