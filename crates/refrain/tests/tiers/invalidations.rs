//! What is invalidated is gone: from all tiers, and from what is on its way between them.

use bytes::Bytes;
use refrain::{Insertion, Outcome, TieredCache};
use refrain_testkit::tier::{Fault, MemoryTier, poll_once};

use crate::stage::{BOTH, KEY, Stage, computed};

type Invalidate = fn(&Stage) -> bool;

/// Each with whether it was confirmed.
const WAYS: [(&str, Invalidate); 3] = [
    ("key", |stage| {
        stage.time.drive(stage.cache.invalidate_async(KEY)).is_ok()
    }),
    ("tag", |stage| {
        let removed = stage.cache.invalidate_tag_async("red");
        stage.time.drive(removed).is_ok()
    }),
    ("all", |stage| {
        stage.time.drive(stage.cache.invalidate_all_async()).is_ok()
    }),
];

fn ask(
    cache: &TieredCache<Bytes>,
    value: &'static str,
) -> impl Future<Output = refrain::Answer<Bytes>> {
    let cache = cache.clone();
    async move {
        let request = cache.entry(KEY).tags(["red"]);
        let answer = request.get_or_compute_async(async move { Bytes::from(value) });
        answer.await.expect("there is a value")
    }
}

#[test]
fn what_is_invalidated_is_gone_from_all_tiers() {
    for (way, invalidate) in WAYS {
        let stage = Stage::new();
        stage.time.drive(ask(&stage.cache, "one"));
        assert!(invalidate(&stage), "{way}");
        assert!(stage.kept.iter().all(MemoryTier::is_empty), "{way}");
        assert_eq!(
            stage.time.drive(ask(&stage.cache, "two")).outcome,
            computed(BOTH),
            "{way}"
        );
    }
}

#[test]
fn a_value_invalidated_while_it_is_loaded_goes_to_those_who_wait_and_nowhere_else() {
    for (way, invalidate) in WAYS {
        for slow in [0, 1] {
            let stage = Stage::new();
            stage.time.drive(ask(&stage.cache, "old"));
            stage.evict();
            if slow == 1 {
                let removed = refrain::Tier::invalidate_all(&stage.kept[0]);
                refrain::block_on(removed).expect("all is well");
            }
            stage.faults[slow].push(Fault::Slow(3));
            let mut loading = Box::pin(ask(&stage.cache, "two"));
            assert!(poll_once(loading.as_mut()).is_pending());
            assert!(invalidate(&stage), "{way}");
            let after = stage.time.drive(ask(&stage.cache, "new"));
            assert_eq!(after.value, "new", "{way}: one that came afterwards");
            let _ = stage.time.drive(loading);
            assert_eq!(
                stage.cache.peek(KEY).expect("it is there").value,
                "new",
                "{way}"
            );
            stage.evict();
            assert_eq!(
                stage.time.drive(ask(&stage.cache, "newer")).value,
                "new",
                "{way}"
            );
        }
    }
}

#[test]
fn a_value_invalidated_while_it_is_copied_up_is_not_found_above() {
    for (way, invalidate) in WAYS {
        let stage = Stage::new();
        stage.time.drive(ask(&stage.cache, "old"));
        stage.evict();
        refrain::block_on(refrain::Tier::invalidate_all(&stage.kept[0])).expect("all is well");
        // The load from above finds nothing, and the copy is slow.
        stage.faults[0].push(Fault::Slow(4));
        let mut loading = Box::pin(ask(&stage.cache, "two"));
        assert!(poll_once(loading.as_mut()).is_pending());
        assert!(invalidate(&stage), "{way}");
        let _ = stage.time.drive(loading);
        assert!(stage.kept.iter().all(MemoryTier::is_empty), "{way}");
        assert_eq!(
            stage.time.drive(ask(&stage.cache, "new")).value,
            "new",
            "{way}"
        );
    }
}

#[test]
fn a_value_invalidated_while_it_is_computed_or_stored_is_stored_nowhere() {
    for (way, invalidate) in WAYS {
        for polls in 1..6 {
            let stage = Stage::new();
            stage
                .faults
                .iter()
                .for_each(|faults| faults.always(Fault::Slow(1)));
            let mut computing = Box::pin(ask(&stage.cache, "old"));
            let mut answer = None;
            for _ in 0..polls {
                if let std::task::Poll::Ready(early) = poll_once(computing.as_mut()) {
                    answer = Some(early);
                    break;
                }
            }
            assert!(invalidate(&stage), "{way}");
            if answer.is_none() {
                let stored = Insertion::Invalidated.into();
                let late = stage.time.drive(computing);
                let told = Outcome::Computed {
                    stored,
                    refreshed: false,
                };
                assert_eq!(late.outcome, told, "{way}, {polls}");
            }
            assert!(
                stage.kept.iter().all(MemoryTier::is_empty),
                "{way}, {polls}"
            );
            assert!(stage.cache.memory().is_empty(), "{way}, {polls}");
        }
    }
}

#[test]
fn a_tier_that_fails_to_invalidate_is_not_believed_before_it_has() {
    for (way, invalidate) in WAYS {
        for failing in [0, 1] {
            for fault in [Fault::Fails, Fault::Panics, Fault::Late] {
                let stage = Stage::new();
                stage.time.drive(ask(&stage.cache, "old"));
                stage.faults[failing].always(fault);
                assert!(!invalidate(&stage), "{way}: it is told");
                assert_eq!(stage.stats(failing).owed, 1, "{way}");
                let answer = stage.time.drive(ask(&stage.cache, "new"));
                assert_eq!(answer.value, "new", "{way}, {fault:?}");
                stage.evict();
                stage.settle();
                assert_eq!(
                    stage.time.drive(ask(&stage.cache, "newer")).value,
                    "new",
                    "{way}, {fault:?}"
                );
                stage.evict();
                assert_eq!(stage.time.drive(ask(&stage.cache, "newest")).value, "new");
            }
        }
    }
}

#[test]
fn what_a_retired_flight_gives_is_stored_in_no_tier() {
    let stage = Stage::new();
    let request = stage.cache.entry(KEY).side(|| std::sync::Arc::new("old"));
    let compute = |_| async {
        let mut polls = 0;
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            polls += 1;
            if polls > 2 {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        Ok::<_, String>(Bytes::from("old"))
    };
    let mut old = Box::pin(request.get_or_try_compute_async(compute));
    assert!(poll_once(old.as_mut()).is_pending());
    let side = stage.cache.running_side::<&str>(&KEY).expect("it runs");
    assert!(stage.cache.retire_flight(&KEY, &side));
    assert!(!stage.cache.retire_flight(&KEY, &side));
    assert_eq!(stage.ask("new").outcome, computed(BOTH));
    assert_eq!(stage.time.drive(old).expect("computed").value, "old");
    assert_eq!(stage.ask("newer").value, "new");
    stage.evict();
    assert_eq!(stage.ask("newer").value, "new");
}
