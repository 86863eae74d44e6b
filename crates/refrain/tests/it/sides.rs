//! The side value of a flight: one for all its callers, a new one after an invalidation, and none for a hit.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use refrain::{Cache, Clock, ComputeError, Computed, Insertion, OnAbandoned, Outcome, Role};

type Told = Mutex<Vec<(u32, Role)>>;

fn cache() -> Cache<u64, u64> {
    Cache::builder().build().expect("the settings are in range")
}

fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Ready once the sender has spoken or is gone; for polls without a wake-up.
async fn once_told(told: mpsc::Receiver<u64>) -> Result<u64, String> {
    std::future::poll_fn(move |context| {
        context.waker().wake_by_ref();
        match told.try_recv() {
            Ok(value) => Poll::Ready(Ok(value)),
            Err(mpsc::TryRecvError::Empty) => Poll::Pending,
            Err(mpsc::TryRecvError::Disconnected) => Poll::Ready(Err("cancelled".to_owned())),
        }
    })
    .await
}

/// A caller that makes `side` if it leads, notes what it is told of, and computes what `arrival` brings.
fn caller<'a>(
    cache: &'a Cache<u64, u64>,
    side: u32,
    told: &'a Told,
    arrival: mpsc::Receiver<u64>,
) -> impl Future<Output = Result<refrain::Answer<u64>, ComputeError<String>>> + 'a {
    cache
        .entry(1)
        .side(move || Arc::new(side))
        .joined(move |side, role| told.lock().expect("not poisoned").push((**side, role)))
        .get_or_try_compute_async(move |_| once_told(arrival))
}

fn told(told: &Told) -> Vec<(u32, Role)> {
    told.lock().expect("not poisoned").clone()
}

#[test]
fn all_callers_of_a_flight_see_one_side_value_before_it_lands() {
    let (cache, notes) = (cache(), Told::default());
    let (land, arrival) = mpsc::channel();
    let (_unused, never) = mpsc::channel();
    let mut first = pin!(caller(&cache, 10, &notes, arrival));
    let mut late = pin!(caller(&cache, 20, &notes, never));
    assert!(poll_once(first.as_mut()).is_pending());
    assert_eq!(cache.running_side::<u32>(&1).as_deref(), Some(&10));
    assert!(
        cache.running_side::<u64>(&1).is_none(),
        "it has another type"
    );
    assert!(poll_once(late.as_mut()).is_pending());
    assert!(poll_once(late.as_mut()).is_pending());
    assert_eq!(told(&notes), [(10, Role::Leader), (10, Role::Waiter)]);

    land.send(5).expect("it is awaited");
    let Poll::Ready(Ok(first)) = poll_once(first.as_mut()) else {
        panic!("it has landed");
    };
    let Poll::Ready(Ok(late)) = poll_once(late.as_mut()) else {
        panic!("it has landed");
    };
    assert_eq!((first.value, late.value), (5, 5));
    assert!(matches!(late.outcome, Outcome::Collapsed { .. }));
    assert!(cache.running_side::<u32>(&1).is_none());
    assert_eq!(told(&notes).len(), 2);
}

#[test]
fn a_hit_calls_nothing_and_opens_no_flight() {
    let cache = cache();
    cache.insert(1, 5);
    let never = || -> Arc<u32> { panic!("called for a hit") };
    for _ in 0..100 {
        let answer = cache
            .entry(1)
            .side(never)
            .joined(|_, _| panic!("called for a hit"))
            .get_or_compute(|_| 6);
        let answer = answer.expect("it is there");
        assert_eq!((answer.value, answer.outcome), (5, Outcome::Hit));
        let mut awaited = pin!(
            cache
                .entry(1)
                .side(never)
                .get_or_compute_async(|_| async { 6 })
        );
        assert!(poll_once(awaited.as_mut()).is_ready());
    }
    let stats = cache.stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.computations, stats.flights),
        (200, 0, 0, 0)
    );
}

