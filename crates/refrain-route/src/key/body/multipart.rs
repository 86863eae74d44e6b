//! `multipart/form-data` (RFC 7578), strictly: boundary and file names do not count, files count by their content.

use memchr::memmem;
use refrain::key::{Document, Map, Media};

use super::form::text_or_bytes;
use crate::key::Bypass;

/// The boundary in a `Content-Type`, if that is `multipart/form-data`.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let (essence, parameters) = content_type.split_once(';')?;
    if !essence.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let mut boundary = None;
    for (name, value) in parameters_of(parameters)? {
        if name == "boundary" && boundary.replace(value).is_some() {
            return None;
        }
    }
    // RFC 2046, section 5.1.1.
    boundary.filter(|boundary| (1..=70).contains(&boundary.len()))
}

/// The parts, each under its name. Those of one name are a list, in the order in which they were sent.
pub(super) fn read(boundary: &str, body: &[u8]) -> Result<Document, Bypass> {
    const CUT: Bypass = Bypass::Body("the multipart body is not whole");
    let delimiter = [b"\r\n--", boundary.as_bytes()].concat();
    let first = delimiter.get(2..).unwrap_or_default();
    // Nothing may stand in front of the first part: some readers see it, and some do not.
    let mut rest = body.strip_prefix(first).ok_or(CUT)?;
    let finder = memmem::Finder::new(&delimiter);
    let mut parts: Vec<(String, Vec<Document>)> = Vec::new();
    loop {
        if let Some(behind) = rest.strip_prefix(b"--") {
            return if matches!(behind, b"" | b"\r\n") {
                Ok(collected(parts))
            } else {
                Err(CUT)
            };
        }
        let part = rest.strip_prefix(b"\r\n").ok_or(CUT)?;
        let end = finder.find(part).ok_or(CUT)?;
        let (name, value) = read_part(&part[..end])?;
        match parts.iter_mut().find(|(other, _)| *other == name) {
            Some((_, values)) => values.push(value),
            None => parts.push((name, vec![value])),
        }
        rest = &part[end + delimiter.len()..];
    }
}

fn collected(parts: Vec<(String, Vec<Document>)>) -> Document {
    let fields: Map = parts
        .into_iter()
        .map(
            |(name, mut values)| match (values.pop(), values.is_empty()) {
                (Some(only), true) => (name, only),
                (last, _) => {
                    values.extend(last);
                    (name, values.into())
                }
            },
        )
        .collect();
    fields.into()
}

/// Name and value of one part: a file is media, anything else text.
fn read_part(part: &[u8]) -> Result<(String, Document), Bypass> {
    const WRONG: Bypass = Bypass::Body("a part of the form has a head that cannot be read");
    let (head, content) = if let Some(content) = part.strip_prefix(b"\r\n") {
        (&b""[..], content)
    } else {
        let end = memmem::find(part, b"\r\n\r\n").ok_or(WRONG)?;
        (&part[..end], &part[end + 4..])
    };
    let head = std::str::from_utf8(head).map_err(|_| WRONG)?;
    let (mut disposition, mut content_type) = (None, None);
    for line in head.split("\r\n") {
        let (name, value) = line.split_once(':').ok_or(WRONG)?;
        let seen = match name.to_ascii_lowercase().as_str() {
            "content-disposition" => disposition.replace(value),
            "content-type" => content_type.replace(value.trim()),
            // Old clients say the length, and nothing depends on it.
            "content-length" => None,
            _ => {
                return Err(Bypass::Body(
                    "a part of the form has a header of unknown meaning",
                ));
            }
        };
        if seen.is_some() {
            return Err(WRONG);
        }
    }
    let (kind, parameters) = disposition
        .and_then(|value| value.split_once(';'))
        .ok_or(WRONG)?;
    if !kind.trim().eq_ignore_ascii_case("form-data") {
        return Err(WRONG);
    }
    let (mut name, mut is_file) = (None, false);
    for (parameter, value) in parameters_of(parameters).ok_or(WRONG)? {
        match parameter.as_str() {
            "name" if name.is_none() => name = Some(value),
            "filename" | "filename*" => is_file = true,
            _ => return Err(WRONG),
        }
    }
    let value = if is_file {
        Media::of(content).into()
    } else {
        text(content, content_type)
    };
    Ok((name.ok_or(WRONG)?, value))
}

