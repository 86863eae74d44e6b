//! The builder of a tier, and the opening of its folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, Weak};

use refrain::tier::{Breaker, Invalidations};
use refrain::{Cache, Capacity, Clock, Insertion, Key, Policy};

use super::drafts::Drafts;
use super::leasing::Waiting;
use super::removing::Departed;
use super::room::Room;
use super::writing::Writer;
use super::{DiskTier, Inner, Resident, options};
use crate::body::OpenFiles;
use crate::error::OpenError;
use crate::names::weight_of;
use crate::pool::Pool;
use crate::recovery::{Recovered, Refusal, recover};
use crate::stats::Counters;
use crate::storage::{Folder, Sharing, Storage, network_file_system};

/// Settings of a [`DiskTier`], each with a default.
///
/// ```
/// use refrain_disk::DiskTier;
///
/// let dir = tempfile::tempdir()?;
/// let tier = DiskTier::at(dir.path()).capacity_bytes(100 << 30).capacity_entries(1_000_000).open()?;
/// assert!(tier.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `open`"]
pub struct DiskTierBuilder {
    dir: PathBuf,
    capacity: Capacity,
    policy: Policy,
    clock: Clock,
    max_open_files: usize,
}

impl DiskTier {
    /// Begins to open the tier in `dir`. The folder is made if need be.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// assert!(refrain_disk::DiskTier::at(dir.path().join("cache")).open()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(dir: impl AsRef<Path>) -> DiskTierBuilder {
        DiskTierBuilder {
            dir: dir.as_ref().to_owned(),
            capacity: Capacity {
                bytes: 10 << 30,
                entries: u64::MAX,
            },
            policy: Policy::default(),
            clock: Clock::monotonic(),
            max_open_files: OpenFiles::DEFAULT,
        }
    }
}

impl DiskTierBuilder {
    /// Bytes that the files may take, each in whole blocks of 4 KiB. Default: 10 GiB.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).capacity_bytes(1 << 30).open()?;
    /// assert_eq!(tier.capacity().bytes, 1 << 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity_bytes(mut self, bytes: u64) -> Self {
        self.capacity.bytes = bytes;
        self
    }

    /// Entries there may be; each takes about 100 bytes of memory. Default: no limit.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).capacity_entries(1000).open()?;
    /// assert_eq!(tier.capacity().entries, 1000);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn capacity_entries(mut self, entries: u64) -> Self {
        self.capacity.entries = entries;
        self
    }

    /// Which entry goes when space is needed. Default: [`Policy::default`].
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).policy(refrain::Policy::Lru).open()?;
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Where the time comes from. Default: [`Clock::monotonic`].
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let (clock, _hands) = refrain::Clock::fake();
    /// let tier = refrain_disk::DiskTier::at(dir.path()).clock(clock).open()?;
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Files that handles of [`load_streamed`](DiskTier::load_streamed) keep open at the same time, and as many again that are
    /// written as they come. Default: 128.
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// let tier = refrain_disk::DiskTier::at(dir.path()).max_open_files(1000).open()?;
    /// assert!(tier.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_open_files(mut self, files: usize) -> Self {
        self.max_open_files = files;
        self
    }

    /// Opens the tier: looks at both ends of every entry's file, and removes what was not finished, has expired or is damaged.
    /// Files of format version 1 are taken over. O(entries); reads at least 1 KiB of each.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// ```
    /// let dir = tempfile::tempdir()?;
    /// std::fs::create_dir(dir.path().join("v3"))?;
    /// let error = refrain_disk::DiskTier::at(dir.path()).open().unwrap_err();
    /// assert!(error.to_string().contains("format version 3, this build reads 1 and 2"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(self) -> Result<DiskTier, OpenError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse {
                dir: self.dir.clone(),
            },
            _ => OpenError::Io {
                dir: self.dir.clone(),
                action: "making or locking it",
                source,
            },
        };
        let sharing = Sharing::new(&self.dir).map_err(failed)?;
        if let Some(name) = network_file_system(&self.dir) {
            return Err(OpenError::Network {
                dir: self.dir.clone(),
                name,
            });
        }
        let folder = Folder::new(&self.dir);
        self.open_with(Arc::new(folder), Some(sharing))
    }

    #[cfg(test)]
    pub(crate) fn open_in(self, storage: Arc<dyn Storage>) -> Result<DiskTier, OpenError> {
        self.open_with(storage, None)
    }

    fn open_with(
        mut self,
        storage: Arc<dyn Storage>,
        sharing: Option<Sharing>,
    ) -> Result<DiskTier, OpenError> {
        let joined = sharing.as_ref().map(|sharing| sharing.join(self.capacity));
        let joined = joined.transpose().map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => OpenError::InUse {
                dir: self.dir.clone(),
            },
            _ => OpenError::Io {
                dir: self.dir.clone(),
                action: "locking it",
                source,
            },
        })?;
        let is_alone = joined.as_ref().is_none_or(|joined| joined.is_alone);
        if let Some(joined) = &joined {
            self.capacity = joined.capacity;
        }
        let recovered = recover(&*storage, self.clock.wall(), is_alone);
        let (entries, damaged) = recovered.map_err(|refusal| match refusal {
            Refusal::Newer(found) => OpenError::Newer {
                dir: self.dir.clone(),
                found,
            },
            Refusal::Io(action, source) => OpenError::Io {
                dir: self.dir.clone(),
                action,
                source,
            },
        })?;
        // What others change from here on is read before this tier changes anything.
        drop(joined);
        let tier = DiskTier(Inner::new(self, storage, sharing));
        // Relaxed: a count orders nothing.
        (tier.0.counters.damaged).fetch_add(damaged, Ordering::Relaxed);
        tier.0.take_in(entries);
        Ok(tier)
    }
}

