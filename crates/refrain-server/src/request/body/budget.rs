//! The memory that request bodies may take together.
//!
//! Small bodies have memory of their own, so that they never wait for large ones, and so have those of management.

use std::time::Duration;

use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;

use super::pot::{Pot, Share};
use crate::client::Client;
use crate::config::{ServerConfig, megabytes};
use crate::pace::Meter;
use crate::{Problem, ProblemKind};

/// What a request takes at most while it is read, as a multiple of its body: the body, the text in it, and the
/// picture decoded from that text.
const COPIES: u64 = 3;

/// What every request may take beside that: its fields and their values, unless they are unusually many.
const VALUES_BYTES: u64 = 64 * 1024;

/// The largest body that counts as small.
const SMALL_BYTES: u64 = 64 * 1024;

/// Memory for bodies of management, beside the budget.
const MANAGEMENT_BYTES: u64 = 1024 * 1024;

/// The part of the budget that is for small bodies alone, as a divisor.
const SMALL_PART: u64 = 8;

/// Hands out the memory for request bodies.
#[derive(Debug)]
pub(crate) struct BodyBudget {
    small: Pot,
    large: Pot,
    management: Pot,
    max_body_bytes: u64,
    timeout: Duration,
}

/// Whose body it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    pub(crate) client: Client,
    /// How the client keeps up, where that is known.
    pub(crate) meter: Option<Meter>,
    pub(crate) is_management: bool,
}

/// Memory accounted to one request; it returns when this is dropped.
#[derive(Debug)]
pub struct Reservation(Share);

/// The memory of a body that is still coming.
#[derive(Debug)]
pub(super) struct Arriving<'a> {
    budget: &'a BodyBudget,
    sender: Sender,
    /// Length that the body claims to have.
    pub(super) declared: Option<u64>,
    is_small: bool,
    share: Share,
}

impl BodyBudget {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let max_body_bytes = megabytes(config.max_body_mb);
        let budget = megabytes(config.body_memory_mb).max(max_body_bytes);
        let small = budget / SMALL_PART;
        Self {
            small: Pot::new(small),
            large: Pot::new(budget - small),
            management: Pot::new(MANAGEMENT_BYTES),
            max_body_bytes,
            timeout: config.body_timeout,
        }
    }

    /// Lets a body in that is not too large by its own account.
    pub(super) fn arriving(
        &self,
        headers: &HeaderMap,
        sender: Sender,
    ) -> Result<Arriving<'_>, Problem> {
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|length| length > self.max_body_bytes) {
            return Err(too_large(self.max_body_bytes));
        }
        let is_small = declared.is_none_or(|length| length <= SMALL_BYTES);
        let (pot, claim) = if is_small {
            let pot = if sender.is_management {
                &self.management
            } else {
                &self.small
            };
            (pot, SMALL_BYTES)
        } else {
            (&self.large, declared.unwrap_or(self.max_body_bytes))
        };
        let share = pot.share(to_read(claim), sender.client, sender.meter.clone());
        Ok(Arriving {
            budget: self,
            sender,
            declared,
            is_small,
            share,
        })
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

impl Arriving<'_> {
    /// Accounts for `bytes` that are held of the body; waits until others have left so much.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Busy`] when that takes too long.
    pub(super) async fn hold(&mut self, bytes: u64) -> Result<(), Problem> {
        if self.is_small && bytes > SMALL_BYTES {
            // It said no length, and is none of the small ones.
            let claim = to_read(self.budget.max_body_bytes);
            let Sender { client, meter, .. } = self.sender.clone();
            let mut large = self.budget.large.share(claim, client, meter);
            if !large.grow_to(bytes, self.budget.timeout).await {
                return Err(busy());
            }
            self.share = large;
            self.is_small = false;
            return Ok(());
        }
        if self.share.grow_to(bytes, self.budget.timeout).await {
            Ok(())
        } else {
            Err(busy())
        }
    }

    /// The body of `bytes` has come in full, and is to be read.
    pub(super) async fn complete(mut self, bytes: u64) -> Result<Reservation, Problem> {
        if !self
            .share
            .grow_to(to_read(bytes), self.budget.timeout)
            .await
        {
            return Err(busy());
        }
        self.share.settle();
        Ok(Reservation(self.share))
    }
}

/// What reading a body of `bytes` takes.
fn to_read(bytes: u64) -> u64 {
    bytes.saturating_mul(COPIES).saturating_add(VALUES_BYTES)
}

