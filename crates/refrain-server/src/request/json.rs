//! JSON of requests, read strictly: no name twice, numbers exact, depth and count of values limited.

use refrain::key::{Document, JsonError, JsonErrorKind};

use crate::request::value::Value;
use crate::{Problem, ProblemKind};

/// Reads one JSON value.
///
/// # Errors
///
/// A problem that says what is wrong and, when that is inside a field, names it.
pub(crate) fn parse(json: &[u8]) -> Result<Value, Problem> {
    Document::from_json(json)
        .map(value_of)
        .map_err(|error| problem_of(&error))
}

fn problem_of(error: &JsonError) -> Problem {
    let kind = match error.kind() {
        JsonErrorKind::RepeatedName => ProblemKind::DuplicateField,
        _ => ProblemKind::MalformedRequest,
    };
    let problem = Problem::new(kind, format!("the JSON cannot be read: {error}"));
    if error.path().is_empty() {
        problem
    } else {
        problem.field(error.path())
    }
}

fn value_of(document: Document) -> Value {
    match document {
        Document::Bool(boolean) => Value::Boolean(boolean),
        Document::Integer(integer) => Value::Number(integer.to_string()),
        Document::Float(float) => Value::Number(format!("{:?}", float.get())),
        Document::Decimal(decimal) => Value::Number(decimal.as_str().to_owned()),
        Document::Text(text) => Value::Text(text),
        Document::List(items) => Value::List(items.into_iter().map(value_of).collect()),
        Document::Map(fields) => {
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (name, value_of(value)))
                    .collect(),
            )
        }
        // JSON has no other kinds of value.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_and_field(json: &str) -> (ProblemKind, Option<String>) {
        let problem = parse(json.as_bytes()).unwrap_err();
        (problem.kind(), problem.document().field)
    }

    #[test]
    fn a_name_that_comes_twice_is_refused_by_its_path() {
        let (kind, field) = kind_and_field(r#"{"a": {"b": 1, "b": 1}}"#);
        assert_eq!(kind, ProblemKind::DuplicateField);
        assert_eq!(field.as_deref(), Some("a.b"));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        let deep = "[".repeat(100_000);
        for json in [
            "",
            "{",
            "{} {}",
            "NaN",
            "{\"a\": NaN}",
            "'a'",
            "[1,]",
            "\"\\ud800\"",
            &deep,
        ] {
            assert_eq!(
                kind_and_field(json).0,
                ProblemKind::MalformedRequest,
                "{json:.20}"
            );
        }
        assert!(parse(b"\"\xff\"").is_err());
    }

    #[test]
    fn numbers_keep_every_digit() {
        let read = |json: &str| parse(json.as_bytes()).unwrap();
        let digits = "123456789012345678901234567890";
        assert_eq!(read(digits), Value::Number(digits.to_owned()));
        assert_eq!(read("7.0"), Value::Number("7.0".to_owned()));
        assert_eq!(read("1e400"), Value::Number("1e400".to_owned()));
    }
}
