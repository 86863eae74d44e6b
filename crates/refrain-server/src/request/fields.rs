//! The fields of a request, taken out one by one; what is left over is unknown and refused.

use std::ops::RangeInclusive;

use crate::request::json;
use crate::request::value::{Value, decode_base64, shortened};
use crate::{Problem, ProblemKind};

/// The fields of one object of a request.
///
/// Values of JSON bodies have types. Parts of a form are text, which is read as whatever the field is.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    /// Where this object is in the request: empty, or a path that ends in a dot.
    path: String,
    values: Vec<(String, Value)>,
}

impl Fields {
    /// The fields of the whole request. No name comes twice: whoever reads a body sees to that.
    pub(crate) fn new(values: Vec<(String, Value)>) -> Self {
        Self {
            path: String::new(),
            values,
        }
    }

    /// The bytes of a file: a part of a form, or text in base64, with or without `data:` before it.
    ///
    /// # Errors
    ///
    /// A problem that names the field when it is neither, or missing.
    pub fn file(&mut self, name: &str) -> Result<Vec<u8>, Problem> {
        let value = self.take(name).ok_or_else(|| self.missing(name))?;
        let bytes = match value {
            Value::File(bytes) => Ok(bytes),
            Value::Text(text) | Value::Form(text) => decode_base64(&text).map_err(str::to_owned),
            other => Err(format!(
                "must be a file part or text in base64, is {}",
                other.described()
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
        let digits = value.number().ok_or_else(|| {
            self.refused(name, &format!("must be a number, is {}", value.described()))
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
        let number = value.number().and_then(|digits| digits.parse().ok());
        number
            .filter(|number| range.contains(number))
            .map(Some)
            .ok_or_else(|| self.refused(name, &format!("{allowed}, is {}", value.described())))
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
            Value::Boolean(boolean) => Some(*boolean),
            Value::Form(text) => text.parse().ok(),
            _ => None,
        };
        boolean.map(Some).ok_or_else(|| {
            let wrong = format!("must be true or false, is {}", value.described());
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
            Value::Text(text) | Value::Form(text) => text.as_str(),
            _ => "",
        };
        let word = words.iter().find(|word| **word == text);
        word.map(|word| Some(*word)).ok_or_else(|| {
            let allowed = words.join(", ");
            self.refused(
                name,
                &format!("must be one of {allowed}, is {}", value.described()),
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
            Some(Value::Text(text) | Value::Form(text)) => Ok(text),
            Some(other) => {
                Err(self.refused(name, &format!("must be text, is {}", other.described())))
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
        let values = match self.take(name) {
            None if dotted.is_empty() => return Ok(None),
            None => dotted,
            Some(_) if !dotted.is_empty() => {
                let twice = format!("`{name}` is given as a whole and field by field");
                return Err(Problem::new(ProblemKind::DuplicateField, twice).field(self.at(name)));
            }
            Some(Value::Object(values)) => values,
            Some(Value::Form(text)) => match json::parse(text.as_bytes()) {
                Ok(Value::Object(values)) => values,
                Ok(other) => return Err(self.not_an_object(name, &other)),
                Err(problem) => {
                    let wrong = format!("must be a JSON object: {}", problem.document().detail);
                    return Err(self.refused(name, &wrong));
                }
            },
            Some(other) => return Err(self.not_an_object(name, &other)),
        };
        Ok(Some(Self { path, values }))
    }

    /// Whether the field is there and `null`; then it is taken.
    pub(crate) fn take_null(&mut self, name: &str) -> bool {
        let found = self
            .values
            .iter()
            .position(|(field, value)| field == name && *value == Value::Null);
        found.map(|position| self.values.remove(position)).is_some()
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// A problem that names the first field that nobody asked for.
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
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        let position = self.values.iter().position(|(field, _)| field == name)?;
        Some(self.values.remove(position).1)
    }

    fn take_dotted(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let of_a_form = |value: &Value| matches!(value, Value::Form(_) | Value::File(_));
        let taken = self.values.extract_if(.., |(name, value)| {
            name.starts_with(prefix) && of_a_form(value)
        });
        taken
            .map(|(name, value)| (name[prefix.len()..].to_owned(), value))
            .collect()
    }

    fn not_an_object(&self, name: &str, value: &Value) -> Problem {
        self.refused(
            name,
            &format!("must be an object, is {}", value.described()),
        )
    }

    /// A problem about a field that must be there.
    pub(crate) fn missing(&self, name: &str) -> Problem {
        let path = self.at(name);
        Problem::new(ProblemKind::MissingField, format!("`{path}` is missing")).field(path)
    }

    /// The same fields as if they were the whole request.
    pub(crate) fn into_root(self) -> Self {
        Self::new(self.values)
    }

    /// Bytes of the values: what there is to decode and digest.
    pub(crate) fn data_bytes(&self) -> usize {
        self.values
            .iter()
            .map(|(_, value)| value.data_bytes())
            .sum()
    }

    fn at(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }
}

#[cfg(test)]
mod tests;
