//! Futures driven on a fake clock: time passes only while nothing else can happen.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use refrain::{Clock, FakeClock};

/// Passes at a time while a future waits.
const STEP: Duration = Duration::from_secs(2);

/// More polls than any future of a test needs. One that needs more hangs.
const PATIENCE: u32 = 100_000;

/// A fake clock and its hands.
#[derive(Debug)]
pub struct Time {
    /// For caches and tiers.
    pub clock: Clock,
    /// For the test.
    pub hands: FakeClock,
    /// How long a thread of a tier may take before time passes.
    pub patience: Duration,
}

impl Time {
    /// A clock that stands at zero, for tiers whose threads take no longer than `patience`; zero if they have none.
    pub fn new(patience: Duration) -> Self {
        let (clock, hands) = Clock::fake();
        Self {
            clock,
            hands,
            patience,
        }
    }

    /// What `future` gives. The time moves on by two seconds whenever nothing wakes it.
    ///
    /// # Panics
    ///
    /// If the future hangs.
    #[track_caller]
    pub fn drive<F: Future>(&self, future: F) -> F::Output {
        let bell = Arc::new(Bell {
            rung: AtomicBool::new(false),
            thread: std::thread::current(),
        });
        let waker = Waker::from(Arc::clone(&bell));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        for _ in 0..PATIENCE {
            if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            if !bell.waited(self.patience) {
                self.hands.advance(STEP);
            }
        }
        panic!(
            "a future hangs, though {:?} have passed",
            self.clock.elapsed()
        );
    }
}

struct Bell {
    rung: AtomicBool,
    thread: Thread,
}

impl Bell {
    /// Whether it is rung, now or within `patience`.
    fn waited(&self, patience: Duration) -> bool {
        if self.was_rung() {
            return true;
        }
        if patience.is_zero() {
            // Threads that drive what is overdue are let in.
            std::thread::yield_now();
        } else {
            std::thread::park_timeout(patience);
        }
        self.was_rung()
    }

    fn was_rung(&self) -> bool {
        self.rung.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.rung.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// One poll, without a wake-up.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
