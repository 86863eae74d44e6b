//! The key of a request to a route: an adapter between Python's values and the crate that reads routes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use refrain_route::{Asking, Config, Head, Keying, TenantSecret, Upstream};

use crate::key::Key;

/// One request as it came.
struct Request {
    method: Method,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
    body: Bytes,
}

/// The key of a request to the first upstream of a configuration, and its namespace; or no key, and why.
///
/// `random` is what seeds and variants are drawn with. A configuration that has mistakes is a `ValueError` with all of them.
#[pyfunction]
#[pyo3(signature = (config, fingerprint, secret, method, target, headers, body, random=0))]
#[expect(clippy::too_many_arguments, reason = "a request has as many parts")]
pub(crate) fn route_key(
    py: Python<'_>,
    config: &str,
    fingerprint: &str,
    secret: [u8; 32],
    method: &str,
    target: &str,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    random: u64,
) -> PyResult<(Option<Key>, String)> {
    let config = Config::read("config", config).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        PyValueError::new_err(lines.join("\n"))
    })?;
    let Some(upstream) = config.upstreams.first() else {
        return Err(PyValueError::new_err("the configuration has no upstream"));
    };
    let request = Request::read(method, target, headers, body)?;
    let asking = Asking {
        upstream: &upstream.name,
        fingerprint,
        secret: &TenantSecret::new(secret),
        random,
    };
    // A body of some megabytes takes milliseconds, in which other threads may run.
    Ok(py.detach(|| request.key(upstream, &asking)))
}

impl Request {
    fn read(
        method: &str,
        target: &str,
        headers: Vec<(String, Vec<u8>)>,
        body: Vec<u8>,
    ) -> PyResult<Self> {
        let refused = |what: String| PyValueError::new_err(what);
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(&value);
            let value = value
                .map_err(|_| refused(format!("header `{name}` has a value that none can have")))?;
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| refused(format!("`{name}` is no name of a header")))?;
            map.append(name, value);
        }
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query.to_owned())),
            None => (target, None),
        };
        Ok(Self {
            method: Method::from_bytes(method.as_bytes())
                .map_err(|_| refused(format!("`{method}` is no method")))?,
            path: path.to_owned(),
            query,
            headers: map,
            body: body.into(),
        })
    }

    fn key(&self, upstream: &Upstream, asking: &Asking<'_>) -> (Option<Key>, String) {
        let Some((route, captures)) = upstream.routes.find(&self.method, &self.path) else {
            return (None, "no route is for it".to_owned());
        };
        let head = Head {
            method: &self.method,
            query: self.query.as_deref(),
            headers: &self.headers,
        };
        match route.keying(head, &captures, &self.body, asking) {
            Keying::Keyed(keyed) => (Some(Key(keyed.key)), keyed.namespace),
            Keying::Bypass(why) => (None, why.to_string()),
            _ => (None, "body too large to key".to_owned()),
        }
    }
}
