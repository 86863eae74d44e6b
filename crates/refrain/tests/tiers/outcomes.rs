//! How an answer came to be, and how it is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use refrain::tier::{TierEntry, Tiers};
use refrain::{
    BypassReason, BytesCodec, Cache, Codec, CodecError, Computed, EntryOptions, Insertion, Outcome,
    Role, Stored, TierName, TieredCache, block_on,
};
use refrain_testkit::tier::{Fault, MemoryTier, poll_once};

use crate::stage::{BOTH, KEY, Stage, computed, loaded_from, refreshed};

#[test]
fn a_value_is_computed_once_and_loaded_after_it_has_left_the_memory() {
    let stage = Stage::new();
    assert_eq!(stage.ask("one").outcome, computed(BOTH));
    assert_eq!(stage.ask("two").outcome, Outcome::Hit);
    stage.evict();
    let loaded = stage.ask("three");
    assert_eq!(
        (loaded_from(&loaded), &loaded.value[..]),
        ("above", &b"one"[..])
    );
    assert_eq!(loaded.info.cost, Duration::from_secs(90));
    assert_eq!(stage.ask("four").outcome, Outcome::Hit);

    let stats = stage.cache.memory().stats();
    assert_eq!(
        (stats.hits, stats.misses, stats.loads, stats.computations),
        (2, 1, 1, 1)
    );
    assert_eq!((stats.bytes_loaded, stats.flights), (3, 0));
    assert_eq!(stats.time_saved_by_loads, Duration::from_secs(90));
    let above = stage.stats(0);
    assert_eq!((above.hits, above.misses, above.stores), (1, 1, 1));
    assert_eq!(stage.stats(1).stores, 1);
}

#[test]
fn a_hit_asks_no_tier_and_begins_no_flight() {
    let stage = Stage::new();
    stage.ask("one");
    let asked = [0, 1].map(|tier| stage.faults[tier].operations());
    for _ in 0..100 {
        assert_eq!(stage.ask("two").outcome, Outcome::Hit);
        assert!(block_on(stage.cache.entry(KEY).stored_async()).is_some());
    }
    assert_eq!([0, 1].map(|tier| stage.faults[tier].operations()), asked);
    let stats = stage.cache.memory().stats();
    assert_eq!((stats.hits, stats.computations, stats.loads), (200, 1, 0));
    assert_eq!(stats.flights_begun, 1, "the one that computed");
}

#[test]
fn time_in_tiers_is_no_computation_time() {
    let stage = Stage::new();
    stage.faults[1].always(Fault::Hangs);
    let request = stage.cache.entry(KEY);
    let hands = stage.time.hands.clone();
    let computation = async move {
        hands.advance(Duration::from_secs(3));
        Bytes::from("one")
    };
    let answer = stage.time.drive(request.get_or_compute_async(computation));
    assert_eq!(
        answer.expect("computed").info.cost,
        Duration::from_secs(3),
        "the tier took ten seconds to be given up"
    );
    assert_eq!(
        stage.cache.memory().stats().compute_time,
        Duration::from_secs(3)
    );
}

#[test]
fn callers_that_block_need_no_runtime() {
    let stage = Stage::new();
    let answer = stage.cache.entry(KEY).get_or_compute(|| Bytes::from("one"));
    assert_eq!(answer.expect("computed").outcome, computed(BOTH));
    stage.evict();
    let answer = stage.cache.entry(KEY).get_or_compute(|| Bytes::from("two"));
    assert_eq!(loaded_from(&answer.expect("loaded")), "above");
    assert_eq!(stage.cache.peek(KEY).expect("it is there").value, "one");
    assert!(stage.cache.invalidate(KEY).expect("all is well"));
    assert!(stage.cache.entry(KEY).stored().is_none());
}

#[test]
fn what_is_only_asked_for_if_stored_is_loaded_and_not_computed() {
    let stage = Stage::new();
    assert!(
        stage
            .time
            .drive(stage.cache.entry(KEY).stored_async())
            .is_none()
    );
    stage.ask("one");
    stage.evict();
    let stored = stage.time.drive(stage.cache.entry(KEY).stored_async());
    assert_eq!(loaded_from(&stored.expect("it is below")), "above");
    let stats = stage.cache.memory().stats();
    assert_eq!((stats.misses, stats.loads, stats.computations), (2, 1, 1));
    let unwelcome = stage.cache.entry(KEY).accept(|_, _| false);
    assert!(stage.time.drive(unwelcome.stored_async()).is_none());
}

#[test]
fn a_caller_that_does_not_accept_what_is_in_memory_has_it_computed_and_replaced() {
    let stage = Stage::new();
    stage.ask("old");
    let request = stage.cache.entry(KEY).accept(|value, _| value != "old");
    let answer = stage
        .time
        .drive(request.get_or_compute_async(async { Bytes::from("new") }))
        .expect("computed");
    assert_eq!(
        (&answer.value[..], answer.outcome),
        (&b"new"[..], refreshed(BOTH))
    );
    stage.evict();
    assert_eq!(stage.ask("newer").value, "new", "in the tiers too");
}

