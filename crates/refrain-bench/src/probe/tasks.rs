//! Questions for tasks.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::cache::{Answer, Task};
use super::{Finding, Shared};

/// How long a task may wait before it is said to hang; less than the patience with the whole process.
const PATIENCE: Duration = Duration::from_secs(3);

/// A generation that counts how often it is begun, and ends when it is allowed to.
struct Generation {
    begun: Arc<AtomicU64>,
    has_begun: Arc<Semaphore>,
    may_end: Arc<Semaphore>,
}

impl Generation {
    fn new() -> Self {
        Self {
            begun: Arc::new(AtomicU64::new(0)),
            has_begun: Arc::new(Semaphore::new(0)),
            may_end: Arc::new(Semaphore::new(0)),
        }
    }

    fn task(&self) -> Task {
        let begun = Arc::clone(&self.begun);
        let has_begun = Arc::clone(&self.has_begun);
        let may_end = Arc::clone(&self.may_end);
        async move {
            begun.fetch_add(1, Ordering::SeqCst);
            has_begun.add_permits(1);
            // Left open for the next caller.
            let _open = may_end.acquire().await.expect("it is never closed");
            7
        }
        .boxed()
    }

    async fn wait_until_begun(&self) {
        let _permit = self.has_begun.acquire().await.expect("it is never closed");
    }

    fn finding(&self, answer: Result<Answer, tokio::time::error::Elapsed>) -> Finding {
        let begun = self.begun.load(Ordering::SeqCst);
        match answer {
            Err(_) => Finding::new(false, "the other one hangs"),
            Ok(Ok(7)) if begun == 1 => Finding::new(true, "computed once"),
            Ok(Ok(7)) => Finding::new(false, format!("computed {begun} times")),
            Ok(other) => Finding::new(false, format!("{other:?}")),
        }
    }
}

fn poll_once(future: &mut Pin<Box<dyn Future<Output = Answer> + Send>>) -> Poll<Answer> {
    future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) async fn leader_leaves(cache: Shared) -> Finding {
    let generation = Generation::new();
    let mut leader = cache.compute_task(1, generation.task());
    assert!(poll_once(&mut leader).is_pending());
    generation.wait_until_begun().await;
    drop(leader);
    generation.may_end.add_permits(1);
    let next = cache.compute_task(1, generation.task());
    generation.finding(timeout(PATIENCE, next).await)
}

pub(super) async fn leader_leaves_a_waiter(cache: Shared) -> Finding {
    let generation = Generation::new();
    let mut leader = cache.compute_task(1, generation.task());
    assert!(poll_once(&mut leader).is_pending());
    generation.wait_until_begun().await;
    let mut waiter = cache.compute_task(1, generation.task());
    assert!(poll_once(&mut waiter).is_pending());
    drop(leader);
    generation.may_end.add_permits(1);
    generation.finding(timeout(PATIENCE, waiter).await)
}

pub(super) async fn leader_not_driven(cache: Shared) -> Finding {
    let generation = Generation::new();
    let mut leader = cache.compute_task(1, generation.task());
    assert!(poll_once(&mut leader).is_pending());
    generation.wait_until_begun().await;
    generation.may_end.add_permits(1);
    let waiter = cache.compute_task(1, generation.task());
    let answer = timeout(PATIENCE, waiter).await;
    drop(leader);
    generation.finding(answer)
}
