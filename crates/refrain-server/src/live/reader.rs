//! A reader of a live body: a place in it, which moves as bytes come.

use std::sync::Arc;

use axum::http::HeaderMap;
use bytes::Bytes;
use refrain_disk::SpooledSoFar;

use super::{End, Head, Shared, State, broken};
use crate::generate_error::GenerateError;

/// Bytes that are read from disk at once, a chunk of its format.
const PIECE_BYTES: u64 = 256 << 10;

/// A place in a live body, from the beginning to the end.
#[derive(Debug)]
pub(crate) struct LiveReader {
    shared: Arc<Shared>,
    /// Its name in the table of readers.
    id: u64,
    /// The place of the byte that it wants next.
    next: u64,
    /// Its own handle on the part of the body that is in a file.
    file: Option<SpooledSoFar>,
}

/// What a reader finds.
enum Step {
    Next(Option<Result<Bytes, GenerateError>>),
    /// So many bytes are in the file.
    InFile(SpooledSoFar, usize),
    Nothing,
}

impl LiveReader {
    pub(super) fn new(shared: Arc<Shared>, state: &mut State) -> Self {
        let id = state.next_reader;
        state.next_reader += 1;
        state.readers.insert(id, 0);
        let reader = Self {
            shared,
            id,
            next: 0,
            file: None,
        };
        reader.shared.moved.notify_waiters();
        reader
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
        self.shared.lock().chunks.bytes()
    }

    /// The next bytes; `None` after the last ones. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, GenerateError>> {
        loop {
            let shared = Arc::clone(&self.shared);
            let moved = shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            match self.step() {
                Step::Next(next) => return next,
                Step::InFile(file, most) => {
                    let read = file.read_at(self.next, most).await;
                    return Some(match read {
                        Ok(piece) if !piece.is_empty() => {
                            self.advance(&mut shared.lock(), piece.len());
                            Ok(piece)
                        }
                        Ok(_) => Err(broken("what was written to disk is not there any more")),
                        Err(error) => Err(broken(&format!(
                            "what was written to disk cannot be read: {error}"
                        ))),
                    });
                }
                Step::Nothing => moved.await,
            }
        }
    }

    /// What there is now.
    fn step(&mut self) -> Step {
        let shared = Arc::clone(&self.shared);
        let mut state = shared.lock();
        if let Some(chunk) = state.chunks.at(self.next) {
            self.advance(&mut state, chunk.len());
            return Step::Next(Some(Ok(chunk)));
        }
        if let Some(file) = state.file_with(self.next) {
            let file = self.file.get_or_insert_with(|| file.clone()).clone();
            let most = PIECE_BYTES.min(state.in_file_bytes - self.next);
            return Step::InFile(file, usize::try_from(most).unwrap_or(usize::MAX));
        }
        if self.next < state.chunks.start() {
            let lag = "the client read so slowly that what it wanted next is gone";
            return Step::Next(Some(Err(broken(lag))));
        }
        match &state.end {
            None => Step::Nothing,
            Some(End::Complete { .. }) => Step::Next(None),
            Some(End::Failed(error)) => Step::Next(Some(Err(error.clone()))),
        }
    }

    /// Moves on by so many bytes.
    fn advance(&mut self, state: &mut State, bytes: usize) {
        self.next += bytes as u64;
        if let Some(wanted) = state.readers.get_mut(&self.id) {
            *wanted = self.next;
        }
        if state.is_windowed {
            self.shared.moved.notify_waiters();
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
        self.shared.lock().readers.remove(&self.id);
        self.shared.moved.notify_waiters();
    }
}
