//! Access control: the right host, the right page, the right token.

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Method, Request as HttpRequest, Version};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::config::ServerConfig;
use crate::origin::Origin;
use crate::{Problem, ProblemKind};

/// Lets only requests through that name this server and that no foreign web page made a browser send.
pub(crate) async fn guard(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let config = &app.shared().config;
    check_host(&request, config)?;
    check_origin(&request, config)?;
    Ok(next.run(request).await)
}

/// Lets only requests through that carry the admin token, when there is one.
pub(crate) async fn admin(
    State(app): State<App>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    if let Some(token) = &app.shared().config.admin_token {
        let given = bearer(&request).ok_or_else(|| {
            Problem::unauthorized("send the admin token as `Authorization: Bearer …`")
        })?;
        if !token.matches(given) {
            return Err(Problem::unauthorized("this is not the admin token"));
        }
    }
    Ok(next.run(request).await)
}

/// Tells browsers and caches on the way what they may not do with an answer.
pub(crate) async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Only the routes of results say otherwise.
    let no_store = HeaderValue::from_static("no-store");
    headers.entry(CACHE_CONTROL).or_insert(no_store);
    response
}

fn bearer<B>(request: &HttpRequest<B>) -> Option<&str> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Refuses other host names on loopback.
///
/// A web page can point its own name at 127.0.0.1 and then read what this server answers (DNS rebinding); its
/// requests still carry that name. Off loopback the names of this server are not known, unless they are configured.
fn check_host<B>(request: &HttpRequest<B>, config: &ServerConfig) -> Result<(), Problem> {
    if !config.host.is_loopback() && config.allowed_hosts.is_empty() {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().unwrap_or_default(),
        (None, _) if request.version() < Version::HTTP_11 => return Ok(()),
        _ => {
            let detail = "the request must have one `Host` header";
            return Err(Problem::new(ProblemKind::MalformedRequest, detail));
        }
    };
    let target = request.uri().host().unwrap_or(host_of(host));
    if is_allowed(host_of(host), config) && is_allowed(target, config) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::HostNotAllowed,
        "this server answers for localhost, its own address and its `allowed_hosts` only",
    ))
}

/// Refuses changes asked for by a web page of another origin, which a browser would send without asking its user.
///
/// A name in `allowed_hosts` stands for its page over `https`, an origin there for itself alone.
fn check_origin<B>(request: &HttpRequest<B>, config: &ServerConfig) -> Result<(), Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(());
    }
    let header = |name| request.headers().get(name);
    let Some(origin) = header(ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().ok().and_then(Origin::parse);
    let host = header(HOST).and_then(|host| host.to_str().ok());
    if origin.is_some_and(|origin| is_own(&origin, host.unwrap_or_default(), config)) {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::CrossOrigin,
        "web pages of other origins may not use this server; one of its own, behind a proxy, is named in \
         `allowed_hosts`, as `https://models.example`",
    ))
}

fn is_own(origin: &Origin, host: &str, config: &ServerConfig) -> bool {
    let mut named = config
        .allowed_hosts
        .iter()
        .filter_map(|name| Origin::parse(name));
    if named.clone().any(|named| named == *origin) {
        return true;
    }
    // Where its origin is written out, the same host has no other.
    if named.any(|named| named.host == origin.host) {
        return false;
    }
    let over_https = origin.scheme == "https" && origin.port == 443;
    let mut names = config.allowed_hosts.iter();
    origin.is_that_of(host) || (over_https && names.any(|name| *name == origin.host))
}

/// The host of an authority, without its port; empty when it is none.
fn host_of(authority: &str) -> &str {
    if authority.parse::<Authority>().is_err() || authority.contains('@') {
        return "";
    }
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => authority,
    }
}

fn is_allowed(host: &str, config: &ServerConfig) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let own = bare.parse() == Ok(config.host);
    let known = ["localhost", "127.0.0.1", "[::1]"];
    let mut configured = config.allowed_hosts.iter();
    own || known
        .into_iter()
        .any(|name| name.eq_ignore_ascii_case(host))
        || configured.any(|name| match Origin::parse(name) {
            Some(origin) => origin.host.eq_ignore_ascii_case(host),
            None => name.eq_ignore_ascii_case(host),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> HttpRequest<()> {
        let mut request = HttpRequest::post("/api/cache/clear");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn config() -> ServerConfig {
        ServerConfig {
            allowed_hosts: vec!["models.example".to_owned()],
            ..ServerConfig::default()
        }
    }

    #[test]
    fn on_loopback_only_names_of_this_server_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:5000",
            "127.0.0.1:5000",
            "[::1]:5000",
            "localhost.",
            "models.example:80",
        ] {
            assert_eq!(
                check_host(&request(&[("host", host)]), &config()),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "localhost@evil.example",
            "127.0.0.2",
            "",
            "::1",
        ] {
            let refused = check_host(&request(&[("host", host)]), &config());
            assert!(refused.is_err(), "{host}");
        }
    }

    #[test]
    fn one_host_is_needed() {
        let none = check_host(&request(&[]), &config()).unwrap_err();
        assert_eq!(none.kind(), ProblemKind::MalformedRequest);
        let two = request(&[("host", "localhost"), ("host", "evil.example")]);
        assert!(check_host(&two, &config()).is_err());
    }

    #[test]
    fn a_page_of_another_origin_changes_nothing() {
        let host = ("host", "localhost:5000");
        for origin in [
            "http://evil.example",
            "null",
            "",
            "http://localhost:9000",
            "https://localhost:5000",
            "http://models.example:9999",
            "https://models.example:9999",
            "http://models.example",
        ] {
            let asked = request(&[host, ("origin", origin)]);
            assert!(check_origin(&asked, &config()).is_err(), "{origin}");
        }
        for origin in ["http://localhost:5000", "https://models.example"] {
            let asked = request(&[host, ("origin", origin)]);
            assert_eq!(check_origin(&asked, &config()), Ok(()), "{origin}");
        }
        assert_eq!(check_origin(&request(&[host]), &config()), Ok(()));
    }

    #[test]
    fn a_host_whose_origin_is_written_out_has_no_other() {
        let config = ServerConfig {
            allowed_hosts: vec!["https://models.example:8443".to_owned()],
            ..ServerConfig::default()
        };
        let host = ("host", "models.example");
        assert_eq!(check_host(&request(&[host]), &config), Ok(()));
        let ask = |origin| check_origin(&request(&[host, ("origin", origin)]), &config);
        assert_eq!(ask("https://models.example:8443"), Ok(()));
        for origin in [
            "https://models.example",
            "http://models.example",
            "http://models.example:8443",
        ] {
            assert!(ask(origin).is_err(), "{origin}");
        }
    }
}
