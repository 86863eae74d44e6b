//! Success: what an answer has to be so that it is a result. 200 alone is not enough.

use http::StatusCode;

use crate::condition::Conditions;
use crate::language::Section;
use crate::validate::{MediaKind, UnknownKind};

/// What makes an answer a result that may be stored and shared.
///
/// ```
/// use refrain_route::Success;
///
/// let success = Success::default();
/// assert!(success.status.contains(&http::StatusCode::OK));
/// ```
#[derive(Debug, Clone)]
pub struct Success {
    /// Statuses of results.
    pub status: Vec<StatusCode>,
    /// Media types of results, such as `audio/*`; all if empty.
    pub types: Vec<String>,
    /// What the JSON body has to say; the body is not read without.
    pub require: Option<Conditions>,
    /// What the JSON body must not say.
    pub reject: Conditions,
    /// Whether the body has to be a whole file.
    pub validate: Validate,
}

/// What a body is validated as.
///
/// ```
/// assert_eq!(refrain_route::Validate::default(), refrain_route::Validate::No);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validate {
    /// Nothing: any body will do.
    #[default]
    No,
    /// A file of this kind.
    As(MediaKind),
    /// What its media type says, or else its beginning; a body of unknown type will do.
    ByType,
}

impl Default for Success {
    fn default() -> Self {
        Self {
            status: vec![StatusCode::OK],
            types: Vec::new(),
            require: None,
            reject: Conditions::never(),
            validate: Validate::No,
        }
    }
}

impl Success {
    /// Whether the body has to be read as JSON to judge it.
    pub fn looks_into_json(&self) -> bool {
        self.require.is_some() || !self.reject.is_never()
    }

    pub(crate) fn read(section: &Section<'_>) -> Self {
        let conditions = |key: &str| {
            let node = section.get(key)?;
            let title = format!("{}.{key}", section.title());
            Some(Conditions::read(node, &title, section.mistakes()))
        };
        let types = section.texts("types").unwrap_or_default();
        Self {
            status: read_status(section),
            types: types
                .into_iter()
                .map(|(text, _)| text.to_ascii_lowercase())
                .collect(),
            require: conditions("require"),
            reject: conditions("reject").unwrap_or_default(),
            validate: read_validate(section),
        }
    }
}

fn read_status(section: &Section<'_>) -> Vec<StatusCode> {
    use crate::language::Value;

    let Some(node) = section.get("status") else {
        return vec![StatusCode::OK];
    };
    let items = match &node.value {
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut status = Vec::new();
    for item in items {
        let code = match item.value {
            Value::Integer(code) => u16::try_from(code)
                .ok()
                .filter(|code| (200..300).contains(code)),
            _ => None,
        };
        match code.and_then(|code| StatusCode::from_u16(code).ok()) {
            // Part of something, or nothing: no result by itself.
            Some(StatusCode::PARTIAL_CONTENT) | None => {
                section.expected(
                    "status",
                    item,
                    "a status of success such as 200, but for 206",
                );
            }
            Some(code) => status.push(code),
        }
    }
    status
}

fn read_validate(section: &Section<'_>) -> Validate {
    let Some(node) = section.get("validate") else {
        return Validate::No;
    };
    match node.as_text().map(|text| (text, text.parse::<MediaKind>())) {
        Some(("by-type", _)) => Validate::ByType,
        Some(("no", _)) => Validate::No,
        Some((_, Ok(kind))) => Validate::As(kind),
        Some((_, Err(error))) => {
            let error: UnknownKind = error;
            section
                .mistakes()
                .add(&node.place, format!("{error}, and `by-type`"));
            Validate::No
        }
        None => {
            section.expected(
                "validate",
                node,
                "`by-type`, or the kind of a file such as `png`",
            );
            Validate::No
        }
    }
}
