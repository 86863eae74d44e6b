//! A body that is lent to a connection: as long as nothing of it was read, it can be taken back and sent on another one.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use axum::BoxError;
use axum::body::Body as ClientBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::paced::Paced;

/// What is sent to an upstream.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// Bytes that are there.
    Whole(Bytes),
    /// A body that goes on as it comes.
    Passing(Paced<ClientBody>),
    /// The beginning of a body that goes on as it comes.
    Continued(Vec<Bytes>, Paced<ClientBody>),
}

/// A handle of such a body.
#[derive(Debug)]
pub(crate) struct Lent(Arc<Mutex<Slot>>);

#[derive(Debug)]
struct Slot {
    body: Outgoing,
    is_touched: bool,
}

impl Lent {
    pub(crate) fn new(mut body: Outgoing) -> Self {
        if let Outgoing::Continued(chunks, _) = &mut body {
            chunks.reverse();
        }
        let slot = Slot {
            body,
            is_touched: false,
        };
        Self(Arc::new(Mutex::new(slot)))
    }

    /// Another handle, for a second attempt.
    pub(super) fn again(&self) -> Self {
        Self(Arc::clone(&self.0))
    }

    /// Whether something of it was asked for: then it cannot be sent again.
    pub(super) fn is_touched(&self) -> bool {
        self.slot().is_touched
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut slot = self.slot();
        slot.is_touched = true;
        match &mut slot.body {
            Outgoing::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Outgoing::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Outgoing::Passing(rest) => Pin::new(rest).poll_frame(context),
            Outgoing::Continued(chunks, rest) => match chunks.pop() {
                Some(chunk) => Poll::Ready(Some(Ok(Frame::data(chunk)))),
                None => Pin::new(rest).poll_frame(context),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.slot().body {
            Outgoing::Whole(bytes) => bytes.is_empty(),
            Outgoing::Passing(rest) => rest.is_end_stream(),
            Outgoing::Continued(chunks, rest) => chunks.is_empty() && rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.slot().body {
            Outgoing::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Outgoing::Passing(rest) => rest.size_hint(),
            Outgoing::Continued(chunks, rest) => {
                let begun: usize = chunks.iter().map(Bytes::len).sum();
                match rest.size_hint().exact() {
                    Some(left) => SizeHint::with_exact(begun as u64 + left),
                    None => SizeHint::default(),
                }
            }
        }
    }
}
