//! Diagnostics: a mistake in a configuration, with file, line, column and what to write instead.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

/// A text with a name: a file, or a preset.
///
/// ```
/// use refrain_route::language::{Mistakes, Source};
///
/// let mistakes = Mistakes::default();
/// let table = Source::new("refrain.toml", "a = 1\nb = ").parse(&mistakes);
/// assert!(table.is_none());
/// assert!(mistakes.into_vec()[0].to_string().starts_with("refrain.toml:2:"));
/// ```
#[derive(Debug, Clone)]
pub struct Source(Arc<Text>);

#[derive(Debug)]
struct Text {
    name: String,
    text: String,
}

/// Where something stands: a source and an offset in it.
///
/// ```
/// use refrain_route::language::{Place, Source};
///
/// let place = Place::new(Source::new("a.toml", "x = 1\ny = 2"), 6);
/// assert_eq!(place.to_string(), "a.toml:2:1");
/// ```
#[derive(Debug, Clone)]
pub struct Place {
    source: Source,
    offset: usize,
}

/// One mistake, and where it stands.
///
/// ```
/// use refrain_route::language::{Place, Source};
///
/// let mistake = Place::new(Source::new("a.toml", "x = 1"), 4).mistake("`x` is a text; write `x = \"1\"`");
/// assert_eq!(mistake.to_string(), "a.toml:1:5: `x` is a text; write `x = \"1\"`");
/// assert_eq!((mistake.line, mistake.column), (1, 5));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {what}")]
pub struct Mistake {
    /// Name of the file, or of the preset.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and what to write.
    pub what: String,
}

/// The mistakes of one configuration, all of them and not only the first.
///
/// ```
/// use refrain_route::language::{Mistakes, Place, Source};
///
/// let mistakes = Mistakes::default();
/// mistakes.add(&Place::new(Source::new("a.toml", "x = 1"), 0), "no `x` here");
/// assert_eq!(mistakes.into_vec().len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Mistakes(RefCell<Vec<Mistake>>);

impl Source {
    /// A text under this name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        Self(Arc::new(Text { name, text }))
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0.text
    }
}

impl Place {
    /// The place this many bytes into the source.
    pub fn new(source: Source, offset: usize) -> Self {
        Self { source, offset }
    }

    /// The source it is in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// A mistake at this place.
    pub fn mistake(&self, what: impl Into<String>) -> Mistake {
        let (line, column) = self.line_and_column();
        Mistake {
            file: self.source.name().to_owned(),
            line,
            column,
            what: what.into(),
        }
    }

    fn line_and_column(&self) -> (usize, usize) {
        let text = self.source.text();
        let mut end = self.offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.line_and_column();
        write!(f, "{}:{line}:{column}", self.source.name())
    }
}

impl Mistakes {
    /// Notes a mistake at this place.
    pub fn add(&self, place: &Place, what: impl Into<String>) {
        self.0.borrow_mut().push(place.mistake(what));
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// All of them, in the order of files, lines and columns.
    pub fn into_vec(self) -> Vec<Mistake> {
        let mut mistakes = self.0.into_inner();
        mistakes.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        mistakes.dedup();
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_begin_at_one() {
        let source = Source::new("x", "é = 1\nö = 2");
        let place = |offset| Place::new(source.clone(), offset).to_string();
        assert_eq!(place(0), "x:1:1");
        assert_eq!(place(2), "x:1:2");
        assert_eq!(place("é = 1\n".len()), "x:2:1");
        assert_eq!(place(1000), "x:2:6");
    }
}
