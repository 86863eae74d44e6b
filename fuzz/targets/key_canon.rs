//! Two documents have one canonical form if and only if they are equal, and each reads back from its form.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use refrain::key::{Document, Map, Media, Set, Tagged, canonical_form};

#[path = "../../crates/refrain/tests/key/decoder.rs"]
mod decoder;

/// What a document is made from.
#[derive(Arbitrary, Debug)]
enum Plan {
    Null,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Number { digits: u64, exponent: i16 },
    Text(String),
    Bytes(Vec<u8>),
    Media([u8; 2]),
    List(Vec<Plan>),
    Tuple(Vec<Plan>),
    Set(Vec<Plan>),
    Map(Vec<(String, Plan)>),
    Table(Vec<(Plan, Plan)>),
    Tagged(String, Option<String>, Box<Plan>),
}

impl Plan {
    fn document(&self) -> Document {
        let all = |plans: &[Plan]| plans.iter().map(Plan::document).collect();
        match self {
            Self::Null => Document::Null,
            Self::Bool(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::Number { digits, exponent } => {
                let json = format!("{digits}.0e{exponent}");
                Document::from_json(json.as_bytes()).expect("a number is JSON")
            }
            Self::Text(text) => text.as_str().into(),
            Self::Bytes(bytes) => Document::Bytes(bytes.clone().into()),
            Self::Media(bytes) => Media::of(bytes).into(),
            Self::List(items) => Document::List(all(items)),
            Self::Tuple(items) => Document::Tuple(all(items)),
            Self::Set(items) => items.iter().map(Plan::document).collect::<Set>().into(),
            Self::Map(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, plan)| (name.as_str(), plan.document()));
                fields.collect::<Map>().into()
            }
            Self::Table(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (key.document(), value.document()));
                Document::mapping(entries).unwrap_or_default()
            }
            Self::Tagged(type_name, variant, content) => Tagged {
                type_name: type_name.clone(),
                variant: variant.clone(),
                content: content.document(),
            }
            .into(),
        }
    }
}

fuzz_target!(|plans: (Plan, Plan)| {
    let documents = (plans.0.document(), plans.1.document());
    // Deeper than a key may be: no form.
    let (Ok(left), Ok(right)) = (canonical_form(&documents.0), canonical_form(&documents.1)) else {
        return;
    };
    assert_eq!(left == right, documents.0 == documents.1);
    assert_eq!(decoder::decode(&left), documents.0);
    assert_eq!(decoder::decode(&right), documents.1);
    assert!(left == right || !left.starts_with(&right));
});
