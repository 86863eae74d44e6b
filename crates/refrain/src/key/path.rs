//! The place of a value inside a request, as people read it: `dimensions.width`, `images[0]`.

use std::fmt;

/// Where a path is cut off, in bytes: hostile names would otherwise fill logs.
const LONGEST_PATH: usize = 200;

/// One step down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Name(String),
    Index(usize),
}

impl Step {
    pub(super) fn name(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

/// Writes the steps, outermost first, one after the other.
pub(super) fn render<'a>(steps: impl IntoIterator<Item = &'a Step>) -> String {
    let mut path = String::new();
    for step in steps {
        push(&mut path, step);
        if path.len() > LONGEST_PATH {
            let mut end = LONGEST_PATH;
            while !path.is_char_boundary(end) {
                end -= 1;
            }
            path.truncate(end);
            path.push('…');
            break;
        }
    }
    path
}

fn push(path: &mut String, step: &Step) {
    use fmt::Write as _;

    let written = match step {
        Step::Index(index) => write!(path, "[{index}]"),
        Step::Name(name) if is_plain(name) && path.is_empty() => write!(path, "{name}"),
        Step::Name(name) if is_plain(name) => write!(path, ".{name}"),
        Step::Name(name) => write!(path, "[{name:?}]"),
    };
    written.expect("writing to a string cannot fail");
}

/// Whether a name can stand in a path without quotes.
fn is_plain(name: &str) -> bool {
    let is_letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ':');
    !name.is_empty() && name.chars().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_joined_by_dots_and_indices_stand_in_brackets() {
        let steps = [
            Step::name("body"),
            Step::name("images"),
            Step::Index(2),
            Step::name("größe"),
        ];
        assert_eq!(render(&steps), "body.images[2].größe");
    }

    #[test]
    fn a_name_that_could_be_misread_is_quoted() {
        let steps = [
            Step::name("a.b"),
            Step::name(""),
            Step::name("say \"hi\"\n"),
        ];
        assert_eq!(render(&steps), r#"["a.b"][""]["say \"hi\"\n"]"#);
    }

    #[test]
    fn a_path_is_cut_off_between_characters() {
        let path = render(&[Step::name(&"é".repeat(1000))]);
        assert!(path.len() < 210 && path.ends_with("é…"));
    }
}
