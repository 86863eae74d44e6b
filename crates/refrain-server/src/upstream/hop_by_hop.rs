//! Hop-by-hop fields (RFC 9110, section 7.6.1): what belongs to one connection goes no further.

use axum::http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

const ALWAYS: [HeaderName; 6] = [
    CONNECTION,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];
const ALWAYS_TOO: [&str; 2] = ["keep-alive", "proxy-connection"];

/// Takes out of `headers` what belongs to the connection, and everything that `Connection` names.
///
/// `Host` and `Content-Length` stay even when they are named: without them the message would be another one.
/// `Trailer` stays, as the trailers are passed on.
pub(crate) fn keep_end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
        .filter(|name| !matches!(*name, HOST | CONTENT_LENGTH))
        .collect();
    for name in named.iter().chain(&ALWAYS) {
        headers.remove(name);
    }
    for name in ALWAYS_TOO {
        headers.remove(name);
    }
}

/// Takes out of `headers` what `Connection` names and is of no use on this connection either.
pub(crate) fn drop_named_by_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = tokens(headers, &CONNECTION)
        .filter_map(|name| HeaderName::try_from(name).ok())
        .filter(|name| !matches!(*name, HOST | CONTENT_LENGTH) && !ALWAYS.contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// Whether these are the headers of a client that wants to go on as a WebSocket (RFC 6455).
///
/// No other upgrade is passed on. One to HTTP/2 would let a client speak to the upstream past this server.
pub(crate) fn asks_for_web_socket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    let is_web_socket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    let only = upgrades.next().is_some_and(is_web_socket) && upgrades.next().is_none();
    only && tokens(headers, &CONNECTION).any(|token| token.eq_ignore_ascii_case("upgrade"))
}

/// The comma-separated words of a header.
pub(super) fn tokens<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a str> + 'a {
    let values = headers.get_all(name).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts
        .flat_map(|text| text.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_belongs_to_a_connection_goes_no_further_and_the_rest_does() {
        let mut given = headers(&[
            ("host", "localhost"),
            ("connection", "close, X-Hop"),
            ("connection", "Host, Content-Length"),
            ("x-hop", "1"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("proxy-authorization", "Basic x"),
            ("trailer", "x-sum"),
            ("authorization", "Bearer x"),
        ]);
        keep_end_to_end(&mut given);
        let mut left: Vec<_> = given.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "content-length", "host", "trailer"]);
    }

    #[test]
    fn only_a_web_socket_is_an_upgrade() {
        let asked = |upgrade, connection| {
            asks_for_web_socket(&headers(&[
                ("upgrade", upgrade),
                ("connection", connection),
            ]))
        };
        assert!(asked("WebSocket", "keep-alive, Upgrade"));
        assert!(!asked("h2c", "Upgrade, HTTP2-Settings"));
        assert!(!asked("websocket, h2c", "Upgrade"));
        assert!(!asked("websocket", "keep-alive"));
        let two = headers(&[
            ("upgrade", "websocket"),
            ("upgrade", "h2c"),
            ("connection", "upgrade"),
        ]);
        assert!(!asks_for_web_socket(&two));
    }
}
