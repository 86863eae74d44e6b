//! The drain of a body: its unread rest is read and dropped, within limits.
//!
//! A request that is refused early has often not been sent in full. Closing the connection then would reset it, and
//! the client would lose the answer that says why. So the rest is read and thrown away, up to a limit.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;

/// A client that sends more than this after it was refused loses its connection.
const MOST_BYTES: u64 = 256 << 20;
const LONGEST: Duration = Duration::from_secs(15);

/// A body whose unread rest is drained once it is dropped.
#[derive(Debug)]
pub(crate) struct Drained {
    inner: Body,
    /// The client waits for a word before it sends; until the body is read, there is no rest.
    waits_for_continue: bool,
}

impl Drained {
    pub(crate) fn wrap(body: Body, expects_continue: bool) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Self {
            inner: body,
            waits_for_continue: expects_continue,
        })
    }
}

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.waits_for_continue = false;
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if self.waits_for_continue || self.inner.is_end_stream() {
            return;
        }
        let rest = std::mem::take(&mut self.inner);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(tokio::time::timeout(LONGEST, drain(rest)));
        }
    }
}

async fn drain(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, |data| data.len() as u64);
        if read > MOST_BYTES {
            return;
        }
    }
}
