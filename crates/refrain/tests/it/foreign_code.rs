//! Code of the user that panics, or uses the cache where it is least expected, harms no other caller.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier, Mutex, OnceLock, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use refrain::{Cache, ComputeError, EntryOptions};

/// What `work` returns; a failure when it does not end.
fn ends<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(work()));
    receive
        .recv_timeout(Duration::from_secs(20))
        .expect("the call ends")
}

/// A value whose drop uses the cache that held it.
#[derive(Clone)]
struct Meddler(Arc<OnceLock<Cache<u64, Meddler>>>);

impl Drop for Meddler {
    fn drop(&mut self) {
        if let Some(cache) = self.0.get() {
            cache.stats();
            cache.invalidate_tag("nothing has it");
            cache.invalidate(&77);
        }
    }
}

fn meddled() -> (Cache<u64, Meddler>, Meddler) {
    let cache: Cache<u64, Meddler> = Cache::builder()
        .capacity_bytes(100)
        .build()
        .expect("the settings are in range");
    let place = Arc::new(OnceLock::new());
    assert!(place.set(cache.clone()).is_ok(), "it was empty");
    (cache, Meddler(place))
}

#[test]
fn a_value_that_is_refused_is_dropped_with_no_lock_held() {
    ends(|| {
        let (cache, meddler) = meddled();
        let heavy = EntryOptions::default().weight_bytes(101);
        cache.insert_with(1, meddler.clone(), heavy);
        let dead = EntryOptions::default().time_to_live(Duration::ZERO);
        cache.insert_with(1, meddler, dead);
        cache.validate();
    });
}

#[test]
fn a_value_that_was_invalidated_meanwhile_is_dropped_with_no_lock_held() {
    ends(|| {
        let (cache, meddler) = meddled();
        let computed = cache.get_or_compute(77, || {
            cache.invalidate(&77);
            meddler.clone()
        });
        assert!(computed.is_ok());
        cache.validate();
    });
}

#[test]
fn a_predicate_that_panics_at_a_landing_leaves_no_computation_behind() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    let at_landing = cache.clone();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        at_landing.get_or_compute(1, || {
            at_landing.invalidate_if_tags(|_| panic!("the predicate"));
            10
        })
    }));
    assert_eq!(cache.stats().flights, 0);
    let again = cache.clone();
    assert_eq!(ends(move || again.get_or_compute(1, || 11)).ok(), Some(11));
}

/// A value whose next clone panics, if it is told so.
#[derive(Debug)]
struct Fragile(Arc<AtomicBool>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(!self.0.swap(false, Ordering::Relaxed), "the clone");
        Self(Arc::clone(&self.0))
    }
}

#[test]
fn a_clone_that_panics_at_a_landing_leaves_no_computation_behind() {
    let cache: Cache<u64, Fragile> = Cache::builder().build().expect("the settings are in range");
    let first = cache.clone();
    let _ = catch_unwind(AssertUnwindSafe(|| {
        first.get_or_compute(1, || Fragile(Arc::new(AtomicBool::new(true))))
    }));
    let mut polled =
        pin!(cache.get_or_compute_async(2, async { Fragile(Arc::new(AtomicBool::new(true))) }));
    let ended = polled
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert!(
        matches!(ended, Poll::Ready(Err(ComputeError::Panicked { .. }))),
        "an asynchronous one is told: {ended:?}"
    );
    assert_eq!(cache.stats().flights, 0);
    for key in [1, 2] {
        let again = cache.clone();
        let told = ends(move || again.get_or_compute(key, || Fragile(Arc::default())));
        assert!(told.is_ok(), "{told:?}");
    }
    cache.validate();
}

