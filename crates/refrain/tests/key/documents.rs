//! Equal documents have equal forms, and only they.

use proptest::prelude::*;
use refrain::Key;
use refrain::key::{Document, Map, Media, Set, Tagged, canonical_form};

use crate::decoder::decode;
use crate::strategies::{document, leaf, name};

fn form(document: &Document) -> Vec<u8> {
    canonical_form(document).unwrap()
}

fn key(document: &Document) -> Key {
    let request = Key::builder().generator("g", "1");
    request.part("body", document).build().unwrap()
}

/// Every document that comes of changing one leaf, or the name of one field or type, by as little as possible.
fn mutations(document: &Document) -> Vec<Document> {
    let each = |items: &[Document], rebuild: fn(Vec<Document>) -> Document| {
        let mut changed = Vec::new();
        for (place, item) in items.iter().enumerate() {
            for mutation in mutations(item) {
                let mut items = items.to_vec();
                items[place] = mutation;
                changed.push(rebuild(items));
            }
        }
        changed
    };
    match document {
        Document::List(items) => each(items, Document::List),
        Document::Tuple(items) => each(items, Document::Tuple),
        Document::Map(map) => {
            let mut changed = Vec::new();
            for (name, value) in map.iter() {
                for mutation in mutations(value) {
                    let mut map = map.clone();
                    map.insert(name, mutation);
                    changed.push(map.into());
                }
                let mut renamed = map.clone();
                let value = renamed.remove(name).unwrap();
                renamed.insert(format!("{name} "), value);
                changed.push(renamed.into());
            }
            changed
        }
        Document::Tagged(tagged) => {
            let renamed = Tagged {
                type_name: format!("{}'", tagged.type_name),
                ..(**tagged).clone()
            };
            let mut changed = vec![renamed.into()];
            for content in mutations(&tagged.content) {
                let tagged = Tagged {
                    content,
                    ..(**tagged).clone()
                };
                changed.push(tagged.into());
            }
            changed
        }
        Document::Null => vec![Document::Bool(false), Document::Map(Map::new())],
        Document::Bool(value) => vec![Document::Bool(!value), Document::from(i32::from(*value))],
        Document::Integer(integer) => {
            let text = integer.to_string();
            let next = integer.to_i128().and_then(|value| value.checked_add(1));
            vec![text.into(), next.map_or(Document::Null, Document::from)]
        }
        Document::Float(float) => {
            let next = float.get().to_bits() ^ 1;
            vec![
                Document::from(f64::from_bits(next)),
                Document::from(-float.get()),
            ]
        }
        Document::Text(text) => vec![
            Document::Text(format!("{text}\0")),
            Document::Bytes(text.clone().into()),
        ],
        Document::Bytes(bytes) => {
            let mut longer = bytes.to_vec();
            longer.push(0);
            vec![Document::Bytes(longer.into()), Media::of(bytes).into()]
        }
        Document::Media(media) => {
            let mut digest = *media.digest();
            digest[31] ^= 1;
            vec![Media::from_digest(digest).into()]
        }
        // Sets and tables are changed as a whole.
        other => vec![Document::List(vec![other.clone()]), Document::Null],
    }
}

/// Documents of the same bytes or words, put together differently.
fn near_collisions() -> Vec<Document> {
    let json = [
        r#"{"a": "b", "c": "d"}"#,
        r#"{"a": "bc", "": "d"}"#,
        r#"{"a": "d", "c": "b"}"#,
        r#"{"ab": "", "c": "d"}"#,
        r#"{"a": {"b": 1}, "c": 2}"#,
        r#"{"a": {"b": 1, "c": 2}}"#,
        r#"{"a.b": 1, "c": 2}"#,
        r#"{"a": null}"#,
        r#"{"a": ""}"#,
        r#"{"a": []}"#,
        r#"{"a": {}}"#,
        r#"{"a": [[]]}"#,
        r#"{"a": 0}"#,
        r#"{"a": false}"#,
        "{}",
        "[]",
        "[[]]",
        "[[], []]",
        "[[[]]]",
        "[null]",
        "[{}]",
        "null",
        "0",
        "-0",
        "0.0",
        "-0.0",
        "\"\"",
        "\"0\"",
        "\"null\"",
        "\"{}\"",
        "1",
        "1.0",
        "\"1\"",
        "\"1.0\"",
        "true",
        "\"true\"",
        "[1, 2]",
        "[12]",
        "[[1], 2]",
        "[1, [2]]",
        "[[1, 2]]",
        "{\"1\": 2}",
        r#"["1", 2]"#,
        r#"[["1", 2]]"#,
        r#"["ab", "c"]"#,
        r#"["a", "bc"]"#,
        r#"["abc"]"#,
        r#"["a", "b", "c"]"#,
        "9007199254740992",
        "9007199254740993",
        "9007199254740992.0",
        "9007199254740993.0",
        "1e400",
        "1e401",
        "\"\\u00e9\"",
        "\"e\\u0301\"",
    ];
    let mut documents: Vec<_> = json
        .iter()
        .map(|json| Document::from_json(json.as_bytes()).unwrap())
        .collect();
    let one_two = || vec![Document::from(1), Document::from(2)];
    let tagged = |type_name: &str, variant: Option<&str>, content| {
        Document::from(Tagged {
            type_name: type_name.to_owned(),
            variant: variant.map(str::to_owned),
            content,
        })
    };
    documents.extend([
        Document::Bytes(bytes::Bytes::new()),
        Document::Bytes("1".into()),
        Document::Bytes("true".into()),
        Document::Bytes("abc".into()),
        Media::of(b"").into(),
        Media::of(b"abc").into(),
        Document::Bytes(Media::of(b"abc").digest().to_vec().into()),
        Document::Tuple(vec![]),
        Document::Tuple(one_two()),
        Document::from(Set::default()),
        Document::from(Set::from_iter(one_two())),
        Document::mapping([(1.into(), 2.into())]).unwrap(),
        Document::mapping([(1.0.into(), 2.into())]).unwrap(),
        Document::mapping([("1".into(), 2.into()), (1.into(), 2.into())]).unwrap(),
        tagged("a", None, Document::Null),
        tagged("a", None, "b".into()),
        tagged("a", Some("b"), Document::Null),
        tagged("ab", None, Document::Null),
        tagged("", Some("ab"), Document::Null),
        tagged("ab", Some(""), Document::Null),
        tagged("a", None, tagged("b", None, Document::Null)),
    ]);
    documents
}

