//! A folder as a lower tier of a `Cache`: written while it is open, only read once it is closed or in a child process.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use refrain::tier::{
    BoxFuture, Invalidations, Ticket, Tier, TierDescription, TierEntry, TierError, TierHealth,
};
use refrain::{Insertion, Key, TierName};
use refrain_disk::{DiskReader, DiskTier};

use crate::stepped_time::Time;

/// One process's use of a folder. A child process has one of its own.
pub(crate) struct Folder {
    written: Option<Written>,
    pub(super) reader: DiskReader,
    pub(super) time: Time,
    /// What is invalidated here, by a cache above or by hand: no cache above stores it afterwards.
    pub(crate) invalidations: Invalidations,
    process: u32,
    /// The last failure of a store, which caches above only count.
    failure: Mutex<Option<String>>,
}

struct Written {
    tier: DiskTier,
    is_closed: AtomicBool,
}

impl Folder {
    pub(super) fn written(tier: DiskTier, dir: &Path, time: Time) -> Self {
        let is_closed = AtomicBool::new(false);
        Self::new(Some(Written { tier, is_closed }), dir, time)
    }

    pub(super) fn read(dir: &Path) -> Self {
        Self::new(None, dir, Time::Machine)
    }

    fn new(written: Option<Written>, dir: &Path, time: Time) -> Self {
        Self {
            written,
            reader: DiskReader::at(dir),
            time,
            invalidations: Invalidations::default(),
            process: std::process::id(),
            failure: Mutex::default(),
        }
    }

    /// The tier, unless the folder is only read here.
    pub(super) fn tier(&self) -> Option<&DiskTier> {
        let written = self.written.as_ref();
        // Acquire: pairs with the release of `close`.
        written
            .filter(|written| !written.is_closed.load(Ordering::Acquire))
            .map(|written| &written.tier)
    }

    pub(super) fn close(&self) {
        if let Some(written) = &self.written {
            written.is_closed.store(true, Ordering::Release);
            written.tier.close();
        }
    }

    pub(super) fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Moves its time on to now.
    pub(crate) fn step(&self, py: Python<'_>) -> PyResult<()> {
        self.time.step(py)
    }

    pub(crate) fn clock_function(&self) -> Option<&Py<PyAny>> {
        self.time.function()
    }

    /// What the last store failed with, told once.
    pub(super) fn take_failure(&self) -> Option<String> {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.take()
    }

    fn note(&self, error: &TierError) {
        let source = std::iter::successors(error.source(), |&error| error.source());
        let text: Vec<String> = source.map(ToString::to_string).collect();
        let text = if text.is_empty() {
            error.to_string()
        } else {
            text.join(": ")
        };
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Folder")
            .field("tier", &self.tier())
            .finish_non_exhaustive()
    }
}

/// The folder in a stack of tiers. Where it is only read nothing is stored or removed: it is not ours.
#[derive(Debug)]
pub(crate) struct FolderTier(pub(crate) Arc<Folder>);

impl Tier for FolderTier {
    fn describe(&self) -> TierDescription {
        TierDescription::new(TierName::new("disk")).persistent()
    }

    fn load(&self, key: Key) -> BoxFuture<Result<Option<TierEntry>, TierError>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            // A flight is begun under a lock of Python's, so nothing is done in its first step.
            after_the_first_step().await;
            match folder.tier() {
                Some(tier) => Tier::load(tier, key).await,
                None => folder.reader.load_entry(key).await,
            }
        })
    }

    fn store(
        &self,
        key: Key,
        entry: TierEntry,
        valid: Ticket,
    ) -> BoxFuture<Result<Insertion, TierError>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            let Some(tier) = folder.tier() else {
                return Ok(Insertion::Declined);
            };
            let stored = Tier::store(tier, key, entry, valid).await;
            match stored {
                // Closed just now.
                Err(_) if folder.tier().is_none() => Ok(Insertion::Declined),
                Err(error) => {
                    folder.note(&error);
                    Err(error)
                }
                stored => stored,
            }
        })
    }

    fn invalidate(&self, key: Key) -> BoxFuture<Result<bool, TierError>> {
        let removed = self.0.tier().map(|tier| Tier::invalidate(tier, key));
        removed.unwrap_or_else(|| Box::pin(std::future::ready(Ok(false))))
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        let removed = self.0.tier().map(|tier| Tier::invalidate_tag(tier, tag));
        removed.unwrap_or_else(|| Box::pin(std::future::ready(Ok(0))))
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        let removed = self.0.tier().map(Tier::invalidate_all);
        removed.unwrap_or_else(|| Box::pin(std::future::ready(Ok(0))))
    }

    fn touch(&self, key: &Key) {
        if let Some(tier) = self.0.tier() {
            tier.touch(key);
        }
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        self.0.tier().map(|tier| tier.contains(key))
    }

    fn health(&self) -> TierHealth {
        self.0.tier().map(Tier::health).unwrap_or_default()
    }
}

async fn after_the_first_step() {
    let mut stepped = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut stepped, true) {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}
