//! Path templates in the manner of RFC 6570, level 1: literal segments, and `{names}` for what differs.

use std::fmt;
use std::str::FromStr;

use crate::language::one_of;

/// A path with captures: `/v1beta/models/{model}:generateContent`. `{rest...}` at the end takes all segments that are left.
///
/// A path is compared as it was sent. A capture is never empty and ends where its segment ends.
///
/// ```
/// use refrain_route::PathTemplate;
///
/// let template: PathTemplate = "/models/{model}:generate".parse()?;
/// assert_eq!(template.captures("/models/gemini:generate").unwrap().get("model"), Some("gemini"));
/// assert!(template.captures("/models/:generate").is_none());
/// assert!(template.captures("/models/a/b:generate").is_none());
/// # Ok::<(), refrain_route::TemplateError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathTemplate {
    text: String,
    segments: Vec<Segment>,
    rest: Option<String>,
}

/// One segment: a literal, or a capture between two literals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Segment {
    before: String,
    name: Option<String>,
    after: String,
}

/// What a template captured of a path, as it was sent.
///
/// ```
/// use refrain_route::PathTemplate;
///
/// let template: PathTemplate = "/{a}/{b...}".parse()?;
/// let captures = template.captures("/x/y/z%2F").unwrap();
/// assert_eq!(captures.iter().collect::<Vec<_>>(), [("a", "x"), ("b", "y/z%2F")]);
/// # Ok::<(), refrain_route::TemplateError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captures<'p> {
    values: Vec<(String, &'p str)>,
}

/// A text that no path can match, or that is no template.
///
/// ```
/// use refrain_route::PathTemplate;
///
/// let error = "/v1/chat?x=1".parse::<PathTemplate>().unwrap_err();
/// assert!(error.to_string().contains("can never match"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// Without a slash in front.
    #[error("path `{0}` can never match: it must begin with `/`")]
    NoSlash(String),
    /// With a query, a fragment, a space or something else that no path has.
    #[error("path `{path}` can never match: a path has no {character:?}")]
    Character {
        /// The template.
        path: String,
        /// What cannot be in a path.
        character: char,
    },
    /// Braces that do not fit, or more than one capture in a segment.
    #[error(
        "path `{0}` has braces that do not fit: each segment has one `{{name}}` at most, and `{{name...}}` is the last one"
    )]
    Braces(String),
    /// One name twice.
    #[error("path `{path}` has {name} twice; give each capture a name of its own", name = one_of([name.as_str()]))]
    Repeated {
        /// The template.
        path: String,
        /// The name.
        name: String,
    },
}

impl PathTemplate {
    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Names of captures, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self
            .segments
            .iter()
            .filter_map(|segment| segment.name.as_deref());
        names.chain(self.rest.as_deref())
    }

    /// What is captured of this path; nothing if it does not match.
    pub fn captures<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        if self.segments.iter().all(|segment| segment.name.is_none()) && self.rest.is_none() {
            return (path == self.text).then(Captures::default);
        }
        let mut left = path.strip_prefix('/')?;
        let mut values = Vec::new();
        let mut is_over = false;
        for segment in &self.segments {
            if is_over {
                return None;
            }
            let (part, rest) = left.split_once('/').unwrap_or_else(|| {
                is_over = true;
                (left, "")
            });
            left = rest;
            let inside = segment.inside(part)?;
            if let Some(name) = &segment.name {
                values.push((name.clone(), inside));
            }
        }
        match (&self.rest, is_over) {
            (None, true) => {}
            (Some(name), false) if !left.is_empty() => values.push((name.clone(), left)),
            _ => return None,
        }
        Some(Captures { values })
    }

    /// Whether every path that the other template matches is matched by this one.
    pub fn covers(&self, other: &Self) -> bool {
        let mut others = other.segments.iter();
        for segment in &self.segments {
            if !others.next().is_some_and(|other| segment.covers(other)) {
                return false;
            }
        }
        match (&self.rest, others.next()) {
            (None, next) => next.is_none() && other.rest.is_none(),
            (Some(_), None) => other.rest.is_some(),
            // A slash at the end leaves nothing for the rest to take.
            (Some(_), Some(next)) => {
                others.next().is_some() || other.rest.is_some() || *next != Segment::default()
            }
        }
    }
}

