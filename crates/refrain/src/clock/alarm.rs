//! Timers without a runtime: one thread for the whole process, started on first use, wakes tasks and threads at a moment.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::catch::wake_all;

/// A pending wake-up. Dropping it calls the wake-up off.
pub(crate) struct Alarm(Option<(AlarmQueue, Due)>);

/// A moment, and a number that tells apart those that come at the same one.
type Due = (Duration, u64);

/// Wake-ups in order of their moment, measured from whatever zero the owner uses.
#[derive(Clone)]
pub(super) struct AlarmQueue(Arc<Queue>);

struct Queue {
    pending: Mutex<Pending>,
    earlier: Condvar,
}

#[derive(Default)]
struct Pending {
    wakers: BTreeMap<Due, Waker>,
    next_id: u64,
}

impl AlarmQueue {
    pub(super) fn new() -> Self {
        Self(Arc::new(Queue {
            pending: Mutex::new(Pending::default()),
            earlier: Condvar::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, due: Duration, waker: Waker) -> Alarm {
        let due = {
            let mut pending = self.lock();
            pending.next_id += 1;
            let due = (due, pending.next_id);
            pending.wakers.insert(due, waker);
            due
        };
        self.0.earlier.notify_one();
        Alarm(Some((self.clone(), due)))
    }

    /// The wakers whose moment is `now` or earlier; the caller wakes them, holding no lock.
    pub(super) fn take_due(&self, now: Duration) -> Vec<Waker> {
        let mut pending = self.lock();
        let later = pending.wakers.split_off(&(now, u64::MAX));
        std::mem::replace(&mut pending.wakers, later)
            .into_values()
            .collect()
    }

    fn serve_forever(&self, start: Instant) {
        loop {
            wake_all(self.take_due(start.elapsed()));
            let pending = self.lock();
            let next = pending.wakers.keys().next().map(|due| due.0);
            let _woken = match next {
                None => self
                    .0
                    .earlier
                    .wait(pending)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(due) => {
                    self.0
                        .earlier
                        .wait_timeout(pending, due.saturating_sub(start.elapsed()))
                        .unwrap_or_else(PoisonError::into_inner)
                        .0
                }
            };
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some((queue, due)) = self.0.take() {
            let waker = queue.lock().wakers.remove(&due);
            drop(waker);
        }
    }
}

/// An alarm on the machine's monotonic clock; `None` is a moment too far away to exist, so it never comes.
pub(super) fn at_instant(due: Option<Instant>, waker: Waker) -> Alarm {
    static SERVICE: OnceLock<(AlarmQueue, Instant)> = OnceLock::new();

    let Some(due) = due else { return Alarm(None) };
    let (queue, start) = SERVICE.get_or_init(|| {
        let queue = AlarmQueue::new();
        #[expect(clippy::disallowed_methods, reason = "the alarm thread's own zero")]
        let start = Instant::now();
        let served = queue.clone();
        // Without the thread no waiter is woken by time, but every other way to be woken still works.
        let _ = std::thread::Builder::new()
            .name("refrain-alarms".to_owned())
            .spawn(move || served.serve_forever(start));
        (queue, start)
    });
    queue.add(due.saturating_duration_since(*start), waker)
}
