//! Never paid twice, never stuck.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Barrier};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use refrain::{Cache, Clock, ComputeError, Computed, OnAbandoned, Outcome};

fn cache() -> Cache<u64, u64> {
    Cache::builder().build().expect("the settings are in range")
}

/// Runs a future to its end on this thread.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        std::thread::park();
    }
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Finished once the sender has spoken; woken when it is polled again.
async fn once_told(told: mpsc::Receiver<u64>) -> u64 {
    std::future::poll_fn(move |context| {
        if let Ok(value) = told.try_recv() {
            return Poll::Ready(value);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[test]
fn a_thousand_threads_asking_for_one_key_compute_once() {
    let cache = cache();
    let runs = AtomicU32::new(0);
    let start = Barrier::new(1000);
    std::thread::scope(|scope| {
        for _ in 0..1000 {
            scope.spawn(|| {
                start.wait();
                let value = cache.get_or_compute(7, || {
                    runs.fetch_add(1, Ordering::Relaxed);
                    std::thread::yield_now();
                    70
                });
                assert_eq!(value.expect("computed"), 70);
            });
        }
    });
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    let stats = cache.stats();
    assert_eq!((stats.computations, stats.misses), (1, 1));
    assert_eq!(stats.hits + stats.collapsed, 999);
    assert_eq!(stats.flights, 0);
}

#[test]
fn an_error_reaches_everybody_who_waits_and_is_not_stored() {
    let cache = cache();
    let (entered, wait) = mpsc::channel();
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| {
            cache.get_or_try_compute(1, || {
                entered.send(()).expect("the test listens");
                while cache.stats().collapsed == 0 {
                    std::thread::yield_now();
                }
                Err::<u64, _>("out of memory".to_owned())
            })
        });
        wait.recv().expect("the leader began");
        let waiter = cache.get_or_try_compute(1, || Ok::<u64, String>(1));
        for result in [leader.join().expect("no panic"), waiter] {
            let Err(ComputeError::Failed(error)) = result else {
                panic!("both learn of the failure")
            };
            assert_eq!(*error, "out of memory");
        }
    });
    assert_eq!(cache.get_or_compute(1, || 5).expect("computed"), 5);
}

#[test]
fn a_panic_is_an_error_for_everybody_and_the_next_one_computes() {
    let cache = cache();
    let panicked = cache.get_or_compute(1, || -> u64 { panic!("planted {}", 7) });
    assert!(
        matches!(panicked, Err(ComputeError::Panicked { message }) if &*message == "planted 7")
    );
    assert_eq!(cache.get_or_compute(1, || 5).expect("computed"), 5);
    assert_eq!((cache.stats().panics, cache.stats().flights), (1, 0));
    let cache = self::cache();
    let panicked = block_on(cache.get_or_compute_async(1, async { panic!("planted") as u64 }));
    assert!(matches!(panicked, Err(ComputeError::Panicked { .. })));
}

#[test]
fn a_computation_that_needs_itself_gets_an_error() {
    let cache = cache();
    let inner = cache.clone();
    let value = cache.get_or_compute(1, || match inner.get_or_compute(1, || 2) {
        Err(ComputeError::Recursive { path }) => {
            assert!(path.contains("cache#"), "the path names the cache: {path}");
            77
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(value.expect("computed"), 77);
}

#[test]
fn a_cycle_through_two_threads_gets_an_error_instead_of_hanging() {
    let cache = cache();
    let both_began = Barrier::new(2);
    let need = |own: u64, other: u64| {
        cache.get_or_try_compute(own, || {
            both_began.wait();
            match cache.get_or_try_compute::<u64, String>(other, || Ok(0)) {
                Ok(value) => Ok(value + 1),
                Err(ComputeError::Recursive { path }) => Err(format!("recursive: {path}")),
                Err(ComputeError::Failed(error)) => Err(format!("needed: {error}")),
                Err(other) => Err(other.to_string()),
            }
        })
    };
    std::thread::scope(|scope| {
        let first = scope.spawn(|| need(1, 2));
        let second = scope.spawn(|| need(2, 1));
        let results = [first.join(), second.join()].map(|joined| joined.expect("no panic"));
        assert!(results.iter().all(Result::is_err), "{results:?}");
    });
    assert_eq!(cache.stats().flights, 0);
}

#[test]
fn a_cycle_of_asynchronous_computations_gets_an_error() {
    let cache = cache();
    let (a, b) = (cache.clone(), cache.clone());
    let value = block_on(cache.get_or_try_compute_async(1, async move {
        a.get_or_try_compute_async(2, async move {
            match b
                .get_or_try_compute_async(1, async { Ok::<u64, String>(0) })
                .await
            {
                Err(ComputeError::Recursive { path }) => Err::<u64, _>(path.to_string()),
                other => panic!("{other:?}"),
            }
        })
        .await
        .map_err(|error: ComputeError<String>| error.to_string())
    }));
    assert!(matches!(value, Err(ComputeError::Failed(_))), "{value:?}");
}

#[test]
fn a_leader_that_leaves_does_not_stop_the_computation() {
    let cache = cache();
    let (tell, told) = mpsc::channel();
    {
        let mut leader = pin!(cache.get_or_compute_async(1, once_told(told)));
        assert!(poll_once(leader.as_mut()).is_pending());
    }
    tell.send(10).expect("the computation lives on");
    let value = block_on(cache.get_or_compute_async(1, async { panic!("computed twice") as u64 }));
    assert_eq!(value.expect("computed"), 10);
    assert_eq!(cache.stats().computations, 1);
}

#[test]
fn a_leader_that_is_not_polled_holds_up_nobody() {
    let cache = cache();
    let (tell, told) = mpsc::channel();
    let mut leader = pin!(cache.get_or_compute_async(1, once_told(told)));
    assert!(poll_once(leader.as_mut()).is_pending());
    tell.send(10).expect("the computation lives");
    assert_eq!(
        cache
            .get_or_compute(1, || 99)
            .expect("driven by the waiter"),
        10
    );
    assert!(matches!(poll_once(leader), Poll::Ready(Ok(10))));
}

#[test]
fn half_of_the_callers_may_leave_and_it_is_computed_once() {
    let cache = cache();
    let (tell, told) = mpsc::channel();
    let mut tasks: Vec<_> = Vec::new();
    let mut told = Some(told);
    for _ in 0..1000 {
        let compute: Pin<Box<dyn Future<Output = u64> + Send>> = match told.take() {
            Some(told) => Box::pin(once_told(told)),
            None => Box::pin(async { panic!("computed twice") }),
        };
        let cache = cache.clone();
        let mut task = Box::pin(async move { cache.get_or_compute_async(1, compute).await });
        assert!(poll_once(task.as_mut()).is_pending());
        tasks.push(task);
    }
    // The first caller, which brought the computation, is among those that leave.
    let mut number = 0;
    tasks.retain(|_| {
        number += 1;
        number % 2 == 0
    });
    tell.send(10).expect("the computation lives on");
    for task in tasks {
        assert_eq!(block_on(task).expect("computed"), 10);
    }
    assert_eq!(cache.stats().computations, 1);
}

#[test]
fn a_computation_nobody_wants_is_dropped_if_so_asked() {
    let cache = cache();
    let (tell, told) = mpsc::channel();
    {
        let request = cache.entry(1).on_abandoned(OnAbandoned::Cancel);
        let mut leader = pin!(request.get_or_compute_async(once_told(told)));
        assert!(poll_once(leader.as_mut()).is_pending());
    }
    assert!(tell.send(10).is_err(), "the computation is gone");
    assert_eq!((cache.stats().cancelled, cache.stats().flights), (1, 0));
    assert_eq!(cache.get_or_compute(1, || 5).expect("computed"), 5);
}

#[test]
fn a_spawner_that_panics_or_drops_the_task_leaves_the_computation_to_who_waits() {
    for panics in [true, false] {
        let cache: Cache<u64, u64> = Cache::builder()
            .spawner(move |task| {
                assert!(!panics, "there is no runtime here");
                drop(task);
            })
            .build()
            .expect("the settings are in range");
        let value = block_on(cache.get_or_compute_async(1, async { 10 }));
        assert_eq!(value.expect("computed"), 10);
        assert_eq!(cache.get(&1), Some(10));
        assert_eq!(cache.stats().flights, 0);
    }
}

#[test]
fn a_spawned_computation_needs_no_caller() {
    let cache: Cache<u64, u64> = Cache::builder()
        .spawner(|task| drop(std::thread::spawn(move || block_on(task))))
        .build()
        .expect("the settings are in range");
    let (tell, told) = mpsc::channel();
    {
        let mut leader = pin!(cache.get_or_compute_async(1, once_told(told)));
        assert!(poll_once(leader.as_mut()).is_pending());
    }
    tell.send(10).expect("the computation lives on");
    assert_eq!(cache.get_or_compute(1, || 99).expect("computed"), 10);
}

#[test]
fn a_waiter_gives_up_at_its_limit_and_the_work_goes_on() {
    let (clock, hands) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder().clock(clock).build().expect("in range");
    let (tell, told) = mpsc::channel();
    let mut leader = pin!(cache.get_or_compute_async(1, once_told(told)));
    assert!(poll_once(leader.as_mut()).is_pending());
    let limit = Duration::from_secs(5);
    let mut waiter = pin!(
        cache
            .entry(1)
            .wait_at_most(limit)
            .get_or_compute_async(async { 0 })
    );
    assert!(poll_once(waiter.as_mut()).is_pending());
    hands.advance(limit);
    let Poll::Ready(Err(ComputeError::TimedOut { after })) = poll_once(waiter) else {
        panic!("the waiter gives up")
    };
    assert_eq!(after, limit);
    tell.send(10).expect("the computation lives on");
    assert!(matches!(poll_once(leader), Poll::Ready(Ok(10))));
}

#[test]
fn a_blocked_thread_is_woken_at_its_limit() {
    let cache = cache();
    let (_tell, told) = mpsc::channel();
    let mut leader = pin!(cache.get_or_compute_async(1, std::future::pending::<u64>()));
    assert!(poll_once(leader.as_mut()).is_pending());
    drop::<mpsc::Receiver<u64>>(told);
    let late = cache
        .entry(1)
        .wait_at_most(Duration::from_millis(1))
        .get_or_compute(|| 0);
    assert!(matches!(late, Err(ComputeError::TimedOut { .. })));
}

#[test]
fn more_waiters_than_allowed_are_refused() {
    let cache: Cache<u64, u64> = Cache::builder().waiter_limit(1).build().expect("in range");
    let mut leader = pin!(cache.get_or_compute_async(1, std::future::pending::<u64>()));
    assert!(poll_once(leader.as_mut()).is_pending());
    let mut waiter = pin!(cache.get_or_compute_async(1, async { 0 }));
    assert!(poll_once(waiter.as_mut()).is_pending());
    let refused = cache.get_or_compute(1, || 0);
    assert!(matches!(
        refused,
        Err(ComputeError::TooManyWaiters { limit: 1 })
    ));
}

#[test]
fn what_may_not_be_shared_is_computed_by_everybody_at_once() {
    let cache = cache();
    let all_inside = Barrier::new(3);
    let leader_waits = AtomicU32::new(0);
    let runs = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let own = cache.get_or_compute(1, || {
                    if leader_waits.fetch_add(1, Ordering::SeqCst) == 0 {
                        // The leader goes on once the two others wait for it; these meet at the barrier, which they
                        // could not if they computed one after another.
                        while cache.stats().collapsed < 2 {
                            std::thread::yield_now();
                        }
                    }
                    let run = u64::from(runs.fetch_add(1, Ordering::SeqCst));
                    if run > 0 {
                        all_inside.wait();
                    }
                    Computed::new(run).private()
                });
                own.expect("computed");
            });
        }
        all_inside.wait();
    });
    assert_eq!(runs.load(Ordering::SeqCst), 3);
    assert!(cache.is_empty());
}

