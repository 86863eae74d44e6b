//! One request to an upstream: where it goes, what of it goes, and what is tried again.

use std::error::Error as _;

use axum::http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri, Version};
use hyper::body::Incoming;
use hyper_util::client::legacy;

use super::breaker::Attempt;
use super::hop_by_hop::{asks_for_web_socket, keep_end_to_end, tokens};
use super::{Lent, Unanswered, Upstream};
use crate::client::Client;
use crate::pace::Meter;

/// The head of a request to an upstream.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    /// How the client wrote the names of its headers.
    extensions: Extensions,
}

impl Asked {
    /// A question of this server itself.
    ///
    /// # Errors
    ///
    /// [`Unanswered::NoPath`] when it asks for no path.
    pub(super) fn of_this_server(
        upstream: &Upstream,
        method: Method,
        path: &Uri,
        headers: HeaderMap,
    ) -> Result<Self, Unanswered> {
        let mut head = Request::new(()).into_parts().0;
        (head.method, head.uri, head.headers) = (method, path.clone(), headers);
        upstream.asked(&head)
    }

    /// The same without compression, because its answer will be read, and of `length` bytes, which are all there.
    pub(crate) fn read_here(mut self, length: usize) -> Self {
        self.headers
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.of_length(length)
    }

    /// The same with a body of `length` bytes, which are all there.
    pub(crate) fn of_length(mut self, length: usize) -> Self {
        self.headers.remove(TRANSFER_ENCODING);
        self.headers.remove(TRAILER);
        // A request without a body says nothing of it, as it came.
        if length > 0 || self.headers.contains_key(CONTENT_LENGTH) {
            self.headers.insert(CONTENT_LENGTH, length.into());
        }
        self
    }

    fn request(&self, body: &Lent) -> Request<Lent> {
        let mut request = Request::new(body.again());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        *request.extensions_mut() = self.extensions.clone();
        request
    }
}

impl Upstream {
    /// Makes a request to this upstream of one that a client sent to its door.
    ///
    /// # Errors
    ///
    /// [`Unanswered::NoPath`] when it asks for no path.
    pub(crate) fn asked(&self, head: &Parts) -> Result<Asked, Unanswered> {
        let uri = self.config.target.of(&head.uri).ok_or(Unanswered::NoPath)?;
        let mut headers = head.headers.clone();
        let takes_trailers =
            tokens(&headers, &TE).any(|token| token.eq_ignore_ascii_case("trailers"));
        let is_chunked = headers.contains_key(TRANSFER_ENCODING);
        let is_web_socket = asks_for_web_socket(&headers);
        keep_end_to_end(&mut headers);
        // This server asks for the body itself, as soon as the upstream takes it.
        headers.remove(EXPECT);
        if is_web_socket {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        } else if takes_trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
            headers.insert(CONNECTION, HeaderValue::from_static("TE"));
        }
        if is_chunked {
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
        if self.config.target.is_by_name() || !headers.contains_key(HOST) {
            headers.insert(HOST, self.config.target.host().clone());
        }
        for (name, value) in &self.config.credentials {
            headers.insert(name.clone(), value.clone());
        }
        // What this server notes of the client's connection stays here.
        let mut extensions = head.extensions.clone();
        extensions.remove::<Meter>();
        extensions.remove::<Client>();
        Ok(Asked {
            method: head.method.clone(),
            uri,
            headers,
            extensions,
        })
    }

    /// Sends a request, and gives the head of the answer with a body that comes.
    ///
    /// A connection that cannot be had is tried for once more; whatever the server may have begun to work on is not sent
    /// again. Dropping the future closes the connection, and with that tells the server.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] when there is no answer to pass on.
    pub(crate) async fn send(
        &self,
        asked: &Asked,
        body: Lent,
    ) -> Result<Response<Incoming>, Unanswered> {
        let name = || self.config.name.clone();
        let attempt = self
            .breaker
            .admit()
            .map_err(|again_in| Unanswered::LeftAlone {
                upstream: name(),
                again_in,
            })?;
        let within = self.config.head_timeout;
        let answered = tokio::time::timeout(within, self.send_twice(asked, &body)).await;
        let Ok(answered) = answered else {
            return Err(Unanswered::TooSlow {
                upstream: name(),
                within,
            });
        };
        match answered {
            Ok(mut response) => {
                attempt.reached();
                is_passable(&response).map_err(|why| Unanswered::Broken {
                    upstream: name(),
                    why: why.to_owned(),
                })?;
                *response.version_mut() = Version::HTTP_11;
                Ok(response)
            }
            Err(error) if error.is_connect() => {
                self.note_failure(attempt);
                Err(Unanswered::Unreachable {
                    upstream: name(),
                    why: innermost(&error),
                })
            }
            Err(error) => {
                attempt.reached();
                Err(Unanswered::Broken {
                    upstream: name(),
                    why: innermost(&error),
                })
            }
        }
    }

    async fn send_twice(
        &self,
        asked: &Asked,
        body: &Lent,
    ) -> Result<Response<Incoming>, legacy::Error> {
        match self.client.request(asked.request(body)).await {
            Err(error) if error.is_connect() && !body.is_touched() => {
                self.client.request(asked.request(body)).await
            }
            answered => answered,
        }
    }

    fn note_failure(&self, attempt: Attempt<'_>) {
        if attempt.failed() {
            tracing::warn!(
                upstream = self.config.name,
                "cannot be reached and is left alone for a while"
            );
        }
    }
}

/// Refuses an answer whose end could be misunderstood on its way to the client.
fn is_passable(response: &Response<Incoming>) -> Result<(), &'static str> {
    let mut codings = tokens(response.headers(), &TRANSFER_ENCODING);
    match (codings.next(), codings.next()) {
        (None, _) => Ok(()),
        (Some(coding), None) if coding.eq_ignore_ascii_case("chunked") => Ok(()),
        _ => Err("its Transfer-Encoding is not `chunked`"),
    }
}

fn innermost(error: &legacy::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = error.to_string();
        cause = error.source();
    }
    said
}
