//! A request as a document of parts: `method`, `route`, `path`, `query`, `headers` and `body`, as `docs/key-format.md` has them.

use http::{HeaderMap, HeaderValue, Method};
use refrain::key::{Document, Map};

use super::body;
use super::{BodyKind, Bypass, KeyRules, insert};
use crate::header::HeaderClass;
use crate::matching::{Captures, Match};

/// The head of a request, as it came.
///
/// ```
/// use http::{HeaderMap, Method};
/// use refrain_route::Head;
///
/// let head = Head { method: &Method::POST, query: Some("api-version=1"), headers: &HeaderMap::new() };
/// assert_eq!(head.query, Some("api-version=1"));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// What follows `?` in the address, as it was sent.
    pub query: Option<&'a str>,
    /// The headers, those of the connection too.
    pub headers: &'a HeaderMap,
}

/// What of a request counts, before the rules on its fields, and its credentials.
pub(crate) struct RequestDocument<'a> {
    pub(crate) document: Document,
    pub(crate) credentials: Vec<(&'a str, &'a [u8])>,
}

impl<'a> RequestDocument<'a> {
    /// Reads a request by the rules of its route.
    pub(crate) fn read(
        rules: &KeyRules,
        matching: &Match,
        head: Head<'a>,
        captures: &Captures<'_>,
        body: &[u8],
    ) -> Result<Self, Bypass> {
        let mut credentials = Vec::new();
        let mut headers = Map::new();
        for name in head.headers.keys() {
            match rules.class_of(name.as_str()) {
                HeaderClass::Noise => {}
                HeaderClass::Credential => {
                    let values = head.headers.get_all(name).iter();
                    credentials.extend(values.map(|value| (name.as_str(), value.as_bytes())));
                }
                HeaderClass::Meaning => {
                    if let Some(value) = counted(name.as_str(), head.headers)? {
                        headers.insert(name.as_str(), value);
                    }
                }
            }
        }
        let query = read_query(rules, head.query, &mut credentials);
        let mut parts = Map::new();
        if !(body.is_empty() && rules.body() == BodyKind::Auto) {
            let read = read_body(rules, head.headers, body)?;
            if let Some(counted) = read.counted_type {
                headers.insert("content-type", counted);
            }
            parts.insert("body", read.document);
        }
        let path: Map = captures.iter().collect();
        let route = matching.paths().first().map_or("", |path| path.as_str());
        parts.insert("headers", headers);
        parts.insert("method", head.method.as_str());
        parts.insert("path", path);
        parts.insert("query", query);
        parts.insert("route", route);
        let document = parts.into();
        Ok(Self {
            document,
            credentials,
        })
    }
}

/// The value of a header that counts; none where it says nothing.
fn counted(name: &str, headers: &HeaderMap) -> Result<Option<Document>, Bypass> {
    let mut values = headers.get_all(name).iter();
    let all_are = |expected: &[u8]| {
        let mut values = headers.get_all(name).iter();
        values.all(|value| value.as_bytes().trim_ascii().eq_ignore_ascii_case(expected))
    };
    match name {
        // The body says it.
        "content-type" | "inference-header-content-length" => Ok(None),
        "content-encoding" if all_are(b"identity") => Ok(None),
        "content-encoding" => Err(Bypass::Encoded),
        // Anything at all, which is what no header means (RFC 9110, section 12.5).
        "accept" if all_are(b"*/*") => Ok(None),
        "accept-language" if all_are(b"*") => Ok(None),
        _ => Ok(values.next().map(|first| joined(first, values))),
    }
}

/// The values of one header, as one list of values (RFC 9110, section 5.3).
fn joined<'v>(first: &HeaderValue, others: impl Iterator<Item = &'v HeaderValue>) -> Document {
    let mut bytes = first.as_bytes().to_vec();
    for other in others {
        bytes.extend_from_slice(b", ");
        bytes.extend_from_slice(other.as_bytes());
    }
    match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => Document::Bytes(error.into_bytes().into()),
    }
}

/// The parameters by name, as they were sent; or a list of them where a name comes twice, for then their order may count.
fn read_query<'a>(
    rules: &KeyRules,
    query: Option<&'a str>,
    credentials: &mut Vec<(&'a str, &'a [u8])>,
) -> Document {
    let mut parameters = Vec::new();
    for pair in query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if rules.is_query_credential(name) {
            credentials.push((name, value.as_bytes()));
        } else {
            parameters.push((name, value));
        }
    }
    let named: Map = parameters.iter().copied().collect();
    if named.len() == parameters.len() {
        return named.into();
    }
    let pairs = parameters.into_iter();
    let pairs: Vec<Document> = pairs
        .map(|(name, value)| Document::Tuple(vec![name.into(), value.into()]))
        .collect();
    pairs.into()
}

fn read_body(rules: &KeyRules, headers: &HeaderMap, body: &[u8]) -> Result<body::ReadBody, Bypass> {
    let one = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(value), None) => value
                .to_str()
                .map(Some)
                .map_err(|_| Bypass::Body("its Content-Type cannot be read")),
            (Some(_), Some(_)) => Err(Bypass::DuplicateName(name.to_owned())),
        }
    };
    let content_type = one("content-type")?;
    let head_length = one("inference-header-content-length")?;
    let mut read = body::read(rules.body(), content_type, head_length, body)?;
    for (at, value) in &rules.defaults {
        if matches!(read.document.get(at), None | Some(Document::Null)) {
            insert(&mut read.document, at, value.clone());
        }
    }
    Ok(read)
}
