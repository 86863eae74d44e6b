//! Media count by their bytes, however they arrive.

use refrain::Key;
use refrain::key::{Document, Media, Pointer, UnkeyableReason};

fn image() -> Pointer {
    "/image".parse().unwrap()
}

fn read(json: &str) -> Document {
    Document::from_json(json.as_bytes()).unwrap()
}

#[test]
fn base64_data_uri_and_file_give_one_key() {
    let key = |document: &Document| {
        let request = Key::builder().generator("relief", "1");
        request.part("body", document).build().unwrap()
    };
    let mut base64 = read(r#"{"image": "Y2F0", "quality": 7}"#);
    let mut data_uri = read(r#"{"image": "data:image/png;base64,Y2F0", "quality": 7}"#);
    assert!(base64.digest_media(&image()).unwrap());
    assert!(data_uri.digest_media(&image()).unwrap());

    let mut form = read(r#"{"quality": 7}"#);
    let Document::Map(fields) = &mut form else {
        unreachable!("an object is a map")
    };
    fields.insert("image", Media::of(b"cat"));

    assert_eq!(key(&base64), key(&form));
    assert_eq!(key(&data_uri), key(&form));

    let mut changed = read(r#"{"image": "Y2FU", "quality": 7}"#);
    assert!(changed.digest_media(&image()).unwrap());
    assert_ne!(key(&changed), key(&form));
}

#[test]
fn media_that_were_not_announced_stay_text() {
    let document = read(r#"{"image": "Y2F0"}"#);
    assert_eq!(document.get(&image()), Some(&"Y2F0".into()));
}

#[test]
fn absent_and_null_media_stay_what_they_are() {
    for json in [
        "{}",
        r#"{"image": null}"#,
        r#"{"other": "Y2F0"}"#,
        "[]",
        "7",
    ] {
        let mut document = read(json);
        assert_eq!(document.digest_media(&image()), Ok(false));
        assert_eq!(document, read(json));
    }
}

#[test]
fn every_item_of_a_list_becomes_media() {
    let mut document = read(r#"{"image": ["Y2F0", null, "YQ=="]}"#);
    assert_eq!(document.digest_media(&image()), Ok(true));
    let items = vec![
        Media::of(b"cat").into(),
        Document::Null,
        Media::of(b"a").into(),
    ];
    assert_eq!(document.get(&image()), Some(&Document::List(items)));

    assert_eq!(document.clone().digest_media(&image()), Ok(true));
}

#[test]
fn what_holds_no_media_is_named_and_nothing_changes() {
    let cases = [
        (
            r#""https://example.org/cat.png""#,
            "image",
            UnkeyableReason::NotBase64,
        ),
        (r#""a cat""#, "image", UnkeyableReason::NotBase64),
        ("7", "image", UnkeyableReason::NotText),
        ("true", "image", UnkeyableReason::NotText),
        (r#"{"url": "x"}"#, "image", UnkeyableReason::NotText),
        (r#"["Y2F0", "?"]"#, "image[1]", UnkeyableReason::NotBase64),
    ];
    for (value, part, reason) in cases {
        let json = format!(r#"{{"image": {value}}}"#);
        let mut document = read(&json);
        let unkeyable = document.digest_media(&image()).unwrap_err();
        assert_eq!(unkeyable.part(), part);
        assert_eq!(unkeyable.reason(), &reason);
        assert_eq!(document, read(&json));
    }
}