#[test]
fn after_an_invalidation_a_caller_gets_a_new_flight_and_a_new_side_value() {
    let (cache, notes) = (cache(), Told::default());
    let (land_old, old) = mpsc::channel();
    let (land_new, new) = mpsc::channel();
    let mut before = pin!(caller(&cache, 10, &notes, old));
    assert!(poll_once(before.as_mut()).is_pending());
    cache.invalidate(&1);
    assert!(cache.running_side::<u32>(&1).is_none());
    let mut after = pin!(caller(&cache, 20, &notes, new));
    assert!(poll_once(after.as_mut()).is_pending());
    assert_eq!(cache.running_side::<u32>(&1).as_deref(), Some(&20));
    assert_eq!(told(&notes), [(10, Role::Leader), (20, Role::Leader)]);

    land_old.send(1).expect("it is awaited");
    let Poll::Ready(Ok(before)) = poll_once(before.as_mut()) else {
        panic!("it has landed");
    };
    let stored = Insertion::Invalidated.into();
    assert_eq!(
        (before.value, before.outcome),
        (
            1,
            Outcome::Computed {
                stored,
                refreshed: false
            }
        )
    );
    assert_eq!(cache.get(&1), None);
    assert_eq!(
        cache.running_side::<u32>(&1).as_deref(),
        Some(&20),
        "the new one goes on"
    );
    land_new.send(2).expect("it is awaited");
    assert!(poll_once(after.as_mut()).is_ready());
    assert_eq!(cache.get(&1), Some(2));
}

#[test]
fn a_caller_that_has_to_look_again_is_told_of_each_flight_it_joins() {
    let (cache, notes) = (cache(), Told::default());
    let (land_first, first) = mpsc::channel();
    let (_unused, never) = mpsc::channel();
    let mut leader = pin!(
        cache
            .entry(1)
            .tags(["a"])
            .side(|| Arc::new(10_u32))
            .get_or_try_compute_async(move |_| once_told(first))
    );
    assert!(poll_once(leader.as_mut()).is_pending());
    cache.invalidate_tag("a");
    // The tags of a running computation are not known, so this caller joins it.
    let mut late = pin!(caller(&cache, 30, &notes, never));
    assert!(poll_once(late.as_mut()).is_pending());
    land_first.send(1).expect("it is awaited");
    assert!(poll_once(leader.as_mut()).is_ready());
    assert!(
        poll_once(late.as_mut()).is_pending(),
        "what landed is older than this caller"
    );
    assert_eq!(told(&notes), [(10, Role::Waiter), (30, Role::Leader)]);
}

#[test]
fn callers_released_from_a_private_result_have_side_values_of_their_own() {
    let cache = cache();
    let notes = Told::default();
    let (leave, left) = mpsc::channel();
    let (_unused, never) = mpsc::channel();
    let mut leader = pin!(
        cache
            .entry(1)
            .side(|| Arc::new(10_u32))
            .get_or_try_compute_async(move |_| async move {
                once_told(left)
                    .await
                    .map(|value| Computed::new(value).private())
            })
    );
    assert!(poll_once(leader.as_mut()).is_pending());
    let mut waiter = pin!(caller(&cache, 20, &notes, never));
    assert!(poll_once(waiter.as_mut()).is_pending());
    leave.send(1).expect("it is awaited");
    assert!(poll_once(leader.as_mut()).is_ready());
    assert!(poll_once(waiter.as_mut()).is_pending());
    assert_eq!(told(&notes), [(10, Role::Waiter), (20, Role::Alone)]);
    assert!(
        cache.running_side::<u32>(&1).is_none(),
        "it computes outside of any flight"
    );
}

#[test]
fn a_panic_in_making_the_side_value_ends_the_flight_for_all() {
    let cache = cache();
    let failed = cache
        .entry(1)
        .side(|| -> Arc<u32> { panic!("no side") })
        .get_or_compute(|_| 5);
    assert!(matches!(failed, Err(ComputeError::Panicked { message }) if &*message == "no side"));
    let stats = cache.stats();
    assert_eq!(
        (
            stats.misses,
            stats.computations,
            stats.panics,
            stats.flights
        ),
        (1, 1, 1, 0)
    );
    assert_eq!(
        cache.get_or_compute(1, || 6).ok(),
        Some(6),
        "the next one computes"
    );
}

