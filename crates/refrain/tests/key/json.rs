//! JSON is read strictly, and without losing anything.

use proptest::prelude::*;
use refrain::key::{Document, JsonErrorKind, MAX_DEPTH};

fn read(json: &str) -> Document {
    Document::from_json(json.as_bytes()).unwrap()
}

fn refused(json: &[u8]) -> (JsonErrorKind, String) {
    let error = Document::from_json(json).unwrap_err();
    (error.kind().clone(), error.to_string())
}

#[test]
fn spacing_escapes_and_order_make_no_difference() {
    let compact = read(r#"{"a":[1,true,null],"é":"x/y"}"#);
    let spaced = read("\r\n{ \"\\u00e9\" : \"x\\/y\" ,\t\"a\" : [ 1 , true , null ] }\n");
    assert_eq!(compact, spaced);
}

#[test]
fn absent_null_and_empty_are_four_documents() {
    let documents = [
        "{}",
        r#"{"a":null}"#,
        r#"{"a":""}"#,
        r#"{"a":[]}"#,
        r#"{"a":{}}"#,
    ]
    .map(read);
    for (place, left) in documents.iter().enumerate() {
        assert!(documents[place + 1..].iter().all(|right| left != right));
    }
}

#[test]
fn an_object_cannot_pretend_to_be_a_number() {
    for json in [
        r#"{"$serde_json::private::Number": "7"}"#,
        r#"{"\u0024serde_json::private::Number": "7.5"}"#,
        r#"{"$serde_json::private::Number": "\u0037"}"#,
        r#"{"$serde_json::private::Number": 7}"#,
        r#"{"$serde_json::private::Number": 7.5}"#,
        r#"{"$serde_json::private::Number": {"$serde_json::private::Number": "7"}}"#,
        r#"{"$serde_json::private::Number": "7", "a": 1}"#,
        r#"[{"a": 1, "$serde_json::private::Number": "7"}]"#,
    ] {
        // Some are turned down by the parser, the others by name; none becomes a document.
        assert!(Document::from_json(json.as_bytes()).is_err(), "{json}");
    }
    let (kind, message) = refused(br#"{"n": {"$serde_json::private::Number": "7"}}"#);
    assert_eq!(kind, JsonErrorKind::ReservedName);
    assert!(message.starts_with("`n` has a name that is reserved"));
}

#[test]
fn what_is_not_utf8_is_refused() {
    for json in [
        &b"\"\xff\""[..],
        b"{\"a\xc3\": 1}",
        b"\"\xed\xa0\x80\"",
        b"\xff\xfe[\0]\0",
    ] {
        assert!(matches!(refused(json).0, JsonErrorKind::Syntax { .. }));
    }
}

#[test]
fn objects_and_lists_count_as_levels_alike() {
    let nested = |levels: usize| {
        let open = r#"{"a":["#.repeat(levels / 2);
        let close = "]}".repeat(levels / 2);
        format!("{open}{close}")
    };
    assert!(Document::from_json(nested(MAX_DEPTH).as_bytes()).is_ok());
    let (kind, message) = refused(nested(MAX_DEPTH + 2).as_bytes());
    assert_eq!(kind, JsonErrorKind::TooDeep);
    assert!(message.contains("100 levels"), "{message}");
}

#[test]
fn a_hostile_depth_is_refused_without_a_stack_overflow() {
    let (kind, _) = refused("[".repeat(10_000_000).as_bytes());
    assert_eq!(kind, JsonErrorKind::TooDeep);
}

#[test]
fn a_message_names_the_place_and_what_to_do() {
    let cases = [
        (
            r#"{"dimensions": {"width": 1, "width": 1}}"#,
            "`dimensions.width` is there twice; send each name once",
        ),
        (
            r#"{"a.b": [0, 1e1234567890]}"#,
            "the number `[\"a.b\"][1]` has an exponent of more than nine digits; send a smaller one",
        ),
        (
            r#"{"images": [{"url": "x}]"#,
            "not JSON in `images[0].url` (line 1, column 24): EOF while parsing a string",
        ),
        ("", "not JSON (line 1, column 0): EOF while parsing a value"),
    ];
    for (json, message) in cases {
        assert_eq!(refused(json.as_bytes()).1, message);
    }
}

#[test]
fn a_message_never_holds_a_value() {
    for json in [
        r#"{"secret": "hunter2"#,
        r#"{"secret": "hunter2", "secret": 1}"#,
        r#"{"secret": hunter2}"#,
    ] {
        assert!(!refused(json.as_bytes()).1.contains("hunter2"), "{json}");
    }
}

#[test]
fn a_million_digits_are_read_exactly_and_quickly() {
    let digits = "7".repeat(1_000_000);
    let mut other = digits.clone();
    other.replace_range(500_000..=500_000, "8");
    assert_ne!(read(&digits), read(&other));
    assert_ne!(read(&format!("0.{digits}")), read(&format!("0.{other}")));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(json: Vec<u8>) {
        drop(Document::from_json(&json));
    }

    #[test]
    fn nearly_valid_json_is_read_or_refused(json in r#"[\[\]{}",:0-9eE+\-.tfnul\\ a]{0,40}"#) {
        if let Ok(document) = Document::from_json(json.as_bytes()) {
            let reference: serde_json::Value = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(matches!(document, Document::Null), reference.is_null());
        }
    }

    #[test]
    fn text_survives_as_it_is(text: String) {
        let json = serde_json::to_string(&text).unwrap();
        prop_assert_eq!(read(&json), Document::from(text));
    }

    #[test]
    fn a_float_that_was_written_as_json_is_the_float(bits: u64) {
        let value = f64::from_bits(bits);
        prop_assume!(value.is_finite());
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(read(&json), Document::from(value));
    }
}
