//! Documents made up by proptest, with many that nearly coincide.

use proptest::prelude::*;
use refrain::key::{Document, Float, Map, Media, Set, Tagged};

/// Any document of a few levels.
pub(crate) fn document() -> impl Strategy<Value = Document> {
    leaf().prop_recursive(4, 32, 4, |inner| {
        let items = prop::collection::vec(inner.clone(), 0..4);
        let named = prop::collection::vec((name(), inner.clone()), 0..4);
        let keyed = prop::collection::vec((inner.clone(), inner.clone()), 0..4);
        prop_oneof![
            items.clone().prop_map(Document::List),
            items.clone().prop_map(Document::Tuple),
            items.prop_map(|items| Document::from(Set::from_iter(items))),
            named.prop_map(|fields| Document::from(Map::from_iter(fields))),
            keyed.prop_map(mapping),
            (name(), prop::option::of(name()), inner).prop_map(|(type_name, variant, content)| {
                Document::from(Tagged {
                    type_name,
                    variant,
                    content,
                })
            }),
        ]
    })
}

/// A document that holds nothing else. Few values of each type, so that two of them are often equal or nearly so.
pub(crate) fn leaf() -> impl Strategy<Value = Document> {
    prop_oneof![
        Just(Document::Null),
        any::<bool>().prop_map(Document::from),
        (-2_i64..3).prop_map(Document::from),
        any::<i128>().prop_map(Document::from),
        prop::sample::select(&["-0", "18446744073709551616", "1e400", "0.10000000000000001"][..])
            .prop_map(|number| Document::from_json(number.as_bytes()).unwrap()),
        prop::sample::select(&[0.0, -0.0, 1.0, -1.0, 0.1, f64::NAN, f64::INFINITY][..])
            .prop_map(Document::from),
        any::<u64>().prop_map(|bits| Document::Float(Float::new(f64::from_bits(bits)))),
        name().prop_map(Document::from),
        ".{0,8}".prop_map(Document::from),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| Document::Bytes(bytes.into())),
        name().prop_map(|text| Document::Bytes(text.into_bytes().into())),
        name().prop_map(|text| Media::of(text.as_bytes()).into()),
    ]
}

/// Few and short names, which contain what might be taken for a frame.
pub(crate) fn name() -> impl Strategy<Value = String> {
    prop::sample::select(
        &[
            "", "a", "b", "ab", "aa", "1", "true", "null", "a.b", "\0", "é", "e\u{301}",
        ][..],
    )
    .prop_map(str::to_owned)
}

/// A mapping of these entries; of several with one key, the first stays.
fn mapping(entries: Vec<(Document, Document)>) -> Document {
    let mut kept: Vec<(Document, Document)> = Vec::new();
    for (key, value) in entries {
        if kept.iter().all(|(other, _)| *other != key) {
            kept.push((key, value));
        }
    }
    Document::mapping(kept).unwrap()
}
