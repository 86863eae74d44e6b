//! What the disk refuses, at any operation.

use super::*;

#[test]
fn a_full_disk_makes_room_once_and_then_goes_without() {
    let world = World::new(9);
    let tier = world.open();
    for n in 1..=4 {
        put(&tier, n, b"x");
    }
    world.fail(2, false, ErrorKind::StorageFull);
    assert_eq!(put(&tier, 5, b"x"), Insertion::Stored);
    assert!(tier.len() < 5, "something went for it");
    assert_eq!(tier.capacity(), world.capacity, "the limit is what it was");
    world.fail(0, true, ErrorKind::StorageFull);
    let entry = NewEntry::new(b"x");
    let error = tier.store(&tier.begin(), &key(6), &entry).unwrap_err();
    assert!(error.is_retryable());
    world.disk.plan(None);
    assert_eq!(body(&tier, 6), None);
    assert_eq!(tier.stats().errors, 1);
    assert_eq!(put(&tier, 6, b"x"), Insertion::Stored);
    tier.validate();
}

#[test]
fn a_store_that_fails_leaves_no_older_value_to_come_back() {
    let world = World::new(9);
    let tier = world.open();
    let refresh = |tags: &[String]| {
        let entry = NewEntry::new(b"new").tags(tags);
        tier.store(&tier.begin(), &key(1), &entry)
    };
    put(&tier, 1, b"old");
    world.fail(0, false, ErrorKind::Other);
    assert!(refresh(&[]).is_err());
    assert_eq!(body(&tier, 1), None, "it could not be written");
    put(&tier, 1, b"old");
    assert!(refresh(&["x".repeat(MAX_METADATA_BYTES)]).is_err());
    assert_eq!(body(&tier, 1), None, "too much was said of it");
    put(&tier, 1, b"old");
    world.fail(0, true, ErrorKind::Other);
    for n in 2..5 {
        assert!(
            tier.store(&tier.begin(), &key(n), &NewEntry::new(b"x"))
                .is_err()
        );
    }
    assert!(tier.stats().suspended);
    assert!(refresh(&[]).is_err());
    world.disk.plan(None);
    world.hands.advance(Duration::from_secs(9));
    assert_eq!(body(&tier, 1), None, "the disk was left alone");
    tier.validate();
}

#[test]
fn a_disk_that_fails_is_left_alone_and_asked_again_later() {
    let world = World::new(9);
    let tier = world.open();
    put(&tier, 1, b"x");
    world.fail(0, true, ErrorKind::Other);
    for _ in 0..5 {
        assert!(tier.load(&key(1)).is_err());
    }
    let stats = tier.stats();
    assert_eq!((stats.errors, stats.skipped), (3, 2));
    assert!(stats.suspended);
    assert_eq!(world.disk.operations(), 3, "nothing was asked of it then");
    world.disk.plan(None);
    world.hands.advance(Duration::from_secs(4));
    assert_eq!(body(&tier, 1).unwrap(), b"x");
    assert!(!tier.stats().suspended);
}

#[test]
fn an_invalidation_that_the_disk_refuses_says_so_and_holds_in_this_process() {
    let world = World::new(9);
    let tier = world.open();
    put(&tier, 1, b"x");
    world.fail(0, true, ErrorKind::Other);
    assert!(tier.invalidate(&key(1)).is_err());
    world.disk.plan(None);
    assert_eq!(body(&tier, 1), None);
    // Once the disk works again the file goes, for good.
    assert!(!tier.invalidate(&key(1)).unwrap());
    world.disk.cut_power(&mut Rng::with_seed(1));
    assert!(world.open().is_empty());
}

#[test]
fn a_folder_that_is_wiped_means_misses_and_is_filled_again() {
    let world = World::new(9);
    let tier = world.open();
    put(&tier, 1, b"x");
    world.disk.wipe();
    assert_eq!(body(&tier, 1), None);
    // The folder of the entry is made anew when that is noticed.
    let first = tier.store(&tier.begin(), &key(1), &NewEntry::new(b"y"));
    assert!(first.is_ok() || put(&tier, 1, b"y") == Insertion::Stored);
    assert_eq!(body(&tier, 1).unwrap(), b"y");
    assert!(!tier.stats().suspended);
}

/// Some operations of every kind; errors are what they are.
fn script(world: &World, tier: &DiskTier) {
    let large = vec![1; 3 * 4096];
    for n in 1..=3 {
        let entry = NewEntry::new(b"x").tags(["t"]);
        let _ = tier.store(&tier.begin(), &key(n), &entry);
    }
    let _ = tier.load(&key(2));
    let _ = tier.store(&tier.begin(), &key(2), &NewEntry::new(&large));
    let _ = tier.load(&key(2));
    let _ = tier.invalidate(&key(1));
    let _ = tier.store(&tier.begin(), &key(4), &NewEntry::new(&large));
    let brief = NewEntry::new(b"x").time_to_live(Some(Duration::from_secs(1)));
    let _ = tier.store(&tier.begin(), &key(5), &brief);
    world.hands.advance(Duration::from_secs(10));
    let _ = tier.load(&key(5));
    let _ = tier.invalidate_tag("t");
    let _ = tier.store(&tier.begin(), &key(6), &NewEntry::new(b"x"));
    let _ = tier.invalidate_all();
    let _ = tier.store(&tier.begin(), &key(7), &NewEntry::new(b"x"));
}

#[test]
fn every_operation_of_the_disk_may_fail_once_or_from_then_on() {
    let world = World::new(6);
    let tier = world.open();
    world.disk.plan(None);
    script(&world, &tier);
    let operations = world.disk.operations();
    assert!(operations > 50, "{operations} operations");
    for at in 0..operations {
        for from_then_on in [false, true] {
            for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
                let world = World::new(6);
                let tier = world.open();
                world.fail(at, from_then_on, kind);
                script(&world, &tier);
                world.disk.plan(None);
                world.hands.advance(Duration::from_secs(10));
                assert_eq!(put(&tier, 9, b"again"), Insertion::Stored);
                assert_eq!(body(&tier, 9).unwrap(), b"again");
                tier.validate();
                drop(tier);
                world.disk.cut_power(&mut Rng::with_seed(at));
                let tier = world.open();
                assert_eq!(body(&tier, 9).unwrap(), b"again");
                tier.validate();
            }
        }
    }
}

#[test]
fn opening_may_fail_at_every_operation_and_loses_nothing() {
    let world = World::new(9);
    let tier = world.open();
    for n in 1..=3 {
        put(&tier, n, b"x");
    }
    drop(tier);
    world.disk.plan(None);
    drop(world.open());
    for at in 0..world.disk.operations() {
        world.fail(at, true, ErrorKind::Other);
        let opened = world.try_open();
        assert!(opened.is_err(), "operation {at}");
        world.disk.plan(None);
    }
    assert_eq!(world.open().len(), 3);
}
