//! A template of an argument vector (`argv`): each element is one argument, whatever is put into it, and there is no shell.

use std::fmt;

/// One element of `argv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) pieces: Vec<Piece>,
}

/// A part of an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Text that stands there.
    Text(String),
    /// `{field}`: the value of a field.
    Field(String),
    /// `{in:FILE}`: the name of a file that holds a field's value. The field is called as the file, without its ending.
    In(String),
    /// `{out:FILE}`: the name of a file that the program writes.
    Out(String),
    /// `{beside:PATH}`: the path of a file beside the configuration, whose bytes are part of every key.
    Beside(String),
    /// `{request}`: the name of a JSON file with all fields.
    Request,
    /// `{progress}`: a path to which lines of progress can be written.
    Progress,
}

/// The file that `{request}` names.
pub(crate) const REQUEST_FILE: &str = "request.json";

/// What `{progress}` names: standard error, as a path.
pub(crate) const PROGRESS_PATH: &str = "/dev/stderr";

/// What may stand in braces, for messages.
const ALLOWED: &str = "`{field}`, `{in:FILE}`, `{out:FILE}`, `{beside:PATH}`, `{request}`, `{progress}`, and `{{` or `}}` for a brace";

/// What is wrong with an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TemplateError(String);

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Element {
    /// Reads one element.
    pub(crate) fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.contains('\0') {
            return Err(TemplateError("an argument cannot hold a NUL".to_owned()));
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let closed = rest.split_once('}').filter(|_| brace == "{");
            let Some((inside, after)) = closed else {
                return Err(TemplateError(format!(
                    "`{text}` has a brace without its pair; there may stand {ALLOWED}"
                )));
            };
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(Piece::parse(inside)?);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self { pieces })
    }

    /// The text, when nothing is put into it.
    pub(crate) fn literal(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl Piece {
    fn parse(inside: &str) -> Result<Self, TemplateError> {
        let (kind, name) = inside.split_once(':').unwrap_or(("", inside));
        let file = |name: &str| match file_name_fault(name) {
            None => Ok(name.to_owned()),
            Some(fault) => Err(TemplateError(format!(
                "`{{{inside}}}`: a file name {fault}"
            ))),
        };
        match kind {
            "" if name == "request" => Ok(Self::Request),
            "" if name == "progress" => Ok(Self::Progress),
            "" if is_field_name(name) => Ok(Self::Field(name.to_owned())),
            "in" => file(name).map(Self::In),
            "out" => file(name).map(Self::Out),
            "beside" if !name.is_empty() => Ok(Self::Beside(name.to_owned())),
            _ => Err(TemplateError(format!(
                "`{{{inside}}}` is no placeholder; there may stand {ALLOWED}"
            ))),
        }
    }
}

/// The field whose value a file holds: its name without the ending.
pub(crate) fn field_of_file(file: &str) -> &str {
    file.split('.').next().unwrap_or(file)
}

/// Whether this can be the name of a field: letters, digits and `_`, not a digit first.
pub(crate) fn is_field_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins_well = !name.starts_with(|first: char| first.is_ascii_digit());
    !name.is_empty()
        && name.len() <= 64
        && begins_well
        && name.bytes().all(plain)
        && !matches!(name, "request" | "progress")
}

/// What keeps this from being the name of a file in a room, to follow "a file name".
pub(crate) fn file_name_fault(name: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.is_empty() {
        Some("cannot be empty")
    } else if !name.bytes().all(plain) {
        Some(
            "has letters, digits, `.`, `-` and `_` only: it names a file in the program's own directory",
        )
    } else if name.starts_with(['-', '.']) {
        Some("cannot begin with `-` or `.`")
    } else if name.len() > 100 {
        Some("has at most 100 characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<Piece> {
        Element::parse(text).unwrap().pieces
    }

    #[test]
    fn an_element_is_text_with_placeholders() {
        assert_eq!(
            pieces("width={width}mm"),
            [
                Piece::Text("width=".into()),
                Piece::Field("width".into()),
                Piece::Text("mm".into())
            ]
        );
        assert_eq!(pieces("{in:model.scad}"), [Piece::In("model.scad".into())]);
        assert_eq!(pieces("{out:a-1_b.stl}"), [Piece::Out("a-1_b.stl".into())]);
        assert_eq!(
            pieces("{beside:tools/render.py}"),
            [Piece::Beside("tools/render.py".into())]
        );
        assert_eq!(
            pieces("{request}{progress}"),
            [Piece::Request, Piece::Progress]
        );
        assert_eq!(
            pieces("a {{b}} $HOME `c`"),
            [Piece::Text("a {b} $HOME `c`".into())]
        );
        assert_eq!(pieces(""), [Piece::Text(String::new())]);
    }

    #[test]
    fn what_is_no_placeholder_is_refused_with_what_may_stand_there() {
        for text in [
            "{}",
            "{",
            "}",
            "{width",
            "width}",
            "{ width }",
            "{out:}",
            "{out:../up}",
            "{out:/etc/passwd}",
            "{in:-o}",
            "{out:.hidden}",
            "{out:a\nb}",
            "{input:a}",
            "{wid-th}",
            "{1st}",
            "{out:a b}",
            "a\0b",
        ] {
            let error = Element::parse(text).expect_err(text).to_string();
            assert!(!error.is_empty(), "{text}");
        }
        let error = Element::parse("{input:x}").unwrap_err().to_string();
        assert!(error.contains("`{in:FILE}`"), "{error}");
    }
}
