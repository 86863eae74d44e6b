//! The disk tier below the memory cache: runs on blocking threads, with a deadline.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use refrain::{Clock, Insertion};
use refrain_disk::{DiskError, DiskStats, DiskTier, NewEntry, OpenError, Ticket};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::engine::result::{Loaded, StoredResult};
use crate::{Key, Problem, ProblemKind};

/// Long enough for a hundred megabytes on a slow disk. One that takes longer is not asked again before it has answered.
const DEADLINE: Duration = Duration::from_secs(10);

/// Results that are read at the same time; more would be read no sooner.
const MOST_LOADS: usize = 16;

/// The disk tier of a server.
#[derive(Debug)]
pub(crate) struct Disk {
    tier: Arc<DiskTier>,
    /// Operations that have passed their deadline and go on.
    overdue: Arc<AtomicUsize>,
    /// Whether the last operation failed: the log tells when that changes.
    failing: AtomicBool,
    timeouts: AtomicU64,
    loads: Semaphore,
}

/// Why an operation has no outcome.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Disk(DiskError),
    #[error("the disk takes longer than {} s", DEADLINE.as_secs())]
    Overdue,
    #[error("the operation was given up")]
    GivenUp,
}

impl Disk {
    pub(crate) fn open(dir: &Path, capacity_bytes: u64, clock: &Clock) -> Result<Self, OpenError> {
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
        Ok(Self {
            tier: Arc::new(tier),
            overdue: Arc::default(),
            failing: AtomicBool::new(false),
            timeouts: AtomicU64::new(0),
            loads: Semaphore::new(MOST_LOADS),
        })
    }

    /// A moment at which a generation begins whose result is to be stored.
    pub(crate) fn begin(&self) -> Ticket {
        self.tier.begin()
    }

    pub(crate) fn contains(&self, key: &Key) -> bool {
        self.tier.contains(key)
    }

    pub(crate) fn stats(&self) -> DiskStats {
        self.tier.stats()
    }

    /// Operations that took too long. Each was treated as a failure.
    pub(crate) fn timeouts(&self) -> u64 {
        self.timeouts.load(Ordering::Relaxed)
    }

    /// Whether the disk is left alone because it failed or does not answer.
    pub(crate) fn is_suspended(&self) -> bool {
        self.tier.stats().suspended || self.is_overdue()
    }

    /// Counts that the result was answered from memory: what is used most stays here too.
    pub(crate) fn touch(&self, key: &Key) {
        self.tier.touch(key);
    }

    /// The result for `key`; none either if the disk has a fault.
    pub(crate) async fn load(&self, key: Key) -> Option<Loaded> {
        if self.is_overdue() || !self.tier.contains(&key) {
            return None;
        }
        // Each of them takes the memory of a whole result.
        let _turn = self.loads.acquire().await;
        let entry = self.run(move |tier| tier.load(&key)).await;
        let entry = self.noted(entry)??;
        let (age, cost, expires_in) = (entry.age, entry.cost, entry.expires_in);
        Some(Loaded {
            result: StoredResult::from_disk(entry)?,
            age,
            cost,
            expires_in,
        })
    }

    /// Stores a result, which then survives a crash; or does not, if the disk has a fault.
    pub(crate) async fn store(
        &self,
        ticket: Ticket,
        key: Key,
        result: &StoredResult,
        cost: Duration,
        time_to_live: Option<Duration>,
    ) {
        if self.is_overdue() {
            if self.tier.contains(&key) {
                // An older result must not come back. No caller waits for that.
                let tier = Arc::clone(&self.tier);
                tokio::task::spawn_blocking(move || tier.invalidate(&key));
            }
            return;
        }
        if result.plain_file().is_none() {
            tracing::debug!(%key, "not stored on disk: its format holds one file with a name");
            return;
        }
        let stored = result.clone();
        let stored = self
            .run(move |tier| {
                let body = stored.body();
                let (media_type, file_name) = stored.plain_file().unwrap_or_default();
                let entry = NewEntry::new(&body)
                    .media_type(media_type)
                    .file_name(file_name)
                    .cost(cost)
                    .time_to_live(time_to_live);
                tier.store(&ticket, &key, &entry)
            })
            .await;
        match self.noted(stored) {
            Some(Insertion::Stored) => result.set_on_disk(),
            Some(insertion) => tracing::debug!(%key, ?insertion, "not stored on disk"),
            None => {}
        }
    }

    /// Removes one entry for good, and says whether there was one.
    pub(crate) async fn invalidate(&self, key: Key) -> Result<bool, Problem> {
        let removed = self.run(move |tier| tier.invalidate(&key)).await;
        removed.map_err(|trouble| not_removed(&trouble))
    }

    /// Removes all entries for good.
    pub(crate) async fn invalidate_all(&self) -> Result<u64, Problem> {
        let removed = self.run(DiskTier::invalidate_all).await;
        removed.map_err(|trouble| not_removed(&trouble))
    }

    /// Whether it has not answered in time and is still to.
    fn is_overdue(&self) -> bool {
        // Relaxed: a count orders nothing.
        self.overdue.load(Ordering::Relaxed) > 0
    }

    /// Runs an operation on a thread that may wait, until the deadline.
    async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&DiskTier) -> Result<T, DiskError> + Send + 'static,
    ) -> Result<T, Trouble> {
        let tier = Arc::clone(&self.tier);
        let mut task = tokio::task::spawn_blocking(move || operation(&tier));
        match tokio::time::timeout(DEADLINE, &mut task).await {
            Ok(Ok(outcome)) => outcome.map_err(Trouble::Disk),
            Ok(Err(_)) => Err(Trouble::GivenUp),
            Err(_) => {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
                self.wait_for(task);
                Err(Trouble::Overdue)
            }
        }
    }

    /// Nothing else is asked of the disk until it has answered.
    fn wait_for<T: Send + 'static>(&self, task: JoinHandle<T>) {
        let overdue = Arc::clone(&self.overdue);
        overdue.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let _ = task.await;
            overdue.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// The outcome, if there is one. The log tells of trouble when it begins and when it ends.
    fn noted<T>(&self, outcome: Result<T, Trouble>) -> Option<T> {
        let failed = outcome.is_err();
        let changed = self.failing.swap(failed, Ordering::Relaxed) != failed;
        match outcome {
            Ok(value) => {
                if changed {
                    tracing::info!("the disk works again");
                }
                Some(value)
            }
            Err(trouble) => {
                if changed {
                    let trouble: &dyn std::error::Error = &trouble;
                    tracing::warn!(trouble, "the disk fails; results are generated instead");
                }
                None
            }
        }
    }
}

fn not_removed(trouble: &Trouble) -> Problem {
    tracing::error!(%trouble, "an entry could not be removed from the disk");
    Problem::new(
        ProblemKind::DiskFailed,
        format!(
            "{trouble}: this server does not serve what was to be removed again, but a restart may bring it back; \
             repeat the request when the disk works"
        ),
    )
}