impl Reservation {
    /// The client that it is accounted to.
    pub(crate) fn client(&self) -> Client {
        self.0.client()
    }

    /// Gives back what is not needed any more.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        self.0.shrink_to(bytes as u64);
    }

    /// Accounts for `values_bytes` of values, up to the whole budget.
    ///
    /// # Errors
    ///
    /// [`ProblemKind::Busy`] when too much is held by others.
    pub(super) fn grow(&mut self, values_bytes: u64) -> Result<(), Problem> {
        let more = values_bytes.saturating_sub(VALUES_BYTES);
        if more == 0 || self.0.try_add(more) {
            Ok(())
        } else {
            Err(busy())
        }
    }

    /// Takes out what one of several requests in a body of `bytes` needs, or what is left.
    pub(crate) fn split_for(&mut self, bytes: usize) -> Self {
        Self(self.0.split((bytes as u64).saturating_mul(COPIES)))
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

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

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

    fn arriving<'a>(budget: &'a BodyBudget, headers: &HeaderMap) -> Arriving<'a> {
        budget.arriving(headers, Sender::default()).unwrap()
    }

    #[tokio::test]
    async fn promises_of_large_bodies_hold_nothing() {
        let budget = budget(8.0);
        let mut promises: Vec<_> = (0..100).map(|_| arriving(&budget, &length(MB))).collect();
        for promise in &mut promises {
            promise.hold(1).await.unwrap();
        }
        let mut honest = arriving(&budget, &length(MB));
        honest.hold(MB).await.unwrap();
        honest.complete(MB).await.unwrap();
    }

    #[tokio::test]
    async fn small_bodies_never_wait_for_large_ones() {
        let budget = budget(8.0);
        let mut large = Vec::new();
        for _ in 0..2 {
            let mut one = arriving(&budget, &length(MB));
            one.hold(MB).await.unwrap();
            large.push(one.complete(MB).await.unwrap());
        }
        let refused = arriving(&budget, &length(MB)).complete(MB).await;
        assert_eq!(refused.unwrap_err().kind(), ProblemKind::Busy);
        for headers in [length(1), HeaderMap::new()] {
            let mut small = arriving(&budget, &headers);
            small.hold(1).await.unwrap();
            small.complete(1).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_body_without_a_length_is_small_until_it_is_large() {
        let budget = budget(8.0);
        let mut body = arriving(&budget, &HeaderMap::new());
        body.hold(SMALL_BYTES).await.unwrap();
        assert_eq!((budget.small.held(), budget.large.held()), (SMALL_BYTES, 0));
        body.hold(SMALL_BYTES + 1).await.unwrap();
        assert_eq!(
            (budget.small.held(), budget.large.held()),
            (0, SMALL_BYTES + 1)
        );
        drop(body);
        assert_eq!(budget.large.held(), 0);
    }

    #[tokio::test]
    async fn management_has_memory_of_its_own() {
        let budget = budget(1.0);
        let mut small = Vec::new();
        while let Ok(one) = arriving(&budget, &length(1)).complete(1).await {
            small.push(one);
        }
        let sender = Sender {
            is_management: true,
            ..Sender::default()
        };
        let management = budget.arriving(&length(1), sender).unwrap();
        assert!(management.complete(1).await.is_ok());
    }

    #[tokio::test]
    async fn unusually_many_values_take_what_is_free_and_wait_for_nothing() {
        let budget = budget(8.0);
        let mut first = arriving(&budget, &length(MB)).complete(MB).await.unwrap();
        assert_eq!(first.grow(2 * MB), Ok(()));
        let sender = Sender {
            client: Client::of([192, 0, 2, 1].into(), &HeaderMap::new()),
            ..Sender::default()
        };
        let second = budget.arriving(&length(MB / 4), sender).unwrap();
        let mut second = second.complete(MB / 4).await.unwrap();
        let refused = second.grow(2 * MB).unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::Busy);
        drop(first);
        assert_eq!(second.grow(u64::MAX), Ok(()));
        drop(second);
        assert_eq!(budget.large.held(), 0);
    }

    #[tokio::test]
    async fn a_budget_smaller_than_the_copies_still_lets_one_body_in() {
        let budget = budget(1.0);
        for headers in [length(MB), HeaderMap::new()] {
            let mut body = arriving(&budget, &headers);
            body.hold(MB).await.unwrap();
            body.complete(MB).await.unwrap();
        }
        let refused = budget.arriving(&length(MB + 1), Sender::default());
        assert_eq!(refused.unwrap_err().kind(), ProblemKind::BodyTooLarge);
    }
}
