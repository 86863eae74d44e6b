//! The progress of a generation, and its wish to stop: a generator reports, and callers watch.

use std::borrow::Cow;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::generate_error::GenerateError;

/// How far a generation is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Snapshot {
    pub(crate) phase: Phase,
    /// From 0 to 1.
    pub(crate) fraction: f64,
    /// What is being done.
    pub(crate) step: Cow<'static, str>,
}

/// Whether a generation has its turn yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    #[default]
    Queued,
    Running,
}

/// Smaller steps than this are not told: no client sees them, and each one wakes every watcher.
const RESOLUTION: f64 = 0.002;

/// Through this a generator says how far it is and learns that it should stop.
///
/// # Example
///
/// ```
/// use refrain_server::{GenerateError, Progress, ResultFile};
///
/// fn work(progress: &Progress) -> Result<ResultFile, GenerateError> {
///     for row in 0..10 {
///         progress.check()?;
///         progress.set(f64::from(row) / 10.0, "rows");
///     }
///     Ok(ResultFile { bytes: b"done".to_vec(), media_type: "text/plain".into(), file_name: "done.txt".into() })
/// }
/// assert!(work(&Progress::unwatched()).is_ok());
/// ```
#[derive(Debug, Clone)]
pub struct Progress(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    snapshot: watch::Sender<Snapshot>,
    cancelled: CancellationToken,
}

impl Progress {
    /// A progress that says to stop once `cancelled` is.
    pub(crate) fn new(cancelled: CancellationToken) -> Self {
        Self(Some(Arc::new(Shared {
            snapshot: watch::Sender::new(Snapshot::default()),
            cancelled,
        })))
    }

    /// A progress that no caller looks at and that is never cancelled.
    pub fn unwatched() -> Self {
        Self(None)
    }

    /// Says that `fraction` of the work is done, 0 to 1, and what is being done now.
    ///
    /// Progress never goes back within a step; what is not a number is ignored.
    pub fn set(&self, fraction: f64, step: impl Into<Cow<'static, str>>) {
        let Some(shared) = &self.0 else { return };
        let step = step.into();
        shared.snapshot.send_if_modified(|snapshot| {
            let new_step = snapshot.step != step;
            let fraction = if fraction.is_nan() {
                0.0
            } else {
                fraction.clamp(0.0, 1.0)
            };
            let further = fraction >= snapshot.fraction + RESOLUTION
                || (fraction >= 1.0 && snapshot.fraction < 1.0);
            if new_step {
                snapshot.step = step;
            }
            if further {
                snapshot.fraction = fraction;
            }
            new_step || further
        });
    }

    /// Whether the work should stop: no caller waits for it any more, or the server stops.
    pub fn is_cancelled(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|shared| shared.cancelled.is_cancelled())
    }

    /// Stops a generator that may not go on.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Cancelled`] once the work should stop.
    pub fn check(&self) -> Result<(), GenerateError> {
        if self.is_cancelled() {
            Err(GenerateError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Tells the work to stop.
    pub(crate) fn cancel(&self) {
        if let Some(shared) = &self.0 {
            shared.cancelled.cancel();
        }
    }

    /// Returns once the work should stop.
    pub(crate) async fn cancelled(&self) {
        match &self.0 {
            Some(shared) => shared.cancelled.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// The generation has its turn.
    pub(crate) fn begin(&self) {
        if let Some(shared) = &self.0 {
            let running = |snapshot: &mut Snapshot| snapshot.phase = Phase::Running;
            shared.snapshot.send_modify(running);
        }
    }

    /// How far it is.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let snapshot = |shared: &Arc<Shared>| shared.snapshot.borrow().clone();
        self.0.as_ref().map(snapshot).unwrap_or_default()
    }

    /// How far it is, now and from now on; `None` if it is unwatched.
    pub(crate) fn watch(&self) -> Option<watch::Receiver<Snapshot>> {
        self.0.as_ref().map(|shared| shared.snapshot.subscribe())
    }
}
