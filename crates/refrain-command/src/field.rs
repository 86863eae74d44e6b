//! The schema of a request: which fields it may have, of which type and range, and what is taken where one is left out.

use refrain::key::{Document, Media};
use refrain_route::language::{Node, Section, Value as Toml};
use refrain_route::{MediaKind, Validator};
use regex::Regex;

use crate::Number;
use crate::run::Input;

/// Characters that a text may have where the declaration does not say.
const MOST_CHARACTERS: u64 = 10_000;

/// Bytes that a file may have where the declaration does not say.
const MOST_BYTES: u64 = 50 << 20;

/// One field of a request.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: FieldKind,
    /// What is taken where the request leaves it out; `None`: it must be there.
    pub(crate) default: Option<Value>,
}

/// What a field may be.
#[derive(Debug, Clone)]
pub(crate) enum FieldKind {
    /// A number from the first to the second; both are allowed.
    Number {
        least: Number,
        most: Number,
        is_whole: bool,
    },
    Switch,
    Choice(Vec<String>),
    Text {
        most_characters: u64,
        matches: Option<Regex>,
    },
    File {
        most_bytes: u64,
        media_type: Option<String>,
    },
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(Number),
    Switch(bool),
    Text(String),
    File { bytes: Input, digest: Media },
}

/// A request while its fields are read, in whatever form they came.
///
/// Each method takes the field out; [`finish`](Self::finish) refuses what was not asked for.
pub trait Fields: Sized {
    /// Refuses a request and names the field.
    type Error;

    /// The bytes of a file, if it is there.
    ///
    /// # Errors
    ///
    /// When it is no file.
    fn file(&mut self, name: &str) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The digits of a number, as they were written.
    ///
    /// # Errors
    ///
    /// When it is no number.
    fn digits(&mut self, name: &str) -> Result<Option<String>, Self::Error>;

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// When it is neither.
    fn boolean(&mut self, name: &str) -> Result<Option<bool>, Self::Error>;

    /// A text.
    ///
    /// # Errors
    ///
    /// When it is none.
    fn text(&mut self, name: &str) -> Result<Option<String>, Self::Error>;

    /// The error for a field that must be there.
    fn missing(&self, name: &str) -> Self::Error;

    /// The error for a value that is not allowed; `wrong` goes on after the field's name.
    fn refused(&self, name: &str, wrong: &str) -> Self::Error;

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// When there is a field that was not asked for.
    fn finish(self) -> Result<(), Self::Error>;
}

impl Field {
    /// Takes the field out of a request, or its default.
    pub(crate) fn take<F: Fields>(&self, fields: &mut F) -> Result<Value, F::Error> {
        let name = self.name.as_str();
        let given = match &self.kind {
            FieldKind::Number { .. } => match fields.digits(name)? {
                None => None,
                Some(digits) => Some(Value::Number(Number::parse(&digits).ok_or_else(|| {
                    fields.refused(name, "must be a number of at most 40 digits")
                })?)),
            },
            FieldKind::Switch => fields.boolean(name)?.map(Value::Switch),
            FieldKind::Choice(_) | FieldKind::Text { .. } => fields.text(name)?.map(Value::Text),
            FieldKind::File { .. } => fields.file(name)?.map(|bytes| Value::File {
                digest: Media::of(&bytes),
                bytes: bytes.into(),
            }),
        };
        let Some(given) = given else {
            return self.default.clone().ok_or_else(|| fields.missing(name));
        };
        match self.kind.fault(&given) {
            None => Ok(given),
            Some(wrong) => Err(fields.refused(name, &wrong)),
        }
    }
}

