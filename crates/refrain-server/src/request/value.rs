//! One value of a request: its digits, its size, and its name in a message.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use refrain::key::Document;

/// The digits of a number.
pub(crate) fn digits(value: &Document) -> Option<Cow<'_, str>> {
    match value {
        Document::Integer(integer) => Some(integer.to_string().into()),
        // Told from a whole number by its fraction.
        Document::Float(float) => Some(format!("{:?}", float.get()).into()),
        Document::Decimal(decimal) => Some(decimal.as_str().into()),
        _ => None,
    }
}

/// The digits of a number that a form gives as text.
///
/// What `f64` would parse beyond JSON, such as `inf` or `.5`, is no number here either.
pub(crate) fn digits_of_text(text: &str) -> Option<&str> {
    let json = serde_json::from_str::<serde_json::Number>(text).is_ok();
    json.then_some(text)
}

/// Bytes of text and files in a value: what there is to decode and digest.
pub(crate) fn data_bytes(value: &Document) -> usize {
    match value {
        Document::Text(text) => text.len(),
        Document::Bytes(bytes) => bytes.len(),
        Document::List(values) => values.iter().map(data_bytes).sum(),
        Document::Map(fields) => fields.iter().map(|(_, value)| data_bytes(value)).sum(),
        _ => 0,
    }
}

/// The value as messages name it. Long text is not repeated.
pub(crate) fn described(value: &Document) -> String {
    match value {
        Document::Null => "null".to_owned(),
        Document::Bool(boolean) => boolean.to_string(),
        Document::Text(text) if text.len() <= 40 => format!("{text:?}"),
        Document::Text(_) => "a long text".to_owned(),
        Document::List(_) => "a list".to_owned(),
        Document::Map(_) => "an object".to_owned(),
        Document::Bytes(_) => "a file".to_owned(),
        other => digits(other).map_or_else(
            || "a value of another kind".to_owned(),
            |digits| shortened(&digits),
        ),
    }
}

/// The bytes behind base64 text: standard alphabet, padded, no line breaks.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, &'static str> {
    let payload = match text.strip_prefix("data:") {
        None => text,
        Some(uri) => {
            let (head, payload) = uri
                .split_once(',')
                .ok_or("is a data URI without a comma before its data")?;
            let is_base64 = head
                .rsplit(';')
                .next()
                .is_some_and(|last| last.trim().eq_ignore_ascii_case("base64"));
            if !is_base64 {
                return Err("must be a data URI in base64: data:image/png;base64,…");
            }
            payload
        }
    };
    STANDARD
        .decode(payload)
        .map_err(|_| "is not valid base64: use the standard alphabet, padded, without line breaks")
}

/// A name from a request, cut off so that it cannot fill logs and answers.
pub(crate) fn shortened(name: &str) -> String {
    const LONGEST: usize = 100;
    match name.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}
