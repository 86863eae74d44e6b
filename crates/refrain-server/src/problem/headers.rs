//! The headers of another server that may be answered to other clients: those that belong to the content.

use axum::http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_LOCATION, CONTENT_RANGE,
    DATE, ETAG, EXPIRES, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use axum::http::{HeaderMap, HeaderName};

/// Of a connection, of a user, or said by this cache itself.
const LEFT_OUT: [HeaderName; 18] = [
    ACCEPT_RANGES,
    AGE,
    CACHE_CONTROL,
    CONNECTION,
    CONTENT_LENGTH,
    CONTENT_LOCATION,
    CONTENT_RANGE,
    DATE,
    ETAG,
    EXPIRES,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    SET_COOKIE,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    WWW_AUTHENTICATE,
];

/// The same that have no constant.
const LEFT_OUT_TOO: [&str; 8] = [
    "authentication-info",
    "cache-status",
    "keep-alive",
    "proxy-authentication-info",
    "proxy-connection",
    "refrain-key",
    "set-cookie2",
    "x-content-type-options",
];

/// The headers that may be stored and answered again. What `Connection` names is of the connection as well.
pub(crate) fn kept_headers(headers: &HeaderMap) -> HeaderMap {
    let named = headers.get_all(CONNECTION).iter();
    let named: Vec<String> = named
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    let is_kept = |name: &HeaderName| {
        !LEFT_OUT.contains(name)
            && !LEFT_OUT_TOO.contains(&name.as_str())
            && !named.iter().any(|other| other == name.as_str())
    };
    let kept = headers.iter().filter(|(name, _)| is_kept(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_belongs_to_a_user_or_a_connection_is_left_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "image/png"),
            ("x-model", "flux"),
            ("x-model", "second"),
            ("set-cookie", "user=1"),
            ("connection", "close, X-Hop"),
            ("x-hop", "1"),
            ("transfer-encoding", "chunked"),
            ("cache-status", "other; hit"),
        ] {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let kept = kept_headers(&headers);
        assert_eq!(kept.len(), 3, "{kept:?}");
        assert_eq!(kept.get_all("x-model").iter().count(), 2);
    }
}
