//! The cache in the middle: look-up, flight, generation, judge, store.
//!
//! A look-up comes before any flight, so a hit takes no lock and opens none.

mod answering;
pub(crate) mod cache_status;
mod codec;
mod disk;
mod generating;
pub(crate) mod generation;
mod learned;
pub(crate) mod outcome;
mod problems;
pub(crate) mod result;
mod tiers;
pub(crate) mod turns;
pub(crate) mod waiter;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain::tier::{Tier, Tiers};
use refrain::{BuildError, Cache, Clock, TieredCache};
use refrain_disk::{DiskTier, OpenError};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::Key;
use crate::config::{ServerConfig, megabytes};
use crate::live::{Keeping, Spilling, Window};
use crate::wall::WallClock;
pub(crate) use answering::Request;
use codec::ResultCodec;
use learned::Learned;
pub(crate) use problems::{not_cached, problem_of};
use result::StoredResult;
use tiers::TiersFail;
use turns::Turns;

/// Callers that wait for one result. Each is a connection, a job or a request of a batch, which have limits of their own.
const MOST_WAITERS: u32 = 10_000;

/// The part of a body that is kept when it is not stored, for a client that reads more slowly than the generator writes.
const WINDOW_BYTES: u64 = 1 << 20;

/// Long enough for a hundred megabytes on a slow disk. A tier that takes longer is not asked again before it has answered.
const DEADLINE: Duration = Duration::from_secs(10);

/// A crash loses at most what was learned in this time.
const BETWEEN_SAVES: Duration = Duration::from_secs(600);

/// Answers prepared requests: from the cache, from a generation that is running, or by a new one.
#[derive(Debug)]
pub(crate) struct Engine {
    cache: TieredCache<StoredResult>,
    cache_enabled: bool,
    /// One of the tiers below the memory; none if it is not configured, or the cache is off.
    disk: Option<Arc<DiskTier>>,
    tiers_fail: TiersFail,
    /// What the policy learns, where there is a disk tier to keep it beside.
    learned: Option<Arc<Learned>>,
    /// Those of every generator.
    turns: Vec<Arc<Turns>>,
    wall: WallClock,
    /// Cancelled when the server may wait for running generations no longer.
    stop: CancellationToken,
    /// The tasks in which generations run.
    tasks: TaskTracker,
    window: Window,
    /// Bytes of a body that stay in memory while it grows, where there is a disk.
    spill_beyond: u64,
    generations: AtomicU64,
    bypasses: AtomicU64,
}

/// The reason why an engine cannot be put together.
#[derive(Debug)]
pub(crate) enum EngineError {
    Cache(BuildError),
    Disk(OpenError),
}

impl Engine {
    pub(crate) fn new(
        config: &ServerConfig,
        clock: Clock,
        turns: Vec<Arc<Turns>>,
    ) -> Result<Arc<Self>, EngineError> {
        let disk_dir = config.disk_dir.as_ref().filter(|_| config.cache_enabled);
        let open = |dir| disk::open(dir, megabytes(config.disk_max_mb), &clock);
        let disk = disk_dir.map(|dir| open(dir)).transpose();
        let disk = disk.map_err(EngineError::Disk)?;
        let tasks = TaskTracker::new();
        let spawner = tasks.clone();
        let mut cache = Cache::builder()
            .name("results")
            .capacity_bytes(megabytes(config.max_memory_mb))
            .capacity_entries(config.max_entries)
            .weigher(|_, result: &StoredResult| result.weight_bytes())
            .clock(clock.clone())
            .policy(config.policy)
            .waiter_limit(MOST_WAITERS)
            .spawner(move |flight| {
                spawner.spawn(flight);
            });
        if let Some(ttl) = config.ttl {
            cache = cache.time_to_live(ttl);
        }
        let cache = cache.build().map_err(EngineError::Cache)?;
        let learned = disk_dir.map(|dir| Learned::in_folder(dir.clone()));
        if let Some(learned) = &learned {
            learned.load(&cache);
        }
        let mut tiers = Tiers::builder().clock(clock.clone()).deadline(DEADLINE);
        if let Some(disk) = &disk {
            tiers = tiers.shared_tier(Arc::clone(disk) as Arc<dyn Tier>);
        }
        Ok(Arc::new(Self {
            cache: TieredCache::new(cache, tiers.build(), ResultCodec),
            cache_enabled: config.cache_enabled,
            disk,
            tiers_fail: TiersFail::default(),
            learned: learned.map(Arc::new),
            turns,
            wall: WallClock::new(clock),
            stop: CancellationToken::new(),
            tasks,
            window: Window {
                bytes: WINDOW_BYTES,
                stall: config.body_timeout,
            },
            spill_beyond: megabytes(config.spill_beyond_mb),
            generations: AtomicU64::new(0),
            bypasses: AtomicU64::new(0),
        }))
    }

    /// Runs a task that the end of the server waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// The memory.
    pub(crate) fn cache(&self) -> &Cache<Key, StoredResult> {
        self.cache.memory()
    }

    pub(crate) fn cache_enabled(&self) -> bool {
        self.cache_enabled
    }

    pub(crate) fn wall(&self) -> &WallClock {
        &self.wall
    }

    /// How much is kept of a body that grows: for a result that is stored under `key`, or for one that is not stored.
    fn keeping(&self, key: Option<Key>) -> Keeping {
        let spilling = key.zip(self.disk.as_ref()).map(|(key, disk)| Spilling {
            tier: Arc::downgrade(disk),
            key,
            beyond: self.spill_beyond,
        });
        Keeping {
            most: self.cache().capacity().bytes.max(1),
            spilling,
            window: self.window,
        }
    }

    /// Generations that run now.
    pub(crate) fn running(&self) -> usize {
        self.turns.iter().map(|turns| turns.running()).sum()
    }

    /// Generations that wait for their turn now.
    pub(crate) fn queued(&self) -> usize {
        self.turns.iter().map(|turns| turns.waiting()).sum()
    }

    /// Generations begun since the start or the last reset.
    pub(crate) fn generations(&self) -> u64 {
        self.generations.load(Ordering::Relaxed)
    }

    /// Requests that went past the cache since the start or the last reset.
    pub(crate) fn bypasses(&self) -> u64 {
        self.bypasses.load(Ordering::Relaxed)
    }

    /// Counts a request that another part of the server takes past the cache.
    pub(crate) fn note_bypass(&self) {
        // Relaxed: a counter orders nothing.
        self.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// Zeroes every counter, the cache's too.
    pub(crate) fn reset_stats(&self) {
        self.cache().reset_stats();
        for count in [&self.generations, &self.bypasses] {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// Writes what the policy has learned now and then, for ever.
    pub(crate) async fn keep_learned(&self) {
        loop {
            tokio::time::sleep(BETWEEN_SAVES).await;
            self.save_learned().await;
        }
    }

    /// Writes what the policy has learned.
    pub(crate) async fn save_learned(&self) {
        if let Some(learned) = &self.learned {
            let (learned, cache) = (Arc::clone(learned), self.cache().clone());
            // Only the end of the runtime cancels it.
            let _ = tokio::task::spawn_blocking(move || learned.save(&cache)).await;
        }
    }

    /// Waits until no generation and no job runs.
    pub(crate) async fn idle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Cancelled by [`stop`](Self::stop).
    pub(crate) fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Tells every generation to stop.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}
