//! JSON pointers (RFC 6901), by which a route names one place in a request.

use std::fmt;
use std::str::FromStr;

/// The name of one place in a request: `/dimensions/width`, `/images/0`.
///
/// As in RFC 6901, each step begins with `/`; inside a step, `~1` stands for `/` and `~0` for `~`. The empty
/// pointer, which would mean the whole document, is refused: code that has the document needs no pointer to it.
///
/// ```
/// use refrain::key::{Document, Pointer};
///
/// let document = Document::from_json(br#"{"sizes": {"a/b": [1, 2]}}"#)?;
/// let pointer: Pointer = "/sizes/a~1b/1".parse()?;
/// assert_eq!(document.get(&pointer), Some(&Document::from(2)));
/// assert_eq!(pointer.to_string(), "/sizes/a~1b/1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pointer {
    steps: Box<[Box<str>]>,
}

/// A text that is not a usable JSON pointer.
///
/// ```
/// use refrain::key::{ParsePointerError, Pointer};
///
/// let error = "width".parse::<Pointer>().unwrap_err();
/// assert_eq!(error, ParsePointerError::NoSlash { pointer: "width".to_owned() });
/// assert_eq!(error.to_string(), "pointer `width` must begin with `/`: write `/width`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePointerError {
    /// The empty pointer names everything.
    #[error("an empty pointer names the whole request: name a field, such as `/body/client_id`")]
    Empty,
    /// Something before the first `/`.
    #[error("pointer `{pointer}` must begin with `/`: write `/{pointer}`")]
    NoSlash {
        /// The text as given.
        pointer: String,
    },
    /// A `~` that is neither `~0` nor `~1`.
    #[error(
        "pointer `{pointer}` has a `~` with neither 0 nor 1 behind it: write `~0` for `~`, `~1` for `/`"
    )]
    Escape {
        /// The text as given.
        pointer: String,
    },
}

impl Pointer {
    /// The names on the way, outermost first.
    pub(super) fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(AsRef::as_ref)
    }
}

impl FromStr for Pointer {
    type Err = ParsePointerError;

    fn from_str(pointer: &str) -> Result<Self, ParsePointerError> {
        if pointer.is_empty() {
            return Err(ParsePointerError::Empty);
        }
        let steps = pointer
            .strip_prefix('/')
            .ok_or_else(|| ParsePointerError::NoSlash {
                pointer: pointer.to_owned(),
            })?;
        let steps: Option<_> = steps.split('/').map(unescape).collect();
        let steps = steps.ok_or_else(|| ParsePointerError::Escape {
            pointer: pointer.to_owned(),
        })?;
        Ok(Self { steps })
    }
}

fn unescape(step: &str) -> Option<Box<str>> {
    let mut pieces = step.split('~');
    let mut name = String::from(pieces.next()?);
    for piece in pieces {
        let mut rest = piece.chars();
        match rest.next()? {
            '0' => name.push('~'),
            '1' => name.push('/'),
            _ => return None,
        }
        name.push_str(rest.as_str());
    }
    Some(name.into())
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in self.steps() {
            write!(f, "/{}", step.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

/// The position a step names in a list: decimal digits, without leading zeros.
pub(super) fn index(step: &str) -> Option<usize> {
    let is_number = step.bytes().all(|byte| byte.is_ascii_digit());
    let is_canonical = step == "0" || !step.starts_with('0');
    if is_number && is_canonical {
        step.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_reads_back_as_it_is_written() {
        for text in ["/a", "/", "//", "/~0~1", "/a~1b/0", "/~01", "/ü/ "] {
            let pointer: Pointer = text.parse().unwrap();
            assert_eq!(pointer.to_string(), text);
        }
    }

    #[test]
    fn a_tilde_before_a_one_is_not_a_slash() {
        let pointer: Pointer = "/~01".parse().unwrap();
        assert_eq!(pointer.steps().collect::<Vec<_>>(), ["~1"]);
    }

    #[test]
    fn a_pointer_that_is_none_is_refused() {
        assert_eq!("".parse::<Pointer>(), Err(ParsePointerError::Empty));
        for text in ["/~", "/a~2", "/~~0"] {
            let error = text.parse::<Pointer>().unwrap_err();
            assert!(matches!(error, ParsePointerError::Escape { pointer } if pointer == text));
        }
    }

    #[test]
    fn an_index_has_one_spelling() {
        assert_eq!(index("0"), Some(0));
        assert_eq!(index("10"), Some(10));
        for text in ["", "-", "00", "01", "+1", "1.0", "99999999999999999999999"] {
            assert_eq!(index(text), None);
        }
    }
}