#[test]
fn callers_of_what_may_not_be_shared_do_not_wait_for_one_another_until_it_may_be() {
    let (clock, fake) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder().clock(clock).build().expect("it fits");
    let private = |value| Computed::new(value).private();
    cache.get_or_compute(1, || private(0)).expect("computed");
    // Each of these is inside while the next one asks, which would be a cycle or a wait if they shared a flight.
    let together = Barrier::new(2);
    let compute_together = || {
        cache.get_or_compute(1, || {
            together.wait();
            private(1)
        })
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(compute_together);
        assert_eq!(compute_together().ok(), Some(1));
        assert_eq!(other.join().expect("no panic").ok(), Some(1));
    });
    let stats = cache.stats();
    assert_eq!(
        (stats.computations, stats.misses, stats.collapsed),
        (3, 3, 0)
    );
    // A result that may be shared ends it; the next one is stored.
    assert_eq!(cache.get_or_compute(1, || 2).ok(), Some(2));
    assert_eq!(cache.get(&1), None);
    assert_eq!(cache.get_or_compute(1, || 3).ok(), Some(3));
    assert_eq!(cache.get(&1), Some(3));
    // And so does a minute.
    cache.get_or_compute(2, || private(0)).expect("computed");
    fake.advance(Duration::from_secs(60));
    assert_eq!(cache.get_or_compute(2, || 4).ok(), Some(4));
    assert_eq!(cache.get(&2), Some(4));
}

