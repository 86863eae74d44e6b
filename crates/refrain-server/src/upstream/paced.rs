//! A body with a deadline between its pieces, so that a side that stands still ends the exchange.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

/// The body `B`, each piece of which comes within a time, or it fails.
#[derive(Debug)]
pub(crate) struct Paced<B, H = ()> {
    body: B,
    /// Let go of with the body.
    _held: H,
    idle: Duration,
    /// Made when a piece is waited for the first time: most bodies are there at once.
    alarm: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
}

/// Nothing came for too long.
#[derive(Debug, thiserror::Error)]
#[error("nothing of the body came for {seconds} seconds")]
pub(crate) struct StoodStill {
    seconds: u64,
}

impl<B> Paced<B> {
    pub(crate) fn new(body: B, idle: Duration) -> Self {
        Self {
            body,
            _held: (),
            idle,
            alarm: None,
            is_waiting: false,
        }
    }

    /// The same, with something that is let go of when the body has ended.
    pub(crate) fn holding<H>(self, held: H) -> Paced<B, H> {
        Paced {
            body: self.body,
            _held: held,
            idle: self.idle,
            alarm: self.alarm,
            is_waiting: self.is_waiting,
        }
    }
}

impl<B, H> Body for Paced<B, H>
where
    B: Body + Unpin,
    H: Unpin,
    B::Error: Into<BoxError>,
{
    type Data = B::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.is_waiting = false;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let idle = this.idle;
        let alarm = this
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(idle)));
        if !this.is_waiting {
            // A sum that no clock can show is far enough away to be never.
            if let Some(at) = Instant::now().checked_add(idle) {
                alarm.as_mut().reset(at);
            }
            this.is_waiting = true;
        }
        alarm.as_mut().poll(context).map(|()| {
            let seconds = idle.as_secs();
            Some(Err(StoodStill { seconds }.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream::{self, StreamExt as _};
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    #[tokio::test]
    async fn a_body_is_passed_as_it_comes_and_fails_once_it_stands_still() {
        let piece = || Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x")));
        let pieces = stream::iter([piece(), piece()]).chain(stream::pending());
        let mut paced = Paced::new(StreamBody::new(pieces), Duration::from_millis(5));
        for _ in 0..2 {
            assert!(paced.frame().await.unwrap().is_ok());
        }
        let error = paced.frame().await.unwrap().unwrap_err();
        assert!(error.is::<StoodStill>(), "{error}");
    }
}
