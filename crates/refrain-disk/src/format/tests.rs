use proptest::prelude::*;

use super::*;
use crate::body::read_whole;
use crate::reading::{Inspected, Unreadable, inspect};
use crate::storage::{About, StoredFile};

/// A file that is all in memory.
#[derive(Debug)]
struct InMemory<'a>(&'a [u8]);

impl StoredFile for InMemory<'_> {
    fn about(&self) -> std::io::Result<About> {
        Ok(About {
            len: self.0.len() as u64,
            used: SystemTime::UNIX_EPOCH,
        })
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> std::io::Result<()> {
        let from = usize::try_from(offset).unwrap();
        let there = self.0.get(from..from + bytes.len());
        bytes.copy_from_slice(there.ok_or(std::io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_at(&self, _: u64, _: &[u8]) -> std::io::Result<()> {
        unreachable!("it is only read")
    }

    fn sync(&self) -> std::io::Result<()> {
        unreachable!("it is only read")
    }

    fn mark_used(&self, _: SystemTime) -> std::io::Result<()> {
        unreachable!("it is only read")
    }
}

/// All that a file says, every byte verified.
fn verify(key: &Key, file: &[u8]) -> Result<(Metadata, Bytes), Damage> {
    let read = || {
        let file = InMemory(file);
        let found: Inspected = inspect(&file, key)?;
        let digests = found.digests(&file)?;
        let body = read_whole(&file, found.body, &digests)?;
        assert_eq!(found.body_digest, *blake3::hash(&body).as_bytes());
        Ok((found.metadata, body))
    };
    read().map_err(|unreadable| match unreadable {
        Unreadable::Damaged(damage) => damage,
        Unreadable::Io(error) => panic!("memory does not fail: {error}"),
    })
}

fn key() -> Key {
    Key::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap()))
}

fn metadata(fields: &[(&str, &[u8])]) -> Metadata {
    Metadata {
        codec: "bytes".to_owned(),
        tags: vec!["model:v2".to_owned()],
        cost_us: 124_600_000,
        written_ms: 1_700_000_000_000,
        age_ms: 0,
        expires_ms: Some(1_700_086_400_000),
        fields: fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Bytes::copy_from_slice(value)))
            .collect(),
    }
}

fn file(key: &Key, body: &[u8], metadata: &Metadata) -> Vec<u8> {
    let mut bytes = head(key).to_vec();
    bytes.extend(body);
    bytes.extend(foot(key, &Sealing::whole(body), metadata).unwrap());
    bytes
}

const CUBE: &[u8] = b"solid cube\nendsolid cube\n";

fn named() -> Metadata {
    metadata(&[("media_type", b"model/stl"), ("file_name", b"cube.stl")])
}

/// The bytes of version 1, which no build writes any more.
const VERSION_1: &[u8] = include_bytes!("../../tests/fixtures/v1/entry");

#[test]
fn a_file_of_version_1_is_read() {
    assert_eq!(verify(&key(), VERSION_1), Ok((named(), Bytes::from(CUBE))));
}

/// A long body that is known by a rule, as fixtures of whole chunks would be large.
fn ramp(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251).to_le_bytes()[0]).collect()
}

/// What each fixture holds. `long` ones are in the tree without their bodies, which are `ramp`s.
fn fixtures() -> Vec<(&'static str, Vec<u8>, Metadata)> {
    let chunk = CHUNK_BYTES as usize;
    let mut eternal = metadata(&[]);
    (eternal.tags, eternal.expires_ms) = (Vec::new(), None);
    let answer = metadata(&[
        ("http.status", b"200"),
        ("http.header", b"content-type: multipart/mixed"),
        ("http.header", b"x-seed: 7"),
        ("part", b"10 image/png cat.png"),
        ("part", b"16 application/json"),
        ("http.trailer", b"x-took: 12"),
        ("key.part", b"/seed\0\x01\x02"),
        ("x.unknown", b"\0\xff"),
        ("", b""),
    ]);
    vec![
        ("empty", Vec::new(), eternal),
        ("entry", CUBE.to_vec(), named()),
        ("answer", CUBE.to_vec(), answer),
        ("chunk-1", ramp(chunk - 1), named()),
        ("chunk", ramp(chunk), named()),
        ("chunk+1", ramp(chunk + 1), named()),
    ]
}

