use super::super::word::touch;
use super::*;

fn ghost(tick: u64) -> Ghost {
    Ghost {
        word: touch(0, tick),
        booked: 0,
        size: 3,
        cost: 9,
    }
}

#[test]
fn a_ghost_comes_back_as_it_left() {
    let mut history = History::new();
    let left = Ghost {
        word: touch(touch(0, 5), 17),
        booked: 70_000,
        size: 23,
        cost: 22,
    };
    history.insert(42, left, 20);
    assert_eq!(history.find(42).map(|(_, ghost)| ghost), Some(left));
    assert_eq!(history.find(43), None);
    history.remove(42);
    assert_eq!(history.find(42), None);
    history.validate();
}

#[test]
fn nearly_all_of_the_most_recent_keys_are_remembered() {
    let mut history = History::new();
    let keys = 100_000;
    for tick in 1..=keys {
        history.insert(tick, ghost(tick), tick);
    }
    history.validate();
    let half = KEYS_ALWAYS as u64 / 2;
    let remembered = (keys - half..keys)
        .filter(|key| history.find(*key).is_some())
        .count();
    assert!(
        remembered as u64 > half * 95 / 100,
        "{remembered} of {half}"
    );
    assert_eq!(history.places(), KEYS_ALWAYS);
}

#[test]
fn the_one_used_longest_ago_leaves_its_set() {
    let mut history = History::new();
    let mut left = Vec::new();
    for tick in 1..=50_000 {
        if let Some((_, gone)) = history.insert(tick, ghost(tick), tick)
            && tick > 20_000
        {
            left.push(tick - Uses::of(gone.word).last);
        }
    }
    assert!(
        left.iter().all(|age| *age > 1000),
        "youngest {:?}",
        left.iter().min()
    );
}

#[test]
fn the_history_grows_and_shrinks_with_what_the_cache_holds() {
    let mut history = History::new();
    history.set_room(50_000, 500 << 20);
    for tick in 1..=600_000 {
        history.insert(tick, ghost(tick), tick);
    }
    assert!(
        (160_000..=200_000).contains(&history.places()),
        "{}",
        history.places()
    );
    assert!(history.memory_bytes() as u64 <= (500 << 20) / 100);
    history.set_room(50_000, 50 << 20);
    history.insert(0, ghost(600_000), 600_000);
    assert_eq!(history.places(), (50 << 20) / 1600 / WAYS * WAYS);
    history.validate();
    assert!(history.find(0).is_some());
}

#[test]
fn ages_are_rounded_down_to_17_bits() {
    for age in (0..300_000).chain([1 << 30, (1 << 43) - 1, 12_345_678_901]) {
        let kept = unpack_age(pack_age(age));
        assert!(
            kept <= age && (age - kept) << 16 <= age,
            "{age} became {kept}"
        );
        assert!(pack_age(age) < 1 << AGE_BITS);
        assert_eq!(unpack_age(pack_age(kept)), kept);
    }
}