impl Segment {
    /// What stands between the literals; the empty text if there is no capture.
    fn inside<'p>(&self, part: &'p str) -> Option<&'p str> {
        if self.name.is_none() {
            return (part == self.before).then_some("");
        }
        let inside = part
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())?;
        (!inside.is_empty()).then_some(inside)
    }

    fn covers(&self, other: &Self) -> bool {
        match (&self.name, &other.name) {
            (None, None) => self.before == other.before,
            (None, Some(_)) => false,
            (Some(_), None) => self.inside(&other.before).is_some(),
            (Some(_), Some(_)) => {
                other.before.starts_with(&self.before) && other.after.ends_with(&self.after)
            }
        }
    }
}

impl FromStr for PathTemplate {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let braces = || TemplateError::Braces(text.to_owned());
        let path = text
            .strip_prefix('/')
            .ok_or_else(|| TemplateError::NoSlash(text.to_owned()))?;
        let is_odd = |c: &char| {
            !c.is_ascii_graphic()
                || matches!(c, '?' | '#' | '"' | '<' | '>' | '\\' | '^' | '`' | '|')
        };
        if let Some(character) = text.chars().find(is_odd) {
            return Err(TemplateError::Character {
                path: text.to_owned(),
                character,
            });
        }
        let mut template = Self {
            text: text.to_owned(),
            segments: Vec::new(),
            rest: None,
        };
        for part in path.split('/') {
            if template.rest.is_some() {
                return Err(braces());
            }
            if let Some(name) = part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix("...}"))
            {
                if !is_name(name) {
                    return Err(braces());
                }
                template.rest = Some(name.to_owned());
                continue;
            }
            template.segments.push(segment(part).ok_or_else(braces)?);
        }
        let mut names: Vec<_> = template.names().collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TemplateError::Repeated {
                path: text.to_owned(),
                name: pair[0].to_owned(),
            });
        }
        Ok(template)
    }
}

fn segment(part: &str) -> Option<Segment> {
    let Some((before, rest)) = part.split_once('{') else {
        let before = part.to_owned();
        return (!part.contains('}')).then_some(Segment {
            before,
            name: None,
            after: String::new(),
        });
    };
    let (name, after) = rest.split_once('}')?;
    let is_plain = is_name(name) && !before.contains('}') && !after.contains(['{', '}']);
    is_plain.then(|| Segment {
        before: before.to_owned(),
        name: Some(name.to_owned()),
        after: after.to_owned(),
    })
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl<'p> Captures<'p> {
    /// What was captured under this name.
    pub fn get(&self, name: &str) -> Option<&'p str> {
        let mut values = self.values.iter();
        values
            .find(|(other, _)| other == name)
            .map(|(_, value)| *value)
    }

    /// Names and values, in the order of the path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'p str)> {
        self.values
            .iter()
            .map(|(name, value)| (name.as_str(), *value))
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> PathTemplate {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_template_covers_is_what_it_matches() {
        let templates = [
            "/a",
            "/a/",
            "/{x}",
            "/a/{x}",
            "/{x}/b",
            "/{x}/{y}",
            "/a{x}/b",
            "/{x}c/b",
            "/{x...}",
            "/a/{x...}",
            "/{x}/{y...}",
        ];
        let paths = [
            "/a", "/b", "/a/", "/a/b", "/ab/b", "/abc/b", "/c/b", "/a/b/c", "/x/y", "/",
        ];
        for one in templates.map(template) {
            for other in templates.map(template) {
                if one.covers(&other) {
                    for path in paths {
                        assert!(
                            other.captures(path).is_none() || one.captures(path).is_some(),
                            "{one} covers {other}, but {path}"
                        );
                    }
                }
            }
        }
        assert!(template("/{x}/{y}").covers(&template("/a/{z}")));
        assert!(!template("/a/{z}").covers(&template("/{x}/{y}")));
        assert!(template("/{x...}").covers(&template("/a/b")));
    }

    #[test]
    fn what_cannot_be_a_path_is_refused() {
        for text in [
            "a",
            "",
            "/a?b",
            "/a b",
            "/a#",
            "/{",
            "/}",
            "/{a",
            "/{a}{b}",
            "/{}",
            "/{a...}/b",
            "/x{a...}",
            "/{a}/{a}",
            "/é",
        ] {
            assert!(text.parse::<PathTemplate>().is_err(), "{text}");
        }
    }
}
