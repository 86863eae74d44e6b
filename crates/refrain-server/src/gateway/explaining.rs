//! Explanations: what becomes of a request at a door, and why, without running anything.

use std::fmt::Write as _;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use bytes::Bytes;
use refrain_route::{Asking, Head, Keying, Routes, TenantSecret, Verdict};
use serde::Serialize;
use utoipa::ToSchema;

/// A request to explain.
#[derive(Debug, Clone)]
pub struct AskedRequest {
    /// The method.
    pub method: Method,
    /// Path and query.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What becomes of a request at a door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExplainedRequest {
    /// `keyed`, `bypass` or `passes`.
    #[schema(example = "keyed")]
    pub outcome: &'static str,
    /// Why it is no `keyed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The upstream.
    #[schema(example = "llama")]
    pub upstream: String,
    /// The route; absent if none is for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "chat")]
    pub route: Option<String>,
    /// The key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The canonical form in hexadecimal digits, whose BLAKE3 digest the key is; `docs/key-format.md` says how to read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canonical_form: Option<String>,
    /// Whether credentials keep it apart from others.
    pub has_tenant: bool,
    /// Whether the answer is a stream.
    pub streams: bool,
    /// What the guard says: `repeatable`, `pinned`, `assigned seed 7` or `variant 2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// What counts, value by value.
    pub parts: Vec<ExplainedPart>,
    /// What does not count.
    pub ignored: Vec<IgnoredPart>,
}

/// A value that counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExplainedPart {
    /// Where it is.
    #[schema(example = "/body/seed")]
    pub at: String,
    /// Tells values apart, and does not give them away.
    #[schema(example = "91c0ffee0ddba11a")]
    pub digest: String,
}

/// A value that does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct IgnoredPart {
    /// Where it is.
    #[schema(example = "/body/user")]
    pub at: String,
    /// Why it does not count.
    #[schema(example = "the route ignores /body/user")]
    pub why: String,
}

/// Why a text is no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is no HTTP request: {0}")]
pub struct NoRequest(&'static str);

impl AskedRequest {
    /// Reads a request as it stands in a file: a line with method and path, headers, an empty line, the body.
    ///
    /// Lines may end in LF alone. The version may be left out, and the length of the body is that of the file.
    ///
    /// # Errors
    ///
    /// [`NoRequest`] when it is none.
    ///
    /// ```
    /// use refrain_server::AskedRequest;
    ///
    /// let asked = AskedRequest::parse(b"POST /v1/embeddings\ncontent-type: application/json\n\n{\"input\": 1}").unwrap();
    /// assert_eq!(asked.uri.path(), "/v1/embeddings");
    /// assert_eq!(&asked.body[..], b"{\"input\": 1}");
    /// assert!(AskedRequest::parse(b"{}").is_err());
    /// ```
    pub fn parse(text: &[u8]) -> Result<Self, NoRequest> {
        let mut rest = text;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = match end {
                Some(end) => (&rest[..end], &rest[end + 1..]),
                None => (rest, &rest[rest.len()..]),
            };
            rest = after;
            std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line))
                .map_err(|_| NoRequest("its head is no text"))
        };
        let first = line()?;
        let mut words = first.split_ascii_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else {
            return Err(NoRequest("its first line is not `METHOD PATH`"));
        };
        let method =
            Method::from_bytes(method.as_bytes()).map_err(|_| NoRequest("its method is none"))?;
        let uri: Uri = path.parse().map_err(|_| NoRequest("its path is none"))?;
        if !uri.path().starts_with('/') {
            return Err(NoRequest("its path does not begin with `/`"));
        }
        let mut headers = HeaderMap::new();
        loop {
            let header = line()?;
            if header.is_empty() {
                break;
            }
            let (name, value) = header
                .split_once(':')
                .ok_or(NoRequest("a line of its head has no colon"))?;
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| NoRequest("a header has no name"))?;
            let value = HeaderValue::from_str(value.trim())
                .map_err(|_| NoRequest("a header has no value"))?;
            headers.append(name, value);
        }
        Ok(Self {
            method,
            uri,
            headers,
            body: Bytes::copy_from_slice(rest),
        })
    }

    /// Explains it at the door to `upstream`.
    pub fn explain(
        &self,
        upstream: &str,
        routes: &Routes,
        fingerprint: &str,
        secret: &TenantSecret,
    ) -> ExplainedRequest {
        let mut explained = ExplainedRequest {
            outcome: "passes",
            why: Some("no route is for it".to_owned()),
            upstream: upstream.to_owned(),
            route: None,
            key: None,
            canonical_form: None,
            has_tenant: false,
            streams: false,
            guard: None,
            parts: Vec::new(),
            ignored: Vec::new(),
        };
        let Some((route, captures)) = routes.find(&self.method, self.uri.path()) else {
            return explained;
        };
        explained.route = Some(route.name.clone());
        let head = Head {
            method: &self.method,
            query: self.uri.query(),
            headers: &self.headers,
        };
        let asking = Asking {
            upstream,
            fingerprint,
            secret,
            random: 0,
        };
        match route.explain(head, &captures, &self.body, &asking) {
            Ok(told) => {
                explained.outcome = "keyed";
                explained.why = None;
                explained.key = Some(told.key.to_string());
                explained.canonical_form = Some(hexadecimal(&told.form));
                explained.has_tenant = !told.namespace.is_empty();
                explained.streams = told.streams;
                explained.guard = Some(in_words(&told.verdict));
                let parts = told.parts.into_iter();
                explained.parts = parts
                    .map(|part| ExplainedPart {
                        at: part.at,
                        digest: hexadecimal(&part.digest),
                    })
                    .collect();
                let ignored = told.ignored.into_iter();
                explained.ignored = ignored
                    .map(|part| IgnoredPart {
                        at: part.at,
                        why: part.why,
                    })
                    .collect();
            }
            Err(Keying::Bypass(why)) => {
                explained.outcome = "bypass";
                explained.why = Some(why.to_string());
            }
            Err(_) => {
                explained.outcome = "bypass";
                explained.why = Some("body too large to key".to_owned());
            }
        }
        explained
    }
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Repeatable => "repeatable".to_owned(),
        Verdict::Pinned => "pinned: random, and the first answer is the answer".to_owned(),
        Verdict::Assigned(_) => {
            "assigned: random, and a seed is drawn and written into it".to_owned()
        }
        Verdict::Variant(_) => "variant: random, and one of some answers is drawn".to_owned(),
        other => format!("{other:?}"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}
