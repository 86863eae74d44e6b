//! The memory of answers that are being sent: each result is charged once, however many clients read it.
//!
//! A client that reads slowly keeps a result in memory long after the cache has let go of it. What is charged is released with the
//! last byte that is referred to, not with the end of the body, since a connection holds on to what it has not sent yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, Semaphore};

use crate::Problem;
use crate::config::{ServerConfig, megabytes};
use crate::pace::Meter;

/// Up to this a result is not charged: connections are bounded, and so are as many times so much.
const FREE_BYTES: usize = 64 * 1024;
/// The part of the budget that is for small results alone, as a divisor; large ones have the rest.
const SMALL_PART: u64 = 4;
/// The part of the budget up to which a result is small, as a divisor.
const SMALL_RESULT: u64 = 32;
/// How long an answer waits for room. Slow readers have left by then.
const PATIENCE: Duration = Duration::from_secs(6);

/// Hands out the memory for answers. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct AnswerBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    small_most: u64,
    large_most: u64,
    /// The largest result that is small.
    small_bytes: u64,
    state: Mutex<State>,
    freed: Notify,
    /// What waits holds its result without being charged for it, so only one does.
    waits: Semaphore,
}

#[derive(Debug, Default)]
struct State {
    small: u64,
    large: u64,
    /// What is sent, by the address of its first byte; for a body that grows, by that of the body.
    sent: HashMap<usize, Weak<Charge>>,
    /// How the clients keep up that read something.
    readers: HashMap<u64, Meter>,
    next: u64,
}

/// What one result costs. It returns when this is dropped.
#[derive(Debug)]
struct Charge {
    budget: AnswerBudget,
    address: usize,
    is_small: bool,
    bytes: Mutex<u64>,
}

/// One client's share in a charge: as long as it lives, the client reads the result.
#[derive(Debug)]
pub(super) struct Share {
    charge: Arc<Charge>,
    reader: u64,
}

/// Bytes that are charged as long as they live.
struct Charged {
    bytes: Bytes,
    _share: Share,
}

impl AsRef<[u8]> for Charged {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AnswerBudget {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let most = megabytes(config.answer_memory_mb);
        Self(Arc::new(Shared {
            small_most: most / SMALL_PART,
            large_most: most - most / SMALL_PART,
            small_bytes: most / SMALL_RESULT,
            state: Mutex::default(),
            freed: Notify::new(),
            waits: Semaphore::new(1),
        }))
    }

    /// The same bytes, charged until the last reference to them is gone. One that is larger than the budget is sent alone.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::ProblemKind::Busy) when too much is being sent, and nothing of it ends soon.
    pub(super) async fn charged(
        &self,
        bytes: &Bytes,
        reader: Option<&Meter>,
    ) -> Result<Bytes, Problem> {
        if bytes.len() <= FREE_BYTES {
            return Ok(bytes.clone());
        }
        let address = bytes.as_ptr() as usize;
        let share = self.share(address, bytes.len() as u64, reader).await?;
        Ok(Bytes::from_owner(Charged {
            bytes: bytes.clone(),
            _share: share,
        }))
    }

    /// The charge for a body that is read from a tier, of which `bytes` are in memory at once.
    pub(super) async fn pieces(
        &self,
        bytes: u64,
        reader: Option<&Meter>,
    ) -> Result<Share, Problem> {
        // No two readers share their pieces, so the address is none of a result.
        self.share(0, bytes, reader).await
    }

    /// The charge for a body at `address` that grows, of which little is there yet.
    ///
    /// # Errors
    ///
    /// As [`charged`](Self::charged).
    pub(super) async fn growing(
        &self,
        address: usize,
        reader: Option<&Meter>,
    ) -> Result<Share, Problem> {
        // As a large one, which it may become.
        let least = self.0.small_bytes + 1;
        self.share(address, least, reader).await
    }

