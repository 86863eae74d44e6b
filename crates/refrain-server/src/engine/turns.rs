//! A semaphore with a bounded queue: how many generations of a generator run at once, and how many may wait for a turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::generate_error::GenerateError;
use crate::progress::Progress;

/// The places on which generations run, first come, first served.
#[derive(Debug)]
pub(crate) struct Turns {
    free: Arc<Semaphore>,
    count: usize,
    waiting: AtomicUsize,
    max_waiting: usize,
}

/// A place in the queue, given back however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Relaxed: the number alone is asked, nothing is ordered by it.
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    pub(crate) fn new(count: usize, max_waiting: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            free: Arc::new(Semaphore::new(count)),
            count,
            waiting: AtomicUsize::new(0),
            max_waiting,
        }
    }

    /// Waits for a turn. It is over when the permit is dropped.
    ///
    /// # Errors
    ///
    /// [`GenerateError::QueueFull`] at once, or [`GenerateError::Cancelled`] while waiting.
    pub(crate) async fn turn(
        &self,
        progress: &Progress,
    ) -> Result<OwnedSemaphorePermit, GenerateError> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(permit);
        }
        // Relaxed, here and below: see `Waiting`.
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= self.max_waiting {
            return Err(GenerateError::QueueFull {
                waiting: self.max_waiting,
            });
        }
        tokio::select! {
            permit = Arc::clone(&self.free).acquire_owned() => permit.map_err(|_| GenerateError::Cancelled),
            () = progress.cancelled() => Err(GenerateError::Cancelled),
        }
    }

    /// Generations that run now.
    pub(crate) fn running(&self) -> usize {
        self.count - self.free.available_permits()
    }

    /// Generations that wait for their turn now.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_cancelled_wait_gives_its_place_back() {
        let turns = Turns::new(1, 1);
        let never = Progress::unwatched();
        let first = turns.turn(&never).await.unwrap();
        let stop = Progress::new(CancellationToken::new());
        let (second, third) = tokio::join!(turns.turn(&stop), async {
            let third = turns.turn(&never).await;
            stop.cancel();
            third
        });
        assert!(matches!(second, Err(GenerateError::Cancelled)));
        assert!(matches!(
            third,
            Err(GenerateError::QueueFull { waiting: 1 })
        ));
        assert_eq!((turns.running(), turns.waiting()), (1, 0));
        drop(first);
        assert_eq!(turns.running(), 0);
    }
}
