//! The error of a JSON text that cannot be read, with its place.

use std::fmt;

/// A JSON text that has no document, with the place and the reason.
///
/// ```
/// use refrain::key::Document;
///
/// let error = Document::from_json(br#"{"size": {"width": 01}}"#).unwrap_err();
/// assert_eq!(error.path(), "size.width");
/// assert_eq!((error.line(), error.column()), (1, 21));
/// assert_eq!(error.to_string(), "not JSON in `size.width` (line 1, column 21): invalid number");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonError {
    kind: JsonErrorKind,
    path: String,
    line: usize,
    column: usize,
}

/// The reason why a JSON text is refused.
///
/// ```
/// use refrain::key::{Document, JsonErrorKind};
///
/// let kind = |json: &str| Document::from_json(json.as_bytes()).unwrap_err().kind().clone();
/// assert_eq!(kind(r#"{"a": 1, "a": 1}"#), JsonErrorKind::RepeatedName);
/// assert_eq!(kind("1e9999999999"), JsonErrorKind::ExponentTooLong);
/// assert!(matches!(kind("NaN"), JsonErrorKind::Syntax { .. }));
/// assert!(matches!(kind(r#""\ud800""#), JsonErrorKind::Syntax { .. }));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// It is not JSON.
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// An object has a name twice; readers disagree on which one counts.
    RepeatedName,
    /// More than [`MAX_DEPTH`](crate::key::MAX_DEPTH) objects and lists inside each other.
    TooDeep,
    /// More than [`MAX_JSON_VALUES`](crate::key::MAX_JSON_VALUES) values.
    TooManyValues,
    /// An exponent of more than nine digits.
    ExponentTooLong,
    /// A name that the parser needs for itself.
    ReservedName,
}

impl JsonErrorKind {
    pub(super) fn syntax(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // The parser appends the position, which `JsonError` tells on its own.
        let message = text
            .rsplit_once(" at line ")
            .map_or(text.as_str(), |(message, _)| message);
        Self::Syntax {
            message: message.to_owned(),
        }
    }
}

impl JsonError {
    pub(super) fn new(kind: JsonErrorKind, path: String, error: &serde_json::Error) -> Self {
        Self {
            kind,
            path,
            line: error.line(),
            column: error.column(),
        }
    }

    /// What is wrong.
    ///
    /// ```
    /// use refrain::key::{Document, JsonErrorKind};
    ///
    /// let error = Document::from_json(b"{\"a\": 1} x").unwrap_err();
    /// assert_eq!(error.kind(), &JsonErrorKind::Syntax { message: "trailing characters".into() });
    /// ```
    pub fn kind(&self) -> &JsonErrorKind {
        &self.kind
    }

    /// The innermost value that could not be read, such as `images[0].width`; empty for the document itself.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// let error = Document::from_json(br#"{"images": [{"width": tru}]}"#).unwrap_err();
    /// assert_eq!(error.path(), "images[0].width");
    /// ```
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The line at which reading stopped, counted from 1.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// assert_eq!(Document::from_json(b"[1,\n2,\n]").unwrap_err().line(), 3);
    /// ```
    pub fn line(&self) -> usize {
        self.line
    }

    /// The byte of the line at which reading stopped, counted from 1.
    ///
    /// ```
    /// use refrain::key::Document;
    ///
    /// assert_eq!(Document::from_json(b"[1, x]").unwrap_err().column(), 5);
    /// ```
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::key::{MAX_DEPTH, MAX_JSON_VALUES};

        let path = &self.path;
        match &self.kind {
            JsonErrorKind::Syntax { message } => {
                f.write_str("not JSON")?;
                if !path.is_empty() {
                    write!(f, " in `{path}`")?;
                }
                let (line, column) = (self.line, self.column);
                write!(f, " (line {line}, column {column}): {message}")
            }
            JsonErrorKind::RepeatedName => {
                write!(f, "`{path}` is there twice; send each name once")
            }
            JsonErrorKind::TooDeep => write!(
                f,
                "`{path}` is nested deeper than {MAX_DEPTH} levels; send a flatter document"
            ),
            JsonErrorKind::TooManyValues => write!(
                f,
                "more than {MAX_JSON_VALUES} values, the first too many at `{path}`; send large data as a file"
            ),
            JsonErrorKind::ExponentTooLong => write!(
                f,
                "the number `{path}` has an exponent of more than nine digits; send a smaller one"
            ),
            JsonErrorKind::ReservedName => write!(
                f,
                "`{path}` has a name that is reserved for the JSON parser; rename it"
            ),
        }
    }
}

impl std::error::Error for JsonError {}
