//! Whatever bytes come: JSON is read or refused, and what was read is told apart by its form.
#![no_main]

use libfuzzer_sys::fuzz_target;
use refrain::key::{Document, Media, canonical_form};

#[path = "../../crates/refrain/tests/key/decoder.rs"]
mod decoder;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(document) = Document::from_json(bytes) {
        let form = canonical_form(&document).expect("what JSON may nest, a key may");
        assert_eq!(decoder::decode(&form), document);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _refused_or_read = Media::from_base64(text);
    }
    // Two texts in one input: their forms are equal only if the documents are.
    let halves = bytes.split_at(bytes.len() / 2);
    if let (Ok(left), Ok(right)) = (Document::from_json(halves.0), Document::from_json(halves.1)) {
        assert_eq!(
            canonical_form(&left) == canonical_form(&right),
            left == right
        );
    }
});
