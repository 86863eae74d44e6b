//! One part of a form (RFC 7578): whether it is a file, by its file name in any spelling or by its media type.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

/// Whether the part is a file, whatever its file name is: names of files are not used for anything.
pub(super) fn is_file(headers: &HeaderMap) -> bool {
    let disposition = headers.get(CONTENT_DISPOSITION);
    let media_type = headers.get(CONTENT_TYPE);
    disposition.is_some_and(|value| has_file_name(value.as_bytes()))
        || media_type.is_some_and(|value| !is_text(value.as_bytes()))
}

/// Whether `filename` or `filename*` is among the parameters, however it is written and in whatever encoding.
fn has_file_name(disposition: &[u8]) -> bool {
    let mut parameters = parameters(disposition);
    parameters.any(|parameter| {
        let name = parameter.split(|byte| *byte == b'=').next();
        let name = name.unwrap_or_default().trim_ascii();
        name.eq_ignore_ascii_case(b"filename") || name.eq_ignore_ascii_case(b"filename*")
    })
}

/// The pieces between semicolons outside of quotes.
fn parameters(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'\\' if quoted => escaped = !was_escaped,
            b'"' if !was_escaped => quoted = !quoted,
            b';' => return !quoted,
            _ => {}
        }
        false
    })
}

/// The types in which a field that is no file is sent.
fn is_text(media_type: &[u8]) -> bool {
    let essence = media_type.split(|byte| *byte == b';').next();
    let essence = essence.unwrap_or_default().trim_ascii();
    let is_under = |kind: &[u8]| {
        let head = essence.get(..kind.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(kind))
    };
    essence.is_empty() || is_under(b"text/") || essence.eq_ignore_ascii_case(b"application/json")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(disposition: &[u8], media_type: &str) -> bool {
        let mut headers = HeaderMap::new();
        let disposition = HeaderValue::from_bytes(disposition).unwrap();
        headers.insert(CONTENT_DISPOSITION, disposition);
        if !media_type.is_empty() {
            headers.insert(CONTENT_TYPE, media_type.parse().unwrap());
        }
        is_file(&headers)
    }

    #[test]
    fn a_file_name_in_any_spelling_makes_a_file() {
        for disposition in [
            &b"form-data; name=\"image\"; filename=\"a.png\""[..],
            b"form-data; name=image; filename=a.png",
            b"form-data; filename=\"\"; name=image",
            b"form-data;name=image;FileName = a.png",
            b"form-data; name=\"image\"; filename*=utf-8''gr%C3%B6%C3%9Fe.png",
            b"form-data; name=\"image\"; filename=\"gr\xf6\xdfe.png\"",
            b"form-data; name=\"a;b\"; filename=\"c;\\\"d.png\"",
            b"form-data; name=\"a\\\\\"; filename=x",
        ] {
            assert!(with(disposition, "text/plain"), "{disposition:?}");
        }
    }

    #[test]
    fn a_file_name_inside_another_parameter_makes_none() {
        for disposition in [
            &b"form-data; name=\"image\""[..],
            b"form-data; name=\"x; filename=a.png\"",
            b"form-data; name=\"x\\\"; filename=a.png\"",
            b"form-data; name=filename",
            b"form-data; name=image; filenames=a.png",
        ] {
            assert!(!with(disposition, ""), "{disposition:?}");
        }
    }

    #[test]
    fn a_media_type_that_is_not_text_makes_a_file() {
        let plain = b"form-data; name=\"image\"";
        for media_type in ["image/png", "application/octet-stream", "model/stl"] {
            assert!(with(plain, media_type), "{media_type}");
        }
        for text in ["text/plain; charset=utf-8", "TEXT/html", "application/json"] {
            assert!(!with(plain, text), "{text}");
        }
    }
}
