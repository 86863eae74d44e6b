use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::client::Client;
use crate::failure::Failure;

/// How long the work may take to notice that it was interrupted.
const NOTICE: Duration = Duration::from_secs(3);

/// Whether the user pressed Ctrl-C, and what to leave then.
#[derive(Debug, Clone, Default)]
pub(super) struct Interrupt {
    set: Arc<AtomicBool>,
    job: Arc<Mutex<Option<(Client, String)>>>,
}

/// Runs `work` to its end, or until Ctrl-C: then a job on a server is left, and nothing is written.
pub(super) fn guard(
    work: impl FnOnce(&Interrupt) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("cannot start a runtime").because(error))?;
    let interrupt = Interrupt::default();
    let ended = runtime.block_on(async {
        let of_work = interrupt.clone();
        let mut working = tokio::task::spawn_blocking(move || work(&of_work));
        let ended = tokio::select! {
            ended = &mut working => ended,
            Ok(()) = tokio::signal::ctrl_c() => {
                let leaving = tokio::task::spawn_blocking(move || interrupt.set());
                let both = async {
                    let _ = leaving.await;
                    working.await
                };
                match tokio::time::timeout(NOTICE, both).await {
                    Ok(ended) => ended,
                    Err(_) => return Err(Interrupt::failure()),
                }
            }
        };
        ended.unwrap_or_else(|error| Err(Failure::new("the generation stopped").because(error)))
    });
    // Work that did not notice in time must not keep the process.
    runtime.shutdown_background();
    ended
}

impl Interrupt {
    pub(super) fn failure() -> Failure {
        Failure::interrupted("interrupted; nothing was written")
    }

    pub(super) fn is_set(&self) -> bool {
        // Pairs with the store in `set`; nothing else is read on account of it.
        self.set.load(Ordering::Relaxed)
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_set() {
            return Err(Self::failure());
        }
        Ok(())
    }

    /// Has the job at `url` left when Ctrl-C comes, or leaves it now when it came already.
    pub(super) fn leave_when_set(&self, client: &Client, url: &str) -> Result<(), Failure> {
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        *job = Some((client.clone(), url.to_owned()));
        drop(job);
        if self.is_set() {
            client.leave(url);
        }
        self.check()
    }

    fn set(&self) {
        // Pairs with the load in `is_set`. The job is looked at after, and written before the flag
        // is looked at, each under the lock: one of the two sides sees the other.
        self.set.store(true, Ordering::Relaxed);
        let mut job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((client, url)) = job.take() {
            drop(job);
            client.leave(&url);
        }
    }
}
