//! A response body that says when it has left for the connection.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Error;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use crate::pace::Meter;

/// As long as it lives, the connection of its meter is busy.
#[derive(Debug)]
pub(super) struct Answering(Meter);

impl Answering {
    pub(super) fn new(meter: Meter) -> Self {
        Self(meter)
    }

    /// The same for as long as `body` lives.
    pub(super) fn of(self, body: Body) -> Body {
        // A body without bytes is dropped at once, so there is nothing to wait for.
        if body.is_end_stream() {
            return body;
        }
        Body::new(Watched {
            inner: body,
            _busy: self,
        })
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.answered();
    }
}

struct Watched {
    inner: Body,
    _busy: Answering,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
