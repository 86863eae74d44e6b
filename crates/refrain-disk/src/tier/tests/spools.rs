//! Bodies that go to disk before it is known whether they will be entries.

use bytes::Bytes;
use refrain::block_on;
use refrain::tier::{Body, Metadata, Ticket, Tier, TierEntry, TierError};

use super::*;
use crate::Spool;
use crate::format::CHUNK_BYTES;

const CHUNK: usize = CHUNK_BYTES as usize;

fn pattern(len: usize) -> Bytes {
    (0..len)
        .map(|at| (at % 251 + at / CHUNK).to_le_bytes()[0])
        .collect()
}

/// A body that is spooled in pieces, the number of the entry, and the digest that it is said to have.
fn spooled(tier: &DiskTier, n: u8, body: &Bytes, digest: [u8; 32]) -> Body {
    let mut spool = tier.spool(&key(n));
    for start in (0..body.len()).step_by(100_000) {
        let piece = body.slice(start..body.len().min(start + 100_000));
        block_on(spool.write(vec![piece])).unwrap();
    }
    spool.into_body(digest).unwrap()
}

fn digest(body: &Bytes) -> [u8; 32] {
    *blake3::hash(body).as_bytes()
}

fn store(tier: &DiskTier, n: u8, body: &Body, valid: Ticket) -> Result<Insertion, TierError> {
    let entry = TierEntry::new(body.clone(), Metadata::new("bytes"));
    block_on(Tier::store(tier, key(n), entry, valid))
}

#[test]
fn a_spooled_body_becomes_an_entry_without_being_written_twice() {
    let world = World::new(1000);
    let tier = world.open();
    let bytes = pattern(3 * CHUNK + 7);
    let body = spooled(&tier, 1, &bytes, digest(&bytes));
    let before = world.disk.occupied();
    assert!(before >= 3 * u64::from(CHUNK_BYTES));
    assert_eq!(
        store(&tier, 1, &body, tier.begin()).unwrap(),
        Insertion::Stored
    );
    assert!(
        world.disk.occupied() <= before + 2 * BLOCK,
        "the tail and the foot"
    );
    assert_eq!(super::body(&tier, 1).unwrap(), bytes);
    assert_eq!(
        block_on(body.read_all()).unwrap(),
        bytes,
        "it is read from there"
    );
    // Under another key, and once more under the same, it is a body like others.
    for n in [2, 1] {
        assert_eq!(
            store(&tier, n, &body, tier.begin()).unwrap(),
            Insertion::Stored
        );
        assert_eq!(super::body(&tier, n).unwrap(), bytes);
    }
    tier.validate();
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
}

#[test]
fn what_is_dropped_overtaken_or_not_what_it_was_said_to_be_leaves_nothing() {
    let world = World::new(1000);
    let tier = world.open();
    let bytes = pattern(CHUNK + 7);
    drop(spooled(&tier, 1, &bytes, digest(&bytes)));
    assert_eq!(world.disk.occupied(), 0);

    let valid = tier.begin();
    let body = spooled(&tier, 1, &bytes, digest(&bytes));
    tier.invalidate(&key(1)).unwrap();
    assert_eq!(
        store(&tier, 1, &body, valid).unwrap(),
        Insertion::Invalidated
    );
    assert_eq!(world.disk.occupied(), 0);
    assert_eq!(
        block_on(body.read_all()).unwrap(),
        bytes,
        "its readers keep it"
    );

    let body = spooled(&tier, 1, &bytes, [7; 32]);
    let refused = store(&tier, 1, &body, tier.begin());
    assert!(!refused.unwrap_err().is_retryable());
    assert_eq!(world.disk.occupied(), 0);
    tier.validate();
}

#[test]
fn a_disk_that_is_full_gives_back_what_it_has_taken_and_then_keeps_nothing() {
    let world = World::new(1000);
    let tier = world.open();
    let bytes = pattern(5 * CHUNK);
    let mut spool: Spool = tier.spool(&key(1));
    block_on(spool.write(vec![bytes.slice(..2 * CHUNK + 7)])).unwrap();
    let so_far = spool.so_far();
    world.fail(0, true, ErrorKind::StorageFull);
    assert!(block_on(spool.write(vec![bytes.slice(2 * CHUNK + 7..)])).is_err());
    world.disk.plan(None);
    let mut read = Vec::new();
    while read.len() < 2 * CHUNK + 7 {
        let piece = block_on(so_far.read_at(read.len() as u64, CHUNK)).unwrap();
        read.extend_from_slice(&piece);
    }
    assert_eq!(read[..2 * CHUNK + 7], bytes[..2 * CHUNK + 7]);
    assert!(block_on(spool.write(vec!["x".into()])).is_err());
    assert!(spool.into_body(digest(&bytes)).is_err());
    world.hands.advance(Duration::from_secs(10));
    assert_eq!(put(&tier, 9, b"again"), Insertion::Stored);
    assert_eq!(tier.len(), 1);
    tier.validate();
    assert_eq!(world.disk.occupied(), tier.stats().bytes);
}
