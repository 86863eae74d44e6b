//! Bodies that are written as they come and read from any place on.

use super::*;
use crate::format::CHUNK_BYTES;
use crate::{DiskError, EntryMetadata, EntryWriter};

const CHUNK: usize = CHUNK_BYTES as usize;

/// Bytes of which each chunk is another.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at % 251).to_le_bytes()[0] ^ (at / CHUNK).to_le_bytes()[0])
        .collect()
}

fn streaming(tier: &DiskTier, n: u8) -> EntryWriter {
    tier.writer(tier.begin(), &key(n))
}

fn write_in_pieces(writer: &mut EntryWriter, body: &[u8], piece: usize) -> Result<(), DiskError> {
    body.chunks(piece).try_for_each(|piece| writer.write(piece))
}

/// A tier with room for `chunks`, and a little more.
fn world_of(chunks: u64) -> World {
    World::new(chunks * u64::from(CHUNK_BYTES) / BLOCK + 4)
}

#[test]
fn a_body_of_any_length_is_stored_as_it_comes_and_read_from_any_place_on() {
    for len in [
        0,
        1,
        5000,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
        2 * CHUNK,
        3 * CHUNK + 7,
    ] {
        let world = world_of(5);
        let tier = world.open();
        let body = pattern(len);
        let mut writer = streaming(&tier, 1);
        write_in_pieces(&mut writer, &body, 70_001).unwrap();
        let metadata = EntryMetadata::default()
            .field("http.trailer", "x-took: 12")
            .cost(Duration::from_secs(9));
        assert_eq!(writer.finish(&metadata).unwrap(), Insertion::Stored);
        tier.validate();
        assert_eq!(world.disk.occupied(), tier.stats().bytes);
        drop(tier);
        world.disk.cut_power(&mut Rng::with_seed(1));
        let tier = world.open();
        let whole = tier.load(&key(1)).unwrap().unwrap();
        assert_eq!(whole.body, body, "{len} bytes");
        assert_eq!(whole.cost, Duration::from_secs(9));
        assert!(whole.values("http.trailer").eq([b"x-took: 12"]));
        let streamed = tier.load_streamed(&key(1)).unwrap().unwrap();
        assert_eq!(streamed.body_digest, *blake3::hash(&body).as_bytes());
        assert_eq!(streamed.body.len(), len as u64);
        let mut rng = Rng::with_seed(2);
        for _ in 0..50 {
            let from = rng.usize(..=len + 10);
            let most = rng.usize(..2 * CHUNK);
            let read = streamed.body.read_at(from as u64, most).unwrap();
            let from = from.min(len);
            assert_eq!(
                read,
                body[from..(from + most).min(len)],
                "from {from}, {most}"
            );
        }
    }
}

