//! A strict JSON reader: every value becomes part of the document, and text on which two readers could disagree is refused.

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::document::Map;
use super::number::Number;
use super::path::{self, Step};
use super::{Document, MAX_DEPTH};

mod error;

pub use error::{JsonError, JsonErrorKind};

/// How many values one JSON text may hold: 1,000,000, counting every element and every member.
///
/// A document takes up to twenty times the room of its text, so the length of the text alone does not bound it.
///
/// ```
/// use refrain::key::{Document, JsonErrorKind, MAX_JSON_VALUES};
///
/// // The list itself is a value as well.
/// let zeros = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
/// assert!(Document::from_json(zeros(MAX_JSON_VALUES).as_bytes()).is_ok());
///
/// let error = Document::from_json(zeros(MAX_JSON_VALUES + 1).as_bytes()).unwrap_err();
/// assert_eq!(error.kind(), &JsonErrorKind::TooManyValues);
/// ```
pub const MAX_JSON_VALUES: usize = 1_000_000;

/// The name under which `serde_json` hands over a number whose digits it keeps.
const NUMBER: &str = "$serde_json::private::Number";

impl Document {
    /// Reads JSON, strictly and without losing anything.
    ///
    /// Whole numbers are exact at any size. A number with a fraction or an exponent is a float if a float stands
    /// for exactly this decimal, and otherwise a decimal. Text is taken as it is.
    ///
    /// # Errors
    ///
    /// [`JsonError`], which names the place: for what is not JSON (NaN, a lone surrogate, invalid UTF-8, anything
    /// behind the end), and for JSON on which readers disagree or that asks for too much: a name twice in one
    /// object, more than [`MAX_DEPTH`](super::MAX_DEPTH) levels, more than
    /// [`MAX_JSON_VALUES`](super::MAX_JSON_VALUES) values, an exponent of more than nine digits.
    ///
    /// ```
    /// use refrain::key::{Document, JsonErrorKind};
    ///
    /// let read = |json: &str| Document::from_json(json.as_bytes());
    /// assert_eq!(read(r#"{"a": 1, "b": 0.1}"#)?, read(r#"{ "b":1e-1, "\u0061":1 }"#)?);
    /// assert_ne!(read("18446744073709551615")?, read("18446744073709551616")?);
    ///
    /// let error = read(r#"{"size": {"width": 1, "width": 2}}"#).unwrap_err();
    /// assert_eq!(error.kind(), &JsonErrorKind::RepeatedName);
    /// assert_eq!(error.path(), "size.width");
    /// # Ok::<(), refrain::key::JsonError>(())
    /// ```
    pub fn from_json(json: &[u8]) -> Result<Self, JsonError> {
        let reader = Reader::default();
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let root = ValueSeed {
            reader: &reader,
            place: Place::Root,
            depth: 0,
        };
        let read = root
            .deserialize(&mut deserializer)
            .and_then(|document| deserializer.end().map(|()| document));
        read.map_err(|error| reader.explain(&error))
    }
}

/// The state that all visitors of one text share.
#[derive(Default)]
struct Reader {
    values: Cell<usize>,
    /// The innermost place at which reading failed.
    failed_at: RefCell<Option<String>>,
    /// Why, if it was not for the syntax.
    kind: Cell<Option<JsonErrorKind>>,
}

impl Reader {
    /// Gives up at this place. What is returned only carries the position; [`Self::explain`] knows the rest.
    fn refuse<E: de::Error>(&self, kind: JsonErrorKind, place: &Place<'_>) -> E {
        self.note(place);
        self.kind.set(Some(kind));
        E::custom("refused")
    }

    fn note(&self, place: &Place<'_>) {
        self.failed_at
            .borrow_mut()
            .get_or_insert_with(|| place.to_path());
    }

    fn explain(self, error: &serde_json::Error) -> JsonError {
        let kind = self.kind.into_inner();
        let path = self.failed_at.into_inner().unwrap_or_default();
        JsonError::new(
            kind.unwrap_or_else(|| JsonErrorKind::syntax(error)),
            path,
            error,
        )
    }
}

/// Where a value is, as a chain on the stack: a path is only written when reading fails.
#[derive(Clone, Copy)]
enum Place<'p> {
    Root,
    Field(&'p Place<'p>, &'p str),
    Item(&'p Place<'p>, usize),
}

