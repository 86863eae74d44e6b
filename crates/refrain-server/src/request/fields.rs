//! The fields of a request, taken out one by one; what is left over is unknown and refused.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use refrain::key::{Document, Map};

use crate::request::json;
use crate::request::value::{decode_base64, described, digits, digits_of_text, shortened};
use crate::{Problem, ProblemKind};

/// The fields of one object of a request.
///
/// Values of JSON bodies have types. Parts of a form are text, which is read as whatever the field is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    /// Where this object is in the request: empty, or a path that ends in a dot.
    path: String,
    values: Vec<(String, Document)>,
    loose: Loose,
}

/// Which values are parts of a form or of a query: bytes are files, and text is read as whatever the field is.
#[derive(Debug, Clone, PartialEq)]
enum Loose {
    None,
    All,
    Only(Vec<String>),
}

impl Loose {
    fn has(&self, name: &str) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Only(names) => names.iter().any(|loose| loose == name),
        }
    }
}

impl Fields {
    /// The fields of the whole request. No name comes twice: the reader of the body refuses that.
    pub(crate) fn of_json(values: Map) -> Self {
        Self {
            path: String::new(),
            values: values.into_iter().collect(),
            loose: Loose::None,
        }
    }

    /// The fields of a form, or of a query.
    pub(crate) fn of_form(values: Vec<(String, Document)>) -> Self {
        Self {
            path: String::new(),
            values,
            loose: Loose::All,
        }
    }

    /// The same with the fields of a query beside them.
    ///
    /// # Errors
    ///
    /// A problem that names a field that is in both.
    pub(crate) fn with_query(mut self, query: Vec<(String, Document)>) -> Result<Self, Problem> {
        for (name, _) in &query {
            if self.values.iter().any(|(known, _)| known == name) {
                let name = shortened(name);
                let twice = format!("`{name}` is in the query and in the body");
                return Err(Problem::new(ProblemKind::DuplicateField, twice).field(name));
            }
        }
        if self.loose == Loose::None {
            self.loose = Loose::Only(query.iter().map(|(name, _)| name.clone()).collect());
        }
        self.values.extend(query);
        Ok(self)
    }

