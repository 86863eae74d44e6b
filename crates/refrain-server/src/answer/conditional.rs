//! Conditional requests and ranges (RFC 9110, sections 13 and 14): sending no more than the client lacks.

use std::ops::RangeInclusive;

use axum::http::header::{IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue};
use headers::{ETag, HeaderMapExt, IfNoneMatch, IfRange};

/// Whether the client has these bytes already.
pub(crate) fn client_has(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let Some(condition) = headers.typed_get::<IfNoneMatch>() else {
        return false;
    };
    parsed(etag).is_some_and(|etag| !condition.precondition_passes(&etag))
}

/// The part of a result that a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it: no range, one that cannot be read, or several, which a server may answer in full.
    Whole,
    /// These bytes.
    Range(RangeInclusive<u64>),
    /// Bytes that the result does not have.
    Outside,
}

/// The part of a result of `length` bytes that `headers` ask for.
pub(crate) fn part(headers: &HeaderMap, etag: &HeaderValue, length: u64) -> Part {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else {
        return Part::Whole;
    };
    if headers.contains_key(IF_RANGE) && !still_the_same(headers, etag) {
        return Part::Whole;
    }
    let Ok(ranges) = http_range_header::parse_range_header(range) else {
        return Part::Whole;
    };
    match ranges.validate(length).as_deref() {
        Ok([range]) => Part::Range(range.clone()),
        Ok(_) => Part::Whole,
        Err(_) => Part::Outside,
    }
}

/// Whether the representation that `If-Range` names is this one; one that cannot be read is not.
fn still_the_same(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let condition = headers.typed_get::<IfRange>();
    let etag = parsed(etag);
    condition.is_some_and(|condition| !condition.is_modified(etag.as_ref(), None))
}

fn parsed(etag: &HeaderValue) -> Option<ETag> {
    etag.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn asked(pairs: &[(&'static str, &str)]) -> Part {
        part(&headers(pairs), &HeaderValue::from_static("\"abc\""), 10)
    }

    #[test]
    fn one_range_is_cut_to_the_length() {
        assert_eq!(asked(&[("range", "bytes=2-4")]), Part::Range(2..=4));
        assert_eq!(asked(&[("range", "bytes=2-400")]), Part::Range(2..=9));
        assert_eq!(asked(&[("range", "bytes=7-")]), Part::Range(7..=9));
        assert_eq!(asked(&[("range", "bytes=-3")]), Part::Range(7..=9));
        assert_eq!(asked(&[("range", "bytes=-300")]), Part::Range(0..=9));
    }

    #[test]
    fn a_range_beyond_the_end_is_outside() {
        assert_eq!(asked(&[("range", "bytes=10-")]), Part::Outside);
        assert_eq!(asked(&[("range", "bytes=-0")]), Part::Outside);
    }

    #[test]
    fn what_is_not_one_readable_range_is_answered_in_full() {
        for value in ["bytes=", "bytes=a-b", "items=1-2", "bytes=0-1,4-5", "0-4"] {
            assert_eq!(asked(&[("range", value)]), Part::Whole, "{value}");
        }
    }

    #[test]
    fn a_range_of_another_representation_is_answered_in_full() {
        let range = ("range", "bytes=2-4");
        assert_eq!(asked(&[range, ("if-range", "\"abc\"")]), Part::Range(2..=4));
        for other in [
            "\"abd\"",
            "W/\"abc\"",
            "Wed, 21 Oct 2015 07:28:00 GMT",
            "abc",
        ] {
            assert_eq!(asked(&[range, ("if-range", other)]), Part::Whole, "{other}");
        }
    }

    #[test]
    fn a_client_that_has_the_bytes_is_recognized() {
        let etag = HeaderValue::from_static("\"abc\"");
        for value in ["\"abc\"", "*", "\"x\", \"abc\"", "W/\"abc\""] {
            assert!(client_has(&headers(&[("if-none-match", value)]), &etag));
        }
        for value in ["\"abd\"", "abc", ""] {
            assert!(!client_has(&headers(&[("if-none-match", value)]), &etag));
        }
    }
}