#[test]
fn the_bytes_of_version_2_stay_as_they_are() {
    for (name, body, metadata) in fixtures() {
        let path = format!("tests/fixtures/v2/{name}");
        let bytes = file(&key(), &body, &metadata);
        let is_long = body.len() > 1000;
        let kept = if is_long {
            [&bytes[..HEAD_BYTES], &bytes[HEAD_BYTES + body.len()..]].concat()
        } else {
            bytes.clone()
        };
        if std::env::var_os("REFRAIN_WRITE_FIXTURES").is_some() {
            std::fs::write(&path, &kept).unwrap();
        }
        assert_eq!(kept, std::fs::read(&path).unwrap(), "{name}");
        assert_eq!(
            verify(&key(), &bytes),
            Ok((metadata, Bytes::from(body))),
            "{name}"
        );
    }
}

/// A whole file with these metadata, made by hand.
fn by_hand(body: &[u8], metadata: &[u8]) -> Vec<u8> {
    let sealed = Sealing::whole(body);
    let mut bytes = head(&key()).to_vec();
    bytes.extend(body);
    bytes.extend(&sealed.digests);
    bytes.extend(metadata);
    let trailer_at = bytes.len();
    bytes.extend(sealed.body_len.to_le_bytes());
    bytes.extend(u32::try_from(metadata.len()).unwrap().to_le_bytes());
    bytes.extend(sealed.body_digest);
    bytes.extend(blake3::hash(&sealed.digests).as_bytes());
    let seal = seal(&head(&key()), metadata, &bytes[trailer_at..]);
    bytes.extend(seal);
    bytes
}

fn item(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![kind, u8::try_from(name.len()).unwrap()];
    bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
    bytes.extend(name.as_bytes());
    bytes.extend(value);
    bytes
}

#[test]
fn an_item_of_a_later_build_is_skipped_and_one_of_an_unknown_kind_is_not() {
    let known = [
        item(0, "codec", b"bytes"),
        item(0, "cost_us", &7u64.to_le_bytes()),
        item(0, "written_ms", &8u64.to_le_bytes()),
    ]
    .concat();
    let later = [
        item(0, "compression", b"zstd"),
        known.clone(),
        item(1, "codec", b"mine"),
    ]
    .concat();
    let bytes = by_hand(b"body", &later);
    let (metadata, body) = verify(&key(), &bytes).unwrap();
    assert_eq!(
        (&*metadata.codec, metadata.cost_us, &body[..]),
        ("bytes", 7, &b"body"[..])
    );
    assert_eq!(metadata.fields, [("codec".to_owned(), Bytes::from("mine"))]);
    let wrong = [
        [known.clone(), item(2, "critical", b"")].concat(),
        [known.clone(), item(0, "codec", b"twice")].concat(),
        [known.clone(), item(0, "expires_ms", b"short")].concat(),
        [known.clone(), item(0, "tag", b"\xff")].concat(),
        [known.clone(), vec![1, 0, 0, 0]].concat(),
        [known.clone(), vec![1, 0, 1, 0, 0, 0]].concat(),
        [known.clone(), vec![1, 9, 0, 0, 0, 0, b'x']].concat(),
        known[item(0, "codec", b"bytes").len()..].to_vec(),
        Vec::new(),
    ];
    for metadata in wrong {
        assert_eq!(
            verify(&key(), &by_hand(b"body", &metadata)),
            Err(Damage::Metadata)
        );
    }
}

