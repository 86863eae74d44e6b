//! A thread pool that grows to a fixed size: its threads wait for the disk, so that those that poll futures need not.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use refrain::tier::TierError;

use crate::error::DiskError;

/// A thread that has had nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// Threads of one kind. They end when the pool is dropped.
#[derive(Debug)]
pub(crate) struct Pool(Arc<Shared>);

struct Shared {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Box<dyn FnOnce() + Send>>,
    threads: usize,
    idle: usize,
    is_closed: bool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.name)
            .field("most", &self.most)
            .finish_non_exhaustive()
    }
}

/// The work has panicked, or there is no thread to do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a thread of the disk tier panicked or could not be started")]
pub(crate) struct NotDone;

/// What a thread came to, as an error of a tier.
pub(crate) fn flatten<T>(done: Result<Result<T, DiskError>, NotDone>) -> Result<T, TierError> {
    match done {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) if error.is_retryable() => Err(TierError::failed(error)),
        Ok(Err(error)) => Err(TierError::permanent(error)),
        Err(not_done) => Err(TierError::failed(not_done)),
    }
}

impl Pool {
    /// A pool of `most` threads, none of which is there yet.
    pub(crate) fn new(name: &'static str, most: usize) -> Self {
        Self(Arc::new(Shared {
            name,
            most,
            state: Mutex::default(),
            changed: Condvar::new(),
        }))
    }

    /// What `work` gives on one of the threads. Work whose future has been dropped before it began is not done.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Awaited<T> {
        let (promise, promised) = promise();
        self.0.submit(Box::new(move || promise.keep(work)));
        promised
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let jobs = {
            let mut state = self.0.lock();
            state.is_closed = true;
            std::mem::take(&mut state.jobs)
        };
        self.0.changed.notify_all();
        // Futures that wait for them end.
        drop(jobs);
    }
}

impl Shared {
    fn submit(self: &Arc<Self>, job: Box<dyn FnOnce() + Send>) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle || state.threads >= self.most {
            drop(state);
            self.changed.notify_one();
            return;
        }
        let shared = Arc::clone(self);
        let builder = std::thread::Builder::new().name(self.name.to_owned());
        match builder.spawn(move || shared.work()) {
            Ok(_) => state.threads += 1,
            // Another thread does it later, if there is one.
            Err(_) if state.threads > 0 => {}
            Err(_) => {
                let jobs = std::mem::take(&mut state.jobs);
                drop(state);
                drop(jobs);
            }
        }
    }

    /// What a thread does all its life.
    fn work(&self) {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // What has panicked breaks its promise, of which its future hears.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                continue;
            }
            if state.is_closed {
                state.threads -= 1;
                return;
            }
            state.idle += 1;
            let waited = self.changed.wait_timeout(state, IDLE);
            let (woken, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if timeout.timed_out() && state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a thread leaves what a future waits for.
struct Slot<T>(Mutex<Answer<T>>);

struct Answer<T> {
    value: Option<T>,
    /// Whether there is a value, or will be none.
    is_decided: bool,
    waker: Option<Waker>,
}

impl<T> Slot<T> {
    fn lock(&self) -> MutexGuard<'_, Answer<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A value that another thread is to give.
pub(crate) struct Promise<T>(Arc<Slot<T>>);

/// A promise, and the future that waits for it.
pub(crate) fn promise<T>() -> (Promise<T>, Awaited<T>) {
    let slot = Arc::new(Slot(Mutex::new(Answer {
        value: None,
        is_decided: false,
        waker: None,
    })));
    (Promise(Arc::clone(&slot)), Awaited(slot))
}

impl<T> Promise<T> {
    /// Only the promise holds the slot once the future is gone.
    pub(crate) fn is_wanted(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    pub(crate) fn give(self, value: T) {
        self.0.lock().value = Some(value);
    }

    fn keep(self, work: impl FnOnce() -> T) {
        if self.is_wanted() {
            let value = work();
            self.give(value);
        }
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let mut answer = self.0.lock();
        answer.is_decided = true;
        let waker = answer.waker.take();
        drop(answer);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What a thread is to give.
pub(crate) struct Awaited<T>(Arc<Slot<T>>);

impl<T> Future for Awaited<T> {
    type Output = Result<T, NotDone>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut answer = self.0.lock();
        if answer.is_decided {
            return Poll::Ready(answer.value.take().ok_or(NotDone));
        }
        answer.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn no_more_work_is_done_at_once_than_there_are_threads_and_all_of_it_is_done() {
        let pool = Pool::new("test", 3);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let futures: Vec<_> = (0..50)
            .map(|number| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                pool.run(move || {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(1, Ordering::SeqCst);
                    number
                })
            })
            .collect();
        for (number, future) in futures.into_iter().enumerate() {
            assert_eq!(refrain::block_on(future), Ok(number));
        }
        assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn work_that_panics_is_not_done_and_the_next_is() {
        let pool = Pool::new("test", 1);
        let broken: Awaited<()> = pool.run(|| panic!("as the test wants it"));
        assert_eq!(refrain::block_on(broken), Err(NotDone));
        assert_eq!(refrain::block_on(pool.run(|| 7)), Ok(7));
    }

    #[test]
    fn what_is_waited_for_no_more_is_not_begun_and_what_a_dropped_pool_has_left_ends() {
        let pool = Pool::new("test", 1);
        let (begin, begun) = mpsc::channel::<()>();
        let first = pool.run(move || begun.recv().is_ok());
        let (done, was_done) = mpsc::channel();
        drop(pool.run(move || done.send(())));
        let last = pool.run(|| 3);
        begin.send(()).unwrap();
        assert_eq!(refrain::block_on(first), Ok(true));
        assert_eq!(refrain::block_on(last), Ok(3));
        assert!(was_done.recv().is_err(), "it was dropped");
        let (begin, begun) = mpsc::channel::<()>();
        let running = pool.run(move || begun.recv().is_ok());
        let waiting = pool.run(|| 4);
        drop(pool);
        drop(begin);
        let _ = refrain::block_on(running);
        let _ = refrain::block_on(waiting);
    }
}
