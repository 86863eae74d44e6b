//! Leases between processes, by lock files; one polling thread for all that wait.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use refrain::Key;
use refrain::tier::{BoxFuture, Lease, TierError};

use super::{DiskTier, Inner};
use crate::error::DiskError;
use crate::pool::{Promise, flatten, promise};
use crate::storage::{Claim, Sharing, pause};

/// How often a lock that another process has is tried.
const EVERY: Duration = Duration::from_millis(20);

/// Callers that wait for other processes.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Vec<Wait>>);

struct Wait {
    key: Key,
    promise: Promise<Result<Option<Lease>, DiskError>>,
}

impl std::fmt::Debug for Wait {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wait")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// What there is for a caller at this moment.
enum Attempt {
    Decided(Option<Lease>),
    Taken,
}

impl DiskTier {
    pub(super) fn lease_of(
        &self,
        key: Key,
        waits: bool,
    ) -> BoxFuture<Result<Option<Lease>, TierError>> {
        if self.0.sharing.is_none() {
            return Box::pin(std::future::ready(Ok(None)));
        }
        let tier = Arc::clone(&self.0);
        Box::pin(async move {
            let on_a_thread = Arc::clone(&tier);
            let tried = tier.loads.run(move || on_a_thread.try_lease(&key));
            match flatten(tried.await)? {
                Attempt::Decided(lease) => Ok(lease),
                Attempt::Taken if !waits => Ok(None),
                Attempt::Taken => {
                    let (promise, promised) = promise();
                    tier.wait(Wait { key, promise });
                    flatten(promised.await)
                }
            }
        })
    }
}

impl Inner {
    fn sharing(&self) -> Option<&Sharing> {
        let is_closed = self.writer().is_closed;
        self.sharing.as_ref().filter(|_| !is_closed)
    }

    fn try_lease(&self, key: &Key) -> Result<Attempt, DiskError> {
        let Some(sharing) = self.sharing() else {
            return Ok(Attempt::Decided(None));
        };
        let claimed = sharing.computing.claim(key);
        let claimed = claimed.map_err(|source| DiskError::Io {
            action: "lock",
            file: format!("{}/{key}", crate::names::COMPUTING),
            source,
        })?;
        let held = match claimed {
            Claim::Had(held) => held,
            Claim::Taken => return Ok(Attempt::Taken),
            Claim::Pointless => return Ok(Attempt::Decided(None)),
        };
        if self.has_news() {
            // What was invalidated until now does not concern what is computed from now on. If others do not let this one
            // read that, the result may not be stored.
            drop(self.turn());
        }
        let lease = Lease::new(held.is_stored(), held);
        Ok(Attempt::Decided(Some(if self.knows(key) {
            lease.look_again()
        } else {
            lease
        })))
    }

    fn wait(self: &Arc<Self>, wait: Wait) {
        let mut waiting = (self.waiting.0.lock()).unwrap_or_else(PoisonError::into_inner);
        waiting.push(wait);
        if waiting.len() == 1 {
            let tier = Arc::downgrade(self);
            let thread = std::thread::Builder::new().name("refrain-disk-wait".to_owned());
            if thread.spawn(move || poll(&tier)).is_err() {
                // Those that wait compute.
                waiting.clear();
            }
        }
    }
}

fn poll(tier: &Weak<Inner>) {
    loop {
        pause(EVERY);
        let Some(tier) = tier.upgrade() else { return };
        let waits = {
            let mut waiting = (tier.waiting.0.lock()).unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *waiting)
        };
        let mut left: Vec<Wait> = Vec::new();
        for wait in waits {
            if !wait.promise.is_wanted() {
                continue;
            }
            match tier.try_lease(&wait.key) {
                Ok(Attempt::Taken) => left.push(wait),
                Ok(Attempt::Decided(lease)) => wait.promise.give(Ok(lease)),
                Err(error) => wait.promise.give(Err(error)),
            }
        }
        let mut waiting = (tier.waiting.0.lock()).unwrap_or_else(PoisonError::into_inner);
        let began_another = !waiting.is_empty();
        if left.is_empty() && !began_another {
            return;
        }
        waiting.append(&mut left);
        if began_another {
            // The caller that came meanwhile found none that waits, and has begun a thread.
            return;
        }
    }
}
