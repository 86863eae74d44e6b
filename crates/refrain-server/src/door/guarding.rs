//! The clients that a door answers from the cache: those of which the origin would not think twice.
//!
//! A page that points its own name at this machine (DNS rebinding) reaches a door as it reaches the origin. The origin may
//! look at `Host` and refuse. A stored answer would not, so such a request is the origin's to answer. What names a host
//! that nobody else can own is trusted: an address, a name without a dot, or one that is configured.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::http::uri::Authority;

/// Whether the request names this machine by a name that no foreign page can have.
pub(super) fn is_named_by_a_trusted_host(headers: &HeaderMap, allowed: &[String]) -> bool {
    let host = headers
        .get(HOST)
        .map(|host| Authority::try_from(host.as_bytes()));
    let Some(Ok(authority)) = host else {
        return false;
    };
    let host = authority.host().trim_end_matches('.');
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_allowed = |name: &String| {
        let name = name.rsplit_once("://").map_or(&**name, |(_, name)| name);
        let name = name.split(':').next().unwrap_or(name);
        name.eq_ignore_ascii_case(host)
    };
    bare.parse::<IpAddr>().is_ok()
        || (!host.is_empty() && !host.contains('.'))
        || host.to_ascii_lowercase().ends_with(".localhost")
        || allowed.iter().any(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_page_could_own_is_not_trusted() {
        let allowed = [
            "models.example".to_owned(),
            "https://gpu.example:8443".to_owned(),
        ];
        let trusted = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            is_named_by_a_trusted_host(&headers, &allowed)
        };
        for host in [
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.0.0.7",
            "localhost",
            "LOCALHOST:1",
            "ollama:11434",
            "a.localhost",
            "Models.example:80",
            "gpu.example:8443",
            "models.example.",
        ] {
            assert!(trusted(host), "{host}");
        }
        for host in [
            "evil.example",
            "127.0.0.1.evil.example",
            "localhost.evil.example:8080",
            "notmodels.example",
            "",
        ] {
            assert!(!trusted(host), "{host}");
        }
    }
}
