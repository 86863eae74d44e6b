//! The requests that no upstream gets to see: those which two servers could understand in two ways.
//!
//! Lengths, chunks and line ends are read by hyper, and what goes on is written anew from what it has read. Left to this
//! file is what a server may make of a head that is well formed.

use axum::http::header::{HOST, TRANSFER_ENCODING};
use axum::http::uri::Authority;
use axum::http::{Method, Request, Version};

use crate::{Problem, ProblemKind};

/// Refuses a request whose target is not one path of one host.
pub(super) fn check<B>(request: &Request<B>) -> Result<(), Problem> {
    if request.method() == Method::CONNECT {
        let detail = "this door stands in for one server and opens no tunnel to others";
        return Err(Problem::new(ProblemKind::MethodNotAllowed, detail));
    }
    let refuse = |detail: &str| Err(Problem::new(ProblemKind::MalformedRequest, detail));
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host.as_bytes()),
        (None, _) if request.version() == Version::HTTP_10 => None,
        (None, _) => return refuse("the request has no Host header"),
        (Some(_), Some(_)) => return refuse("the request has two Host headers"),
    };
    if let Some(host) = host
        && !host.is_empty()
        && Authority::try_from(host).is_err()
    {
        return refuse("the Host header is no host");
    }
    // The coding would be lost with its header, and the rest of the body be taken for the body.
    let mut codings = request.headers().get_all(TRANSFER_ENCODING).iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return refuse("the Transfer-Encoding is not `chunked`");
    }
    // A target with a host in it stands for the header, so the two must be one (RFC 9112, section 3.2.2).
    if let Some(authority) = request.uri().authority()
        && host.is_some_and(|host| !host.eq_ignore_ascii_case(authority.as_str().as_bytes()))
    {
        return refuse("the address of the request and its Host header name two hosts");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: &str, uri: &str, hosts: &[&str]) -> Option<ProblemKind> {
        let mut request = Request::builder().method(method).uri(uri);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        check(&request.body(()).unwrap())
            .err()
            .map(|problem| problem.kind())
    }

    #[test]
    fn one_host_is_named_and_it_is_the_one_of_the_address() {
        let malformed = Some(ProblemKind::MalformedRequest);
        assert_eq!(checked("GET", "/", &["localhost:8080"]), None);
        assert_eq!(checked("GET", "/", &[]), malformed);
        assert_eq!(checked("GET", "/", &["a", "a"]), malformed);
        assert_eq!(checked("GET", "/", &["a b"]), malformed);
        assert_eq!(checked("GET", "/", &["a, b"]), malformed);
        assert_eq!(checked("GET", "http://a/", &["A"]), None);
        assert_eq!(checked("GET", "http://a/", &["b"]), malformed);
        assert_eq!(
            checked("CONNECT", "b:80", &["b:80"]),
            Some(ProblemKind::MethodNotAllowed)
        );
    }
}
