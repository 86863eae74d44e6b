//! A body that is answered while it is generated: the bytes that are there at once, and then the rest as it comes.

use axum::body::Body;
use axum::http::header::{AGE, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream;
use http_body::Frame;
use http_body_util::StreamBody;
use refrain::Outcome;

use super::budget::Share;
use super::{REFRAIN_KEY, Recipient, TO_BE_CHECKED, visible};
use crate::engine::cache_status;
use crate::engine::outcome::Served;
use crate::generate_error::GenerateError;
use crate::live::LiveReader;
use crate::problem::kept_headers;
use crate::{Key, Problem};

/// The caller's wait for the same result. It goes on while the body is read: dropping it would be hanging up.
type Wait = BoxFuture<'static, Result<Served, Problem>>;

/// One answer on its way.
struct Following {
    reader: LiveReader,
    share: Share,
    /// None once it is over.
    wait: Option<Wait>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Body,
    Trailers,
    Over,
}

/// Answers a generate request with a body that is still being written.
///
/// What is known at the end only is not in the head: digest, length, and whether the result was stored.
///
/// # Errors
///
/// [`Busy`](crate::ProblemKind::Busy) when too many answers are being sent.
pub(crate) async fn growing(
    reader: LiveReader,
    outcome: &Outcome,
    key: Option<Key>,
    wait: Wait,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let share = to
        .budget
        .growing(reader.address(), to.meter.as_ref())
        .await?;
    let head = reader.head();
    let following = Following {
        reader,
        share,
        wait: Some(wait),
        stage: Stage::Body,
    };
    let frames = stream::unfold(following, |mut following| async {
        let frame = following.frame().await?;
        Some((frame, following))
    });
    let mut response = Body::new(StreamBody::new(frames)).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    if let Some(head) = head {
        *response.status_mut() = head.status;
        response.headers_mut().extend(kept_headers(&head.headers));
    }
    let headers = response.headers_mut();
    headers.insert(cache_status::CACHE_STATUS, cache_status::begun(outcome));
    headers.insert(CACHE_CONTROL, TO_BE_CHECKED);
    headers.insert(AGE, HeaderValue::from(0));
    if let Some(key) = key {
        headers.insert(REFRAIN_KEY, visible(&key.to_string()));
    }
    Ok(response)
}

impl Following {
    async fn frame(&mut self) -> Option<Result<Frame<Bytes>, GenerateError>> {
        if self.stage == Stage::Body {
            match self.next().await {
                Some(Ok(chunk)) => {
                    self.share.grown_to(self.reader.kept_bytes());
                    return Some(Ok(Frame::data(chunk)));
                }
                // The connection is closed before the end of the body, so no client takes it for the whole.
                Some(Err(error)) => {
                    self.stage = Stage::Over;
                    return Some(Err(error));
                }
                None => self.stage = Stage::Trailers,
            }
        }
        if self.stage == Stage::Trailers {
            self.stage = Stage::Over;
            let trailers: HeaderMap = kept_headers(&self.reader.trailers());
            if !trailers.is_empty() {
                return Some(Ok(Frame::trailers(trailers)));
            }
        }
        None
    }

    /// The next chunk. The wait is driven meanwhile: the work may depend on it.
    async fn next(&mut self) -> Option<Result<Bytes, GenerateError>> {
        loop {
            let Some(wait) = &mut self.wait else {
                return self.reader.next().await;
            };
            tokio::select! {
                biased;
                chunk = self.reader.next() => return chunk,
                _ = wait => self.wait = None,
            }
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let Some(wait) = self.wait.take() else { return };
        // The body has been read to its end, and the result is being stored: this client has not hung up.
        if self.stage == Stage::Over
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(wait);
        }
    }
}
