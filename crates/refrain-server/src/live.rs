//! A live body: one writer appends, any number of readers follow, and each byte is in memory once.
//!
//! A reader that joins late gets everything so far and then the rest. A body that is kept whole never waits for a
//! reader. A body with a window keeps only so much for its readers: its writer waits for the slowest of them, and one
//! that does not move for too long is dropped, but only when the window has to move.

mod head;
mod reader;
mod writer;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::HeaderMap;
use bytes::Bytes;
use tokio::sync::Notify;

use crate::generate_error::GenerateError;

pub use head::{Head, Sharing};
pub(crate) use reader::LiveReader;
pub use writer::LiveWriter;

/// The shared handle of one body. Cloning shares it.
#[derive(Debug, Clone)]
pub(crate) struct LiveBody(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Rung whenever the state has changed.
    moved: Notify,
    window: Option<Window>,
}

/// How much of a body that is not stored is kept for its readers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    pub(crate) bytes: usize,
    /// How long the slowest reader may stand still while the writer waits for it.
    pub(crate) stall: Duration,
}

#[derive(Debug, Default)]
struct State {
    head: Option<Arc<Head>>,
    /// Whether readers may have the head before the end.
    is_announced: bool,
    /// What readers may still ask for.
    chunks: VecDeque<Bytes>,
    /// Number of the first of `chunks`; those before it were let go.
    first: u64,
    /// Bytes in `chunks`.
    kept_bytes: usize,
    digest: blake3::Hasher,
    end: Option<End>,
    /// The chunk that each reader wants next. Kept only where there is a window.
    readers: BTreeMap<u64, u64>,
    next_reader: u64,
}

#[derive(Debug, Clone)]
enum End {
    Complete { trailers: HeaderMap },
    Failed(GenerateError),
}

/// A body that has ended well.
#[derive(Debug)]
pub(crate) struct CompleteBody {
    pub(crate) head: Arc<Head>,
    /// In one piece.
    pub(crate) bytes: Bytes,
    pub(crate) digest: blake3::Hash,
}

impl LiveBody {
    /// A body that is kept whole, as long as there is a handle.
    pub(crate) fn whole() -> Self {
        Self::with(None)
    }

    /// A body of which only a window is kept.
    pub(crate) fn windowed(window: Window) -> Self {
        Self::with(Some(window))
    }

    fn with(window: Option<Window>) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            moved: Notify::new(),
            window,
        }))
    }

    /// A reader that begins at the beginning; `None` if that was let go already.
    pub(crate) fn reader(&self) -> Option<LiveReader> {
        let mut state = self.0.lock();
        (state.first == 0).then(|| LiveReader::new(Arc::clone(&self.0), &mut state))
    }

    /// Waits until readers may have the head, and gives a reader.
    ///
    /// `None` if that will not be: the body ended before its head was announced, is not for others (`is_leader` is
    /// false), or has let go of its beginning.
    pub(crate) async fn announced(&self, is_leader: bool) -> Option<LiveReader> {
        loop {
            let moved = self.0.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let state = self.0.lock();
                if state.is_announced {
                    let is_over = state.end.is_some();
                    let head = state.head.as_ref()?;
                    match head.sharing {
                        Sharing::Private if !is_leader => return None,
                        // The verdict may still open it.
                        Sharing::Judged if !is_leader && is_over => return None,
                        Sharing::Judged if !is_leader => {}
                        _ => {
                            drop(state);
                            return self.reader();
                        }
                    }
                }
                if state.end.is_some() {
                    return None;
                }
            }
            moved.await;
        }
    }

    /// Ends the body well and gives it in one piece; later handles share that piece.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Failed`] when there was no head; the error with which the body has ended before.
    pub(crate) fn complete(&self, trailers: HeaderMap) -> Result<CompleteBody, GenerateError> {
        let mut state = self.0.lock();
        if let Some(End::Failed(error)) = &state.end {
            return Err(error.clone());
        }
        let Some(head) = state.head.clone() else {
            drop(state);
            let error = broken("the generator ended without a head");
            self.fail(&error);
            return Err(error);
        };
        let Some(bytes) = state.in_one_piece() else {
            drop(state);
            let error = broken("there is no memory for the result in one piece: ask again later");
            self.fail(&error);
            return Err(error);
        };
        let digest = state.digest.finalize();
        state.end = Some(End::Complete { trailers });
        drop(state);
        self.0.moved.notify_waiters();
        Ok(CompleteBody {
            head,
            bytes,
            digest,
        })
    }

    /// Ends the body with an error, unless it has ended before. Readers get what was written, and then the error.
    pub(crate) fn fail(&self, error: &GenerateError) {
        let mut state = self.0.lock();
        if state.end.is_none() {
            state.end = Some(End::Failed(error.clone()));
        }
        drop(state);
        self.0.moved.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, chunk: Bytes) {
        self.digest.update(&chunk);
        self.kept_bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    /// Lets go of what no reader wants any more.
    fn let_go(&mut self) {
        let wanted = self.readers.values().min().copied();
        while wanted.is_none_or(|wanted| self.first < wanted) {
            let Some(chunk) = self.chunks.pop_front() else {
                return;
            };
            self.kept_bytes -= chunk.len();
            self.first += 1;
        }
    }

    /// The chunks as one, which takes their place: a reader has it in one piece from now on. None if there is no memory.
    fn in_one_piece(&mut self) -> Option<Bytes> {
        if self.chunks.len() == 1 {
            return Some(self.chunks[0].clone());
        }
        let mut whole = Vec::new();
        whole.try_reserve_exact(self.kept_bytes).ok()?;
        for chunk in &self.chunks {
            whole.extend_from_slice(chunk);
        }
        let whole = Bytes::from(whole);
        let mut from = 0;
        for chunk in &mut self.chunks {
            let to = from + chunk.len();
            *chunk = whole.slice(from..to);
            from = to;
        }
        Some(whole)
    }
}

/// A generator that did not keep to the order of head, body and end.
fn broken(message: &str) -> GenerateError {
    GenerateError::Failed {
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