impl Place<'_> {
    fn to_path(self) -> String {
        let mut steps = Vec::new();
        let mut place = &self;
        loop {
            place = match place {
                Self::Root => break,
                Self::Field(outer, name) => {
                    steps.push(Step::name(name));
                    outer
                }
                Self::Item(outer, index) => {
                    steps.push(Step::Index(*index));
                    outer
                }
            };
        }
        path::render(steps.iter().rev())
    }
}

/// Reads the value at one place.
#[derive(Clone, Copy)]
struct ValueSeed<'r> {
    reader: &'r Reader,
    place: Place<'r>,
    /// How many containers it is in.
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Document;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        let values = self.reader.values.get() + 1;
        if values > MAX_JSON_VALUES {
            return Err(self.refuse(JsonErrorKind::TooManyValues));
        }
        self.reader.values.set(values);
        let read = deserializer.deserialize_any(self);
        read.inspect_err(|_| self.reader.note(&self.place))
    }
}

impl ValueSeed<'_> {
    fn refuse<E: de::Error>(&self, kind: JsonErrorKind) -> E {
        self.reader.refuse(kind, &self.place)
    }

    /// The depth of what is inside this container.
    fn depth_inside<E: de::Error>(&self) -> Result<usize, E> {
        if self.depth == MAX_DEPTH {
            return Err(self.refuse(JsonErrorKind::TooDeep));
        }
        Ok(self.depth + 1)
    }

    fn number<E: de::Error>(&self, token: &str) -> Result<Document, E> {
        match Number::read(token) {
            Ok(Number::Integer(integer)) => Ok(Document::Integer(integer)),
            Ok(Number::Float(float)) => Ok(Document::Float(float)),
            Ok(Number::Decimal(decimal)) => Ok(Document::Decimal(decimal)),
            Err(_) => Err(self.refuse(JsonErrorKind::ExponentTooLong)),
        }
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Document, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Document, E> {
        Ok(value.into())
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Document, E> {
        Ok(value.into())
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Document, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let depth = self.depth_inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(ValueSeed {
            reader: self.reader,
            place: Place::Item(&self.place, list.len()),
            depth,
        })? {
            list.push(item);
        }
        Ok(list.into())
    }

    /// An object, or a number: `serde_json` hands over a number that is neither `u64` nor `i64` as an object with
    /// one member of a reserved name.
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Document, A::Error> {
        let Some(first) = members.next_key::<String>()? else {
            self.depth_inside()?;
            return Ok(Map::new().into());
        };
        if first == NUMBER {
            let NumberToken(token) = members.next_value()?;
            let token = token.ok_or_else(|| self.refuse(JsonErrorKind::ReservedName))?;
            return self.number(&token);
        }
        let depth = self.depth_inside()?;
        let mut fields = Vec::new();
        let mut next = Some(first);
        while let Some(name) = next {
            let place = Place::Field(&self.place, &name);
            if name == NUMBER {
                return Err(self.reader.refuse(JsonErrorKind::ReservedName, &place));
            }
            let value = members.next_value_seed(ValueSeed {
                reader: self.reader,
                place,
                depth,
            })?;
            fields.push((name, value));
            next = members.next_key()?;
        }
        Map::from_unsorted(fields)
            .map(Document::from)
            .map_err(|repeated| {
                let name = repeated.name.unwrap_or_default();
                let place = Place::Field(&self.place, &name);
                self.reader.refuse(JsonErrorKind::RepeatedName, &place)
            })
    }
}

/// The digits of a number, or nothing if this is not a number but an object that looks like one.
///
/// The two differ in one thing only: the digits of a number come as an owned string, the text in an object as a
/// borrowed one. Were that to change, numbers would be refused, and never be confused with objects.
struct NumberToken(Option<String>);

impl<'de> de::Deserialize<'de> for NumberToken {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Token;

        impl Visitor<'_> for Token {
            type Value = NumberToken;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the digits of a number")
            }

            fn visit_string<E: de::Error>(self, token: String) -> Result<NumberToken, E> {
                Ok(NumberToken(Some(token)))
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<NumberToken, E> {
                Ok(NumberToken(None))
            }
        }

        deserializer.deserialize_any(Token)
    }
}
