//! A memory and the tiers below it, as one process has them, and waiting for them without the interpreter.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use refrain::tier::{TierError, TierFailure, TierStats, Tiers};
use refrain::{Cache, Key, TieredCache};
use refrain_disk::DiskError;

use super::Settings;
use super::below::{Interruption, PythonCodec};
use crate::disk::{Folder, FolderTier, failed};
use crate::stepped_time::Time;
use crate::value::Value;

/// How often a clock that nothing else moves is looked at while a tier is waited for.
const BETWEEN_STEPS: Duration = Duration::from_millis(20);

/// How often a thread that waits looks for signals: Python leaves handling them to its main thread.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(100);

pub(super) struct Live {
    pub(super) cache: TieredCache<Value>,
    pub(super) time: Time,
    pub(super) folder: Option<Arc<Folder>>,
    interruption: Interruption,
}

/// What is below the memory: a folder, how long an operation of it may take, and the codecs.
pub(super) struct Below {
    pub(super) folder: Arc<Folder>,
    pub(super) deadline: Duration,
    pub(super) codec: Py<PyAny>,
}

impl Live {
    pub(super) fn new(
        py: Python<'_>,
        settings: Settings,
        time: Time,
        clock: refrain::Clock,
        below: Option<Below>,
    ) -> PyResult<Self> {
        let mut builder = Cache::builder()
            .name("python")
            .capacity_entries(settings.capacity.entries)
            .capacity_bytes(settings.capacity.bytes)
            .policy(settings.policy)
            .weigher(|_: &Key, value: &Value| value.weight())
            .clock(clock.clone());
        if let Some(time_to_live) = settings.time_to_live {
            builder = builder.time_to_live(time_to_live);
        }
        let memory = builder
            .build()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        let (mut tiers, mut object, mut folder) = (Tiers::builder().clock(clock), py.None(), None);
        if let Some(below) = below {
            tiers = tiers
                .deadline(below.deadline)
                .invalidations(below.folder.invalidations.clone())
                .tier(FolderTier(Arc::clone(&below.folder)));
            (object, folder) = (below.codec, Some(below.folder));
        }
        let interruption = Interruption::default();
        let codec = PythonCodec {
            object,
            interruption: interruption.clone(),
        };
        Ok(Self {
            cache: TieredCache::new(memory, tiers.build(), codec),
            time,
            folder,
            interruption,
        })
    }

    pub(super) fn memory(&self) -> &Cache<Key, Value> {
        self.cache.memory()
    }

    pub(super) fn step(&self, py: Python<'_>) -> PyResult<()> {
        self.time.step(py)?;
        self.folder
            .as_ref()
            .map_or(Ok(()), |folder| folder.step(py))
    }

    /// As [`wait`](Self::wait), for what may take as long as another process computes: a signal ends it with its error.
    pub(super) fn wait_interruptibly<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        // Signals come in the time of the machine, whatever the clock of the cache shows.
        let machine = refrain::Clock::monotonic();
        let mut future = pin!(future);
        loop {
            let due = machine.elapsed() + BETWEEN_SIGNALS;
            let polled = self.wait(
                py,
                poll_fn(|context| match future.as_mut().poll(context) {
                    Poll::Pending if machine.elapsed() >= due => Poll::Ready(None),
                    polled => polled.map(Some),
                }),
            )?;
            if let Some(given) = polled {
                return Ok(given);
            }
            py.check_signals()?;
        }
    }

    /// What the future gives, waited for without the interpreter if there is anything to wait for.
    pub(super) fn wait<F>(&self, py: Python<'_>, future: F) -> PyResult<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        let mut future = pin!(future);
        if self.folder.is_none()
            && let Poll::Ready(given) = future
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        {
            return Ok(given);
        }
        let given = py.detach(|| {
            struct Unpark(Thread);
            impl Wake for Unpark {
                fn wake(self: Arc<Self>) {
                    self.0.unpark();
                }
            }
            let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
            let mut context = Context::from_waker(&waker);
            loop {
                if let Poll::Ready(given) = future.as_mut().poll(&mut context) {
                    return given;
                }
                if self.time.is_stepped() {
                    std::thread::park_timeout(BETWEEN_STEPS);
                    // A clock that raises stands still.
                    let _ = Python::attach(|py| self.time.step(py));
                } else {
                    std::thread::park_timeout(BETWEEN_SIGNALS);
                }
            }
        });
        self.interruption.check()?;
        Ok(given)
    }
}

/// The error of a promise that a tier did not keep.
pub(super) fn not_kept(py: Python<'_>, failure: &TierFailure) -> PyErr {
    let own = match &failure.error {
        TierError::Failed { source, .. } => source.downcast_ref::<DiskError>(),
        _ => None,
    };
    failed(py, own, failure)
}

/// The counters of one tier, by their names.
pub(super) fn counts_of(tier: &TierStats) -> [(&'static str, u64); 9] {
    [
        ("hits", tier.hits),
        ("misses", tier.misses),
        ("unreadable", tier.unreadable),
        ("errors", tier.errors),
        ("timeouts", tier.timeouts),
        ("skipped", tier.skipped),
        ("stores", tier.stores),
        ("not_stored", tier.not_stored),
        ("owed", tier.owed),
    ]
}
