//! Selective parsing of JSON text: the spans of values at given places, without a tree of the rest.
//!
//! It is for texts that were read strictly before, or whose meaning does not matter; in one that is no JSON it finds
//! nothing, and never more than there is.

use std::ops::Range;

use memchr::memchr2;
use refrain::key::{Document, MAX_DEPTH};

use crate::pattern::{Pattern, Step, position};

/// A value that was found: which pattern names it, and where in the text it stands, quotes and brackets included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) pattern: usize,
    pub(crate) span: Range<usize>,
}

/// The spans of all values that the patterns name, in the order of the text; nothing if it is no JSON.
pub(crate) fn find(text: &[u8], patterns: &[&Pattern]) -> Option<Vec<Found>> {
    let mut scanner = Scanner {
        text,
        at: 0,
        found: Vec::new(),
    };
    let active: Vec<Active<'_>> = patterns
        .iter()
        .enumerate()
        .map(|(pattern, steps)| Active {
            pattern,
            left: steps.steps(),
        })
        .collect();
    scanner.value(&active, 0)?;
    scanner.space();
    (scanner.at == text.len()).then_some(())?;
    scanner.found.sort_by_key(|found| found.span.start);
    Some(scanner.found)
}

/// Where a new member can be written into the object that begins behind these spaces, and whether others follow it.
pub(crate) fn first_member(text: &[u8], object: &Range<usize>) -> Option<(usize, bool)> {
    let inside = text.get(object.clone())?;
    if inside.first() != Some(&b'{') {
        return None;
    }
    let others = inside[1..].iter().find(|byte| !byte.is_ascii_whitespace());
    Some((object.start + 1, others != Some(&b'}')))
}

/// A text as JSON writes it; TOML reads it as well.
pub(crate) fn quoted(text: &str) -> String {
    use std::fmt::Write as _;

    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_ascii_control() => {
                write!(quoted, "\\u{:04x}", c as u32).expect("writing to a string cannot fail");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Debug, Clone, Copy)]
struct Active<'p> {
    pattern: usize,
    left: &'p [Step],
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    found: Vec<Found>,
}

impl<'t> Scanner<'t> {
    fn value(&mut self, active: &[Active<'_>], depth: usize) -> Option<()> {
        self.space();
        let start = self.at;
        match self.text.get(self.at)? {
            b'{' if depth < MAX_DEPTH => self.object(active, depth + 1)?,
            b'[' if depth < MAX_DEPTH => self.list(active, depth + 1)?,
            b'"' => {
                self.string()?;
            }
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => self.word(),
            _ => return None,
        }
        let span = start..self.at;
        for active in active.iter().filter(|active| active.left.is_empty()) {
            self.found.push(Found {
                pattern: active.pattern,
                span: span.clone(),
            });
        }
        Some(())
    }

    fn object(&mut self, active: &[Active<'_>], depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.next_is(b'}') {
            return Some(());
        }
        let mut below = Vec::new();
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.next_is(b':').then_some(())?;
            below.clear();
            if !active.is_empty() {
                let name = name_of(name)?;
                below.extend(
                    active
                        .iter()
                        .filter_map(|active| active.below(|step| step == name.as_ref())),
                );
            }
            self.value(&below, depth)?;
            self.space();
            if self.next_is(b'}') {
                return Some(());
            }
            self.next_is(b',').then_some(())?;
        }
    }

    fn list(&mut self, active: &[Active<'_>], depth: usize) -> Option<()> {
        self.at += 1;
        self.space();
        if self.next_is(b']') {
            return Some(());
        }
        let mut below = Vec::new();
        for index in 0.. {
            below.clear();
            below.extend(
                active
                    .iter()
                    .filter_map(|active| active.below(|step| position(step) == Some(index))),
            );
            self.value(&below, depth)?;
            self.space();
            if self.next_is(b']') {
                return Some(());
            }
            self.next_is(b',').then_some(())?;
        }
        None
    }

    /// Passes over a string; what stands between its quotes.
    fn string(&mut self) -> Option<&'t [u8]> {
        self.next_is(b'"').then_some(())?;
        let start = self.at;
        loop {
            let rest = self.text.get(self.at..)?;
            let stop = memchr2(b'"', b'\\', rest)?;
            self.at += stop + 1;
            if rest[stop] == b'"' {
                return Some(&self.text[start..self.at - 1]);
            }
            self.at += 1;
        }
    }

    /// Passes over a number, `true`, `false` or `null`.
    fn word(&mut self) {
        let is_inside =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
        let length = self.text[self.at..]
            .iter()
            .take_while(|byte| is_inside(byte))
            .count();
        self.at += length;
    }

    fn space(&mut self) {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let rest = &self.text[self.at.min(self.text.len())..];
        self.at += rest.iter().take_while(|byte| is_space(byte)).count();
    }

    fn next_is(&mut self, byte: u8) -> bool {
        let is_it = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(is_it);
        is_it
    }
}