#[test]
fn a_panic_of_a_waiter_in_joined_is_its_own() {
    let cache = cache();
    let notes = Told::default();
    let (land, arrival) = mpsc::channel();
    let mut leader = pin!(caller(&cache, 10, &notes, arrival));
    assert!(poll_once(leader.as_mut()).is_pending());
    let mut waiter = pin!(
        cache
            .entry(1)
            .side(|| Arc::new(20_u32))
            .joined(|_, _| panic!("not today"))
            .get_or_compute_async(|_| async { 6 })
    );
    let Poll::Ready(Err(ComputeError::Panicked { message })) = poll_once(waiter.as_mut()) else {
        panic!("its own code panicked");
    };
    assert_eq!(&*message, "not today");
    land.send(5).expect("it is awaited");
    assert!(matches!(poll_once(leader.as_mut()), Poll::Ready(Ok(answer)) if answer.value == 5));
}

#[test]
fn a_panic_of_the_leader_in_joined_or_in_beginning_ends_the_flight() {
    let cache = cache();
    let failed = cache
        .entry(1)
        .side(|| Arc::new(1))
        .joined(|_, _| panic!("in joined"))
        .get_or_compute(|_| 5);
    assert!(matches!(failed, Err(ComputeError::Panicked { message }) if &*message == "in joined"));
    let begin = |_: Arc<i32>| -> std::future::Ready<u64> { panic!("in beginning") };
    let mut failed = pin!(
        cache
            .entry(1)
            .side(|| Arc::new(1))
            .get_or_compute_async(begin)
    );
    assert!(matches!(
        poll_once(failed.as_mut()),
        Poll::Ready(Err(ComputeError::Panicked { message })) if &*message == "in beginning"
    ));
    assert_eq!(cache.stats().flights, 0);
    assert_eq!(cache.get_or_compute(1, || 6).ok(), Some(6));
}

#[test]
fn a_caller_without_a_side_value_shares_a_flight_with_one_that_has_one() {
    let (cache, notes) = (cache(), Told::default());
    let (land, arrival) = mpsc::channel();
    let (_unused, never) = mpsc::channel();
    let mut plain = pin!(cache.entry(1).get_or_try_compute_async(once_told(arrival)));
    assert!(poll_once(plain.as_mut()).is_pending());
    assert!(cache.running_side::<u32>(&1).is_none());
    let mut with_side = pin!(caller(&cache, 20, &notes, never));
    assert!(poll_once(with_side.as_mut()).is_pending());
    land.send(5).expect("it is awaited");
    assert!(poll_once(plain.as_mut()).is_ready());
    assert!(matches!(poll_once(with_side.as_mut()), Poll::Ready(Ok(answer)) if answer.value == 5));
    assert_eq!(told(&notes), []);
}

#[test]
fn a_retired_flight_serves_its_own_callers_and_nobody_joins_it() {
    let (cache, notes) = (cache(), Told::default());
    let (land_old, old) = mpsc::channel();
    let (land_new, new) = mpsc::channel();
    let mut cancelled = pin!(caller(&cache, 10, &notes, old));
    assert!(poll_once(cancelled.as_mut()).is_pending());
    let side = cache.running_side::<u32>(&1).expect("it runs");
    assert!(
        !cache.retire_flight(&1, &Arc::new(10_u32)),
        "an equal value is not the same"
    );
    assert!(cache.retire_flight(&1, &side));
    assert!(!cache.retire_flight(&1, &side), "it is off the table");

    let mut next = pin!(caller(&cache, 20, &notes, new));
    assert!(poll_once(next.as_mut()).is_pending());
    assert_eq!(told(&notes), [(10, Role::Leader), (20, Role::Leader)]);
    land_new.send(2).expect("it is awaited");
    assert!(poll_once(next.as_mut()).is_ready());
    // One that gives a value in spite of all does not replace what came after it.
    land_old.send(1).expect("it is awaited");
    assert!(matches!(poll_once(cancelled.as_mut()), Poll::Ready(Ok(answer)) if answer.value == 1));
    assert_eq!(cache.get(&1), Some(2));
}