/// A field of text. One of another type than plain text is another field, for a server may read it so.
fn text(content: &[u8], content_type: Option<&str>) -> Document {
    let value = text_or_bytes(content.to_vec());
    match content_type.map(str::to_ascii_lowercase) {
        None => value,
        Some(plain)
            if matches!(
                plain.as_str(),
                "text/plain" | "text/plain; charset=utf-8" | "text/plain;charset=utf-8"
            ) =>
        {
            value
        }
        Some(other) => Document::Tuple(vec![other.into(), value]),
    }
}

/// `a=b; c="d"`, with lowercase names; nothing if it cannot be read.
fn parameters_of(text: &str) -> Option<Vec<(String, String)>> {
    let mut parameters = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, behind) = if let Some(quoted) = value.strip_prefix('"') {
            quoted_value(quoted)?
        } else {
            let end = value.find(';').unwrap_or(value.len());
            (value[..end].trim().to_owned(), &value[end..])
        };
        parameters.push((name.trim().to_ascii_lowercase(), value));
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(';') {
            Some(next) => next.trim_start(),
            None if behind.is_empty() => "",
            None => return None,
        };
    }
    Some(parameters)
}

/// The value before the closing quote, and what follows it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            // Browsers send a backslash as itself, and others escape with it: only what both read alike is taken.
            '\\' => match characters.next()?.1 {
                escaped @ ('"' | '\\') => value.push(escaped),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(boundary: &str, parts: &[(&str, &str)]) -> Vec<u8> {
        let parts = parts.iter();
        let parts: Vec<_> = parts
            .map(|(head, content)| format!("--{boundary}\r\n{head}\r\n\r\n{content}\r\n"))
            .collect();
        format!("{}--{boundary}--\r\n", parts.concat()).into_bytes()
    }

    const PROMPT: (&str, &str) = ("Content-Disposition: form-data; name=\"prompt\"", "a cat");
    const FILE: (&str, &str) = (
        "Content-Disposition: form-data; name=\"image\"; filename=\"a.png\"\r\nContent-Type: image/png",
        "\u{0}PNG\r\n--x",
    );

    #[test]
    fn boundary_and_file_name_do_not_count_and_content_does() {
        let one = read("xyz", &body("xyz", &[PROMPT, FILE])).unwrap();
        let renamed = (
            "content-type: image/jpeg\r\ncontent-disposition: form-data; filename=b; name=image",
            FILE.1,
        );
        assert_eq!(
            read("q-7", &body("q-7", &[renamed, PROMPT])),
            Ok(one.clone())
        );
        assert_eq!(
            one.get(&"/image".parse().unwrap()),
            Some(&Media::of(FILE.1.as_bytes()).into())
        );
        assert_ne!(
            read("xyz", &body("xyz", &[PROMPT, (FILE.0, "other")])),
            Ok(one)
        );
    }

    #[test]
    fn parts_of_one_name_are_a_list_in_their_order() {
        let part = |content| {
            (
                "Content-Disposition: form-data; name=\"image[]\"; filename=\"x\"",
                content,
            )
        };
        let two = read("b", &body("b", &[part("1"), part("2")])).unwrap();
        assert_ne!(read("b", &body("b", &[part("2"), part("1")])), Ok(two));
    }

    #[test]
    fn what_readers_may_read_differently_is_refused() {
        let refused = |body: &[u8]| {
            assert!(
                read("b", body).is_err(),
                "{}",
                String::from_utf8_lossy(body)
            );
        };
        let whole = body("b", &[PROMPT]);
        for length in 0..whole.len() - 2 {
            refused(&whole[..length]);
        }
        refused(&[b"preamble\r\n", &whole[..]].concat());
        refused(&[&whole[..], b"epilogue"].concat());
        for head in [
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64",
            "Content-Disposition: form-data; name=\"a\"; name=\"b\"",
            "Content-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"",
            "Content-Disposition: attachment; name=\"a\"",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data; name=\"a",
            "Content-Type: text/plain",
            "nonsense",
        ] {
            refused(&body("b", &[(head, "1")]));
        }
        for content_type in [
            "multipart/form-data",
            "multipart/mixed; boundary=a",
            "multipart/form-data; boundary=",
            "multipart/form-data; boundary=a; boundary=b",
        ] {
            assert_eq!(boundary(content_type), None, "{content_type}");
        }
        assert_eq!(
            boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"").as_deref(),
            Some("a b")
        );
    }
}
