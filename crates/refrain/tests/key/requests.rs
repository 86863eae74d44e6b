//! What goes into the key of a request, and what keeps it from having one.

use std::cell::Cell;
use std::iter;

use proptest::prelude::*;
use refrain::key::{
    Document, Encoded, IgnoreList, Key, KeyBuilder, KeyEncoder, Keyable, MAX_DEPTH, Unkeyable,
    UnkeyableReason,
};

use crate::strategies::{document, name};

fn request<'a>() -> KeyBuilder<'a> {
    Key::builder().generator("relief", "1")
}

fn body(json: &str) -> Document {
    Document::from_json(json.as_bytes()).unwrap()
}

fn ignoring(pointers: &[&str]) -> IgnoreList {
    IgnoreList::parse(pointers).unwrap()
}

#[test]
fn namespace_generator_and_fingerprint_are_framed() {
    let names = ["", "a", "b", "ab", "aa"];
    let mut keys = std::collections::HashSet::new();
    for namespace in names {
        for generator in names {
            for fingerprint in names {
                let request = Key::builder().namespace(namespace);
                keys.insert(request.generator(generator, fingerprint).build().unwrap());
            }
        }
    }
    assert_eq!(keys.len(), 125);
}

#[test]
fn a_request_without_a_generator_has_no_key() {
    let unkeyable = Key::builder().namespace("a").build().unwrap_err();
    assert_eq!(unkeyable.part(), "generator");
    assert_eq!(unkeyable.reason(), &UnkeyableReason::Missing);
}

#[test]
fn two_parts_of_one_name_have_no_key() {
    let unkeyable = request().part("a", &1).part("b", &1).part("a", &1).build();
    let unkeyable = unkeyable.unwrap_err();
    assert_eq!(unkeyable.part(), "a");
    assert_eq!(unkeyable.reason(), &UnkeyableReason::Repeated);
}

#[test]
fn a_value_that_contains_itself_without_end_has_no_key() {
    struct Endless;

    impl Keyable for Endless {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.tagged("Endless", &Endless)
        }
    }

    let unkeyable = request().part("a", &Endless).build().unwrap_err();
    assert_eq!(unkeyable.part(), "a");
    assert_eq!(unkeyable.reason(), &UnkeyableReason::TooDeep);
}

#[test]
fn a_part_may_be_nested_as_deep_as_json_may() {
    let nested = |levels: usize| body(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
    let mut deep = nested(MAX_DEPTH);
    assert!(request().part("a", &deep).build().is_ok());

    deep = Document::List(vec![deep]);
    let unkeyable = request().part("a", &deep).build().unwrap_err();
    assert!(unkeyable.part().starts_with("a[0][0]"));
    assert_eq!(unkeyable.reason(), &UnkeyableReason::TooDeep);
    // In an error message, a path of a hundred steps is of no help.
    assert!(unkeyable.to_string().len() < 350);
}

#[test]
fn an_iterator_that_miscounts_has_no_key() {
    struct Liar(usize);

    struct Items(usize);

    impl Iterator for Items {
        type Item = u8;

        fn next(&mut self) -> Option<u8> {
            self.0 = self.0.checked_sub(1)?;
            Some(0)
        }

        fn size_hint(&self) -> (usize, Option<usize>) {
            (2, Some(2))
        }
    }

    impl ExactSizeIterator for Items {}

    impl Keyable for Liar {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.list(Items(self.0))
        }
    }

    assert!(request().part("a", &Liar(2)).build().is_ok());
    for count in [0, 1, 3] {
        let unkeyable = request().part("a", &Liar(count)).build().unwrap_err();
        assert!(matches!(unkeyable.reason(), UnkeyableReason::Other(_)));
    }
}

#[test]
fn elements_and_keys_that_are_keyed_as_the_same_have_no_key() {
    struct Twice;

    impl Keyable for Twice {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.mapping([(1_u8, "a"), (1, "b")])
        }
    }

    let unkeyable = request().part("a", &Twice).build().unwrap_err();
    assert_eq!(unkeyable.reason(), &UnkeyableReason::Repeated);
}

#[test]
fn two_fields_of_one_name_have_no_key() {
    struct Fields;

    impl Keyable for Fields {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.record("Fields", &[("b", &1), ("a", &2), ("b", &3)])
        }
    }

    let unkeyable = request().part("a", &Fields).build().unwrap_err();
    assert_eq!(unkeyable.part(), "a.b");
}

#[test]
fn the_reason_of_an_implementation_is_kept_with_its_place() {
    struct Handle;

    impl Keyable for Handle {
        fn encode_key(&self, _: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            Err(Unkeyable::new(
                "it is open on this machine only; pass its path",
            ))
        }
    }

    let value = std::collections::BTreeMap::from([("files", (1, Some(vec![Handle])))]);
    let unkeyable = request().part("args", &value).build().unwrap_err();
    assert_eq!(
        unkeyable.to_string(),
        "`args.files[1][0]` cannot be part of a key: it is open on this machine only; pass its path"
    );
}

#[test]
fn every_part_is_asked_once() {
    struct Counted(Cell<u32>);

    impl Keyable for Counted {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            self.0.set(self.0.get() + 1);
            encoder.null()
        }
    }

    let part = Counted(Cell::new(0));
    request().part("a", &part).build().unwrap();
    assert_eq!(part.0.get(), 1);
}