#[test]
fn cancelled_and_retired_flights_leave_the_key_to_the_next_caller() {
    let (cache, notes) = (cache(), Told::default());
    let (land, arrival) = mpsc::channel();
    let (_unused, never) = mpsc::channel();
    {
        let mut abandoned = pin!(
            cache
                .entry(1)
                .on_abandoned(OnAbandoned::Cancel)
                .side(|| Arc::new(10_u32))
                .get_or_try_compute_async(move |_| once_told(never))
        );
        assert!(poll_once(abandoned.as_mut()).is_pending());
        let side = cache.running_side::<u32>(&1).expect("it runs");
        assert!(cache.retire_flight(&1, &side));
    }
    assert_eq!(cache.stats().flights, 0);
    let mut next = pin!(caller(&cache, 20, &notes, arrival));
    assert!(poll_once(next.as_mut()).is_pending());
    assert_eq!(told(&notes), [(20, Role::Leader)]);
    land.send(2).expect("it is awaited");
    assert!(poll_once(next.as_mut()).is_ready());
    let stats = cache.stats();
    assert_eq!(
        (stats.misses, stats.computations, stats.cancelled),
        (2, 2, 1)
    );
}

#[test]
fn a_caller_that_comes_before_the_side_value_is_told_when_it_is_there() {
    let cache = cache();
    let (enter, entered) = mpsc::channel();
    let (make, makes) = mpsc::channel::<()>();
    let seen = Arc::new(AtomicU32::new(0));
    let leader = std::thread::spawn({
        let (cache, seen) = (cache.clone(), Arc::clone(&seen));
        move || {
            let request = cache.entry(1).side(|| {
                let _ = enter.send(());
                let _ = makes.recv();
                Arc::new(10_u32)
            });
            request.get_or_compute(|_| {
                while seen.load(Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
                5
            })
        }
    });
    entered.recv().expect("it makes its side value");
    assert!(cache.running_side::<u32>(&1).is_none());
    let waiter = std::thread::spawn({
        let (cache, seen) = (cache.clone(), Arc::clone(&seen));
        move || {
            let request = cache.entry(1).side(|| Arc::new(0_u32));
            let request = request.joined(|side, _| seen.store(**side, Ordering::Relaxed));
            request.get_or_compute(|_| 6)
        }
    });
    while cache.stats().collapsed == 0 {
        std::thread::yield_now();
    }
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    drop(make);
    for caller in [leader, waiter] {
        assert_eq!(caller.join().expect("it ends").expect("a value").value, 5);
    }
    assert_eq!(seen.load(Ordering::Relaxed), 10);
}

#[test]
fn a_waiter_with_a_deadline_does_not_wait_for_a_side_value_beyond_it() {
    let (clock, hands) = Clock::fake();
    let cache: Cache<u64, u64> = Cache::builder().clock(clock).build().expect("in range");
    let notes = Told::default();
    let (_land, arrival) = mpsc::channel();
    let mut leader = pin!(caller(&cache, 10, &notes, arrival));
    assert!(poll_once(leader.as_mut()).is_pending());
    let mut waiter = pin!(
        cache
            .entry(1)
            .wait_at_most(Duration::from_secs(5))
            .side(|| Arc::new(20_u32))
            .get_or_compute_async(|_| async { 6 })
    );
    assert!(poll_once(waiter.as_mut()).is_pending());
    hands.advance(Duration::from_secs(5));
    assert!(matches!(
        poll_once(waiter.as_mut()),
        Poll::Ready(Err(ComputeError::TimedOut { .. }))
    ));
}