#[test]
fn every_changed_bit_of_a_file_is_noticed() {
    let whole = file(&key(), CUBE, &named());
    for whole in [&whole[..], VERSION_1] {
        assert!(verify(&key(), whole).is_ok());
        for bit in 0..whole.len() * 8 {
            let mut changed = whole.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&key(), &changed).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_noticed() {
    let whole = file(&key(), CUBE, &named());
    for whole in [&whole[..], VERSION_1] {
        for len in 0..whole.len() {
            assert!(verify(&key(), &whole[..len]).is_err(), "{len} bytes");
            assert!(
                verify(&key(), &whole[len + 1..]).is_err(),
                "without {len} bytes"
            );
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        assert!(verify(&key(), &longer).is_err());
    }
}

#[test]
fn a_file_is_of_one_key() {
    let other = Key::from_bytes([9; 32]);
    let whole = file(&key(), CUBE, &named());
    assert_eq!(verify(&other, &whole), Err(Damage::Key));
    assert_eq!(verify(&other, VERSION_1), Err(Damage::Key));
}

#[test]
fn what_is_too_long_or_too_new_is_named() {
    let sealed = Sealing::whole(b"");
    for field in [
        ("x".to_owned(), Bytes::from(vec![0; MAX_METADATA_BYTES])),
        ("x".repeat(256), Bytes::new()),
    ] {
        let mut long = metadata(&[]);
        long.fields = vec![field];
        assert_eq!(foot(&key(), &sealed, &long), None);
    }
    let whole = file(&key(), b"", &named());
    let changed = |at: usize, byte: u8| {
        let mut changed = whole.clone();
        changed[at] = byte;
        verify(&key(), &changed)
    };
    assert_eq!(changed(8, 3), Err(Damage::Version(3)));
    assert_eq!(changed(0, b'r'), Err(Damage::Magic));
    assert_eq!(changed(12, 1), Err(Damage::ChunkLength((256 << 10) + 1)));
    assert_eq!(changed(14, 0), Err(Damage::ChunkLength(0)));
    assert_eq!(
        changed(15, 1),
        Err(Damage::ChunkLength((1 << 24) + (256 << 10)))
    );
    let trailer_at = whole.len() - TRAILER_BYTES;
    assert_eq!(changed(trailer_at, 1), Err(Damage::Seal));
    assert!(matches!(
        changed(trailer_at + 10, 0xFF),
        Err(Damage::MetadataLength(_))
    ));
    assert_eq!(changed(trailer_at + 9, 0xFF), Err(Damage::Length));
}

#[test]
fn an_entry_lives_no_longer_than_it_was_meant_to_whatever_the_wall_clock_does() {
    let mut metadata = named();
    metadata.written_ms = 1_000_000;
    metadata.expires_ms = Some(1_060_000);
    let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
    let left = |ms| metadata.expires_in(at(ms)).unwrap().as_secs();
    assert_eq!((left(1_000_000), left(1_030_000)), (60, 30));
    assert_eq!(left(2_000_000), 0, "the clock is far ahead");
    assert_eq!(left(0), 60, "the clock has been set back by far");
    assert_eq!(metadata.age(at(0)), Duration::ZERO);
    metadata.expires_ms = None;
    assert_eq!(metadata.expires_in(at(u64::MAX / 2)), None);
}

fn any_metadata() -> impl Strategy<Value = Metadata> {
    let field = (".{0,40}", prop::collection::vec(any::<u8>(), 0..200));
    (
        any::<String>(),
        prop::collection::vec(any::<String>(), 0..4),
        any::<[u64; 3]>(),
        any::<Option<u64>>(),
        prop::collection::vec(field, 0..20),
    )
        .prop_map(
            |(codec, tags, [cost_us, written_ms, age_ms], expires_ms, fields)| Metadata {
                codec,
                tags,
                cost_us,
                written_ms,
                age_ms,
                expires_ms,
                fields: fields
                    .into_iter()
                    .map(|(name, value)| (name, Bytes::from(value)))
                    .collect(),
            },
        )
}

/// Bodies of no bytes, of few, and of about one and two chunks.
fn any_body() -> impl Strategy<Value = Vec<u8>> {
    let chunk = CHUNK_BYTES as usize;
    prop_oneof![
        4 => prop::collection::vec(any::<u8>(), 0..300),
        1 => prop_oneof![chunk - 2..chunk + 2, 2 * chunk - 2..2 * chunk + 2].prop_map(ramp),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        body in any_body(),
        key in any::<[u8; 32]>(),
        metadata in any_metadata(),
    ) {
        let key = Key::from_bytes(key);
        let bytes = file(&key, &body, &metadata);
        prop_assert_eq!(verify(&key, &bytes), Ok((metadata, Bytes::from(body))));
    }

    #[test]
    fn a_changed_bit_or_a_cut_anywhere_is_noticed(
        body in any_body(),
        metadata in any_metadata(),
        places in prop::collection::vec(any::<prop::sample::Index>(), 20),
    ) {
        let whole = file(&key(), &body, &metadata);
        for place in places {
            let bit = place.index(whole.len() * 8);
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(verify(&key(), &changed).is_err(), "bit {}", bit);
            let len = place.index(whole.len());
            prop_assert!(verify(&key(), &whole[..len]).is_err(), "{} bytes", len);
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verify(&key(), &bytes).is_err());
        let whole = file(&key(), CUBE, &named());
        for whole in [&whole[..], VERSION_1] {
            let mut forged = whole.to_vec();
            for (at, byte) in bytes.iter().enumerate() {
                forged[at % whole.len()] ^= byte;
            }
            let _ = verify(&key(), &forged);
        }
        // With a seal that is right, so that what is in it is looked at.
        let _ = verify(&key(), &by_hand(&bytes, &bytes));
        let _ = fields::decode(&bytes);
    }
}
