//! Requests to presets, as a client would send them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use refrain_route::{Asking, Config, Head, Keying, Route, TenantSecret};

/// A request that is sent to a preset.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn post(target: &str, body: impl AsRef<[u8]>) -> Self {
        Self {
            method: Method::POST,
            target: target.to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_ref().to_vec(),
        }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn form(target: &str, boundary: &str, parts: &[(&str, &str)]) -> Self {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend(
                format!(
                    "--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n"
                )
                .into_bytes(),
            );
        }
        body.extend(format!("--{boundary}--\r\n").into_bytes());
        Self::post(target, body).with(
            "content-type",
            &format!("multipart/form-data; boundary={boundary}"),
        )
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Keyed(String),
    Bypass(String),
    PassesThrough,
}

pub(crate) fn preset(name: &str) -> Config {
    Config::standing_in(name, "http://127.0.0.1:1", "127.0.0.1:2").unwrap()
}

pub(crate) fn ask(config: &Config, request: &Request) -> Outcome {
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (request.target.as_str(), None),
    };
    let routes = &config.upstreams[0].routes;
    let Some((route, captures)) = routes.find(&request.method, path) else {
        return Outcome::PassesThrough;
    };
    let route: &Arc<Route> = route;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(
            HeaderName::try_from(name).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let head = Head {
        method: &request.method,
        query,
        headers: &headers,
    };
    let secret = TenantSecret::new([7; 32]);
    let asking = Asking {
        upstream: "u",
        fingerprint: "f",
        secret: &secret,
        random: 3,
    };
    match route.keying(head, &captures, &Bytes::from(request.body.clone()), &asking) {
        Keying::Keyed(keyed) => Outcome::Keyed(keyed.key.to_string()),
        Keying::Bypass(why) => Outcome::Bypass(why.to_string()),
        other => panic!("{other:?}"),
    }
}
