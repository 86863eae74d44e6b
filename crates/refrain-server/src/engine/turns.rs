//! Round-robin queueing by client with a bound: how many generations of a generator run at once, and how many may wait for a turn.
//!
//! Clients take turns, so a client with a long queue keeps no other one waiting for more than one generation of each. When the
//! queue is full, the last of the longest queue makes room (longest queue drop).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::client::Client;
use crate::generate_error::GenerateError;
use crate::progress::Progress;

/// The places on which generations run.
#[derive(Debug)]
pub(crate) struct Turns {
    state: Mutex<State>,
    at_once: usize,
    max_waiting: usize,
    /// How long a generation waits at most.
    patience: Duration,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    waiting: usize,
    /// The client at the front is next. None of the queues is empty.
    queues: VecDeque<Queue>,
}

#[derive(Debug)]
struct Queue {
    client: Client,
    waiters: VecDeque<Waiter>,
}

/// Sending wakes the waiter with its turn, and dropping it tells the waiter that it had to make room.
type Waiter = oneshot::Sender<Turn>;

/// A turn. It is over when this is dropped. `None` once it has been taken back.
#[derive(Debug)]
pub(crate) struct Turn(Option<Arc<Turns>>);

/// The turns as one client sees them.
#[derive(Debug, Clone)]
pub(crate) struct TurnsOf {
    turns: Arc<Turns>,
    client: Client,
}

impl Turns {
    pub(crate) fn new(at_once: usize, max_waiting: usize, patience: Duration) -> Self {
        Self {
            state: Mutex::default(),
            at_once: at_once.max(1),
            max_waiting,
            patience,
        }
    }

    pub(crate) fn of(self: &Arc<Self>, client: Client) -> TurnsOf {
        TurnsOf {
            turns: Arc::clone(self),
            client,
        }
    }

    /// Generations that run now.
    pub(crate) fn running(&self) -> usize {
        self.lock().running
    }

    /// Generations that wait for their turn now.
    pub(crate) fn waiting(&self) -> usize {
        self.lock().waiting
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TurnsOf {
    /// Waits for a turn.
    ///
    /// # Errors
    ///
    /// [`GenerateError::QueueFull`] at once or when others had to be let in, [`GenerateError::Cancelled`] or
    /// [`GenerateError::WaitedTooLong`] while waiting.
    pub(crate) async fn turn(&self, progress: &Progress) -> Result<Turn, GenerateError> {
        let turns = &self.turns;
        let full = GenerateError::QueueFull {
            waiting: turns.max_waiting,
        };
        let (waiter, waited) = oneshot::channel();
        let displaced = {
            let mut state = turns.lock();
            if state.running < turns.at_once {
                state.running += 1;
                drop(state);
                return Ok(Turn(Some(Arc::clone(turns))));
            }
            state.enqueue(self.client, waiter, turns.max_waiting)
        };
        // Outside of the lock: dropping it wakes its waiter.
        drop(displaced);
        let _left = Left(self);
        tokio::select! {
            biased;
            turn = waited => turn.map_err(|_| full),
            () = progress.cancelled() => Err(GenerateError::Cancelled),
            () = tokio::time::sleep(turns.patience) => Err(GenerateError::WaitedTooLong {
                seconds: turns.patience.as_secs(),
            }),
        }
    }
}

impl State {
    /// Puts a waiter at the end of its client's queue; gives back the waiter that has to make room, if one has to.
    fn enqueue(&mut self, client: Client, waiter: Waiter, most: usize) -> Option<Waiter> {
        let own = self.queues.iter().position(|queue| queue.client == client);
        let mut displaced = None;
        if self.waiting >= most {
            let own_length = own.map_or(0, |own| self.queues[own].waiters.len());
            let longest = self
                .queues
                .iter_mut()
                .max_by_key(|queue| queue.waiters.len());
            match longest.filter(|queue| queue.waiters.len() > own_length + 1) {
                Some(longest) => displaced = longest.waiters.pop_back(),
                None => return Some(waiter),
            }
            self.waiting -= 1;
        }
        self.waiting += 1;
        match own {
            Some(own) => self.queues[own].waiters.push_back(waiter),
            None => self.queues.push_back(Queue {
                client,
                waiters: VecDeque::from([waiter]),
            }),
        }
        displaced
    }

    /// The next waiter: the first of the client whose turn it is.
    fn next(&mut self) -> Option<Waiter> {
        let mut queue = self.queues.pop_front()?;
        let waiter = queue.waiters.pop_front();
        self.waiting -= usize::from(waiter.is_some());
        if !queue.waiters.is_empty() {
            self.queues.push_back(queue);
        }
        waiter
    }

    /// Takes out those of `client` whose wait is over.
    fn forget(&mut self, client: Client) {
        let Some(own) = self.queues.iter().position(|queue| queue.client == client) else {
            return;
        };
        let waiters = &mut self.queues[own].waiters;
        let before = waiters.len();
        waiters.retain(|waiter| !waiter.is_closed());
        self.waiting -= before - waiters.len();
        if waiters.is_empty() {
            self.queues.remove(own);
        }
    }
}

/// A wait that is over, however it ended.
struct Left<'a>(&'a TurnsOf);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.0.turns.lock().forget(self.0.client);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        let mut state = turns.lock();
        while let Some(waiter) = state.next() {
            // The turn changes hands: what is running stays as many.
            match waiter.send(Turn(Some(Arc::clone(&turns)))) {
                Ok(()) => return,
                Err(mut unused) => unused.0 = None,
            }
        }
        state.running -= 1;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use tokio_util::sync::CancellationToken;

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn client(number: u8) -> Client {
        Client::of([192, 0, 2, number].into(), &axum::http::HeaderMap::new())
    }

