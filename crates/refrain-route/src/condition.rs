//! Boolean conditions on a document in disjunctive normal form, as data: tables in a configuration, no expressions to parse.
//!
//! A condition is `{ at = "/body/seed", present = true }`, with one of `present`, `equals`, `in`, `matches`.
//! A list of conditions holds when all of them do; lists side by side, when one of them does.

use refrain::key::Document;
use regex::Regex;

use crate::pattern::Pattern;

mod read;

/// One condition: a place, and what has to be there.
///
/// With `*` in the place, it holds when it holds for one of the values there; `present = false` when there is none.
///
/// ```
/// use refrain::key::Document;
/// use refrain_route::{Condition, Test};
///
/// let request = Document::from_json(br#"{"temperature": 0.0, "seed": null}"#)?;
/// let is_cold = Condition { at: "/temperature".parse()?, test: Test::Equals(0.into()) };
/// assert!(is_cold.holds(&request));
/// // Null is as good as absent: an API that has a default takes it then.
/// let has_seed = Condition { at: "/seed".parse()?, test: Test::Present(true) };
/// assert!(!has_seed.holds(&request));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Condition {
    /// The place, or places.
    pub at: Pattern,
    /// What has to be there.
    pub test: Test,
}

/// What a [`Condition`] asks of a value.
///
/// Numbers are compared by value: `0`, `0.0` and `-0` are equal. `Matches` looks into texts and into the digits of whole
/// numbers, anywhere unless the pattern has `^` and `$`.
///
/// ```
/// use refrain::key::Document;
/// use refrain_route::Test;
///
/// let is_seed = Test::Matches(regex::Regex::new("^[0-9]+$")?);
/// assert!(is_seed.holds(&Document::from(7)) && is_seed.holds(&Document::from("7")));
/// assert!(!is_seed.holds(&Document::from(-1)) && !is_seed.holds(&Document::Null));
/// # Ok::<(), regex::Error>(())
/// ```
#[derive(Debug, Clone)]
pub enum Test {
    /// Something is there, and not null; or nothing is.
    Present(bool),
    /// This value.
    Equals(Document),
    /// One of these values.
    In(Vec<Document>),
    /// A text, or a whole number, in which this pattern is found.
    Matches(Regex),
}

/// Conditions: all of a list, any of several lists.
///
/// ```
/// use refrain::key::Document;
/// use refrain_route::Conditions;
///
/// assert!(Conditions::always().hold(&Document::Null));
/// assert!(!Conditions::never().hold(&Document::Null));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Conditions {
    any: Vec<Vec<Condition>>,
}

impl Condition {
    /// Whether the document fulfils it.
    pub fn holds(&self, document: &Document) -> bool {
        match &self.test {
            Test::Present(wanted) => {
                self.at.any(document, |value| *value != Document::Null) == *wanted
            }
            test => self.at.any(document, |value| test.holds(value)),
        }
    }
}

impl Test {
    /// Whether one value passes.
    pub fn holds(&self, value: &Document) -> bool {
        match self {
            Self::Present(wanted) => (*value != Document::Null) == *wanted,
            Self::Equals(expected) => is_equal(value, expected),
            Self::In(expected) => expected.iter().any(|expected| is_equal(value, expected)),
            Self::Matches(pattern) => match value {
                Document::Text(text) => pattern.is_match(text),
                Document::Integer(integer) => pattern.is_match(&integer.to_string()),
                _ => false,
            },
        }
    }
}

impl Conditions {
    /// Conditions that every document fulfils.
    pub fn always() -> Self {
        Self {
            any: vec![Vec::new()],
        }
    }

    /// Conditions that no document fulfils; the default.
    pub fn never() -> Self {
        Self::default()
    }