/// Pending once, then done; tells when it is.
async fn second_time_lucky(done: mpsc::Sender<()>) -> u64 {
    let mut polls = 0;
    std::future::poll_fn(move |context| {
        polls += 1;
        context.waker().wake_by_ref();
        if polls == 1 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    let _ = done.send(());
    10
}

#[test]
fn a_spawner_that_loses_its_task_does_not_lose_the_computation() {
    let cache: Cache<u64, u64> = Cache::builder()
        .spawner(drop)
        .build()
        .expect("the settings are in range");
    let (done, told) = mpsc::channel();
    {
        let mut left = pin!(cache.get_or_compute_async(1, second_time_lucky(done)));
        let first = left.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_pending());
    }
    told.recv_timeout(Duration::from_secs(20))
        .expect("the computation goes on without a caller");
}

#[test]
fn a_spawner_that_panics_does_not_lose_the_computation() {
    let cache: Cache<u64, u64> = Cache::builder()
        .spawner(|_| panic!("the spawner"))
        .build()
        .expect("the settings are in range");
    let (done, told) = mpsc::channel();
    {
        let mut left = pin!(cache.get_or_compute_async(1, second_time_lucky(done)));
        let first = left.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_pending());
    }
    told.recv_timeout(Duration::from_secs(20))
        .expect("the computation goes on without a caller");
    let again = cache.clone();
    let value = ends(move || again.get_or_compute(1, || 11));
    assert_eq!(value.ok(), Some(10));
}

#[derive(Clone)]
struct Bomb(Arc<AtomicBool>, mpsc::Sender<()>);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0.swap(false, Ordering::Relaxed) {
            let _ = self.1.send(());
            panic!("the drop");
        }
    }
}

/// A value that is being read until the test says `go`, and one of which panics in its drop.
struct Contested {
    alive: Arc<()>,
    go: Arc<Barrier>,
    panics: bool,
}

impl Clone for Contested {
    fn clone(&self) -> Self {
        self.go.wait();
        self.go.wait();
        Self {
            alive: Arc::clone(&self.alive),
            go: Arc::clone(&self.go),
            panics: false,
        }
    }
}

impl Drop for Contested {
    fn drop(&mut self) {
        assert!(!self.panics, "the drop");
    }
}

#[test]
fn a_value_that_panics_when_it_leaves_keeps_no_other_from_leaving() {
    const ENTRIES: u64 = 64;
    let (alive, go) = (Arc::new(()), Arc::new(Barrier::new(2)));
    let (over, is_over) = mpsc::channel();
    let (released, is_over) = (Arc::clone(&go), Mutex::new(Some(is_over)));
    let cache: Cache<u64, Contested> = Cache::builder()
        .eviction_listener(move |_, _, _| {
            // All have been taken out by now; from here on no thread reads.
            if let Some(is_over) = is_over.lock().expect("nothing panics").take() {
                released.wait();
                let _: Result<(), _> = is_over.recv();
            }
        })
        .build()
        .expect("the settings are in range");
    for key in 0..ENTRIES {
        let value = Contested {
            alive: Arc::clone(&alive),
            go: Arc::clone(&go),
            panics: key == ENTRIES / 2,
        };
        cache.insert(key, value);
    }
    let readers = cache.clone();
    let reader = std::thread::spawn(move || {
        let value = readers.get(&0);
        let _ = over.send(());
        value.is_some()
    });
    go.wait();
    let cleared = catch_unwind(AssertUnwindSafe(|| cache.invalidate_all()));
    assert!(cleared.is_err(), "one of the drops panicked");
    assert!(reader.join().expect("it reads"));
    assert_eq!((cache.len(), Arc::strong_count(&alive)), (0, 1));
    cache.validate();
}

#[test]
fn a_value_that_panics_when_it_expires_stops_no_clock() {
    let (gone, told) = mpsc::channel();
    let bombs: Cache<u64, Bomb> = Cache::builder().build().expect("the settings are in range");
    let soon = EntryOptions::default().time_to_live(Duration::from_millis(5));
    bombs.insert_with(1, Bomb(Arc::new(AtomicBool::new(true)), gone), soon);
    told.recv_timeout(Duration::from_secs(20))
        .expect("expired entries leave by themselves");

    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    let waiting = cache.clone();
    let (release, released) = mpsc::channel::<()>();
    let (begun, began) = mpsc::channel();
    let leader = std::thread::spawn(move || {
        cache.get_or_compute(1, || {
            let _ = begun.send(());
            let _ = released.recv();
            10
        })
    });
    began.recv().expect("the leader computes");
    let late = ends(move || {
        let limited = waiting.entry(1).wait_at_most(Duration::from_millis(20));
        limited.get_or_compute(|| 11)
    });
    assert!(matches!(late, Err(ComputeError::TimedOut { .. })));
    drop(release);
    assert_eq!(leader.join().expect("it ends").ok(), Some(10));
}

