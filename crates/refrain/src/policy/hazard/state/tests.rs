use super::super::super::testing::Simulated;
use super::super::super::{Eviction, Moment, Policy};
use super::super::history::{Ghost, KEYS_ALWAYS};
use super::super::word::touch;
use super::*;

fn trained() -> Simulated {
    let mut cache = Simulated::new(Policy::Hazard, 50);
    for tick in 0..5000_u64 {
        cache.request(tick % 120, 1, 1.0);
        cache.request(tick * tick % 300 + 1000, 1, 2.0);
    }
    cache
}

fn save(cache: &Simulated) -> Vec<u8> {
    cache.eviction.save(cache.now).expect("hazard learns")
}

#[test]
fn what_is_saved_is_loaded() {
    let cache = trained();
    let bytes = save(&cache);
    let mut other = Eviction::new(Policy::Hazard);
    other.load(&bytes, cache.now).expect("it was just saved");
    other.validate(&cache.table);
    assert!(other.save(cache.now).expect("hazard learns") == bytes);
}

#[test]
fn a_cache_that_starts_with_what_was_learned_saves_more_at_once() {
    let bytes = save(&trained());
    let saved = |state: Option<&[u8]>| {
        let mut cache = Simulated::new(Policy::Hazard, 50);
        if let Some(state) = state {
            cache
                .eviction
                .load(state, cache.now)
                .expect("it was just saved");
        }
        (0..600)
            .filter(|tick| cache.request(tick % 120, 1, 1.0))
            .count()
    };
    let (cold, warm) = (saved(None), saved(Some(&bytes)));
    assert!(warm > cold + 10, "{warm} hits, and {cold} without");
}

#[test]
fn ages_go_on_from_where_they_were() {
    let cache = trained();
    let later = Moment {
        tick: 1 << 50,
        ..cache.now
    };
    let mut other = Eviction::new(Policy::Hazard);
    other.load(&save(&cache), later).expect("it was just saved");
    let mut back = Eviction::new(Policy::Hazard);
    back.load(&other.save(later).expect("hazard learns"), cache.now)
        .expect("it was just saved");
    assert!(back.save(cache.now) == cache.eviction.save(cache.now));
}

#[test]
fn all_that_is_remembered_is_loaded() {
    let (keys, tick) = (KEYS_ALWAYS as u64 * 4, 1_000_000);
    let ghost = Ghost {
        word: touch(0, tick - 10),
        booked: 0,
        size: 3,
        cost: 9,
    };
    let mut history = History::new();
    history.set_room(KEYS_ALWAYS * 4, 1 << 40);
    for key in 0..keys {
        history.insert(key, ghost, tick);
    }
    let kept = |history: &History| (0..keys).filter(|key| history.find(*key).is_some()).count();
    let bytes = super::save(&Model::new(), &history, tick);
    let (_, loaded) = load(&bytes, tick).expect("it was just saved");
    let (before, after) = (kept(&history), kept(&loaded));
    assert!(before > KEYS_ALWAYS, "only {before}");
    assert!(after * 100 > before * 97, "{after} of {before}");
    loaded.validate();
}

#[test]
fn a_damaged_state_is_refused_and_changes_nothing() {
    let bytes = save(&trained());
    let mut cache = trained();
    cache.request(1, 1, 1.0);
    let before = save(&cache);
    for at in (0..bytes.len()).step_by(97).chain([8, 20, bytes.len() - 1]) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(
            cache.eviction.load(&damaged, cache.now).is_err(),
            "byte {at}"
        );
    }
    for len in (0..bytes.len()).step_by(101).chain([bytes.len() - 1]) {
        assert!(
            cache.eviction.load(&bytes[..len], cache.now).is_err(),
            "cut to {len} bytes"
        );
    }
    let longer = [&bytes[..], &[0]].concat();
    assert!(cache.eviction.load(&longer, cache.now).is_err());
    assert!(save(&cache) == before);
}

#[test]
fn sound_bytes_with_impossible_numbers_are_refused() {
    let cache = trained();
    let mut bytes = save(&cache);
    bytes.truncate(bytes.len() - DIGEST_BYTES);
    for (at, number) in [(20, f32::NAN), (20, 0.0), (24, f32::INFINITY), (28, -1.0)] {
        let mut forged = bytes.clone();
        forged[at..at + 4].copy_from_slice(&number.to_le_bytes());
        let digest = digest(&forged);
        forged.extend_from_slice(&digest);
        let refused = Eviction::new(Policy::Hazard).load(&forged, cache.now);
        assert!(
            matches!(refused, Err(StateError::Damaged)),
            "{number} at {at}"
        );
    }
}

#[test]
fn the_reason_for_refusing_is_told() {
    let cache = trained();
    let refused = |bytes: &[u8], policy| {
        Eviction::new(policy)
            .load(bytes, cache.now)
            .expect_err("refused")
            .to_string()
    };
    let mut newer = save(&cache);
    newer[8] = 4;
    assert_eq!(
        refused(&newer, Policy::Hazard),
        "saved policy state has version 4; this build reads version 3"
    );
    assert_eq!(
        refused(b"something else", Policy::Hazard),
        "these bytes are no saved policy state"
    );
    assert_eq!(
        refused(&save(&cache), Policy::Lru),
        "policy `lru` has no state to load"
    );
}