#[test]
fn what_may_not_be_shared_may_not_ask_for_itself_either() {
    let cache = cache();
    for _ in 0..3 {
        let outer = cache.get_or_compute(1, || {
            let inner = cache.get_or_compute(1, || {
                cache.get_or_compute(1, || 0).expect_err("a cycle");
                Computed::new(1).private()
            });
            Computed::new(inner.unwrap_or(2)).private()
        });
        assert!(outer.is_ok());
    }
}

#[test]
fn a_caller_that_has_to_look_again_waits_no_longer_than_it_said() {
    let (clock, fake) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder().clock(clock).build().expect("it fits");
    let limit = Duration::from_secs(10);
    let (tell, told) = mpsc::channel();
    let mut first = pin!(
        cache
            .entry(1)
            .tags(["old"])
            .get_or_compute_async(once_told(told))
    );
    assert!(poll_once(first.as_mut()).is_pending());
    cache.invalidate_tag("old");
    let (_never, second_told) = mpsc::channel();
    let mut waiter = pin!(
        cache
            .entry(1)
            .wait_at_most(limit)
            .get_or_compute_async(once_told(second_told))
    );
    assert!(poll_once(waiter.as_mut()).is_pending());
    fake.advance(Duration::from_secs(6));
    tell.send(10).expect("the computation lives");
    block_on(first).expect("computed");
    // It came after the invalidation that means the value it waited for, so it goes on to compute by itself.
    assert!(poll_once(waiter.as_mut()).is_pending());
    fake.advance(Duration::from_secs(4));
    assert!(matches!(
        poll_once(waiter.as_mut()),
        Poll::Ready(Err(ComputeError::TimedOut { after })) if after == limit
    ));
}

#[test]
fn a_joined_computation_is_told_apart_from_an_own_one() {
    let cache = cache();
    let (tell, told) = mpsc::channel();
    let mut leader = pin!(cache.entry(1).get_or_compute_async(once_told(told)));
    assert!(poll_once(leader.as_mut()).is_pending());
    let mut waiter = pin!(cache.entry(1).get_or_compute_async(async { 0 }));
    assert!(poll_once(waiter.as_mut()).is_pending());
    tell.send(10).expect("the computation lives");
    let (leader, waiter) = (block_on(leader), block_on(waiter));
    assert!(matches!(
        leader.expect("computed").outcome,
        Outcome::Computed { .. }
    ));
    assert!(matches!(
        waiter.expect("computed").outcome,
        Outcome::Collapsed { .. }
    ));
}
