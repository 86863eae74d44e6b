//! One value of a request, from JSON or from a form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A value in a request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    /// As it was written: a number of JSON.
    Number(String),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
    /// Text of a form, whose type is whatever the field should be.
    Form(String),
    /// A file of a form.
    File(Vec<u8>),
}

impl Value {
    /// The digits of a number.
    pub(crate) fn number(&self) -> Option<&str> {
        match self {
            Self::Number(digits) => Some(digits),
            // What `f64` would parse beyond JSON, such as `inf` or `.5`, is no number here either.
            Self::Form(text) => {
                let json = serde_json::from_str::<serde_json::Number>(text).is_ok();
                json.then_some(text.as_str())
            }
            _ => None,
        }
    }

    /// Bytes of text and files in it.
    pub(crate) fn data_bytes(&self) -> usize {
        match self {
            Self::Null | Self::Boolean(_) => 0,
            Self::Number(text) | Self::Text(text) | Self::Form(text) => text.len(),
            Self::File(bytes) => bytes.len(),
            Self::List(values) => values.iter().map(Self::data_bytes).sum(),
            Self::Object(values) => values.iter().map(|(_, value)| value.data_bytes()).sum(),
        }
    }

    /// The value as messages name it. Long text is not repeated.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Number(digits) => shortened(digits),
            Self::Text(text) | Self::Form(text) if text.len() <= 40 => format!("{text:?}"),
            Self::Text(_) | Self::Form(_) => "a long text".to_owned(),
            Self::List(_) => "a list".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::File(_) => "a file".to_owned(),
        }
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
