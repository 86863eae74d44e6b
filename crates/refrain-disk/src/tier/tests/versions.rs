//! Files of other format versions, and what is no file of the tier's at all.

use super::*;

const FIXTURE: &[u8] = include_bytes!("../../../tests/fixtures/v1/entry");

fn fixture_key() -> Key {
    Key::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

/// A folder as version 1 left it, with one entry.
fn world_of_version_1() -> World {
    let mut world = World::new(9);
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    (world.clock, world.hands) = Clock::fake_at(written);
    world.disk.make_dir("v1").unwrap();
    world
        .disk
        .plant(&format!("v1/00/{}", fixture_key()), FIXTURE);
    world.disk.plant("v1/unfinished/entry", b"half");
    world
}

#[test]
fn entries_of_version_1_are_found_whole_and_as_streams_and_replaced_by_newer_ones() {
    let world = world_of_version_1();
    let tier = world.open();
    assert_eq!(world.disk.list("").unwrap(), ["v2"]);
    let entry = tier.load(&fixture_key()).unwrap().unwrap();
    assert_eq!(&entry.body[..], b"solid cube\nendsolid cube\n");
    assert_eq!(
        (entry.media_type(), entry.file_name()),
        ("model/stl", "cube.stl")
    );
    assert_eq!(entry.expires_in, Some(Duration::from_secs(86_400)));
    let streamed = tier.load_streamed(&fixture_key()).unwrap().unwrap();
    assert_eq!(&streamed.body.read_at(6, 4).unwrap()[..], b"cube");
    tier.validate();
    let entry = NewEntry::new(b"newer");
    tier.store(&tier.begin(), &fixture_key(), &entry).unwrap();
    drop(tier);
    world.disk.cut_power(&mut Rng::with_seed(1));
    let tier = world.open();
    assert_eq!(
        &tier.load(&fixture_key()).unwrap().unwrap().body[..],
        b"newer"
    );
    tier.validate();
}

#[test]
fn an_entry_of_version_1_that_is_invalidated_does_not_come_back() {
    for seed in 0..20 {
        let world = world_of_version_1();
        let tier = world.open();
        assert!(tier.invalidate(&fixture_key()).unwrap());
        drop(tier);
        world.disk.cut_power(&mut Rng::with_seed(seed));
        assert!(world.open().is_empty(), "seed {seed}");
    }
}

#[test]
fn taking_over_version_1_may_fail_at_every_operation_and_loses_nothing() {
    let world = world_of_version_1();
    world.disk.plan(None);
    drop(world.open());
    for at in 0..world.disk.operations() {
        let world = world_of_version_1();
        world.fail(at, true, ErrorKind::Other);
        let _ = world.try_open();
        world.disk.cut_power(&mut Rng::with_seed(at));
        assert_eq!(world.open().len(), 1, "operation {at}");
    }
}

#[test]
fn a_damaged_entry_of_version_1_is_a_miss() {
    for bit in (0..FIXTURE.len() * 8).step_by(7) {
        let world = world_of_version_1();
        let name = format!("v1/00/{}", fixture_key());
        world
            .disk
            .tamper(&name, |file| file[bit / 8] ^= 1 << (bit % 8));
        let tier = world.open();
        assert!(
            tier.load_streamed(&fixture_key()).unwrap().is_none(),
            "bit {bit}"
        );
        assert_eq!(tier.stats().damaged, 1, "bit {bit}");
        tier.validate();
    }
}

#[test]
fn a_file_that_this_process_may_not_read_stays_and_stops_no_start() {
    let world = World::new(9);
    let tier = world.open();
    put(&tier, 1, b"x");
    put(&tier, 2, b"y");
    drop(tier);
    world.disk.plan(None);
    drop(world.open());
    let refused = (0..world.disk.operations()).filter(|at| {
        world.fail(*at, false, ErrorKind::PermissionDenied);
        let opened = world.try_open();
        world.disk.plan(None);
        opened.is_err()
    });
    // Only what the tier needs for itself stops it: the folders that it makes and lists.
    assert_eq!(refused.count(), 4 + 256);
    assert_eq!(world.open().len(), 2);
}
