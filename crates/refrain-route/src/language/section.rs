//! A reader of one table: what it is not asked for is unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use super::node::one_of;
use super::{Mistakes, Node, Place, Value};

/// One table while it is read.
///
/// ```
/// use refrain_route::language::{Mistakes, Section, Source};
///
/// let mistakes = Mistakes::default();
/// let node = Source::new("a.toml", "at_once = 4\nulr = 'http://x'").parse(&mistakes).unwrap();
/// let section = Section::of(&node, "upstream", &mistakes).unwrap();
/// assert_eq!(section.count("at_once", 1..=100), Some(4));
/// assert_eq!(section.text("url"), None);
/// section.end();
/// assert_eq!(
///     mistakes.into_vec()[0].to_string(),
///     "a.toml:2:1: upstream has no `ulr`; did you mean `url`? Known: `at_once` or `url`",
/// );
/// ```
#[derive(Debug)]
pub struct Section<'n> {
    node: &'n Node,
    title: String,
    asked: RefCell<BTreeSet<String>>,
    mistakes: &'n Mistakes,
}

impl<'n> Section<'n> {
    /// Reads this node as a table; nothing if it is none, which is noted. `title` is what messages call it.
    pub fn of(node: &'n Node, title: impl Into<String>, mistakes: &'n Mistakes) -> Option<Self> {
        let title = title.into();
        if !matches!(node.value, Value::Table(_)) {
            let what = format!("{title} is a table, not {}", node.described());
            mistakes.add(&node.place, what);
            return None;
        }
        Some(Self {
            node,
            title,
            asked: RefCell::default(),
            mistakes,
        })
    }

    /// What messages call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// The table.
    pub fn node(&self) -> &'n Node {
        self.node
    }

    /// Where it begins.
    pub fn place(&self) -> &'n Place {
        &self.node.place
    }

    /// Where mistakes are noted.
    pub fn mistakes(&self) -> &'n Mistakes {
        self.mistakes
    }

    /// The value of this key, and that the key is known.
    pub fn get(&self, key: &str) -> Option<&'n Node> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.node.get(key)
    }

    /// Keys and values, all of which count as known: for tables whose keys are names.
    pub fn named(&self) -> impl Iterator<Item = (&'n str, &'n Place, &'n Node)> + use<'n> {
        let fields = match &self.node.value {
            Value::Table(fields) => Some(fields),
            _ => None,
        };
        for name in fields.into_iter().flat_map(|fields| fields.keys()) {
            self.asked.borrow_mut().insert(name.clone());
        }
        let fields = fields.into_iter().flatten();
        fields.map(|(name, (place, node))| (name.as_str(), place, node))
    }

    /// The table under this key.
    pub fn section(&self, key: &str) -> Option<Section<'n>> {
        let node = self.get(key)?;
        Section::of(node, format!("{}.{key}", self.title), self.mistakes)
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&'n str> {
        let node = self.get(key)?;
        let text = node.as_text();
        if text.is_none() {
            self.expected(key, node, "a text");
        }
        text
    }

    /// A text, or a list of them.
    pub fn texts(&self, key: &str) -> Option<Vec<(&'n str, &'n Place)>> {
        let node = self.get(key)?;
        let items = match &node.value {
            Value::List(items) => items.iter().collect(),
            _ => vec![node],
        };
        let mut texts = Vec::new();
        for item in items {
            match item.as_text() {
                Some(text) => texts.push((text, &item.place)),
                None => self.expected(key, item, "a text, or a list of texts"),
            }
        }
        Some(texts)
    }

    /// `true` or `false`.
    pub fn switch(&self, key: &str) -> Option<bool> {
        let node = self.get(key)?;
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.expected(key, node, "`true` or `false`");
        None
    }

    /// A whole number in this range.
    pub fn count(&self, key: &str, range: std::ops::RangeInclusive<u64>) -> Option<u64> {
        let node = self.get(key)?;
        if let Value::Integer(integer) = node.value
            && let Ok(count) = u64::try_from(integer)
            && range.contains(&count)
        {
            return Some(count);
        }
        let (least, most) = (range.start(), range.end());
        let expected = format!("a whole number from {least} to {most}");
        self.expected(key, node, &expected);
        None
    }

    /// A time such as `"500ms"`, `"30s"`, `"10m"`, `"2h"`, `"7d"`.
    pub fn duration(&self, key: &str) -> Option<Duration> {
        let node = self.get(key)?;
        let duration = node.as_text().and_then(duration);
        if duration.is_none() {
            let expected =
                "a time with its unit, such as \"500ms\", \"30s\", \"10m\", \"2h\" or \"7d\"";
            self.expected(key, node, expected);
        }
        duration
    }

    /// A number of bytes such as `"64KB"`, `"8MB"`, `"1GB"` (of 1024), or a whole number of bytes.
    pub fn bytes(&self, key: &str) -> Option<u64> {
        let node = self.get(key)?;
        let bytes = match &node.value {
            Value::Integer(integer) => u64::try_from(*integer).ok(),
            Value::Text(text) => bytes(text),
            _ => None,
        };
        if bytes.is_none() {
            let expected = "a number of bytes, such as \"64KB\", \"8MB\" or \"1GB\"";
            self.expected(key, node, expected);
        }
        bytes
    }

    /// One of these words, by its place in the list.
    pub fn word(&self, key: &str, words: &[&str]) -> Option<usize> {
        let node = self.get(key)?;
        let found = node
            .as_text()
            .and_then(|text| words.iter().position(|word| *word == text));
        if found.is_none() {
            self.expected(key, node, &one_of(words.iter().copied()));
        }
        found
    }

    /// Notes that the value of `key` should have been something else.
    pub fn expected(&self, key: &str, found: &Node, expected: &str) {
        let title = &self.title;
        let what = format!("{title}.{key} is {expected}, not {}", found.described());
        self.mistakes.add(&found.place, what);
    }

    /// Notes a mistake about the whole table.
    pub fn wrong(&self, what: impl Into<String>) {
        self.mistakes.add(&self.node.place, what);
    }

    /// Notes every key that was not asked for.
    pub fn end(self) {
        let Value::Table(fields) = &self.node.value else {
            return;
        };
        let asked = self.asked.borrow();
        for (key, (place, _)) in fields {
            if asked.contains(key) {
                continue;
            }
            let names = asked.iter().map(String::as_str);
            let what = format!("{} has no `{key}`{}", self.title, suggestion(key, names));
            self.mistakes.add(place, what);
        }
    }
}

