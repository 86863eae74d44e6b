//! A tier that is slow, hangs, lies or panics: its callers lose a limited time, and get right answers.

use std::time::Duration;

use bytes::Bytes;
use refrain::{BytesCodec, ComputeError, OnAbandoned};
use refrain_testkit::tier::{Fault, Faults, poll_once};

use crate::stage::{BOTH, Failing, Judge, KEY, Stage, computed, loaded_from};

#[test]
fn a_slow_tier_is_waited_for() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].push(Fault::Slow(1000));
    assert_eq!(loaded_from(&stage.ask("two")), "above");
    assert_eq!(stage.stats(0).timeouts, 0);
}

#[test]
fn a_tier_that_never_answers_costs_one_deadline_and_the_next_one_is_asked() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].always(Fault::Late);
    let began = stage.time.clock.elapsed();
    assert_eq!(loaded_from(&stage.ask("two")), "below");
    let took = stage.time.clock.elapsed().saturating_sub(began);
    assert!(took < Duration::from_secs(15), "{took:?}");
    // It is not asked again, not even for storing what was found below.
    stage.evict();
    let began = stage.time.clock.elapsed();
    assert_eq!(loaded_from(&stage.ask("two")), "below");
    assert_eq!(stage.time.clock.elapsed(), began);
    let stats = stage.stats(0);
    assert!(stats.overdue);
    assert_eq!(stats.timeouts, 1);
    stage.settle();
    stage.evict();
    assert_eq!(loaded_from(&stage.ask("two")), "above");
}

#[test]
fn where_both_tiers_hang_the_value_is_computed() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage
        .faults
        .iter()
        .for_each(|faults| faults.always(Fault::Late));
    let answer = stage.ask("two");
    assert_eq!(
        (&answer.value[..], answer.outcome),
        (&b"two"[..], computed(&[]))
    );
    assert_eq!(stage.ask("three").value, "two", "from memory");
}

