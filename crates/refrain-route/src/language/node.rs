//! An abstract syntax tree of TOML in which every value knows where it stands, so that trees of two files can be laid over each other.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use refrain::key::Document;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::{Mistakes, Place, Source};

/// A value and where it stands.
///
/// ```
/// use refrain_route::language::{Mistakes, Source};
///
/// let mistakes = Mistakes::default();
/// let table = Source::new("a.toml", "[cache]\nsize = 3").parse(&mistakes).unwrap();
/// let size = table.get("cache").and_then(|cache| cache.get("size")).unwrap();
/// assert_eq!(size.place.to_string(), "a.toml:2:8");
/// ```
#[derive(Debug, Clone)]
pub struct Node {
    /// Where it begins.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// What TOML can say, but for dates, which no setting has.
#[derive(Debug, Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// Values in brackets.
    List(Vec<Node>),
    /// Keys and values; each key with its place.
    Table(BTreeMap<String, (Place, Node)>),
}

impl Source {
    /// Reads the text as a table; nothing if it is not TOML, which is noted as a mistake.
    pub fn parse(&self, mistakes: &Mistakes) -> Option<Node> {
        match DeTable::parse(self.text()) {
            Ok(table) => {
                let place = Place::new(self.clone(), table.span().start);
                Some(Node::of_table(table.get_ref(), place, mistakes))
            }
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                let what = format!("this is not TOML: {}", error.message());
                mistakes.add(&Place::new(self.clone(), offset), what);
                None
            }
        }
    }

    /// The tree of a value that was parsed elsewhere from this source's text.
    ///
    /// ```
    /// use refrain_route::language::{Mistakes, Source};
    /// use toml::de::DeTable;
    ///
    /// let text = "[generator.cad]\nargv = ['openscad']";
    /// let parsed = DeTable::parse(text).unwrap();
    /// let mistakes = Mistakes::default();
    /// let source = Source::new("refrain.toml", text);
    /// let generator = source.node(parsed.get_ref().get("generator").unwrap(), &mistakes).unwrap();
    /// assert!(generator.get("cad").is_some());
    /// ```
    pub fn node(&self, value: &Spanned<DeValue<'_>>, mistakes: &Mistakes) -> Option<Node> {
        let place = Place::new(self.clone(), value.span().start);
        let value = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(integer) => {
                let Some(integer) = whole_number(integer) else {
                    mistakes.add(&place, format!("`{integer}` is no whole number of 64 bits"));
                    return None;
                };
                Value::Integer(integer)
            }
            DeValue::Float(float) => {
                let Ok(float) = float.as_str().parse() else {
                    mistakes.add(&place, format!("`{float}` is no number"));
                    return None;
                };
                Value::Float(float)
            }
            DeValue::Boolean(value) => Value::Bool(*value),
            DeValue::Datetime(_) => {
                mistakes.add(&place, "a date means nothing here; put it in quotes");
                return None;
            }
            DeValue::Array(items) => {
                let items = items.iter();
                Value::List(items.filter_map(|item| self.node(item, mistakes)).collect())
            }
            DeValue::Table(table) => return Some(Node::of_table(table, place, mistakes)),
        };
        Some(Node { place, value })
    }
}

fn whole_number(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl Node {
    fn of_table(table: &DeTable<'_>, place: Place, mistakes: &Mistakes) -> Self {
        let source = place.source().clone();
        let fields = table.iter().filter_map(|(key, value)| {
            let at = Place::new(source.clone(), key.span().start);
            let node = source.node(value, mistakes)?;
            Some((key.get_ref().to_string(), (at, node)))
        });
        let value = Value::Table(fields.collect());
        Self { place, value }
    }

    /// The value of this key, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Table(fields) => fields.get(key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Lays another tree over this one: its fields are added, and where both have a field that is no table in both,
    /// that of `over` counts. A condition, which has `at`, is one thing and takes the place of another.
    ///
    /// ```
    /// use refrain_route::language::{Mistakes, Source};
    ///
    /// let mistakes = Mistakes::default();
    /// let parse = |text: &str| Source::new("x", text).parse(&mistakes).unwrap();
    /// let mut preset = parse("guard = { otherwise = 'bypass', repeatable_when = 'never' }");
    /// preset.lay_over(parse("guard.otherwise = 'pin'"));
    /// assert_eq!(preset.get("guard").unwrap().get("otherwise").unwrap().as_text(), Some("pin"));
    /// assert!(preset.get("guard").unwrap().get("repeatable_when").is_some());
    /// ```
    pub fn lay_over(&mut self, over: Self) {
        match (&mut self.value, over.value) {
            (Value::Table(under), Value::Table(over)) if !over.contains_key("at") => {
                for (key, (place, node)) in over {
                    match under.get_mut(&key) {
                        Some((_, below)) => below.lay_over(node),
                        None => {
                            under.insert(key, (place, node));
                        }
                    }
                }
            }
            (_, value) => {
                *self = Self {
                    place: over.place,
                    value,
                };
            }
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a document, to be compared with those of requests.
    pub fn document(&self) -> Document {
        match &self.value {
            Value::Text(text) => text.as_str().into(),
            Value::Integer(integer) => (*integer).into(),
            Value::Float(float) => (*float).into(),
            Value::Bool(value) => (*value).into(),
            Value::List(items) => items.iter().map(Self::document).collect::<Vec<_>>().into(),
            Value::Table(fields) => {
                let fields = fields.iter();
                let map: refrain::key::Map = fields
                    .map(|(name, (_, node))| (name.as_str(), node.document()))
                    .collect();
                map.into()
            }
        }
    }

    /// What it is, in words: `the text "pin"`, `a table`.
    pub(crate) fn described(&self) -> String {
        match &self.value {
            Value::Text(text) => {
                let short: String = text.chars().take(40).collect();
                let dots = if short.len() < text.len() { "…" } else { "" };
                format!("the text {:?}", format!("{short}{dots}"))
            }
            Value::Integer(integer) => format!("the number {integer}"),
            Value::Float(float) => format!("the number {float}"),
            Value::Bool(value) => format!("`{value}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }
}

/// `a`, `b` or `c`, in backticks.
pub(crate) fn one_of<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let mut text = String::new();
    for (index, name) in names.iter().enumerate() {
        let separator = match index {
            0 => "",
            last if last + 1 == names.len() => " or ",
            _ => ", ",
        };
        write!(text, "{separator}`{name}`").expect("writing to a string cannot fail");
    }
    text
}