impl FieldKind {
    /// Why a value is not allowed, to follow the name of its field.
    pub(crate) fn fault(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (
                Self::Number {
                    least,
                    most,
                    is_whole,
                },
                Value::Number(number),
            ) => {
                let fits = (least..=most).contains(&number) && (!is_whole || number.is_whole());
                let kind = if *is_whole {
                    "a whole number"
                } else {
                    "a number"
                };
                (!fits).then(|| format!("must be {kind} from {least} to {most}, is {number}"))
            }
            (Self::Switch, Value::Switch(_)) => None,
            (Self::Choice(words), Value::Text(text)) => {
                let listed = || format!("must be one of {}", words.join(", "));
                (!words.contains(text)).then(listed)
            }
            (
                Self::Text {
                    most_characters,
                    matches,
                },
                Value::Text(text),
            ) => {
                if text.chars().count() as u64 > *most_characters {
                    return Some(format!("must have at most {most_characters} characters"));
                }
                // A program reads its arguments up to a NUL; other control characters are no text either.
                if text
                    .chars()
                    .any(|one| one.is_control() && !matches!(one, '\n' | '\t'))
                {
                    return Some(
                        "must have no control characters but line ends and tabs".to_owned(),
                    );
                }
                let matches = matches.as_ref().filter(|pattern| !pattern.is_match(text));
                matches.map(|pattern| format!("must match `{pattern}`"))
            }
            (
                Self::File {
                    most_bytes,
                    media_type,
                },
                Value::File { bytes, .. },
            ) => {
                if bytes.len() as u64 > *most_bytes {
                    return Some(format!(
                        "must have at most {most_bytes} bytes, has {}",
                        bytes.len()
                    ));
                }
                let kind = media_type.as_deref().and_then(MediaKind::of_content_type)?;
                let mut validator = Validator::new(kind);
                let judged = validator.update(bytes).and_then(|()| validator.finish());
                judged.err().map(|invalid| format!("is refused: {invalid}"))
            }
            _ => Some("is of another type".to_owned()),
        }
    }

    /// What a request may say, as JSON Schema.
    pub(crate) fn schema(&self) -> serde_json::Value {
        use serde_json::{Number as Json, json};

        let number = |number: &Number| number.to_string().parse::<Json>().ok();
        match self {
            Self::Number {
                least,
                most,
                is_whole,
            } => json!({
                "type": if *is_whole { "integer" } else { "number" },
                "minimum": number(least),
                "maximum": number(most),
            }),
            Self::Switch => json!({"type": "boolean"}),
            Self::Choice(words) => json!({"type": "string", "enum": words}),
            Self::Text {
                most_characters,
                matches,
            } => {
                let mut schema = json!({"type": "string", "maxLength": most_characters});
                if let Some(pattern) = matches {
                    schema["pattern"] = pattern.as_str().into();
                }
                schema
            }
            Self::File {
                most_bytes,
                media_type,
            } => {
                let kind = media_type.as_deref().unwrap_or("any type");
                json!({
                    "type": "string",
                    "description": format!("A file of {kind} with at most {most_bytes} bytes: base64 or a data URI in JSON, a file part in a form"),
                })
            }
        }
    }

    /// Reads `width = { number = [1, 1000], default = 20 }`; mistakes are noted.
    pub(crate) fn read(
        name: &str,
        node: &Node,
        title: &str,
        section_of: &Section<'_>,
    ) -> Option<Field> {
        let section = Section::of(node, format!("{title}.{name}"), section_of.mistakes())?;
        let mut kinds = Vec::new();
        for (key, is_whole) in [("number", false), ("whole", true)] {
            if let Some(range) = section.get(key) {
                let kind = read_range(range).map(|(least, most)| Self::Number {
                    least,
                    most,
                    is_whole,
                });
                if kind.is_none() {
                    section.expected(
                        key,
                        range,
                        "the least and the most that is allowed, such as [1, 1000]",
                    );
                }
                kinds.push(kind);
            }
        }
        if let Some(switch) = section.switch("switch") {
            if !switch {
                section.wrong(format!(
                    "{title}.{name}.switch is `true`, or left out; `default` says what is taken"
                ));
            }
            kinds.push(Some(Self::Switch));
        }
        if let Some(words) = section.texts("choice") {
            let words: Vec<String> = words.into_iter().map(|(word, _)| word.to_owned()).collect();
            kinds.push(Some(Self::Choice(words)));
        }
        if let Some(text) = section.get("text") {
            let most = match text.value {
                Toml::Bool(true) => Some(MOST_CHARACTERS),
                Toml::Integer(most @ 1..) => u64::try_from(most).ok(),
                _ => None,
            };
            if most.is_none() {
                section.expected("text", text, "`true`, or the most characters it may have");
            }
            let matches = section
                .get("matches")
                .and_then(|node| read_pattern("matches", node, &section));
            kinds.push(most.map(|most_characters| Self::Text {
                most_characters,
                matches,
            }));
        }
        if section.switch("file").is_some() {
            let media_type = section.text("type").map(str::to_owned);
            let most_bytes = section.bytes("max").unwrap_or(MOST_BYTES);
            kinds.push(Some(Self::File {
                most_bytes,
                media_type,
            }));
        }
        let default = section.get("default");
        let count = kinds.len();
        if count != 1 {
            section.wrong(format!(
                "{title}.{name} has one of `number`, `whole`, `switch`, `choice`, `text` and `file`, not {count} of them"
            ));
        }
        let kind = kinds.pop().flatten().filter(|_| count == 1);
        let value = default.and_then(|node| Some((node, read_default(kind.as_ref()?, node))));
        let default = match value {
            Some((_, Ok(value))) => Some(value),
            Some((node, Err(wrong))) => {
                section.mistakes().add(
                    &node.place,
                    format!("the default of {title}.{name} {wrong}"),
                );
                None
            }
            None => None,
        };
        section.end();
        Some(Field {
            name: name.to_owned(),
            kind: kind?,
            default,
        })
    }
}