#[test]
fn documents_that_nearly_coincide_have_forms_of_their_own() {
    let documents = near_collisions();
    for (place, left) in documents.iter().enumerate() {
        for right in &documents[place + 1..] {
            assert_ne!(left, right);
            let (left_form, right_form) = (form(left), form(right));
            assert!(
                !left_form.starts_with(&right_form),
                "{left:?} and {right:?}"
            );
            assert!(
                !right_form.starts_with(&left_form),
                "{left:?} and {right:?}"
            );
            assert_ne!(key(left), key(right));
        }
    }
}

#[test]
fn every_document_that_nearly_coincides_reads_back_from_its_form() {
    for document in near_collisions() {
        assert_eq!(decode(&form(&document)), document);
    }
}

#[test]
fn a_container_without_an_order_forgets_in_which_order_it_was_filled() {
    let items = || vec![Document::from(10), "b".into(), Document::Null, 9.into()];
    let reversed = || items().into_iter().rev();
    assert_eq!(Set::from_iter(items()), reversed().collect());

    let pairs = || items().into_iter().map(|item| (item.clone(), item));
    assert_eq!(Document::mapping(pairs()), Document::mapping(pairs().rev()));
}

#[test]
fn a_pointer_reaches_every_kind_of_container_that_has_places() {
    let tagged = Tagged {
        type_name: "Call".into(),
        variant: None,
        content: Document::from_json(br#"{"sizes": [1, {"a": 2}]}"#).unwrap(),
    };
    let mut document = Document::Tuple(vec![Document::Null, tagged.into()]);
    let place = "/1/sizes/1/a".parse().unwrap();
    assert_eq!(document.get(&place), Some(&2.into()));
    *document.get_mut(&place).unwrap() = 3.into();
    assert_eq!(document.get(&place), Some(&3.into()));
    for absent in ["/2", "/01", "/1/sizes/-", "/1/sizes/1/a/b", "/0/x"] {
        assert_eq!(document.get(&absent.parse().unwrap()), None, "{absent}");
    }
}

proptest! {
    #[test]
    fn every_document_reads_back_from_its_form(document in document()) {
        prop_assert_eq!(decode(&form(&document)), document);
    }

    #[test]
    fn two_documents_have_one_form_only_if_they_are_equal(left in document(), right in document()) {
        prop_assert_eq!(form(&left) == form(&right), left == right);
    }

    #[test]
    fn two_leaves_have_one_form_only_if_they_are_equal(left in leaf(), right in leaf()) {
        prop_assert_eq!(form(&left) == form(&right), left == right);
    }

    #[test]
    fn no_form_is_the_beginning_of_another(left in document(), right in document()) {
        let (left, right) = (form(&left), form(&right));
        prop_assert!(left == right || !left.starts_with(&right));
    }

    #[test]
    fn a_change_of_any_leaf_changes_the_key(document in document()) {
        let key_before = key(&document);
        for mutation in mutations(&document) {
            prop_assert_eq!(key(&mutation) == key_before, mutation == document, "{:?}", mutation);
        }
    }

    #[test]
    fn the_order_of_fields_makes_no_difference(
        fields in prop::collection::btree_map(name(), leaf(), 0..6),
        seed: u64,
    ) {
        let sorted: Vec<_> = fields.into_iter().collect();
        let mut shuffled = sorted.clone();
        shuffled.sort_by_key(|(name, _)| blake3::hash(format!("{seed}{name}").as_bytes()).to_hex());
        let map = |fields: &[(String, Document)]| Document::from(Map::from_iter(fields.to_vec()));
        prop_assert_eq!(key(&map(&sorted)), key(&map(&shuffled)));
    }

    #[test]
    fn a_value_in_the_neighbouring_field_is_another_request(left in leaf(), right in leaf()) {
        let pair = |a: &Document, b: &Document| {
            Document::from(Map::from_iter([("a", a.clone()), ("b", b.clone())]))
        };
        prop_assert_eq!(key(&pair(&left, &right)) == key(&pair(&right, &left)), left == right);
    }
}