    /// All conditions of one of these lists.
    ///
    /// ```
    /// use refrain::key::Document;
    /// use refrain_route::{Condition, Conditions, Test};
    ///
    /// let is = |at: &str, value: i32| Condition { at: at.parse().unwrap(), test: Test::Equals(value.into()) };
    /// let conditions = Conditions::any_of(vec![vec![is("/a", 1), is("/b", 2)], vec![is("/c", 3)]]);
    /// assert!(conditions.hold(&Document::from_json(br#"{"a": 1, "b": 2}"#)?));
    /// assert!(!conditions.hold(&Document::from_json(br#"{"a": 1, "b": 3}"#)?));
    /// # Ok::<(), refrain::key::JsonError>(())
    /// ```
    pub fn any_of(lists: Vec<Vec<Condition>>) -> Self {
        Self { any: lists }
    }

    /// Whether the document fulfils them.
    pub fn hold(&self, document: &Document) -> bool {
        self.first_that_holds(document).is_some()
    }

    /// The first list that the document fulfils, to explain a decision.
    pub fn first_that_holds(&self, document: &Document) -> Option<&[Condition]> {
        let lists = self.any.iter();
        let mut holding =
            lists.filter(|list| list.iter().all(|condition| condition.holds(document)));
        holding.next().map(Vec::as_slice)
    }

    /// The lists.
    pub fn lists(&self) -> &[Vec<Condition>] {
        &self.any
    }

    /// Whether no document fulfils them because there is no list.
    pub fn is_never(&self) -> bool {
        self.any.is_empty()
    }
}

/// Equal, with numbers compared by value and not by spelling.
fn is_equal(value: &Document, expected: &Document) -> bool {
    match (value, expected) {
        (Document::Integer(integer), Document::Float(float))
        | (Document::Float(float), Document::Integer(integer)) => {
            as_whole_number(float.get()).is_some_and(|whole| integer.to_i128() == Some(whole))
                || (float.get() == 0.0 && is_zero(integer))
        }
        (Document::Float(one), Document::Float(other)) => {
            one == other || (one.get() == 0.0 && other.get() == 0.0)
        }
        (Document::Integer(one), Document::Integer(other)) => {
            one == other || (is_zero(one) && is_zero(other))
        }
        _ => value == expected,
    }
}

/// JSON's `-0` is an integer of its own.
fn is_zero(integer: &refrain::key::Integer) -> bool {
    matches!(integer.to_string().as_str(), "0" | "-0")
}

fn as_whole_number(float: f64) -> Option<i128> {
    // 2^127: every whole number below it converts exactly.
    const LIMIT: f64 = 1.701_411_834_604_692_3e38;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number below 2^127"
    )]
    (float.fract() == 0.0 && float.abs() < LIMIT).then_some(float as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Document {
        Document::from_json(text.as_bytes()).unwrap()
    }

    fn condition(at: &str, test: Test) -> Condition {
        let at = at.parse().unwrap();
        Condition { at, test }
    }

    #[test]
    fn numbers_are_compared_by_value() {
        let zero = Test::Equals(0.into());
        for text in ["0", "0.0", "-0", "-0.0", "0e5"] {
            assert!(zero.holds(&json(text)), "{text}");
        }
        for text in ["1", "1e-400", "0.1", "\"0\"", "false", "null", "[]", "[0]"] {
            assert!(!zero.holds(&json(text)), "{text}");
        }
        assert!(Test::Equals(7.5.into()).holds(&json("7.50")));
        assert!(Test::Equals(7.0.into()).holds(&json("7")));
        let large = Test::Equals(9_007_199_254_740_993_i64.into());
        assert!(!large.holds(&json("9007199254740992.0")));
    }

    #[test]
    fn with_a_star_one_value_is_enough_and_absent_means_none() {
        let document = json(r#"{"nodes": {"1": {"class": "A"}, "2": {"class": null}}}"#);
        let holds = |at, test| condition(at, test).holds(&document);
        assert!(holds("/nodes/*/class", Test::Equals("A".into())));
        assert!(holds("/nodes/*/class", Test::Present(true)));
        assert!(!holds("/nodes/*/class", Test::Present(false)));
        assert!(!holds("/nodes/2/class", Test::Present(true)));
        assert!(holds("/nodes/3/class", Test::Present(false)));
        assert!(!holds("/nodes/3/class", Test::Equals("A".into())));
    }
}