impl Active<'_> {
    /// The rest of the pattern below a step, if the pattern takes it.
    fn below(&self, is_step: impl Fn(&str) -> bool) -> Option<Self> {
        let (first, left) = self.left.split_first()?;
        let takes = match first {
            Step::Every => true,
            Step::Name(name) => is_step(name),
        };
        takes.then_some(Self { left, ..*self })
    }
}

/// A name, with its escapes read.
fn name_of(raw: &[u8]) -> Option<std::borrow::Cow<'_, str>> {
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).ok().map(Into::into);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    match Document::from_json(&quoted).ok()? {
        Document::Text(name) => Some(name.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(text: &str, patterns: &[&str]) -> Option<Vec<(usize, String)>> {
        let patterns: Vec<Pattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        let patterns: Vec<&Pattern> = patterns.iter().collect();
        let found = find(text.as_bytes(), &patterns)?;
        Some(
            found
                .into_iter()
                .map(|found| (found.pattern, text[found.span].to_owned()))
                .collect(),
        )
    }

    #[test]
    fn values_are_found_where_they_stand() {
        let text = r#" {"a": [1, {"b": "x\"}"}, -2.5e3], "\u0063": {"b": null}, "d":{}} "#;
        let found = |patterns: &[&str]| spans(text, patterns).unwrap();
        assert_eq!(found(&["/a/1/b"]), [(0, r#""x\"}""#.to_owned())]);
        assert_eq!(found(&["/c/b", "/a/*"]).len(), 4);
        assert_eq!(found(&["/a/2"]), [(0, "-2.5e3".to_owned())]);
        assert_eq!(
            found(&["/d", "/x", "/a/3", "/a/01"]),
            [(0, "{}".to_owned())]
        );
    }

    #[test]
    fn text_that_is_no_json_has_no_spans() {
        for text in [
            "",
            "{",
            r#"{"a"}"#,
            r#"{"a":1"#,
            "[1,",
            "{}x",
            r#"{"a":"x}"#,
            r#"{"a":"\"#,
        ] {
            assert_eq!(spans(text, &["/a"]), None, "{text}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert_eq!(spans(&deep, &["/0"]), None);
    }

    proptest! {
        #[test]
        fn a_span_holds_what_the_strict_reader_finds_there(document in json(), at in prop::sample::select(vec!["/a", "/b", "/a/0", "/0/a", "/*", "/*/*"])) {
            let text = document.to_string();
            let pattern: Pattern = at.parse().unwrap();
            let read = Document::from_json(text.as_bytes()).unwrap();
            let found = find(text.as_bytes(), &[&pattern]).unwrap();
            let mut spans: Vec<Document> = found.into_iter().map(|found| Document::from_json(&text.as_bytes()[found.span]).unwrap()).collect();
            let mut values: Vec<Document> = pattern.values(&read).into_iter().cloned().collect();
            let form = |document: &Document| refrain::key::canonical_form(document).unwrap();
            spans.sort_by_key(form);
            values.sort_by_key(form);
            prop_assert_eq!(spans, values);
        }

        #[test]
        fn any_bytes_are_scanned_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let pattern: Pattern = "/a/*".parse().unwrap();
            let found = find(&bytes, &[&pattern]);
            prop_assert!(found.is_none_or(|found| found.iter().all(|found| found.span.end <= bytes.len())));
        }
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i64>().prop_map(Into::into),
            "[a\"\\\\é]{0,4}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[ab\"]", inner, 0..3)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }
}
