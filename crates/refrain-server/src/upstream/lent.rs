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
    /// A body that goes on as it comes.
    Passing(Paced<ClientBody>),
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
    pub(crate) fn new(body: Outgoing) -> Self {
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
            Outgoing::Passing(rest) => Pin::new(rest).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.slot().body {
            Outgoing::Passing(rest) => rest.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.slot().body {
            Outgoing::Passing(rest) => rest.size_hint(),
        }
    }
}
