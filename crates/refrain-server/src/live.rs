//! A live body: one writer appends, any number of readers follow, and each byte is in memory once.
//!
//! A reader that joins late gets everything so far and then the rest. A body that is kept whole never waits for a
//! reader: it is in memory, and a large one spills to disk as it grows. A body with a window keeps only so much for its
//! readers: its writer waits for the slowest of them, and one that does not move for too long is dropped, but only when
//! the window has to move. A body that outgrows all that may be kept of it goes on with a window.

mod chunks;
mod half_spooled;
mod head;
mod keeping;
mod reader;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::HeaderMap;
use refrain::tier::Body;
use refrain_disk::{Spool, SpooledSoFar};
use tokio::sync::Notify;

use crate::generate_error::GenerateError;
use chunks::Chunks;
use half_spooled::HalfSpooled;

pub use head::{Head, Sharing};
pub(crate) use keeping::{Keeping, Spilling, Window};
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
    keeping: Keeping,
}

#[derive(Debug, Default)]
struct State {
    head: Option<Arc<Head>>,
    /// Whether readers may have the head before the end.
    is_announced: bool,
    /// What is in memory: the end of the body, or all of it.
    chunks: Chunks,
    /// What of the beginning is in a file, once the body has begun to spill.
    in_file: Option<SpooledSoFar>,
    /// Bytes in that file that readers may have.
    in_file_bytes: u64,
    /// Takes the next bytes to that file. Gone while it does, after an error, and at the end.
    spool: Option<Spool>,
    /// Only a window is kept: nothing more will be, and the whole is not to be had.
    is_windowed: bool,
    digest: blake3::Hasher,
    end: Option<End>,
    /// The place of the byte that each reader wants next.
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
    /// In one piece in memory, or in a file.
    pub(crate) body: Body,
    pub(crate) digest: blake3::Hash,
    /// Whether it may be stored. A body that a failing disk has taken in part only is for those who wait.
    pub(crate) is_in_one_place: bool,
}

impl LiveBody {
    /// A body of which so much is kept.
    pub(crate) fn new(keeping: Keeping) -> Self {
        let state = State {
            is_windowed: keeping.is_windowed_from_the_start(),
            ..State::default()
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            moved: Notify::new(),
            keeping,
        }))
    }

    /// A reader that begins at the beginning; `None` if that was let go already.
    pub(crate) fn reader(&self) -> Option<LiveReader> {
        let mut state = self.0.lock();
        (state.has_beginning()).then(|| LiveReader::new(Arc::clone(&self.0), &mut state))
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

    /// Ends the body well and gives the whole. One in memory is in one piece, which later handles share.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Failed`] when there was no head; [`GenerateError::TooLarge`] when the whole was not kept, although
    /// its readers get it; the error with which the body has ended before.
    pub(crate) async fn complete(
        &self,
        trailers: HeaderMap,
    ) -> Result<CompleteBody, GenerateError> {
        self.spill(true).await;
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
        let digest = state.digest.finalize();
        let complete = if state.is_windowed && self.0.keeping.is_outgrown() {
            Err(self.0.keeping.too_large())
        } else {
            let Some((body, is_in_one_place)) = state.whole(*digest.as_bytes()) else {
                drop(state);
                let error =
                    broken("there is no memory for the result in one piece: ask again later");
                self.fail(&error);
                return Err(error);
            };
            Ok(CompleteBody {
                head,
                body,
                digest,
                is_in_one_place,
            })
        };
        state.end = Some(End::Complete { trailers });
        drop(state);
        self.0.moved.notify_waiters();
        complete
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
    /// Whether a reader can still begin.
    fn has_beginning(&self) -> bool {
        self.chunks.start() <= self.in_file_bytes
    }

    /// Lets go of what no reader wants any more.
    fn let_go(&mut self) {
        let wanted = self.readers.values().min().copied();
        self.chunks.let_go_before(wanted.unwrap_or(u64::MAX));
    }

    /// The body with this digest, now that it is whole; and whether it is in one place. None if there is no memory.
    fn whole(&mut self, digest: [u8; 32]) -> Option<(Body, bool)> {
        let Some(so_far) = self.in_file.clone() else {
            let bytes = self.chunks.in_one_piece(0)?;
            return Some((Body::with_digest(bytes, digest), true));
        };
        if let Some(spool) = self.spool.take()
            && let Ok(body) = spool.into_body(digest)
        {
            return Some((body, true));
        }
        let rest = self.chunks.in_one_piece(self.in_file_bytes)?;
        let half = HalfSpooled {
            so_far,
            in_file_bytes: self.in_file_bytes,
            rest,
            digest,
        };
        Some((Body::source(Arc::new(half)), false))
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