#[test]
fn callers_that_have_a_limit_do_not_wait_for_a_tier_beyond_it() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].always(Fault::Late);
    let request = stage.cache.entry(KEY).wait_at_most(Duration::from_secs(3));
    let answer = stage
        .time
        .drive(request.get_or_compute_async(async { Bytes::from("two") }));
    assert!(matches!(answer, Err(ComputeError::TimedOut { .. })));
    assert!(stage.time.clock.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_wrong_byte_or_a_body_that_breaks_off_is_no_answer() {
    for fault in [Fault::WrongByte, Fault::BreaksOff] {
        let stage = Stage::new();
        stage.ask("one");
        stage.evict();
        stage.faults[0].push(fault);
        let answer = stage.ask("two");
        assert_eq!(
            (loaded_from(&answer), &answer.value[..]),
            ("below", &b"one"[..]),
            "{fault:?}"
        );
        let stats = stage.stats(0);
        assert_eq!(
            (stats.hits, stats.errors, stats.back_fills),
            (0, 1, 1),
            "{fault:?}"
        );
    }
}

#[test]
fn a_tier_that_fails_to_store_what_was_found_below_delays_nobody_and_harms_nobody() {
    let stage = Stage::new();
    stage.ask("one");
    refrain::block_on(refrain::Tier::invalidate_all(&stage.kept[0])).expect("all is well");
    stage.evict();
    stage.faults[0].always(Fault::Fails);
    assert_eq!(loaded_from(&stage.ask("two")), "below");
    assert_eq!(stage.ask("three").value, "one", "from memory");
    assert_eq!(stage.stats(0).back_fills, 0);
}

#[test]
fn where_one_tier_fails_the_other_one_answers() {
    for failing in [0, 1] {
        let stage = Stage::new();
        stage.faults[failing].always(Fault::Fails);
        let other = ["below", "above"][failing];
        assert_eq!(stage.ask("one").outcome, computed(&[other]));
        stage.evict();
        let answer = stage.ask("two");
        assert_eq!(loaded_from(&answer), other);
        assert_eq!(answer.value, "one");
    }
}

#[test]
fn an_error_of_a_tier_is_no_error_of_the_caller() {
    let faults = [
        Fault::Fails,
        Fault::Refuses,
        Fault::Panics,
        Fault::PanicsLater,
        Fault::HangsAfterwards,
    ];
    for fault in faults {
        let stage = Stage::new();
        stage.faults.iter().for_each(|faults| faults.always(fault));
        assert_eq!(stage.ask("one").outcome, computed(&[]), "{fault:?}");
        stage.evict();
        assert_eq!(stage.ask("two").value, "two", "{fault:?}");
        stage.faults.iter().for_each(Faults::release);
    }
}

#[test]
fn what_expires_while_it_is_loaded_does_not_stay() {
    let stage = Stage::new();
    let request = stage.cache.entry(KEY).time_to_live(Duration::from_secs(30));
    let computed = request.get_or_compute(|| Bytes::from("one"));
    computed.expect("computed");
    refrain::block_on(refrain::Tier::invalidate_all(&stage.kept[0])).expect("all is well");
    stage.evict();
    stage.time.hands.advance(Duration::from_secs(25));
    // Loaded from below five seconds before it expires; and copying it up takes ten.
    stage.faults[0].push(Fault::Late);
    let answer = stage.ask("two");
    assert_eq!(
        (loaded_from(&answer), &answer.value[..]),
        ("below", &b"one"[..])
    );
    assert!(stage.time.clock.elapsed() >= Duration::from_secs(35));
    assert_eq!(stage.ask("three").value, "three");
}

#[test]
fn an_expired_entry_is_a_miss_in_every_tier() {
    let stage = Stage::new();
    let request = stage.cache.entry(KEY).time_to_live(Duration::from_secs(30));
    request
        .get_or_compute(|| Bytes::from("one"))
        .expect("computed");
    // A jump of the wall clock is none of the tiers' business; this is time that has passed.
    stage.time.hands.advance(Duration::from_secs(30));
    assert_eq!(stage.ask("two").value, "two");
    stage.time.hands.advance(Duration::MAX);
    assert_eq!(stage.ask("three").value, "two", "this one never expires");
}

#[test]
fn a_codec_that_fails_or_panics_keeps_the_value_in_memory_alone() {
    let encoders: [Judge; 2] = [|_| Err("not this one".into()), |_| panic!("not this one")];
    for encode in encoders {
        let stage = Stage::with_codec(Failing {
            encode,
            decode: |_| Ok(()),
        });
        assert_eq!(stage.ask("one").outcome, computed(&[]));
        assert_eq!(stage.ask("two").value, "one");
        assert!(
            stage
                .kept
                .iter()
                .all(refrain_testkit::tier::MemoryTier::is_empty)
        );
    }
}

#[test]
fn an_entry_that_cannot_be_decoded_is_a_miss_and_is_replaced() {
    let decoders: [Judge; 2] = [
        |value| {
            if value == "old" {
                Err("of another version".into())
            } else {
                Ok(())
            }
        },
        |value| {
            if value == "old" {
                panic!("of another version")
            } else {
                Ok(())
            }
        },
    ];
    for decode in decoders {
        let stage = Stage::with_codec(Failing {
            encode: |_| Ok(()),
            decode,
        });
        stage.ask("old");
        stage.evict();
        assert_eq!(stage.ask("new").outcome, computed(BOTH));
        let stats = stage.stats(0);
        assert_eq!((stats.unreadable, stats.hits, stats.errors), (1, 0, 0));
        stage.evict();
        assert_eq!(loaded_from(&stage.ask("newer")), "above");
    }
}

#[test]
fn a_body_that_breaks_off_in_the_lower_tier_is_computed() {
    let stage = Stage::with(BytesCodec, |tier| tier.in_pieces_of(2));
    stage.ask("one");
    refrain::block_on(refrain::Tier::invalidate_all(&stage.kept[0])).expect("all is well");
    stage.evict();
    stage.faults[1].push(Fault::BreaksOff);
    assert_eq!(stage.ask("two").outcome, computed(BOTH));
}

#[test]
fn a_caller_that_leaves_while_a_value_is_loaded_takes_nothing_with_it() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].push(Fault::Slow(3));
    let request = stage.cache.entry(KEY);
    let mut first = Box::pin(request.get_or_compute_async(async { Bytes::from("two") }));
    assert!(poll_once(first.as_mut()).is_pending());
    let request = stage.cache.entry(KEY);
    let mut second = Box::pin(request.get_or_compute_async(async { Bytes::from("three") }));
    assert!(poll_once(second.as_mut()).is_pending());
    drop(first);
    let answer = stage.time.drive(second).expect("loaded");
    assert_eq!(answer.value, "one");
    assert_eq!(stage.cache.memory().stats().collapsed_loads, 1);
}

#[test]
fn a_load_that_all_callers_have_left_is_cancelled_if_they_say_so() {
    let stage = Stage::new();
    stage.ask("one");
    stage.evict();
    stage.faults[0].push(Fault::Late);
    let request = stage.cache.entry(KEY).on_abandoned(OnAbandoned::Cancel);
    let mut only = Box::pin(request.get_or_compute_async(async { Bytes::from("two") }));
    assert!(poll_once(only.as_mut()).is_pending());
    drop(only);
    assert_eq!(stage.cache.memory().stats().flights, 0);
    assert_eq!(loaded_from(&stage.ask("three")), "above");
}

#[test]
fn sixteen_load_at_once_and_the_others_have_their_turn() {
    let stage = Stage::new();
    let key = |n: u8| refrain::Key::from_bytes([n; 32]);
    for n in 0..40 {
        let request = stage.cache.entry(key(n));
        request
            .get_or_compute(|| Bytes::from(vec![n; 10]))
            .expect("computed");
        stage.cache.memory().remove(&key(n));
    }
    stage.faults[0].always(Fault::Late);
    let before = stage.faults[0].operations();
    let mut callers: Vec<_> = (0..40)
        .map(|n| {
            let request = stage.cache.entry(key(n));
            Box::pin(request.get_or_compute_async(async { Bytes::from("computed") }))
        })
        .collect();
    for caller in &mut callers {
        assert!(poll_once(caller.as_mut()).is_pending());
    }
    assert_eq!(stage.faults[0].operations() - before, 16);
    stage.faults[0].release();
    // Those in the middle leave, called or not.
    callers.drain(10..20);
    for caller in callers {
        assert_eq!(stage.time.drive(caller).expect("loaded").value.len(), 10);
    }
    assert_eq!(stage.stats(0).timeouts, 0);
}