/// More would be read no sooner, and each takes the memory of a result.
const MOST_LOADS: usize = 16;
/// Files of entries are changed by one thread at a time; bodies that come piece by piece are written by several.
const MOST_STORES: usize = 4;

impl Inner {
    fn new(
        settings: DiskTierBuilder,
        storage: Arc<dyn Storage>,
        sharing: Option<Sharing>,
    ) -> Arc<Self> {
        let DiskTierBuilder {
            capacity,
            policy,
            clock,
            max_open_files,
            ..
        } = settings;
        Arc::new_cyclic(|inner: &Weak<Self>| {
            let inner = inner.clone();
            let index = Cache::builder()
                .name("disk")
                .capacity_bytes(capacity.bytes)
                .capacity_entries(capacity.entries)
                .policy(policy)
                .clock(clock.clone())
                .eviction_listener(move |key: &Key, _: &Resident, _| {
                    if let Some(inner) = inner.upgrade() {
                        inner.departed.push(*key);
                        inner.sweep_if_idle();
                    }
                })
                .build();
            Self {
                storage,
                index: index.expect("limits may be any, and the rest is the default"),
                breaker: Breaker::new(clock.clone()),
                clock,
                invalidations: Invalidations::default(),
                writer: Mutex::new(Writer::new()),
                departed: Departed::default(),
                room: Room::new(capacity),
                drafts: Drafts::new(),
                sharing,
                waiting: Waiting::default(),
                draft_files: OpenFiles::new(max_open_files),
                open_files: OpenFiles::new(max_open_files),
                loads: Pool::new("refrain-disk-load", MOST_LOADS),
                stores: Pool::new("refrain-disk-store", MOST_STORES),
                counters: Counters::default(),
            }
        })
    }

    /// Puts what was there already into the index, in the order of its last use.
    fn take_in(&self, entries: Vec<Recovered>) {
        self.put_in_index(entries);
        // What cannot be removed now is tried again before anything is stored.
        if let Ok(mut writer) = self.turn() {
            let _ = self.sweep(&mut writer);
        }
        self.index.reset_stats();
    }

    pub(super) fn put_in_index(&self, entries: Vec<Recovered>) {
        for entry in entries {
            let options = options(&entry.metadata, weight_of(entry.file_bytes), &self.clock);
            let resident = Resident { readable: true };
            let taken = self.index.insert_with(entry.key, resident, options);
            if taken != Insertion::Stored {
                self.departed.push(entry.key);
            }
        }
    }
}