/// What to write in the place of an unknown name: `; did you mean …? There are …`.
pub(crate) fn suggestion<'a>(name: &str, names: impl Iterator<Item = &'a str> + Clone) -> String {
    let likeness = |other: &&str| strsim::damerau_levenshtein(name, other);
    let farthest = (name.chars().count() / 3).max(1) + 1;
    let closest = names.clone().min_by_key(likeness);
    let closest = closest.filter(|closest| likeness(closest) <= farthest);
    let all = one_of(names);
    match closest {
        _ if all.is_empty() => String::new(),
        Some(meant) => format!("; did you mean `{meant}`? Known: {all}"),
        None => format!("; known: {all}"),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let seconds = match unit {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.checked_mul(seconds)?))
}

fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let shift = match unit {
        "B" => 0,
        "KB" => 10,
        "MB" => 20,
        "GB" => 30,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::Source;

    fn mistakes_of(text: &str, read: impl Fn(&Section<'_>)) -> Vec<String> {
        let mistakes = Mistakes::default();
        let node = Source::new("x", text).parse(&mistakes).unwrap();
        let section = Section::of(&node, "thing", &mistakes).unwrap();
        read(&section);
        section.end();
        let mistakes = mistakes.into_vec();
        mistakes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_wrong_value_names_the_key_what_was_found_and_what_is_allowed() {
        let read = |section: &Section<'_>| {
            section.duration("every");
            section.switch("keep");
            section.word("kind", &["once", "stream"]);
            section.bytes("max");
        };
        assert_eq!(
            mistakes_of(
                "every = 30\nkeep = 'yes'\nkind = 'sream'\nmax = '8 XB'",
                read
            ),
            [
                "x:1:9: thing.every is a time with its unit, such as \"500ms\", \"30s\", \"10m\", \"2h\" or \"7d\", not the number 30",
                "x:2:8: thing.keep is `true` or `false`, not the text \"yes\"",
                "x:3:8: thing.kind is `once` or `stream`, not the text \"sream\"",
                "x:4:7: thing.max is a number of bytes, such as \"64KB\", \"8MB\" or \"1GB\", not the text \"8 XB\"",
            ]
        );
    }

    #[test]
    fn an_unknown_key_that_resembles_nothing_is_told_what_there_is() {
        let told = mistakes_of("frobnicate = 1", |section| {
            section.text("url");
        });
        assert_eq!(told, ["x:1:1: thing has no `frobnicate`; known: `url`"]);
    }

    #[test]
    fn times_and_sizes_have_units_and_never_overflow() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        for text in [
            "",
            "5",
            "s",
            "-1s",
            "1.5s",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
        assert_eq!(bytes("64KB"), Some(65_536));
        assert_eq!(bytes("18446744073709551615GB"), None);
    }
}