#[test]
fn a_caller_that_does_not_accept_what_is_below_has_it_computed_and_replaced() {
    let stage = Stage::new();
    stage.ask("old");
    stage.evict();
    let request = stage.cache.entry(KEY).accept(|value, _| value != "old");
    let answer = stage
        .time
        .drive(request.get_or_compute_async(async { Bytes::from("new") }))
        .expect("computed");
    assert_eq!(
        (&answer.value[..], answer.outcome),
        (&b"new"[..], refreshed(BOTH))
    );
    let stats = stage.cache.memory().stats();
    assert_eq!((stats.loads, stats.computations), (0, 2));
}

#[test]
fn a_caller_that_is_given_again_and_again_what_it_does_not_accept_computes_alone() {
    let stage = Stage::new();
    stage.ask("old");
    stage.evict();
    // Others lead each flight, and have the old value loaded.
    let picky = stage.cache.entry(KEY).accept(|value, _| value != "old");
    let mut picky = Box::pin(picky.get_or_compute_async(async { Bytes::from("mine") }));
    let mut answer = None;
    for _ in 0..5 {
        stage.faults[0].push(Fault::Slow(50));
        let others = stage.cache.entry(KEY);
        let mut others = Box::pin(others.get_or_compute_async(async { Bytes::from("theirs") }));
        assert!(poll_once(others.as_mut()).is_pending());
        // It does not accept what the flight before this one gave, and joins this one.
        if let Poll::Ready(given) = poll_once(picky.as_mut()) {
            answer = Some(given.expect("computed"));
            break;
        }
        assert_eq!(stage.time.drive(others).expect("loaded").value, "old");
        stage.evict();
    }
    let answer = answer.expect("it does not wait for ever");
    let reason = BypassReason::Unwelcome;
    assert_eq!(
        (&answer.value[..], answer.outcome),
        (&b"mine"[..], Outcome::Bypassed { reason })
    );
}

#[test]
fn the_side_value_of_a_flight_is_there_while_it_loads() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].push(Fault::Slow(2));
    let led = AtomicU32::new(0);
    let request = stage.cache.entry(KEY).side(|| Arc::new("loading"));
    let request = request.joined(|side, role| {
        assert_eq!((**side, role), ("loading", Role::Leader));
        led.fetch_add(1, Ordering::Relaxed);
    });
    let compute = |_| async { Ok::<_, String>(Bytes::from("two")) };
    let mut request = Box::pin(request.get_or_try_compute_async(compute));
    assert!(poll_once(request.as_mut()).is_pending());
    let side = stage.cache.running_side::<&str>(&KEY);
    assert_eq!(side.as_deref(), Some(&"loading"));
    let answer = stage.time.drive(request).expect("loaded");
    assert_eq!(loaded_from(&answer), "above");
    assert_eq!(led.load(Ordering::Relaxed), 1);
}

#[test]
fn a_value_too_heavy_for_the_memory_is_stored_below() {
    let clock = refrain::Clock::monotonic();
    let memory = Cache::builder()
        .capacity_bytes(100)
        .weigher(|_, value: &Bytes| value.len() as u64)
        .build()
        .expect("in range");
    let tiers = Tiers::builder().tier(MemoryTier::new(&clock)).build();
    let cache = TieredCache::new(memory, tiers, BytesCodec);
    let heavy = || Bytes::from(vec![7; 1000]);
    assert_eq!(
        cache
            .entry(KEY)
            .get_or_compute(heavy)
            .expect("computed")
            .outcome,
        Outcome::Computed {
            stored: Stored::in_memory(Insertion::Overweight).and_in([TierName::new("memory tier")]),
            refreshed: false,
        }
    );
    assert!(cache.memory().is_empty());
    let again = cache.entry(KEY).get_or_compute(heavy).expect("loaded");
    assert_eq!(loaded_from(&again), "memory tier");
}

#[test]
fn what_is_not_to_be_stored_reaches_no_tier() {
    let stage = Stage::new();
    let ways: [fn(Computed<Bytes>) -> Computed<Bytes>; 2] =
        [Computed::share_only, Computed::private];
    for computed in ways {
        let compute = || computed(Computed::new(Bytes::from("one")));
        let answer = stage
            .cache
            .entry(KEY)
            .get_or_compute(compute)
            .expect("computed");
        assert_eq!(answer.outcome.stored(), Some(&Insertion::NotAsked.into()));
    }
    let gone = stage.cache.entry(KEY).time_to_live(Duration::ZERO);
    gone.get_or_compute(|| Bytes::from("one"))
        .expect("computed");
    assert!(stage.kept.iter().all(MemoryTier::is_empty));
}

