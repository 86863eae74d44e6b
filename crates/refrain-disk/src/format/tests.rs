use proptest::prelude::*;

use super::*;

fn head(body: &[u8]) -> Head {
    Head {
        key: Key::from_bytes(std::array::from_fn(|at| u8::try_from(at).unwrap())),
        body_len: body.len() as u64,
        body_digest: *blake3::hash(body).as_bytes(),
        metadata: Metadata {
            codec: "bytes".to_owned(),
            media_type: "model/stl".to_owned(),
            file_name: "cube.stl".to_owned(),
            tags: vec!["model:v2".to_owned()],
            cost_us: 124_600_000,
            written_ms: 1_700_000_000_000,
            expires_ms: Some(1_700_086_400_000),
        },
    }
}

fn file(body: &[u8]) -> (Key, Vec<u8>) {
    let head = head(body);
    let mut bytes = head.encode().unwrap();
    bytes.extend(body);
    (head.key, bytes)
}

/// What this version writes is read by every later build.
const FIXTURE: &[u8] = include_bytes!("../../tests/fixtures/v1/entry");

#[test]
fn the_bytes_of_version_1_stay_as_they_are() {
    let (key, bytes) = file(b"solid cube\nendsolid cube\n");
    if std::env::var_os("REFRAIN_WRITE_FIXTURES").is_some() {
        std::fs::write("tests/fixtures/v1/entry", &bytes).unwrap();
    }
    assert_eq!(bytes, FIXTURE);
    let (head, at) = verify(&key, FIXTURE).unwrap();
    assert_eq!(&FIXTURE[at..], b"solid cube\nendsolid cube\n");
    assert_eq!(head, self::head(&FIXTURE[at..]));
}

#[test]
fn every_changed_bit_of_a_file_is_noticed() {
    let (key, whole) = file(b"solid cube\nendsolid cube\n");
    assert!(verify(&key, &whole).is_ok());
    for bit in 0..whole.len() * 8 {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(&key, &changed).is_err(), "bit {bit}");
    }
}

#[test]
fn every_cut_and_every_addition_is_noticed() {
    let (key, whole) = file(b"solid cube\nendsolid cube\n");
    for len in 0..whole.len() {
        assert!(verify(&key, &whole[..len]).is_err(), "{len} bytes");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert_eq!(verify(&key, &longer), Err(Damage::Length));
}

#[test]
fn a_file_is_of_one_key() {
    let (_, whole) = file(b"solid");
    let other = Key::from_bytes([9; 32]);
    assert_eq!(verify(&other, &whole), Err(Damage::Key));
}

#[test]
fn what_is_too_long_or_too_new_is_named() {
    let mut long = head(b"");
    long.metadata.tags = vec!["x".repeat(MAX_METADATA_BYTES)];
    assert_eq!(long.encode(), None);
    let (key, mut newer) = file(b"");
    newer[8] = 2;
    assert_eq!(verify(&key, &newer), Err(Damage::Version(2)));
    let (key, mut huge) = file(b"");
    huge[14] = 0xFF;
    assert!(matches!(
        verify(&key, &huge),
        Err(Damage::MetadataLength(_))
    ));
}

#[test]
fn an_entry_lives_no_longer_than_it_was_meant_to_whatever_the_wall_clock_does() {
    let mut metadata = head(b"").metadata;
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

proptest! {
    #[test]
    fn what_is_written_is_read(
        body in prop::collection::vec(any::<u8>(), 0..300),
        key in any::<[u8; 32]>(),
        texts in any::<[String; 3]>(),
        tags in prop::collection::vec(any::<String>(), 0..4),
        numbers in any::<[u64; 2]>(),
        expires_ms in any::<Option<u64>>(),
    ) {
        let [codec, media_type, file_name] = texts;
        let [cost_us, written_ms] = numbers;
        let metadata = Metadata { codec, media_type, file_name, tags, cost_us, written_ms, expires_ms };
        let head = Head {
            key: Key::from_bytes(key),
            body_len: body.len() as u64,
            body_digest: *blake3::hash(&body).as_bytes(),
            metadata,
        };
        let mut bytes = head.encode().unwrap();
        let body_at = bytes.len();
        bytes.extend(&body);
        prop_assert_eq!(verify(&head.key, &bytes), Ok((head, body_at)));
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut forged = FIXTURE.to_vec();
        for (at, byte) in bytes.iter().enumerate() {
            forged[at % FIXTURE.len()] ^= byte;
        }
        prop_assert!(verify(&Key::from_bytes([1; 32]), &bytes).is_err());
        let _ = Head::decode(&forged);
    }
}
