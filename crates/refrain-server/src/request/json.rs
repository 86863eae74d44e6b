//! JSON of requests, read strictly: no name twice, numbers exact, depth and count of values limited.

use refrain::key::{Document, JsonError, JsonErrorKind};

use crate::{Problem, ProblemKind};

/// Reads one JSON value.
///
/// # Errors
///
/// A problem that says what is wrong and, when that is inside a field, names it.
pub(crate) fn parse(json: &[u8]) -> Result<Document, Problem> {
    Document::from_json(json).map_err(|error| problem_of(&error))
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
        assert_eq!(read(digits), Document::Integer(digits.parse().unwrap()));
        assert_ne!(read("7.0"), read("7"));
        assert!(matches!(read("1e400"), Document::Decimal(_)));
    }
}
