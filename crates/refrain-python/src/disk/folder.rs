//! A folder as a lower tier of a `Cache`: written while it is open, only read once it is closed. A child process opens it anew.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use refrain::tier::{
    BoxFuture, Hear, Invalidations, Lease, Ticket, Tier, TierDescription, TierEntry, TierError,
    TierHealth,
};
use refrain::{Insertion, Key, TierName};
use refrain_disk::{DiskReader, DiskTier, DiskTierBuilder};

use crate::stepped_time::Time;

/// One process's use of a folder. A child process has one of its own.
pub(crate) struct Folder {
    written: Written,
    is_closed: AtomicBool,
    pub(super) reader: DiskReader,
    pub(super) time: Time,
    /// What is invalidated here, by a cache above or by hand: no cache above stores it afterwards.
    pub(crate) invalidations: Invalidations,
    process: u32,
    /// The last failure of a store, which caches above only count.
    failure: Mutex<Option<String>>,
}

enum Written {
    /// It is only read.
    Never,
    Open(DiskTier),
    /// In a child process, once it is used there.
    Later {
        opens: DiskTierBuilder,
        opened: OnceLock<Option<DiskTier>>,
        /// Caches above that are to be told of what others invalidate.
        watches: Mutex<Vec<(Invalidations, Hear)>>,
    },
}

impl Folder {
    pub(super) fn written(tier: DiskTier, dir: &Path, time: Time) -> Self {
        Self::new(Written::Open(tier), dir, time)
    }

    pub(super) fn read(dir: &Path) -> Self {
        Self::new(Written::Never, dir, Time::Machine)
    }

    pub(super) fn later(opens: DiskTierBuilder, dir: &Path) -> Self {
        let later = Written::Later {
            // A function of the user's may have been in the middle of something when the process forked.
            opens: opens.clock(refrain::Clock::monotonic()),
            opened: OnceLock::new(),
            watches: Mutex::default(),
        };
        Self::new(later, dir, Time::Machine)
    }

    fn new(written: Written, dir: &Path, time: Time) -> Self {
        Self {
            written,
            is_closed: AtomicBool::new(false),
            reader: DiskReader::at(dir),
            time,
            invalidations: Invalidations::default(),
            process: std::process::id(),
            failure: Mutex::default(),
        }
    }

    /// The tier, unless the folder is only read here. A child process may have to open it, which waits for the disk.
    pub(super) fn tier(&self) -> Option<&DiskTier> {
        if self.is_closed() {
            return None;
        }
        match &self.written {
            Written::Never => None,
            Written::Open(tier) => Some(tier),
            Written::Later {
                opens,
                opened,
                watches,
            } => {
                let open = || match opens.clone().open() {
                    Ok(tier) => {
                        let watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
                        for (log, hear) in &*watches {
                            Tier::watch(&tier, log, Arc::clone(hear));
                        }
                        Some(tier)
                    }
                    Err(error) => {
                        self.note(&TierError::failed(error));
                        None
                    }
                };
                opened.get_or_init(open).as_ref()
            }
        }
    }

    /// The tier, if that can be said without waiting.
    fn tier_at_hand(&self) -> Option<&DiskTier> {
        if let Written::Later { opened, .. } = &self.written {
            opened.get()?.as_ref().filter(|_| !self.is_closed())
        } else {
            self.tier()
        }
    }

    pub(super) fn is_read_only(&self) -> bool {
        match &self.written {
            Written::Later { opened, .. } if !self.is_closed() => {
                opened.get().is_some_and(Option::is_none)
            }
            _ => self.tier().is_none(),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        // Acquire: pairs with the release of `close`.
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        let tier = self.tier_at_hand();
        self.is_closed.store(true, Ordering::Release);
        if let Some(tier) = tier {
            tier.close();
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
            .field("tier", &self.tier_at_hand())
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
        self.removed(move |tier| Tier::invalidate(tier, key), false)
    }

    fn invalidate_tag(&self, tag: Arc<str>) -> BoxFuture<Result<u64, TierError>> {
        self.removed(move |tier| Tier::invalidate_tag(tier, tag), 0)
    }

    fn invalidate_all(&self) -> BoxFuture<Result<u64, TierError>> {
        self.removed(Tier::invalidate_all, 0)
    }

    fn lease(&self, key: Key, waits: bool) -> BoxFuture<Result<Option<Lease>, TierError>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            match folder.tier() {
                Some(tier) => Tier::lease(tier, key, waits).await,
                None => Ok(None),
            }
        })
    }

    fn watch(&self, log: &Invalidations, hear: Hear) {
        match &self.0.written {
            Written::Never => {}
            Written::Open(tier) => Tier::watch(tier, log, hear),
            Written::Later { watches, .. } => {
                let mut watches = watches.lock().unwrap_or_else(PoisonError::into_inner);
                watches.push((log.clone(), Arc::clone(&hear)));
                drop(watches);
                if let Some(tier) = self.0.tier_at_hand() {
                    Tier::watch(tier, log, hear);
                }
            }
        }
    }

    fn touch(&self, key: &Key) {
        if let Some(tier) = self.0.tier_at_hand() {
            tier.touch(key);
        }
    }

    fn contains(&self, key: &Key) -> Option<bool> {
        let tier = self.0.tier_at_hand();
        tier.and_then(|tier| Tier::contains(tier, key))
    }

    fn health(&self) -> TierHealth {
        self.0.tier_at_hand().map(Tier::health).unwrap_or_default()
    }
}

impl FolderTier {
    fn removed<T: Send + 'static>(
        &self,
        remove: impl FnOnce(&DiskTier) -> BoxFuture<Result<T, TierError>> + Send + 'static,
        none: T,
    ) -> BoxFuture<Result<T, TierError>> {
        let folder = Arc::clone(&self.0);
        Box::pin(async move {
            match folder.tier() {
                Some(tier) => remove(tier).await,
                None => Ok(none),
            }
        })
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