#[test]
fn an_unknown_field_counts() {
    let plain = body(r#"{"seed": 1}"#);
    let more = body(r#"{"seed": 1, "unheard_of": null}"#);
    assert_ne!(
        request().part("body", &plain).build(),
        request().part("body", &more).build()
    );
}

#[test]
fn only_what_is_named_is_ignored() {
    let ignored = ignoring(&["/body/meta/id", "/body/data/1", "/trace"]);
    let key = |json: &str| {
        let body = body(json);
        request()
            .part("body", &body)
            .ignoring(&ignored)
            .build()
            .unwrap()
    };
    let base = key(r#"{"meta": {"id": 1, "user": "u"}, "data": [1, 2, 3], "id": 5}"#);
    for same in [
        r#"{"meta": {"user": "u"}, "data": [1, 2, 3], "id": 5}"#,
        r#"{"meta": {"id": {"id": 7}, "user": "u"}, "data": [1, null, 3], "id": 5}"#,
    ] {
        assert_eq!(key(same), base, "{same}");
    }
    for different in [
        r#"{"meta": {"id": 1, "user": "v"}, "data": [1, 2, 3], "id": 5}"#,
        r#"{"meta": {"id": 1, "user": "u"}, "data": [1, 2, 4], "id": 5}"#,
        r#"{"meta": {"id": 1, "user": "u"}, "data": [1, 2, 3], "id": 6}"#,
        r#"{"meta": {"id": 1, "user": "u"}, "data": [1, 2, 3]}"#,
        r#"{"meta": {"id": 1, "user": "u"}, "data": [1, [2], 3, 4], "id": 5}"#,
        r#"{"meta": [{"id": 1, "user": "u"}], "data": [1, 2, 3], "id": 5}"#,
        r#"{"data": [1, 2, 3], "id": 5}"#,
    ] {
        assert_ne!(key(different), base, "{different}");
    }
}

#[test]
fn fields_of_rust_values_can_be_ignored_as_well() {
    struct Call {
        seed: u64,
        trace: u64,
    }

    impl Keyable for Call {
        fn encode_key(&self, encoder: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            encoder.record("Call", &[("seed", &self.seed), ("trace", &self.trace)])
        }
    }

    let ignored = ignoring(&["/call/trace", "/more/0/x"]);
    let key = |seed, trace, x| {
        let call = Call { seed, trace };
        let more = (std::collections::HashMap::from([("x", x)]), 1);
        let request = request().part("call", &call).part("more", &more);
        request.ignoring(&ignored).build().unwrap()
    };
    assert_eq!(key(1, 2, 3), key(1, 20, 30));
    assert_ne!(key(1, 2, 3), key(2, 2, 3));
}

#[test]
fn an_ignored_part_need_not_be_keyable() {
    struct Never;

    impl Keyable for Never {
        fn encode_key(&self, _: KeyEncoder<'_>) -> Result<Encoded, Unkeyable> {
            Err(Unkeyable::new("it never can"))
        }
    }

    let ignored = ignoring(&["/never"]);
    let with = request().part("never", &Never).ignoring(&ignored).build();
    assert_eq!(with, request().build());
    assert!(request().part("never", &Never).build().is_err());
}

#[test]
fn debug_output_shows_no_values() {
    let secret = "hunter2";
    let shown = format!(
        "{:?}",
        request().namespace("tenant").part("password", &secret)
    );
    assert!(shown.contains("password") && !shown.contains("hunter2"));
}

proptest! {
    #[test]
    fn the_digest_is_taken_over_the_canonical_form(
        namespace in name(),
        fingerprint in name(),
        parts in prop::collection::btree_map(name(), document(), 0..4),
    ) {
        let parts: Vec<_> = parts.into_iter().collect();
        let request = || {
            let mut request = Key::builder().namespace(&namespace).generator("g", &fingerprint);
            for (name, part) in &parts {
                request = request.part(name, part);
            }
            request
        };
        let digest = blake3::hash(&request().canonical_form().unwrap());
        let key = request().build().unwrap();
        prop_assert_eq!(key.as_bytes(), digest.as_bytes());
    }

    #[test]
    fn ignoring_is_the_same_as_leaving_out(
        kept in prop::collection::btree_map("[a-c]{1,2}", document(), 0..4),
        extra in document(),
    ) {
        let ignored = ignoring(&["/body/dropped"]);
        let without: refrain::key::Map = kept.into_iter().collect();
        let mut with = without.clone();
        with.insert("dropped", extra);
        let key = |map: refrain::key::Map| {
            let body = Document::from(map);
            request().part("body", &body).ignoring(&ignored).build().unwrap()
        };
        prop_assert_eq!(key(with), key(without));
    }

    #[test]
    fn a_field_that_moves_to_its_neighbour_is_another_request(
        left in prop::collection::vec(document(), 0..4),
        right in prop::collection::vec(document(), 1..4),
    ) {
        let key = |a: &[Document], b: &[Document]| request().part("a", &a).part("b", &b).build().unwrap();
        let (first, rest) = right.split_first().unwrap();
        let moved: Vec<_> = left.iter().chain(iter::once(first)).cloned().collect();
        prop_assert_ne!(key(&left, &right), key(&moved, rest));
    }
}