/// A regular expression, or a mistake that says why it is none.
pub(crate) fn read_pattern(key: &str, node: &Node, section: &Section<'_>) -> Option<Regex> {
    let Some(text) = node.as_text() else {
        section.expected(key, node, "a regular expression, in quotes");
        return None;
    };
    match Regex::new(text) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            let why = error.to_string();
            let why = why
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ");
            section.mistakes().add(
                &node.place,
                format!("`{text}` is no regular expression: {why}"),
            );
            None
        }
    }
}

fn read_number(node: &Node) -> Option<Number> {
    match &node.value {
        Toml::Integer(integer) => Number::parse(&integer.to_string()),
        Toml::Float(float) => Number::parse(&format!("{float:?}")),
        // Beyond 64 bits a number stands in quotes.
        Toml::Text(text) => Number::parse(text),
        _ => None,
    }
}

fn read_range(node: &Node) -> Option<(Number, Number)> {
    let Toml::List(ends) = &node.value else {
        return None;
    };
    let [least, most] = ends.as_slice() else {
        return None;
    };
    let (least, most) = (read_number(least)?, read_number(most)?);
    (least <= most).then_some((least, most))
}

fn read_default(kind: &FieldKind, node: &Node) -> Result<Value, String> {
    let value = match (kind, &node.value) {
        (FieldKind::Number { .. }, _) => read_number(node).map(Value::Number),
        (FieldKind::Switch, Toml::Bool(on)) => Some(Value::Switch(*on)),
        (FieldKind::Choice(_) | FieldKind::Text { .. }, Toml::Text(text)) => {
            Some(Value::Text(text.clone()))
        }
        (FieldKind::File { .. }, _) => return Err("cannot be: a file has none".to_owned()),
        _ => None,
    };
    let value = value.ok_or("is of another type")?;
    match kind.fault(&value) {
        None => Ok(value),
        Some(wrong) => Err(wrong),
    }
}

impl Value {
    /// As it is put into an argument; `None` for a file.
    pub(crate) fn printed(&self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            Self::Switch(on) => Some(on.to_string()),
            Self::Text(text) => Some(text.clone()),
            Self::File { .. } => None,
        }
    }

    /// As JSON writes it; `None` for a file.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        match self {
            Self::Number(number) => number
                .to_string()
                .parse()
                .ok()
                .map(serde_json::Value::Number),
            Self::Switch(on) => Some((*on).into()),
            Self::Text(text) => Some(text.as_str().into()),
            Self::File { .. } => None,
        }
    }

    /// As it enters the key: a number by its value, a file by its digest.
    pub(crate) fn keyed(&self) -> Document {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Switch(on) => (*on).into(),
            Self::Text(text) => text.as_str().into(),
            Self::File { digest, .. } => Document::Media(*digest),
        }
    }

    /// As conditions look at it: a file of text is text.
    pub(crate) fn document(&self) -> Document {
        match self {
            Self::Number(number) => {
                let json = number.to_string();
                Document::from_json(json.as_bytes()).unwrap_or_else(|_| json.into())
            }
            Self::File { bytes, digest } => match std::str::from_utf8(bytes) {
                Ok(text) => text.into(),
                Err(_) => Document::Media(*digest),
            },
            _ => self.keyed(),
        }
    }
}