    async fn share(
        &self,
        address: usize,
        bytes: u64,
        reader: Option<&Meter>,
    ) -> Result<Share, Problem> {
        if let Some(share) = self.try_share(address, bytes, reader) {
            return Ok(share);
        }
        let full = || Problem::busy("too many answers are being sent: ask again later", 5);
        let _wait = self.0.waits.try_acquire().map_err(|_| full())?;
        let waited = async {
            loop {
                let freed = self.0.freed.notified();
                tokio::pin!(freed);
                freed.as_mut().enable();
                if let Some(share) = self.try_share(address, bytes, reader) {
                    return share;
                }
                // Outside of the lock, since a client that is woken may end and give its share back.
                let readers: Vec<_> = self.lock().readers.values().cloned().collect();
                readers.iter().for_each(Meter::hurry);
                freed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waited)
            .await
            .map_err(|_| full())
    }

    fn try_share(&self, address: usize, bytes: u64, reader: Option<&Meter>) -> Option<Share> {
        let mut state = self.lock();
        let found = state.sent.get(&address).filter(|_| address != 0);
        let charge = if let Some(charge) = found.and_then(Weak::upgrade) {
            charge
        } else {
            let is_small = bytes <= self.0.small_bytes;
            let (held, most) = if is_small {
                (&mut state.small, self.0.small_most)
            } else {
                (&mut state.large, self.0.large_most)
            };
            let bytes = bytes.min(most);
            *held = held.checked_add(bytes).filter(|held| *held <= most)?;
            let charge = Arc::new(Charge {
                budget: self.clone(),
                address,
                is_small,
                bytes: Mutex::new(bytes),
            });
            state.sent.insert(address, Arc::downgrade(&charge));
            charge
        };
        let number = state.next;
        state.next += 1;
        if let Some(reader) = reader {
            state.readers.insert(number, reader.clone());
        }
        Some(Share {
            charge,
            reader: number,
        })
    }

    /// Bytes that are charged.
    #[cfg(test)]
    fn held(&self) -> u64 {
        let state = self.lock();
        state.small + state.large
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// What is in memory of a body that grows. It was let in and is not stopped, but others wait if it is much.
    pub(super) fn grown_to(&self, bytes: u64) {
        self.charge.set(bytes);
    }
}

impl Charge {
    fn set(&self, bytes: u64) {
        let mut now = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.budget.lock();
        let held = if self.is_small {
            &mut state.small
        } else {
            &mut state.large
        };
        *held = held.saturating_sub(*now).saturating_add(bytes);
        *now = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.charge.budget.lock().readers.remove(&self.reader);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.set(0);
        let mut state = self.budget.lock();
        // Another one may have begun at this address meanwhile.
        let is_over = |charge: &Weak<Self>| charge.strong_count() == 0;
        if state.sent.get(&self.address).is_some_and(is_over) {
            state.sent.remove(&self.address);
        }
        drop(state);
        self.budget.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pace::PaceLimits;

    const MB: usize = 1 << 20;

    fn budget(answer_memory_mb: f64) -> AnswerBudget {
        AnswerBudget::new(&ServerConfig {
            answer_memory_mb,
            ..ServerConfig::default()
        })
    }

    fn result(bytes: usize) -> Bytes {
        vec![1; bytes].into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_counts_once_however_many_read_it_and_until_the_last_byte_is_gone() {
        let budget = budget(8.0);
        let bytes = result(MB);
        let mut sent = Vec::new();
        for _ in 0..50 {
            sent.push(budget.charged(&bytes, None).await.unwrap());
        }
        assert_eq!(budget.held(), MB as u64);
        let last = sent[0].slice(7..8);
        drop(sent);
        assert_eq!(budget.held(), MB as u64);
        drop(last);
        assert_eq!(budget.held(), 0);
        assert!(budget.lock().sent.is_empty() && budget.lock().readers.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_budget_large_results_are_refused_and_small_ones_sent() {
        let budget = budget(8.0);
        let mut sent = Vec::new();
        for _ in 0..6 {
            sent.push(budget.charged(&result(MB), None).await.unwrap());
        }
        let refused = budget.charged(&result(MB), None).await.unwrap_err();
        assert_eq!(refused.kind(), crate::ProblemKind::Busy);
        assert!(budget.charged(&result(MB / 8), None).await.is_ok());
        sent.pop();
        assert!(budget.charged(&result(MB), None).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_larger_than_the_budget_is_sent_alone() {
        let budget = budget(2.0);
        let first = budget.charged(&result(4 * MB), None).await.unwrap();
        assert!(budget.charged(&result(4 * MB), None).await.is_err());
        drop(first);
        assert!(budget.charged(&result(4 * MB), None).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn one_waits_for_room_and_the_others_are_told_to_come_again() {
        let budget = budget(2.0);
        let first = budget.charged(&result(MB), None).await.unwrap();
        let (one, two) = (result(MB), result(MB));
        let (waited, refused, ()) = tokio::join!(
            budget.charged(&one, None),
            budget.charged(&two, None),
            async { drop(first) }
        );
        assert!(waited.is_ok());
        assert!(refused.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_read_slowly_are_hurried_when_others_wait() {
        let budget = budget(2.0);
        let meter = Meter::new(PaceLimits::new(&ServerConfig::default()));
        let _first = budget.charged(&result(MB), Some(&meter)).await.unwrap();
        assert!(!meter.is_hurried());
        assert!(budget.charged(&result(MB), None).await.is_err());
        assert!(meter.is_hurried());
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_grows_is_charged_for_what_there_is() {
        let budget = budget(4.0);
        let one = budget.growing(1, None).await.unwrap();
        let two = budget.growing(1, None).await.unwrap();
        assert_eq!(budget.held(), 4 * MB as u64 / SMALL_RESULT + 1);
        one.grown_to(9 * MB as u64);
        assert_eq!(budget.held(), 9 * MB as u64);
        assert!(budget.growing(2, None).await.is_err());
        drop((one, two));
        assert_eq!(budget.held(), 0);
    }
}
