//! The reader of conditions in a configuration.

use regex::Regex;

use super::{Condition, Conditions, Test};
use crate::language::{Mistakes, Node, Section, Value};
use crate::pattern::Pattern;

impl Conditions {
    /// Reads conditions: one table, a list of tables that all have to hold, lists side by side of which one has to
    /// hold, or the words `"always"` and `"never"`. Mistakes are noted, and what is wrong never holds.
    ///
    /// ```
    /// use refrain::key::Document;
    /// use refrain_route::Conditions;
    /// use refrain_route::language::{Mistakes, Source};
    ///
    /// let mistakes = Mistakes::default();
    /// let text = "when = [[{ at = '/seed', present = true }], [{ at = '/temperature', equals = 0 }]]";
    /// let table = Source::new("x", text).parse(&mistakes).unwrap();
    /// let when = Conditions::read(table.get("when").unwrap(), "guard.when", &mistakes);
    /// assert!(mistakes.is_empty());
    /// assert!(when.hold(&Document::from_json(br#"{"temperature": 0.0}"#)?));
    /// assert!(!when.hold(&Document::from_json(br#"{"temperature": 0.5}"#)?));
    /// # Ok::<(), refrain::key::JsonError>(())
    /// ```
    pub fn read(node: &Node, title: &str, mistakes: &Mistakes) -> Self {
        let wrong = |node: &Node| {
            let what = format!(
                "{title} is a condition such as {{ at = \"/body/seed\", present = true }}, a list of conditions, lists of \
                 conditions side by side, `\"always\"` or `\"never\"`, not {}",
                node.described(),
            );
            mistakes.add(&node.place, what);
        };
        match &node.value {
            Value::Text(word) if word == "always" => Self::always(),
            Value::Text(word) if word == "never" => Self::never(),
            Value::Table(_) => Self::any_of(vec![all(std::slice::from_ref(node), title, mistakes)]),
            Value::List(items) if items.is_empty() => Self::never(),
            Value::List(items)
                if items
                    .iter()
                    .all(|item| matches!(item.value, Value::Table(_))) =>
            {
                Self::any_of(vec![all(items, title, mistakes)])
            }
            Value::List(lists) => {
                let mut any = Vec::new();
                for list in lists {
                    match &list.value {
                        Value::List(items) if !items.is_empty() => {
                            any.push(all(items, title, mistakes));
                        }
                        _ => wrong(list),
                    }
                }
                Self::any_of(any)
            }
            _ => {
                wrong(node);
                Self::never()
            }
        }
    }
}

fn all(items: &[Node], title: &str, mistakes: &Mistakes) -> Vec<Condition> {
    let conditions = items.iter();
    conditions
        .filter_map(|item| one(item, title, mistakes))
        .collect()
}

fn one(node: &Node, title: &str, mistakes: &Mistakes) -> Option<Condition> {
    let section = Section::of(node, format!("a condition of {title}"), mistakes)?;
    let at = section.get("at");
    let mut tests = Vec::new();
    let present = section.get("present").is_some();
    if let Some(wanted) = section.switch("present") {
        tests.push(Test::Present(wanted));
    }
    if let Some(value) = section.get("equals") {
        tests.push(Test::Equals(value.document()));
    }
    if let Some(values) = section.get("in") {
        match &values.value {
            Value::List(items) => tests.push(Test::In(items.iter().map(Node::document).collect())),
            _ => section.expected("in", values, "a list of values"),
        }
    }
    if let Some(pattern) = section.text("matches") {
        match Regex::new(pattern) {
            Ok(pattern) => tests.push(Test::Matches(pattern)),
            Err(error) => {
                let at = section
                    .get("matches")
                    .map_or(&node.place, |node| &node.place);
                let reason = error.to_string();
                let reason = reason
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                mistakes.add(
                    at,
                    format!("`{pattern}` is no regular expression: {reason}"),
                );
                return None;
            }
        }
    }
    let at = match at.map(|at| (at, at.as_text())) {
        None => {
            section.wrong(format!(
                "a condition of {title} needs `at`, the place it looks at, such as \"/body/seed\""
            ));
            None
        }
        Some((at, None)) => {
            section.expected("at", at, "a pointer such as \"/body/seed\"");
            None
        }
        Some((at, Some(text))) => match text.parse::<Pattern>() {
            Ok(pattern) => Some(pattern),
            Err(error) => {
                mistakes.add(&at.place, error.to_string());
                None
            }
        },
    };
    let count = tests.len();
    if count > 1 || (count == 0 && !present) {
        section.wrong(format!(
            "a condition of {title} has one of `present`, `equals`, `in` and `matches`, not {count}"
        ));
    }
    section.end();
    Some(Condition {
        at: at?,
        test: tests.pop().filter(|_| count == 1)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Source;

    fn read(text: &str) -> (Conditions, Vec<String>) {
        let mistakes = Mistakes::default();
        let table = Source::new("x", text).parse(&mistakes).unwrap();
        let conditions = Conditions::read(table.get("when").unwrap(), "guard.when", &mistakes);
        let mistakes = mistakes
            .into_vec()
            .iter()
            .map(ToString::to_string)
            .collect();
        (conditions, mistakes)
    }

    #[test]
    fn a_list_means_all_and_lists_side_by_side_mean_any() {
        let cases = [
            ("when = { at = '/a', equals = 1 }", vec![1]),
            (
                "when = [{ at = '/a', equals = 1 }, { at = '/b', in = [1, 'x'] }]",
                vec![2],
            ),
            (
                "when = [[{ at = '/a', equals = 1 }], [{ at = '/b', matches = '^x' }]]",
                vec![1, 1],
            ),
            ("when = 'always'", vec![0]),
            ("when = 'never'", vec![]),
            ("when = []", vec![]),
        ];
        for (text, lengths) in cases {
            let (conditions, mistakes) = read(text);
            assert_eq!(mistakes, [""; 0], "{text}");
            let found: Vec<_> = conditions.lists().iter().map(Vec::len).collect();
            assert_eq!(found, lengths, "{text}");
        }
    }

    #[test]
    fn a_mistake_never_makes_a_condition_easier() {
        // A list from which a condition was lost would hold more often; so nothing that has mistakes may be used.
        for text in [
            "when = { at = 'a', equals = 1 }",
            "when = { equals = 1 }",
            "when = { at = '/a' }",
            "when = { at = '/a', equals = 1, present = true }",
            "when = { at = '/a', equal = 1 }",
            "when = { at = '/a', matches = '(' }",
            "when = { at = '/a', present = 'yes' }",
            "when = { at = '/a', in = 3 }",
            "when = [[]]",
            "when = 'sometimes'",
            "when = 1",
        ] {
            let (_, mistakes) = read(text);
            assert!(!mistakes.is_empty(), "{text}");
            assert!(mistakes[0].starts_with("x:1:"), "{mistakes:?}");
        }
    }
}
