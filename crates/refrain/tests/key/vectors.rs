//! The vectors that are published in `docs/key-vectors.json`.

use std::fmt::Write as _;

use refrain::Key;
use refrain::key::{Document, IgnoreList, Integer, Map, Media, Set, Tagged, canonical_form};
use serde_json::Value;

fn vectors(section: &str) -> Vec<Value> {
    let text = include_str!("../../../../docs/key-vectors.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    vectors[section].as_array().unwrap().clone()
}

fn text<'a>(vector: &'a Value, member: &str) -> &'a str {
    vector[member].as_str().unwrap()
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::new();
    for byte in bytes {
        write!(digits, "{byte:02x}").unwrap();
    }
    digits
}

fn from_hexadecimal(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The document that a typed value of the vectors describes.
fn document(value: &Value) -> Document {
    let (kind, content) = value.as_object().unwrap().iter().next().unwrap();
    let string = || content.as_str().unwrap();
    let items = || content.as_array().unwrap().iter();
    let pairs = || items().map(|pair| (&pair[0], &pair[1]));
    let tagged = |variant: Option<&str>| Tagged {
        type_name: text(content, "type").to_owned(),
        variant: variant.map(str::to_owned),
        content: document(&content["content"]),
    };
    match kind.as_str() {
        "null" => Document::Null,
        "bool" => content.as_bool().unwrap().into(),
        "integer" => string().parse::<Integer>().unwrap().into(),
        "float" => f64::from_bits(u64::from_str_radix(string(), 16).unwrap()).into(),
        "text" => string().into(),
        "bytes" => Document::Bytes(from_hexadecimal(string()).into()),
        "media" => Media::of(&from_hexadecimal(text(content, "content"))).into(),
        "list" => Document::List(items().map(document).collect()),
        "tuple" => Document::Tuple(items().map(document).collect()),
        "set" => items().map(document).collect::<Set>().into(),
        "map" => {
            let fields = pairs().map(|(name, value)| (name.as_str().unwrap(), document(value)));
            fields.collect::<Map>().into()
        }
        "table" => {
            Document::mapping(pairs().map(|(key, value)| (document(key), document(value)))).unwrap()
        }
        "tagged" => tagged(None).into(),
        "variant" => tagged(Some(text(content, "variant"))).into(),
        "json" => Document::from_json(string().as_bytes()).unwrap(),
        other => panic!("unknown type {other}"),
    }
}

#[test]
fn values_have_the_published_form_and_key() {
    let vectors = vectors("values");
    assert!(vectors.len() >= 60);
    for vector in vectors {
        let name = text(&vector, "name");
        let value = document(&vector["value"]);
        let form = canonical_form(&value).unwrap();
        assert_eq!(hexadecimal(&form), text(&vector, "canonical"), "{name}");

        let request = Key::builder().generator("vectors", "1");
        let key = request.part("value", &value).build().unwrap();
        assert_eq!(key.to_string(), text(&vector, "key"), "{name}");
    }
}

#[test]
fn requests_have_the_published_form_and_key() {
    for vector in vectors("requests") {
        let name = text(&vector, "name");
        let parts = vector["parts"].as_object().unwrap();
        let parts: Map = parts
            .iter()
            .map(|(name, part)| (name.as_str(), document(part)))
            .collect();
        let ignored = vector["ignored"].as_array().unwrap();
        let ignored = IgnoreList::parse(ignored.iter().map(|pointer| pointer.as_str().unwrap()));
        let ignored = ignored.unwrap();
        let request = Key::builder()
            .namespace(text(&vector, "namespace"))
            .generator(text(&vector, "generator"), text(&vector, "fingerprint"))
            .parts(&parts)
            .ignoring(&ignored);
        let form = request.clone().canonical_form().unwrap();
        assert_eq!(hexadecimal(&form), text(&vector, "canonical"), "{name}");
        assert_eq!(
            request.build().unwrap().to_string(),
            text(&vector, "key"),
            "{name}"
        );
    }
}

#[test]
fn refused_texts_are_refused_at_the_published_place() {
    for vector in vectors("refused") {
        let name = text(&vector, "name");
        let error = Document::from_json(text(&vector, "json").as_bytes()).unwrap_err();
        assert_eq!(error.path(), text(&vector, "path"), "{name}: {error}");
    }
}

#[test]
fn the_examples_of_the_description_are_right() {
    let page = include_str!("../../../../docs/key-format.md");
    let (_, examples) = page.split_once("\n## Examples\n").unwrap();
    let mut rows = 0;
    for row in examples.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = row.split('`');
        let (json, expected) = (cells.nth(1).unwrap(), cells.nth(1).unwrap());
        let form = canonical_form(&Document::from_json(json.as_bytes()).unwrap()).unwrap();
        assert_eq!(hexadecimal(&form), expected.replace(' ', ""), "{json}");
        rows += 1;
    }
    assert!(rows >= 10);

    let body = Document::from_json(br#"{"seed": 7, "format": "stl"}"#).unwrap();
    let request = Key::builder()
        .namespace("tenant-a")
        .generator("relief", "1")
        .part("body", &body);
    let mut blocks = examples.split("```").skip(1).step_by(2);
    let form: String = blocks
        .next()
        .unwrap()
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once("   "))
        .map(|(digits, _)| digits.replace(' ', ""))
        .collect();
    let expected = request.clone().canonical_form().unwrap();
    assert_eq!(form, hexadecimal(&expected));
    assert!(examples.contains(&format!("digest of these {} bytes", expected.len())));
    assert_eq!(
        blocks.next().unwrap().trim_start_matches("text").trim(),
        request.build().unwrap().to_string()
    );
}