    type Wait = BoxFuture<'static, Result<Turn, GenerateError>>;

    /// A wait that has begun.
    async fn begun(turns: &Arc<Turns>, number: u8) -> Wait {
        let turns = turns.of(client(number));
        let mut wait = async move { turns.turn(&Progress::unwatched()).await }.boxed();
        assert!(futures_util::poll!(&mut wait).is_pending());
        wait
    }

    #[tokio::test]
    async fn a_full_queue_refuses_and_a_cancelled_wait_gives_its_place_back() {
        let turns = Arc::new(Turns::new(1, 1, LONG));
        let never = Progress::unwatched();
        let of_one = turns.of(client(1));
        let first = of_one.turn(&never).await.unwrap();
        let stop = Progress::new(CancellationToken::new());
        let (second, third) = tokio::join!(of_one.turn(&stop), async {
            let third = of_one.turn(&never).await;
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

    #[tokio::test]
    async fn clients_take_turns_however_many_each_has_waiting() {
        let turns = Arc::new(Turns::new(1, 100, LONG));
        let running = turns.of(client(1)).turn(&Progress::unwatched()).await;
        let mut many = Vec::new();
        for _ in 0..50 {
            many.push(begun(&turns, 1).await);
        }
        let other = begun(&turns, 2).await;
        drop(running);
        // One of the first client's was before it, and only one.
        let first = many.remove(0).await.unwrap();
        drop(first);
        let other = other.now_or_never();
        assert!(matches!(other, Some(Ok(_))));
    }

    #[tokio::test]
    async fn a_client_that_fills_the_queue_makes_room_for_another() {
        let turns = Arc::new(Turns::new(1, 3, LONG));
        let running = turns.of(client(1)).turn(&Progress::unwatched()).await;
        let mut many = Vec::new();
        for _ in 0..3 {
            many.push(begun(&turns, 1).await);
        }
        let _other = begun(&turns, 2).await;
        let last = many.pop().unwrap().await;
        assert!(matches!(last, Err(GenerateError::QueueFull { waiting: 3 })));
        let refused = turns.of(client(1)).turn(&Progress::unwatched()).await;
        assert!(matches!(refused, Err(GenerateError::QueueFull { .. })));
        assert_eq!(turns.waiting(), 3);
        drop((running, many));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_at_its_deadline() {
        let turns = Arc::new(Turns::new(1, 3, LONG));
        let _running = turns.of(client(1)).turn(&Progress::unwatched()).await;
        let waited = turns.of(client(1)).turn(&Progress::unwatched()).await;
        assert!(matches!(
            waited,
            Err(GenerateError::WaitedTooLong { seconds: 3600 })
        ));
        assert_eq!(turns.waiting(), 0);
    }

    #[tokio::test]
    async fn a_turn_that_comes_to_a_waiter_that_has_gone_comes_to_the_next() {
        let turns = Arc::new(Turns::new(1, 3, LONG));
        let running = turns.of(client(1)).turn(&Progress::unwatched()).await;
        let (gone, next) = (begun(&turns, 1).await, begun(&turns, 2).await);
        drop(running);
        // It had its turn already when it went.
        drop(gone);
        assert!(matches!(next.now_or_never(), Some(Ok(_))));
        assert_eq!((turns.running(), turns.waiting()), (0, 0));
    }
}
