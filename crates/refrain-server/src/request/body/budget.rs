//! The memory that request bodies may take together.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::{ServerConfig, megabytes};
use crate::{Problem, ProblemKind};

/// Memory is handed out in pieces of 1 KiB: a semaphore counts in 32 bits.
const PIECE_BYTES: u64 = 1024;

/// What a request takes at most while it is read, as a multiple of its body: the body, the text in it, and the
/// picture decoded from that text.
const COPIES: u64 = 3;

/// What every request may take beside that: its fields and their values, unless they are unusually many.
const VALUES_BYTES: u64 = 64 * 1024;

/// Hands out the memory for request bodies, first come, first served.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    free: Arc<Semaphore>,
    pieces: u32,
    max_body_bytes: u64,
    timeout: Duration,
}

/// Memory accounted to one request; it returns when this is dropped.
#[derive(Debug)]
pub struct Reservation(Option<Held>);

#[derive(Debug)]
struct Held {
    permit: OwnedSemaphorePermit,
    /// Pieces of the whole budget.
    of: u32,
}

impl BodyBudget {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let max_body_bytes = megabytes(config.max_body_mb);
        let budget = megabytes(config.body_memory_mb).max(max_body_bytes);
        let pieces = pieces(budget);
        Self {
            free: Arc::new(Semaphore::new(pieces as usize)),
            pieces,
            max_body_bytes,
            timeout: config.body_timeout,
        }
    }

    /// Takes the memory for a body once there is some, and says how long the body claims to be.
    ///
    /// A body that does not say its length is counted as the largest there may be: growing one reservation while
    /// holding it could leave several requests waiting for each other.
    pub(super) async fn reserve(
        &self,
        headers: &HeaderMap,
    ) -> Result<(Option<u64>, Reservation), Problem> {
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > self.max_body_bytes) {
            return Err(too_large(self.max_body_bytes));
        }
        let length = declared.unwrap_or(self.max_body_bytes);
        let wanted = length.saturating_mul(COPIES).saturating_add(VALUES_BYTES);
        let wanted = pieces(wanted).clamp(1, self.pieces);
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted);
        let permit = tokio::time::timeout(self.timeout, permit)
            .await
            .ok()
            .and_then(Result::ok)
            .ok_or_else(busy)?;
        let held = Held {
            permit,
            of: self.pieces,
        };
        Ok((declared, Reservation(Some(held))))
    }

    /// Bytes of the largest body.
    pub(super) fn max_body_bytes(&self) -> u64 {
        self.max_body_bytes
    }

    /// How long a client may pause.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }
}

impl Reservation {
    /// Gives back what is not needed any more.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let Some(held) = &mut self.0 else { return };
        let needed = pieces(bytes as u64) as usize;
        let spare = held.permit.num_permits().saturating_sub(needed);
        drop(held.permit.split(spare));
    }

    /// Accounts for `values_bytes` of values, up to the whole budget. Unusually many must be had at once: waiting for
    /// more while holding some could go on for ever.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Busy`] when too much is held by others.
    pub(super) fn grow(&mut self, values_bytes: u64) -> Result<(), Problem> {
        let more = values_bytes.saturating_sub(VALUES_BYTES);
        let Some(held) = self.0.as_mut().filter(|_| more > 0) else {
            return Ok(());
        };
        let has = u32::try_from(held.permit.num_permits()).unwrap_or(held.of);
        let wanted = pieces(more).min(held.of.saturating_sub(has));
        let more = Arc::clone(held.permit.semaphore())
            .try_acquire_many_owned(wanted)
            .map_err(|_| busy())?;
        held.permit.merge(more);
        Ok(())
    }

    /// Takes out what one of several requests in a body of `bytes` needs, or what is left.
    pub(crate) fn split_for(&mut self, bytes: usize) -> Self {
        let taken = self.0.as_mut().and_then(|held| {
            let wanted = pieces((bytes as u64).saturating_mul(COPIES)) as usize;
            let permit = held.permit.split(wanted.min(held.permit.num_permits()))?;
            Some(Held {
                permit,
                of: held.of,
            })
        });
        Self(taken)
    }
}

pub(super) fn too_large(max_bytes: u64) -> Problem {
    let detail = format!("the body is larger than {max_bytes} bytes, which is the limit");
    Problem::new(ProblemKind::BodyTooLarge, detail)
}

fn busy() -> Problem {
    let detail = "too much request data is being held already: ask again later";
    Problem::busy(detail, 10)
}

fn pieces(bytes: u64) -> u32 {
    // A semaphore takes fewer permits than 32 bits on small machines; 2^28 pieces are 256 GiB.
    u32::try_from(bytes.div_ceil(PIECE_BYTES)).map_or(1 << 28, |pieces| pieces.min(1 << 28))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn budget(body_memory_mb: f64) -> BodyBudget {
        BodyBudget::new(&ServerConfig {
            max_body_mb: 1.0,
            body_memory_mb,
            body_timeout: Duration::from_millis(1),
            ..ServerConfig::default()
        })
    }

    fn length(bytes: u64) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_LENGTH, bytes.into())])
    }

    /// Pieces that a body of one megabyte takes.
    const ONE: u32 = 3 * 1024 + 64;

    #[tokio::test]
    async fn bodies_beyond_the_budget_wait_and_are_then_refused() {
        let budget = budget(3.0);
        let first = budget.reserve(&length(1 << 20)).await.unwrap();
        let second = budget.reserve(&length(1)).await.unwrap_err();
        assert_eq!(second.kind(), ProblemKind::Busy);
        drop(first);
        assert!(budget.reserve(&length(1)).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_not_kept_is_given_back() {
        let budget = budget(4.0);
        let (_, mut first) = budget.reserve(&length(1 << 20)).await.unwrap();
        assert_eq!(budget.free.available_permits(), 4096 - ONE as usize);
        first.shrink_to(1000);
        assert_eq!(budget.free.available_permits(), 4096 - 1);
    }

    #[tokio::test]
    async fn unusually_many_values_take_what_is_free_and_wait_for_nothing() {
        let budget = budget(6.0);
        let (_, mut first) = budget.reserve(&length(1 << 20)).await.unwrap();
        assert_eq!(first.grow(2 << 20), Ok(()));
        let (_, mut second) = budget.reserve(&length(1)).await.unwrap();
        let refused = second.grow(2 << 20).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::Busy);
        drop(first);
        let all = second.grow(u64::MAX);
        assert_eq!(all, Ok(()), "more than there is is all there is");
        drop(second);
        assert_eq!(budget.free.available_permits(), 6 * 1024);
    }

    #[tokio::test]
    async fn usual_values_are_read_even_while_a_large_body_waits() {
        let budget = budget(4.0);
        let (_, mut small) = budget.reserve(&length(1)).await.unwrap();
        let huge = budget.reserve(&length(1 << 20)).await.unwrap();
        let headers = length(1 << 20);
        let waiting = budget.reserve(&headers);
        let (waited, grown) = tokio::join!(waiting, async { small.grow(60 * 1024) });
        assert!(waited.is_err());
        assert_eq!(grown, Ok(()));
        drop(huge);
    }

    #[tokio::test]
    async fn a_budget_smaller_than_the_copies_still_lets_one_body_in() {
        let budget = budget(1.0);
        assert!(budget.reserve(&length(1 << 20)).await.is_ok());
        assert!(budget.reserve(&HeaderMap::new()).await.is_ok());
        let larger = length((1 << 20) + 1);
        let refused = budget.reserve(&larger).await.unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::BodyTooLarge);
    }
}