struct AtExit(Cache<u64, u64>, mpsc::Sender<u64>);

impl Drop for AtExit {
    fn drop(&mut self) {
        let value = self.0.get_or_compute(1, || 10);
        let _ = self.1.send(value.unwrap_or(0));
    }
}

thread_local! {
    static AT_EXIT: std::cell::RefCell<Option<AtExit>> = const { std::cell::RefCell::new(None) };
}

#[test]
fn a_thread_that_is_ending_may_still_compute() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    let (send, told) = mpsc::channel();
    let ending = cache.clone();
    std::thread::spawn(move || {
        AT_EXIT.with_borrow_mut(|at_exit| *at_exit = Some(AtExit(ending.clone(), send)));
        ending.get_or_compute(2, || 20)
    })
    .join()
    .expect("it ends")
    .expect("it computes");
    assert_eq!(told.recv().ok(), Some(10));
}

struct HitsAtExit(Cache<u64, u64>, mpsc::Sender<()>);

const HITS: u64 = 200_000;

impl Drop for HitsAtExit {
    fn drop(&mut self) {
        let _ = self.1.send(());
        (0..HITS).for_each(|_| assert!(self.0.get(&1).is_some()));
    }
}

thread_local! {
    static HITS_AT_EXIT: std::cell::RefCell<Option<HitsAtExit>> =
        const { std::cell::RefCell::new(None) };
}

#[test]
fn counts_stay_exact_while_a_thread_ends_and_another_begins() {
    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    cache.insert(1, 10);
    let (send, told) = mpsc::channel();
    let ending = cache.clone();
    let first = std::thread::spawn(move || {
        HITS_AT_EXIT.with_borrow_mut(|hits| *hits = Some(HitsAtExit(ending.clone(), send)));
        ending.get(&1);
    });
    told.recv().expect("the first thread is ending");
    let begins: Vec<_> = (0..4)
        .map(|_| {
            let cache = cache.clone();
            std::thread::spawn(move || (0..HITS).for_each(|_| assert!(cache.get(&1).is_some())))
        })
        .collect();
    first.join().expect("it ends");
    for thread in begins {
        thread.join().expect("it ends");
    }
    assert_eq!(cache.stats().hits, 1 + 5 * HITS);
}

#[test]
fn a_panicking_waker_keeps_nobody_else_asleep() {
    struct Bad;
    impl std::task::Wake for Bad {
        fn wake(self: Arc<Self>) {
            panic!("the waker");
        }
    }
    struct Good(AtomicU32);
    impl std::task::Wake for Good {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let cache: Cache<u64, u64> = Cache::builder().build().expect("the settings are in range");
    let good = Arc::new(Good(AtomicU32::new(0)));
    let _ = catch_unwind(AssertUnwindSafe(|| {
        cache.get_or_compute(1, || {
            for waker in [Waker::from(Arc::new(Bad)), Waker::from(Arc::clone(&good))] {
                let waiting = cache.clone();
                std::thread::spawn(move || {
                    let mut waiter =
                        Box::pin(
                            async move { waiting.get_or_compute_async(1, async { 11 }).await },
                        );
                    let polled = waiter.as_mut().poll(&mut Context::from_waker(&waker));
                    assert!(polled.is_pending());
                    // Kept alive: it goes on waiting.
                    Box::leak(Box::new(waiter));
                })
                .join()
                .expect("it waits");
            }
            10
        })
    }));
    assert_eq!(good.0.load(Ordering::Relaxed), 1);
}
