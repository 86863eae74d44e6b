use super::*;

/// A hash per slot that fills every page alike.
fn mixed(slot: u32) -> u32 {
    let mut hash = u64::from(slot).wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (hash ^ (hash >> 31)) as u32
}

fn find(index: &Index, slot: u32) -> bool {
    index.probe(mixed(slot)).any(|other| other == slot)
}

#[test]
fn what_is_inserted_is_found_and_what_is_erased_is_not() {
    let (index, mut writer) = Index::new();
    for slot in 0..50_000 {
        assert!(index.insert(&mut writer, mixed(slot), slot, mixed, drop));
    }
    assert_eq!(index.validate(&writer, mixed), 50_000);
    for slot in (0..50_000).step_by(2) {
        index.erase(&mut writer, mixed(slot), slot);
    }
    assert_eq!(index.validate(&writer, mixed), 25_000);
    assert!((0..50_000).all(|slot| find(&index, slot) == (slot % 2 == 1)));
}

#[test]
fn pages_full_of_tombstones_are_written_anew_and_not_split() {
    let (index, mut writer) = Index::new();
    for slot in 0..200_000_u32 {
        if slot >= 150 {
            index.erase(&mut writer, mixed(slot - 150), slot - 150);
        }
        assert!(index.insert(&mut writer, mixed(slot), slot, mixed, drop));
    }
    assert_eq!(index.validate(&writer, mixed), 150);
    assert!(
        writer.pages.len() <= 4,
        "{} pages for 150 slots",
        writer.pages.len()
    );
}

#[test]
fn equal_hashes_live_side_by_side() {
    let (index, mut writer) = Index::new();
    for slot in 0..200 {
        assert!(index.insert(&mut writer, 42, slot, |_| 42, drop));
    }
    index.erase(&mut writer, 42, 7);
    let mut seen: Vec<_> = index.probe(42).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..200).filter(|slot| *slot != 7).collect::<Vec<_>>());
}

#[test]
fn hashes_that_are_all_alike_are_refused_instead_of_filling_the_memory() {
    let (index, mut writer) = Index::new();
    let inserted = (0..1_000)
        .filter(|slot| index.insert(&mut writer, 42, *slot, |_| 42, drop))
        .count();
    assert_eq!(inserted, MOST_USED as usize);
    assert_eq!(index.validate(&writer, |_| 42), inserted);
}

#[test]
fn a_slot_that_stays_is_found_throughout_while_others_come_and_go() {
    let (index, mut writer) = Index::new();
    for slot in 0..100 {
        assert!(index.insert(&mut writer, mixed(slot), slot, mixed, drop));
    }
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    for slot in 0..100 {
                        loop {
                            let version = index.version();
                            if find(&index, slot) {
                                break;
                            }
                            assert!(!index.is_still(version), "a valid miss of slot {slot}");
                            std::hint::spin_loop();
                        }
                    }
                }
            });
        }
        for round in 0..20 {
            for slot in 100..5_000 {
                assert!(index.insert(&mut writer, mixed(slot), slot, mixed, drop));
            }
            for slot in 100..5_000 {
                index.erase(&mut writer, mixed(slot), slot);
            }
            assert_eq!(index.validate(&writer, mixed), 100, "round {round}");
        }
        stop.store(true, Ordering::Relaxed);
    });
}
