//! Expired is never returned, and its bytes come back by themselves.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use refrain::{Cache, Clock, Computed, EntryOptions, FakeClock, Insertion, Outcome};

const SECOND: Duration = Duration::from_secs(1);

fn ticking(time_to_live: Option<Duration>) -> (Cache<u64, u64>, FakeClock) {
    let (clock, hands) = Clock::fake();
    let mut builder = Cache::builder().clock(clock);
    if let Some(span) = time_to_live {
        builder = builder.time_to_live(span);
    }
    (builder.build().expect("the settings are in range"), hands)
}

#[test]
fn an_entry_is_fresh_until_its_time_and_not_at_it() {
    let (cache, hands) = ticking(Some(10 * SECOND));
    cache.insert(1, 1);
    hands.advance(Duration::from_nanos(9_999_999_999));
    assert_eq!(cache.get(&1), Some(1));
    hands.advance(Duration::from_nanos(1));
    assert_eq!(cache.get(&1), None);
    assert_eq!((cache.stats().misses, cache.stats().expirations), (1, 1));
}

#[test]
fn bytes_come_back_without_anybody_asking() {
    let (cache, hands) = ticking(Some(SECOND));
    cache.insert(1, 1);
    assert_eq!(cache.len(), 1);
    hands.advance(SECOND);
    assert_eq!((cache.len(), cache.weight_bytes()), (0, 0));
    cache.validate();
}

#[test]
fn bytes_come_back_by_themselves_also_while_others_purge() {
    const ROUNDS: u64 = 10_000;
    let (cache, hands) = ticking(None);
    let (round, purges, mut stayed) = (Barrier::new(2), AtomicU64::new(0), 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                round.wait();
                for _ in 0..50 {
                    cache.stats();
                    purges.fetch_add(1, Ordering::Relaxed);
                }
                round.wait();
            }
        });
        for number in 0..ROUNDS {
            for (key, span) in [(2 * number, SECOND), (2 * number + 1, 2 * SECOND)] {
                cache.insert_with(key, 1, EntryOptions::default().time_to_live(span));
            }
            let before = purges.load(Ordering::Relaxed);
            round.wait();
            while purges.load(Ordering::Relaxed) == before {
                std::hint::spin_loop();
            }
            hands.advance(SECOND);
            round.wait();
            hands.advance(SECOND);
            stayed += cache.len();
            cache.stats();
        }
    });
    assert_eq!(stayed, 0, "entries are there after their time");
    cache.validate();
}

#[test]
fn entries_that_expire_one_after_another_all_leave() {
    let (cache, hands) = ticking(None);
    for key in 1..=50 {
        let span = SECOND * u32::try_from(key).expect("small");
        cache.insert_with(key, 1, EntryOptions::default().time_to_live(span));
    }
    for _ in 0..26 {
        hands.advance(SECOND);
        hands.advance(SECOND);
    }
    assert_eq!(cache.len(), 0);
    assert_eq!(cache.stats().expirations, 50);
}

#[test]
fn zero_means_do_not_store_and_the_longest_span_means_for_ever() {
    let (cache, hands) = ticking(Some(Duration::MAX));
    let never = EntryOptions::default().time_to_live(Duration::ZERO);
    assert_eq!(cache.insert_with(1, 1, never), Insertion::Expired);
    hands.advance(SECOND);
    cache.insert(2, 2);
    hands.advance(Duration::MAX);
    assert_eq!((cache.get(&1), cache.get(&2)), (None, Some(2)));
}

#[test]
fn the_computation_may_say_how_long_its_value_is_fresh() {
    let (cache, hands) = ticking(Some(100 * SECOND));
    let answer = cache
        .entry(1)
        .time_to_live(50 * SECOND)
        .get_or_compute(|| Computed::new(1).time_to_live(SECOND))
        .expect("computed");
    assert_eq!(answer.info.expires_in, Some(SECOND));
    hands.advance(SECOND);
    assert_eq!(cache.get(&1), None);
}

#[test]
fn a_computed_value_that_may_not_live_is_handed_out() {
    let (cache, _hands) = ticking(Some(Duration::ZERO));
    let answer = cache.entry(1).get_or_compute(|| 5).expect("computed");
    assert_eq!(answer.value, 5);
    assert_eq!(
        answer.outcome,
        Outcome::Computed {
            stored: Insertion::Expired.into(),
            refreshed: false
        }
    );
}

#[test]
fn changing_the_time_to_live_leaves_what_is_there() {
    let (cache, hands) = ticking(Some(10 * SECOND));
    cache.insert(1, 1);
    cache.set_time_to_live(Some(SECOND));
    cache.insert(2, 2);
    hands.advance(5 * SECOND);
    assert_eq!((cache.get(&1), cache.get(&2)), (Some(1), None));
}

#[test]
fn cost_is_the_measured_time_unless_told() {
    let (cache, hands) = ticking(None);
    cache
        .get_or_compute(1, || {
            hands.advance(124 * SECOND);
            1
        })
        .expect("computed");
    assert_eq!(cache.get_entry(&1).expect("stored").info.cost, 124 * SECOND);
    assert_eq!(cache.stats().time_saved, 124 * SECOND);
}