#[test]
fn what_is_inserted_takes_the_place_of_what_is_there_and_of_what_is_computed() {
    let stage = Stage::new();
    stage.ask("old");
    stage.evict();
    let slow = async {
        let mut polls = 0;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            polls += 1;
            if polls > 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
        Bytes::from("computed")
    };
    let request = stage.cache.entry(KEY).refresh();
    let mut computing = Box::pin(request.get_or_compute_async(slow));
    assert!(poll_once(computing.as_mut()).is_pending());
    let inserted = stage
        .cache
        .insert(KEY, "inserted".into(), EntryOptions::default());
    assert_eq!(inserted, Insertion::Stored);
    let answer = stage.time.drive(computing).expect("computed");
    assert_eq!(answer.value, "computed", "it is for those who wait for it");
    assert_eq!(stage.cache.peek(KEY).expect("there").value, "inserted");
    stage.evict();
    assert_eq!(stage.cache.peek(KEY).expect("below").value, "inserted");
}

/// Takes bodies that are not in memory.
struct Streaming;

impl Codec<Arc<TierEntry>> for Streaming {
    fn encode(&self, value: &Arc<TierEntry>) -> Result<Option<TierEntry>, CodecError> {
        Ok(Some((**value).clone()))
    }

    fn decode(&self, entry: &TierEntry) -> Result<Arc<TierEntry>, CodecError> {
        Ok(Arc::new(entry.clone()))
    }

    fn streams(&self) -> bool {
        true
    }
}

#[test]
fn a_large_body_is_answered_from_its_tier_and_not_copied() {
    let clock = refrain::Clock::monotonic();
    let above = MemoryTier::new(&clock).named("above");
    let below = MemoryTier::new(&clock).named("below").in_pieces_of(1000);
    let tiers = Tiers::builder()
        .tier(above.clone())
        .tier(below)
        .back_fill_at_most(5000)
        .build();
    let cache = TieredCache::new(
        Cache::builder().build().expect("in range"),
        tiers,
        Streaming,
    );
    for (length, stays) in [(5000, false), (5001, true)] {
        let entry = || {
            Arc::new(TierEntry::new(
                vec![7; length],
                refrain::tier::Metadata::new("x"),
            ))
        };
        cache
            .entry(KEY)
            .refresh()
            .get_or_compute(entry)
            .expect("computed");
        cache.memory().remove(&KEY);
        block_on(refrain::Tier::invalidate_all(&above)).expect("all is well");
        let loaded = cache.entry(KEY).get_or_compute(entry).expect("loaded");
        assert!(matches!(loaded.outcome, Outcome::Loaded { tier, .. } if tier.as_str() == "below"));
        assert_eq!(loaded.value.body.whole().is_none(), stays, "{length}");
        assert_eq!(cache.memory().is_empty(), stays, "{length}");
        assert_eq!(above.is_empty(), stays, "{length}");
        assert_eq!(loaded.value.body.len(), length as u64);
        let read = block_on(loaded.value.body.read_all()).expect("whole");
        assert_eq!(read.len(), length);
    }
    let loaded = cache.memory().stats().bytes_loaded;
    assert!(loaded > 5001, "what is streamed counts as well: {loaded}");
}

/// Seven bytes that lie elsewhere.
#[derive(Debug)]
struct Elsewhere;

impl refrain::tier::BodySource for Elsewhere {
    fn len(&self) -> u64 {
        7
    }

    fn read_at(
        &self,
        offset: u64,
        len: usize,
    ) -> refrain::tier::BoxFuture<Result<Bytes, refrain::tier::TierError>> {
        let piece = refrain::tier::Body::from("written").read_at(offset, len);
        Box::pin(piece)
    }
}

#[test]
fn a_computed_body_that_is_not_in_memory_is_kept_below_alone_and_older_ones_are_gone() {
    let clock = refrain::Clock::monotonic();
    let below = MemoryTier::new(&clock).named("below");
    let tiers = Tiers::builder().tier(below.clone()).build();
    let memory = Cache::builder().build().expect("in range");
    let cache = TieredCache::new(memory, tiers, Streaming);
    let metadata = || refrain::tier::Metadata::new("x");
    let old = Arc::new(TierEntry::new("old", metadata()));
    cache.insert(KEY, old, EntryOptions::default());
    let elsewhere = || {
        let body = refrain::tier::Body::source(Arc::new(Elsewhere));
        Arc::new(TierEntry::new(body, metadata()))
    };
    let request = cache.entry(KEY).refresh();
    let computed = request.get_or_compute(elsewhere).expect("computed");
    let stored = Stored::in_memory(Insertion::NotAsked).and_in([TierName::new("below")]);
    assert_eq!(
        computed.outcome,
        Outcome::Computed {
            stored,
            refreshed: true
        }
    );
    assert!(cache.memory().is_empty(), "neither the old nor the new one");
    let loaded = cache.entry(KEY).stored().expect("below");
    let read = block_on(loaded.value.body.read_all()).expect("whole");
    assert_eq!(read, "written");

    let request = cache.entry(KEY).refresh();
    let invalidated = request.get_or_compute(|| {
        cache.invalidate(KEY).expect("all is well");
        elsewhere()
    });
    let stored = Insertion::Invalidated.into();
    assert_eq!(
        invalidated.expect("computed").outcome,
        Outcome::Computed {
            stored,
            refreshed: true
        }
    );
    assert!(cache.peek(KEY).is_none() && below.is_empty());
}
