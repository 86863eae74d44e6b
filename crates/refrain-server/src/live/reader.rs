//! A reader of a live body: a place in it, which moves as chunks come.

use std::sync::Arc;
use std::task::Poll;

use axum::http::HeaderMap;
use bytes::Bytes;

use super::{End, Head, Shared, State, broken};
use crate::generate_error::GenerateError;

/// A place in a live body, from the beginning to the end.
#[derive(Debug)]
pub(crate) struct LiveReader {
    shared: Arc<Shared>,
    /// Its name in the table of readers, where the body has a window.
    id: Option<u64>,
    next: u64,
}

impl LiveReader {
    pub(super) fn new(shared: Arc<Shared>, state: &mut State) -> Self {
        let id = shared.window.map(|_| {
            let id = state.next_reader;
            state.next_reader += 1;
            state.readers.insert(id, 0);
            id
        });
        Self {
            shared,
            id,
            next: 0,
        }
    }

    /// The head, once it is announced.
    pub(crate) fn head(&self) -> Option<Arc<Head>> {
        self.shared.lock().head.clone()
    }

    /// What tells its body from others while it lives.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Bytes of its body that are in memory.
    pub(crate) fn kept_bytes(&self) -> u64 {
        self.shared.lock().kept_bytes as u64
    }

    /// The next chunk; `None` after the last one. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, GenerateError>> {
        loop {
            let moved = Arc::clone(&self.shared);
            let moved = moved.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            if let Poll::Ready(next) = self.step() {
                return next;
            }
            moved.await;
        }
    }

    /// What there is now.
    fn step(&mut self) -> Poll<Option<Result<Bytes, GenerateError>>> {
        let mut state = self.shared.lock();
        let Some(place) = self.next.checked_sub(state.first) else {
            let lag = "the client read so slowly that what it wanted next is gone";
            return Poll::Ready(Some(Err(broken(lag))));
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(chunk) = state.chunks.get(place).cloned() {
            self.next += 1;
            if let Some(id) = self.id
                && let Some(wanted) = state.readers.get_mut(&id)
            {
                *wanted = self.next;
                drop(state);
                self.shared.moved.notify_waiters();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &state.end {
            None => Poll::Pending,
            Some(End::Complete { .. }) => Poll::Ready(None),
            Some(End::Failed(error)) => Poll::Ready(Some(Err(error.clone()))),
        }
    }

    /// What follows the last chunk; empty before the end.
    pub(crate) fn trailers(&self) -> HeaderMap {
        match &self.shared.lock().end {
            Some(End::Complete { trailers }) => trailers.clone(),
            _ => HeaderMap::new(),
        }
    }
}

impl Drop for LiveReader {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.lock().readers.remove(&id);
            self.shared.moved.notify_waiters();
        }
    }
}
