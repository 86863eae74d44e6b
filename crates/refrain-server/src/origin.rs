//! A web origin (RFC 6454): scheme, host and port, which all three decide whose page a request comes from.

use axum::http::Uri;

/// Where a web page comes from, with the port written out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) scheme: &'static str,
    /// In lower case.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Reads the value of an `Origin` header; `None` for `null` and whatever is not `http://…` or `https://…` without a
    /// path.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, default_port) = match uri.scheme_str()? {
            "http" => ("http", 80),
            "https" => ("https", 443),
            _ => return None,
        };
        let authority = uri.authority()?;
        let written = authority.as_str();
        let bare = text.get(scheme.len() + "://".len()..)? == written;
        if written.contains('@') || !bare || authority.host().is_empty() {
            return None;
        }
        let port = authority.port_u16();
        // A port that is no number is none that could be compared.
        if port.is_none() && written.len() != authority.host().len() {
            return None;
        }
        Some(Self {
            scheme,
            host: authority.host().to_ascii_lowercase(),
            port: port.unwrap_or(default_port),
        })
    }

    /// Whether a request for `host`, the value of a `Host` header, is one for this origin.
    ///
    /// This server speaks `http`. A `Host` without a port may have come through a proxy that speaks `https` for it.
    pub(crate) fn is_that_of(&self, host: &str) -> bool {
        let of = |scheme: &str| Self::parse(&format!("{scheme}://{host}"));
        of("http").as_ref() == Some(self) || (!has_port(host) && of("https").as_ref() == Some(self))
    }
}

fn has_port(host: &str) -> bool {
    host.rsplit_once(':')
        .is_some_and(|(_, port)| !port.contains(']'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        let parsed = Origin::parse("https://Models.example").unwrap();
        assert_eq!(
            (parsed.scheme, &*parsed.host, parsed.port),
            ("https", "models.example", 443)
        );
        assert_eq!(parsed, Origin::parse("https://models.example:443").unwrap());
        assert_ne!(parsed, Origin::parse("http://models.example:443").unwrap());
        assert!(Origin::parse("http://[::1]:5000").is_some());
        for none in [
            "null",
            "",
            "models.example",
            "ftp://models.example",
            "http://models.example/",
            "http://models.example/a",
            "http://a@models.example",
            "http://models.example:",
            "http://models.example:99999",
            "http://:80",
        ] {
            assert_eq!(Origin::parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_request_is_of_the_origin_whose_host_and_port_it_names() {
        let table = [
            ("http://localhost:5000", "localhost:5000", true),
            ("http://localhost:5000", "LOCALHOST:5000", true),
            ("http://localhost", "localhost", true),
            ("http://localhost", "localhost:80", true),
            ("https://models.example", "models.example", true),
            ("https://localhost:5000", "localhost:5000", false),
            ("http://localhost:9999", "localhost:5000", false),
            ("http://localhost:9999", "localhost", false),
            ("http://[::1]:5000", "[::1]:5000", true),
            ("https://[::1]", "[::1]", true),
            ("http://other.example", "models.example", false),
            ("http://localhost", "", false),
        ];
        for (origin, host, same) in table {
            let origin = Origin::parse(origin).unwrap();
            assert_eq!(origin.is_that_of(host), same, "{origin:?} {host}");
        }
    }
}
