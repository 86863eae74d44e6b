//! JSON pointers (RFC 6901) in which `*` stands for every field or item: one name for many places of a document.

use std::fmt;
use std::str::FromStr;

use refrain::key::Document;

use crate::language::Section;

/// A pointer with `*`, such as `/body/messages/*/content`.
///
/// `*` matches every field of a map and every item of a list. A field that is called `*` has no name of its own here.
///
/// ```
/// use refrain::key::Document;
/// use refrain_route::Pattern;
///
/// let answer = Document::from_json(br#"{"choices": [{"finish": "stop"}, {"finish": "length"}]}"#)?;
/// let finish: Pattern = "/choices/*/finish".parse()?;
/// assert_eq!(finish.values(&answer).len(), 2);
/// assert_eq!("/choices/1/finish".parse::<Pattern>()?.values(&answer), [&Document::from("length")]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    steps: Vec<Step>,
}

/// One step of a [`Pattern`].
///
/// ```
/// use refrain_route::{Pattern, Step};
///
/// let pattern: Pattern = "/a/*".parse()?;
/// assert_eq!(pattern.steps(), [Step::Name("a".to_owned()), Step::Every]);
/// # Ok::<(), refrain_route::PatternError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The field of this name, or the item at this position.
    Name(String),
    /// Every field, every item.
    Every,
}

/// A text that is no pattern.
///
/// ```
/// use refrain_route::Pattern;
///
/// let error = "body/seed".parse::<Pattern>().unwrap_err();
/// assert_eq!(error.to_string(), "`body/seed` must begin with `/`: write `/body/seed`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing at all, which would name the whole document.
    #[error("an empty pointer names everything: name a field, such as `/body/seed`")]
    Empty,
    /// No `/` in front.
    #[error("`{0}` must begin with `/`: write `/{0}`")]
    NoSlash(String),
    /// A `~` with neither 0 nor 1 behind it.
    #[error("`{0}` has a `~` with neither 0 nor 1 behind it: write `~0` for `~`, `~1` for `/`")]
    Escape(String),
}

impl Pattern {
    pub(crate) fn of(steps: &[Step]) -> Self {
        Self {
            steps: steps.to_vec(),
        }
    }

    /// The steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The values at all places that match, in the order of the document.
    pub fn values<'d>(&self, document: &'d Document) -> Vec<&'d Document> {
        let mut values = Vec::new();
        visit(&self.steps, document, &mut |value| {
            values.push(value);
            false
        });
        values
    }

    /// Whether the value at any place that matches is so.
    ///
    /// ```
    /// use refrain::key::Document;
    /// use refrain_route::Pattern;
    ///
    /// let pattern: Pattern = "/*".parse()?;
    /// assert!(pattern.any(&Document::from_json(b"[1, null]")?, |value| *value == Document::Null));
    /// assert!(!pattern.any(&Document::from_json(b"[]")?, |_| true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn any(&self, document: &Document, mut is_so: impl FnMut(&Document) -> bool) -> bool {
        visit(&self.steps, document, &mut |value| is_so(value))
    }

    /// The patterns under this key of a table.
    pub(crate) fn read_list(section: &Section<'_>, key: &str) -> Vec<Self> {
        let mut patterns = Vec::new();
        for (text, place) in section.texts(key).unwrap_or_default() {
            match text.parse() {
                Ok(pattern) => patterns.push(pattern),
                Err(error) => {
                    let error: PatternError = error;
                    section.mistakes().add(place, error.to_string());
                }
            }
        }
        patterns
    }

    /// Whether every place that the other pattern names is one of this pattern or below one.
    ///
    /// ```
    /// use refrain_route::Pattern;
    ///
    /// let covers = |a: &str, b: &str| a.parse::<Pattern>().unwrap().covers(&b.parse().unwrap());
    /// assert!(covers("/body/*", "/body/seed") && covers("/body", "/body/a/b"));
    /// assert!(!covers("/body/seed", "/body/*"));
    /// ```
    pub fn covers(&self, other: &Self) -> bool {
        self.steps.len() <= other.steps.len()
            && self
                .steps
                .iter()
                .zip(&other.steps)
                .all(|(mine, other)| *mine == Step::Every || mine == other)
    }
}

/// Calls `found` with each value that matches until it says `true`; returns whether it did.
fn visit<'d>(
    steps: &[Step],
    value: &'d Document,
    found: &mut dyn FnMut(&'d Document) -> bool,
) -> bool {
    let Some((step, below)) = steps.split_first() else {
        return found(value);
    };
    match (value, step) {
        (Document::Map(map), Step::Name(name)) => map
            .get(name)
            .is_some_and(|value| visit(below, value, found)),
        (Document::Map(map), Step::Every) => {
            map.iter().any(|(_, value)| visit(below, value, found))
        }
        (Document::List(items) | Document::Tuple(items), Step::Name(name)) => {
            let item = position(name).and_then(|index| items.get(index));
            item.is_some_and(|item| visit(below, item, found))
        }
        (Document::List(items) | Document::Tuple(items), Step::Every) => {
            items.iter().any(|item| visit(below, item, found))
        }
        _ => false,
    }
}

/// A step as a position in a list: digits without leading zeros.
pub(crate) fn position(step: &str) -> Option<usize> {
    let is_number = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = step == "0" || !step.starts_with('0');
    (is_number && is_canonical).then(|| step.parse().ok())?
}

/// One step as it is written in a pointer.
pub(crate) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        let rest = text
            .strip_prefix('/')
            .ok_or_else(|| PatternError::NoSlash(text.to_owned()))?;
        let steps: Option<Vec<_>> = rest.split('/').map(step).collect();
        let steps = steps.ok_or_else(|| PatternError::Escape(text.to_owned()))?;
        Ok(Self { steps })
    }
}

fn step(text: &str) -> Option<Step> {
    if text == "*" {
        return Some(Step::Every);
    }
    let mut pieces = text.split('~');
    let mut name = String::from(pieces.next()?);
    for piece in pieces {
        let (sign, rest) = match piece.as_bytes().first()? {
            b'0' => ('~', &piece[1..]),
            b'1' => ('/', &piece[1..]),
            _ => return None,
        };
        name.push(sign);
        name.push_str(rest);
    }
    Some(Step::Name(name))
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            match step {
                Step::Every => f.write_str("/*")?,
                Step::Name(name) => write!(f, "/{}", escaped(name))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_reads_back_as_it_is_written() {
        for text in ["/a", "/", "/*/b/*", "/~0~1", "/a*b"] {
            assert_eq!(text.parse::<Pattern>().unwrap().to_string(), text);
        }
        for text in ["/~", "/a~2"] {
            let refused = text.parse::<Pattern>().unwrap_err();
            assert_eq!(refused, PatternError::Escape(text.to_owned()));
        }
    }

    #[test]
    fn a_step_into_a_text_or_past_the_end_matches_nothing() {
        let document = Document::from_json(br#"{"a": "text", "b": [1], "*": 5}"#).unwrap();
        for text in ["/a/0", "/a/*", "/b/1", "/b/00", "/b/-", "/c", "/b/0/*"] {
            assert_eq!(
                text.parse::<Pattern>().unwrap().values(&document).len(),
                0,
                "{text}"
            );
        }
    }
}