#[test]
fn what_is_stored_at_once_and_what_comes_piece_by_piece_is_the_same_file() {
    let world = world_of(5);
    let tier = world.open();
    let body = pattern(CHUNK + 100);
    put(&tier, 1, &body);
    let at_once = world.disk.contents(&file_of(&key(1)));
    let mut writer = streaming(&tier, 1);
    writer.write(&body).unwrap();
    writer.finish(&EntryMetadata::default()).unwrap();
    assert_eq!(world.disk.contents(&file_of(&key(1))), at_once);
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing_and_the_older_entry_stays() {
    let world = world_of(5);
    let tier = world.open();
    put(&tier, 1, b"old");
    let mut writer = streaming(&tier, 1);
    writer.write(&pattern(2 * CHUNK + 5)).unwrap();
    assert_eq!(
        world.disk.occupied(),
        2 * u64::from(CHUNK_BYTES) + 2 * BLOCK
    );
    assert_eq!(tier.stats().bytes, world.disk.occupied());
    drop(writer);
    assert_eq!(world.disk.occupied(), BLOCK);
    assert_eq!(tier.stats().bytes, BLOCK);
    assert_eq!(body(&tier, 1).unwrap(), b"old");
    tier.validate();
}

#[test]
fn what_has_been_written_can_be_read_back_before_and_after_the_end() {
    let world = world_of(5);
    let tier = world.open();
    let body = pattern(2 * CHUNK + 1000);
    let mut writer = streaming(&tier, 1);
    let so_far = writer.so_far();
    let check = |len: usize| {
        assert_eq!(so_far.len(), len as u64);
        let mut read = Vec::new();
        loop {
            let some = so_far.read_at(read.len() as u64, 100_000).unwrap();
            if some.is_empty() {
                break;
            }
            read.extend_from_slice(&some);
        }
        assert_eq!(read, body[..len]);
    };
    let mut len = 0;
    for piece in body.chunks(90_000) {
        check(len);
        writer.write(piece).unwrap();
        len += piece.len();
    }
    check(len);
    writer.finish(&EntryMetadata::default()).unwrap();
    check(len);
    tier.invalidate_all().unwrap();
    check(len);
    let mut writer = streaming(&tier, 2);
    let so_far = writer.so_far();
    writer.write(b"short").unwrap();
    writer.finish(&EntryMetadata::default()).unwrap();
    assert_eq!(&so_far.read_at(1, 3).unwrap()[..], b"hor");
}

#[test]
fn entries_go_as_a_body_grows_and_one_that_outgrows_the_tier_is_given_up() {
    let world = world_of(3);
    let tier = world.open();
    for n in 10..14 {
        put(&tier, n, b"x");
    }
    let mut writer = streaming(&tier, 1);
    for chunk in pattern(3 * CHUNK).chunks(CHUNK) {
        writer.write(chunk).unwrap();
    }
    assert!(tier.len() < 4, "entries went for it");
    let error = writer.write(&pattern(CHUNK)).unwrap_err();
    assert!(matches!(error, DiskError::TooLarge { .. }), "{error}");
    assert!(matches!(
        writer.write(b"x").unwrap_err(),
        DiskError::GivenUp
    ));
    let ended = writer.finish(&EntryMetadata::default()).unwrap_err();
    assert!(matches!(ended, DiskError::GivenUp));
    assert_eq!((tier.stats().overweight, tier.stats().errors), (1, 0));
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
    assert_eq!(tier.capacity(), world.capacity);
    tier.validate();
}

#[test]
fn several_grow_at_once_within_the_limit() {
    let world = world_of(6);
    let tier = world.open();
    std::thread::scope(|scope| {
        for n in 0..4 {
            let tier = &tier;
            scope.spawn(move || {
                let mut rng = Rng::with_seed(n);
                for _ in 0..20 {
                    let n = rng.u8(..6);
                    if rng.bool() {
                        put(tier, n, &pattern(rng.usize(..2 * CHUNK)));
                        continue;
                    }
                    let mut writer = streaming(tier, n);
                    let body = pattern(rng.usize(..3 * CHUNK));
                    if write_in_pieces(&mut writer, &body, 50_000).is_err() || rng.u8(..4) == 0 {
                        continue;
                    }
                    match writer.finish(&EntryMetadata::default()) {
                        Ok(_) | Err(DiskError::TooLarge { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
    });
    tier.validate();
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
    for n in 0..6 {
        if let Some(body) = body(&tier, n) {
            assert_eq!(body, pattern(body.len()));
        }
    }
}

#[test]
fn what_is_invalidated_while_its_body_comes_is_not_stored() {
    let world = world_of(5);
    let tier = world.open();
    for len in [10, CHUNK + 10] {
        let mut writer = streaming(&tier, 1);
        writer.write(&pattern(len)).unwrap();
        tier.invalidate_tag("t").unwrap();
        let metadata = EntryMetadata::default().tags(["t"]);
        assert_eq!(writer.finish(&metadata).unwrap(), Insertion::Invalidated);
        assert_eq!(world.disk.occupied(), 0);
    }
}

#[test]
fn every_operation_of_the_disk_may_fail_while_a_body_comes() {
    let stream = |tier: &DiskTier| {
        let mut writer = streaming(tier, 1);
        let written = writer.write(&pattern(CHUNK + 10));
        (written, writer.finish(&EntryMetadata::default()))
    };
    let world = world_of(3);
    let tier = world.open();
    put(&tier, 1, b"old");
    world.disk.plan(None);
    let (written, stored) = stream(&tier);
    assert!(written.is_ok() && stored.is_ok());
    let operations = world.disk.operations();
    assert!(operations > 10, "{operations} operations");
    for at in 0..operations {
        for from_then_on in [false, true] {
            for kind in [ErrorKind::Other, ErrorKind::StorageFull] {
                let world = world_of(3);
                let tier = world.open();
                put(&tier, 1, b"old");
                put(&tier, 2, b"x");
                world.fail(at, from_then_on, kind);
                let (written, stored) = stream(&tier);
                world.disk.plan(None);
                world.hands.advance(Duration::from_secs(10));
                let found = body(&tier, 1);
                match (written, stored) {
                    (Ok(()), Ok(Insertion::Stored)) => {
                        assert_eq!(found.unwrap(), pattern(CHUNK + 10));
                    }
                    failed => assert_eq!(found, None, "operation {at}: {failed:?}"),
                }
                assert_eq!(put(&tier, 9, b"again"), Insertion::Stored);
                tier.validate();
                assert_eq!(world.disk.occupied(), tier.stats().bytes, "operation {at}");
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
fn a_handle_goes_on_to_give_its_bytes_whatever_becomes_of_the_entry() {
    let world = world_of(5);
    let tier = world.open();
    let old = pattern(CHUNK + 10);
    let removals: [fn(&DiskTier); 3] = [
        |tier| assert!(tier.invalidate(&key(1)).unwrap()),
        |tier| assert_eq!(put(tier, 1, &vec![7; CHUNK + 20]), Insertion::Stored),
        |tier| {
            let none = Capacity {
                bytes: 0,
                entries: 0,
            };
            let before = tier.capacity();
            tier.set_capacity(none).unwrap();
            tier.set_capacity(before).unwrap();
        },
    ];
    for remove in removals {
        put(&tier, 1, &old);
        let handle = tier.load_streamed(&key(1)).unwrap().unwrap().body;
        assert_eq!(handle.read_at(0, 10).unwrap(), old[..10]);
        remove(&tier);
        assert_eq!(handle.read_at(0, 2 * CHUNK).unwrap(), old);
        assert_eq!(
            handle.clone().read_at(CHUNK as u64, 99).unwrap(),
            old[CHUNK..]
        );
    }
}

#[test]
fn beyond_so_many_open_files_a_handle_fails_when_its_entry_has_left_and_never_gives_other_bytes() {
    let world = world_of(5);
    let tier = DiskTier::at("simulated")
        .clock(world.clock.clone())
        .max_open_files(1)
        .open_in(Arc::new(world.disk.clone()))
        .unwrap();
    let old = pattern(CHUNK + 10);
    put(&tier, 1, &old);
    let open = || tier.load_streamed(&key(1)).unwrap().unwrap().body;
    let (kept, by_name) = (open(), open());
    assert_eq!(by_name.read_at(0, 2 * CHUNK).unwrap(), old);
    let by_name = by_name.clone();
    put(&tier, 1, &vec![7; CHUNK + 10]);
    let gone = by_name.read_at(0, 10).unwrap_err();
    assert!(matches!(gone, DiskError::Gone { .. }) && !gone.is_retryable());
    tier.invalidate(&key(1)).unwrap();
    assert!(matches!(
        by_name.read_at(0, 10).unwrap_err(),
        DiskError::Gone { .. }
    ));
    assert_eq!(kept.read_at(0, 2 * CHUNK).unwrap(), old);
    assert_eq!(tier.stats().damaged, 0);
    drop(kept);
    put(&tier, 1, &old);
    let kept = open();
    tier.invalidate(&key(1)).unwrap();
    assert_eq!(
        kept.read_at(0, 2 * CHUNK).unwrap(),
        old,
        "there was room for it again"
    );
}

#[test]
fn no_more_writers_than_files_may_be_open() {
    let world = world_of(5);
    let tier = DiskTier::at("simulated")
        .max_open_files(1)
        .open_in(Arc::new(world.disk.clone()))
        .unwrap();
    let (mut first, mut second) = (streaming(&tier, 1), streaming(&tier, 2));
    first.write(&pattern(CHUNK)).unwrap();
    let error = second.write(&pattern(CHUNK)).unwrap_err();
    assert!(matches!(error, DiskError::TooManyWriters) && error.is_retryable());
    drop(first);
    let mut third = streaming(&tier, 3);
    third.write(&pattern(CHUNK)).unwrap();
    let stored = third.finish(&EntryMetadata::default()).unwrap();
    assert_eq!(stored, Insertion::Stored);
    tier.validate();
}

#[test]
fn a_damaged_chunk_is_an_error_of_the_handle_and_the_entry_goes() {
    let world = world_of(5);
    let tier = world.open();
    let body = pattern(2 * CHUNK);
    put(&tier, 1, &body);
    let handle = tier.load_streamed(&key(1)).unwrap().unwrap().body;
    world
        .disk
        .tamper(&file_of(&key(1)), |file| file[CHUNK + 100] ^= 1);
    assert_eq!(handle.read_at(0, CHUNK).unwrap(), body[..CHUNK]);
    let error = handle.read_at(0, CHUNK + 1).unwrap_err();
    assert!(matches!(error, DiskError::Damaged { .. }));
    assert_eq!((tier.len(), tier.stats().damaged), (0, 1));
    put(&tier, 1, b"newer");
    assert!(handle.read_at(CHUNK as u64, 1).is_err());
    assert_eq!(
        super::body(&tier, 1).unwrap(),
        b"newer",
        "the newer one stays"
    );
    tier.validate();
}

#[test]
fn a_tier_that_is_closed_takes_no_more_of_a_body() {
    let world = world_of(5);
    let tier = world.open();
    let mut early = streaming(&tier, 1);
    let mut late = streaming(&tier, 2);
    late.write(&pattern(CHUNK)).unwrap();
    drop(tier);
    assert!(early.write(&pattern(CHUNK)).is_err());
    assert!(late.finish(&EntryMetadata::default()).is_err());
    let tier = world.open();
    assert!(tier.is_empty());
    assert_eq!(world.disk.occupied(), 0);
}

#[test]
fn a_large_body_in_a_stack_is_stored_from_where_it_lies_and_read_piece_by_piece() {
    use refrain::tier::{Body, Invalidations, Metadata, Tier, TierEntry};

    let world = World::new(10_000);
    let tier = world.open();
    let log = Invalidations::default();
    let bytes = pattern(9 << 20);
    let store = |number: u8, body: Body| {
        let entry = TierEntry::new(body, Metadata::new("bytes").field("http.status", "200"));
        refrain::block_on(Tier::store(&tier, key(number), entry, log.begin()))
    };
    let load = |number: u8| refrain::block_on(Tier::load(&tier, key(number))).unwrap();
    let digest = *blake3::hash(&bytes).as_bytes();
    let whole = Body::with_digest(bytes.clone(), digest);
    assert_eq!(store(1, whole).unwrap(), Insertion::Stored);
    let large = load(1).unwrap();
    assert!(large.body.whole().is_none(), "it stays where it is");
    assert_eq!(large.body.digest(), Some(digest));
    assert_eq!(store(2, large.body).unwrap(), Insertion::Stored);
    let copy = load(2).unwrap();
    assert_eq!(refrain::block_on(copy.body.read_all()).unwrap(), bytes);
    assert_eq!(copy.metadata.first("http.status"), Some(&b"200"[..]));
    let wrong = store(3, Body::with_digest(bytes.clone(), [7; 32]));
    assert!(!wrong.unwrap_err().is_retryable());
    assert!(load(3).is_none());
    // A body that lies in a file that is damaged meanwhile.
    let large = load(2).unwrap();
    world
        .disk
        .tamper(&file_of(&key(2)), |file| file[5 << 20] ^= 1);
    assert!(store(4, large.body).is_err());
    assert!(load(4).is_none() && load(2).is_none());
    tier.validate();
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
}