    /// The bytes of a file: a part of a form, or text in base64, with or without `data:` before it.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is neither, or missing.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let value = self.take(name).ok_or_else(|| self.missing(name))?;
        let bytes = match value {
            Document::Bytes(bytes) => Ok(bytes.into()),
            Document::Text(text) => decode_base64(&text).map_err(str::to_owned),
            other => Err(format!(
                "must be a file part or text in base64, is {}",
                described(&other)
            )),
        };
        bytes.map_err(|wrong| self.refused(name, &wrong))
    }

    /// A number, whole or not.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is something else. What is too large for the range of `f64` is refused too.
    pub fn number(&mut self, name: &str) -> Result<Option<f64>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let digits = self.digits(name, &value).ok_or_else(|| {
            self.refused(name, &format!("must be a number, is {}", described(&value)))
        })?;
        let number: Option<f64> = digits.parse().ok();
        number
            .filter(|number| number.is_finite())
            .map(Some)
            .ok_or_else(|| self.refused(name, "is too large"))
    }

    /// A whole number within `range`, written without a fraction or an exponent.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is something else.
    pub fn unsigned(
        &mut self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let allowed = format!(
            "must be a whole number from {} to {}",
            range.start(),
            range.end()
        );
        let number = self
            .digits(name, &value)
            .and_then(|digits| digits.parse().ok());
        number
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| self.refused(name, &format!("{allowed}, is {}", described(&value))))
    }

    /// The digits of a number, as they were written.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is something else.
    #[cfg(feature = "command")]
    pub(crate) fn written_number(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let digits = self.digits(name, &value).map(Cow::into_owned);
        digits.map(Some).ok_or_else(|| {
            self.refused(name, &format!("must be a number, is {}", described(&value)))
        })
    }

    /// Whether there is a field of this name.
    #[cfg(feature = "command")]
    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.iter().any(|(field, _)| field == name)
    }

    /// `true` or `false`.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is something else.
    pub fn boolean(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let boolean = match &value {
            Document::Bool(boolean) => Some(*boolean),
            Document::Text(text) if self.loose.has(name) => text.parse().ok(),
            _ => None,
        };
        boolean.map(Some).ok_or_else(|| {
            let wrong = format!("must be true or false, is {}", described(&value));
            self.refused(name, &wrong)
        })
    }

    /// One of some words.
    ///
    /// # Errors
    ///
    /// A problem that names the field and the words when it is something else.
    pub fn word<'w>(&mut self, name: &str, words: &[&'w str]) -> Result<Option<&'w str>, Problem> {
        let Some(value) = self.take(name) else {
            return Ok(None);
        };
        let text = match &value {
            Document::Text(text) => text.as_str(),
            _ => "",
        };
        let word = words.iter().find(|word| **word == text);
        word.map(|word| Some(*word)).ok_or_else(|| {
            let allowed = words.join(", ");
            self.refused(
                name,
                &format!("must be one of {allowed}, is {}", described(&value)),
            )
        })
    }

    /// Text that must be there.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is missing or something else.
    pub fn text(&mut self, name: &str) -> Result<String, Problem> {
        match self.take(name) {
            Some(Document::Text(text)) => Ok(text),
            Some(other) => {
                Err(self.refused(name, &format!("must be text, is {}", described(&other))))
            }
            None => Err(self.missing(name)),
        }
    }

    /// An object inside this one. A form gives it as JSON, or field by field as `name.field`.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is something else.
    pub fn object(&mut self, name: &str) -> Result<Option<Self>, Problem> {
        let path = format!("{}.", self.at(name));
        let dotted = self.take_dotted(&format!("{name}."));
        let given = self.take(name);
        if !dotted.is_empty() {
            if given.is_some() {
                let twice = format!("`{name}` is given as a whole and field by field");
                return Err(Problem::new(ProblemKind::DuplicateField, twice).field(self.at(name)));
            }
            return Ok(Some(Self {
                path,
                ..Self::of_form(dotted)
            }));
        }
        let object = match given {
            None => return Ok(None),
            Some(Document::Text(text)) if self.loose.has(name) => json::parse(text.as_bytes())
                .map_err(|problem| {
                    let wrong = format!("must be a JSON object: {}", problem.document().detail);
                    self.refused(name, &wrong)
                })?,
            Some(given) => given,
        };
        match object {
            Document::Map(values) => Ok(Some(Self {
                path,
                ..Self::of_json(values)
            })),
            other => Err(self.refused(
                name,
                &format!("must be an object, is {}", described(&other)),
            )),
        }
    }

    /// Whether the field is there and `null`; then it is taken.
    pub(crate) fn take_null(&mut self, name: &str) -> bool {
        let found = self
            .values
            .iter()
            .position(|(field, value)| field == name && *value == Document::Null);
        found.map(|position| self.values.remove(position)).is_some()
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// A problem that names the first field that the generator did not ask for.
    pub fn finish(self) -> Result<(), Problem> {
        match self.values.first() {
            None => Ok(()),
            Some((name, _)) => {
                let path = shortened(&format!("{}{name}", self.path));
                let detail = format!("`{path}` is not a field of this request");
                Err(Problem::new(ProblemKind::UnknownField, detail).field(path))
            }
        }
    }

    /// A problem about the value of one field; `wrong` goes on after its name: "must be …".
    pub fn refused(&self, name: &str, wrong: &str) -> Problem {
        let path = self.at(name);
        Problem::new(ProblemKind::InvalidValue, format!("`{path}` {wrong}")).field(path)
    }

    /// The value of a field, when it is there.
    pub(crate) fn take(&mut self, name: &str) -> Option<Document> {
        let position = self.values.iter().position(|(field, _)| field == name)?;
        Some(self.values.remove(position).1)
    }

    fn take_dotted(&mut self, prefix: &str) -> Vec<(String, Document)> {
        let Self { values, loose, .. } = self;
        let taken = values.extract_if(.., |(name, _)| name.starts_with(prefix) && loose.has(name));
        taken
            .map(|(name, value)| (name[prefix.len()..].to_owned(), value))
            .collect()
    }

    /// The digits of a number, which a form gives as text.
    fn digits<'v>(&self, name: &str, value: &'v Document) -> Option<Cow<'v, str>> {
        match value {
            Document::Text(text) if self.loose.has(name) => digits_of_text(text).map(Cow::Borrowed),
            other => digits(other),
        }
    }

    /// A problem about a field that must be there.
    pub(crate) fn missing(&self, name: &str) -> Problem {
        let path = self.at(name);
        Problem::new(ProblemKind::MissingField, format!("`{path}` is missing")).field(path)
    }

    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

#[cfg(test)]
mod tests;
