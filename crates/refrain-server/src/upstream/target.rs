//! The address of an upstream, read from its URL.

use std::fmt;

use axum::http::uri::{Authority, PathAndQuery, Scheme};
use axum::http::{HeaderValue, Uri};

/// Scheme, host and port of an upstream, and the path that each of its paths begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    scheme: Scheme,
    authority: Authority,
    prefix: String,
    host: HeaderValue,
}

/// Why a URL is none of an upstream.
///
/// # Example
///
/// ```
/// use refrain_server::{BadUrl, UpstreamConfig};
///
/// assert_eq!(UpstreamConfig::new("a", "ftp://a").unwrap_err(), BadUrl::Scheme);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadUrl {
    /// It is not of HTTP.
    #[error("it must begin with `http://` or `https://`")]
    Scheme,
    /// There is no host in it.
    #[error("it must name a host")]
    Host,
    /// There is a name or a password in it.
    #[error("a name and a password do not belong into it: give them as `credentials`")]
    UserInfo,
    /// There is more in it than a path.
    #[error("it must end with its path: a query and a fragment are the clients'")]
    Query,
}

impl Target {
    /// Reads `http://host:port`, with a path or without.
    ///
    /// # Errors
    ///
    /// [`BadUrl`].
    pub(crate) fn parse(url: &str) -> Result<Self, BadUrl> {
        let uri: Uri = url.trim().parse().map_err(|_| BadUrl::Scheme)?;
        let scheme = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS => scheme.clone(),
            _ => return Err(BadUrl::Scheme),
        };
        let authority = uri.authority().ok_or(BadUrl::Host)?.clone();
        if authority.as_str().contains('@') {
            return Err(BadUrl::UserInfo);
        }
        if authority.host().is_empty() {
            return Err(BadUrl::Host);
        }
        if uri.query().is_some() || url.contains('#') {
            return Err(BadUrl::Query);
        }
        let host = HeaderValue::try_from(authority.as_str()).map_err(|_| BadUrl::Host)?;
        Ok(Self {
            scheme,
            prefix: uri.path().trim_end_matches('/').to_owned(),
            authority,
            host,
        })
    }

    /// The URL of what a client asked for; `None` if that and the prefix make no path.
    ///
    /// Of the request only path and query are used, so it cannot choose another server.
    pub(crate) fn of(&self, asked: &Uri) -> Option<Uri> {
        let asked = asked.path_and_query()?.as_str();
        if !asked.starts_with('/') {
            return None;
        }
        let path = if self.prefix.is_empty() {
            PathAndQuery::try_from(asked)
        } else {
            PathAndQuery::try_from(format!("{}{asked}", self.prefix))
        };
        let parts = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path.ok()?);
        parts.build().ok()
    }

    /// The value of `Host` that this server goes by.
    pub(crate) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Whether the server is one of many behind a name, which then must be told the name it goes by.
    pub(crate) fn is_by_name(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Host and port, the port written out.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let usual = if self.is_by_name() { 443 } else { 80 };
        (
            self.authority.host(),
            self.authority.port_u16().unwrap_or(usual),
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_chooses_the_path_and_nothing_else() {
        let target = Target::parse("http://127.0.0.1:8081").unwrap();
        for (asked, sent) in [
            ("/v1/chat?a=b", "http://127.0.0.1:8081/v1/chat?a=b"),
            ("//evil.example/x", "http://127.0.0.1:8081//evil.example/x"),
            ("/@evil.example", "http://127.0.0.1:8081/@evil.example"),
            ("/\\evil.example", "http://127.0.0.1:8081/\\evil.example"),
            ("/..//..", "http://127.0.0.1:8081/..//.."),
            ("http://evil.example/x?y", "http://127.0.0.1:8081/x?y"),
            ("http://127.0.0.1:9/x", "http://127.0.0.1:8081/x"),
        ] {
            let Ok(asked) = asked.parse::<Uri>() else {
                continue;
            };
            assert_eq!(target.of(&asked).unwrap().to_string(), sent);
        }
        assert_eq!(target.of(&"*".parse().unwrap()), None);
        assert_eq!(
            target
                .of(&"evil.example:80".parse().unwrap())
                .map(|uri| uri.to_string()),
            None
        );
    }

    #[test]
    fn a_path_in_the_url_stands_before_each_path() {
        let target = Target::parse("https://models.example/api/").unwrap();
        let sent = target.of(&"/v1/x".parse().unwrap()).unwrap();
        assert_eq!(sent.to_string(), "https://models.example/api/v1/x");
        assert_eq!(target.host_and_port(), ("models.example", 443));
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for (url, why) in [
            ("ftp://a", BadUrl::Scheme),
            ("127.0.0.1:80", BadUrl::Scheme),
            ("file:///etc/passwd", BadUrl::Scheme),
            ("http://a:b@c", BadUrl::UserInfo),
            ("http://a/?x", BadUrl::Query),
            ("http://a/#x", BadUrl::Query),
            ("", BadUrl::Scheme),
        ] {
            assert_eq!(Target::parse(url), Err(why), "{url}");
        }
    }
}
