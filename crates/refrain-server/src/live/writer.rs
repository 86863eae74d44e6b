//! The writing end of a live body, which a generator is given.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::{Head, LiveBody, Sharing, State, broken};
use crate::generate_error::GenerateError;
use crate::progress::Progress;

/// Bytes of names and values that a head may have; a client takes no more in one answer.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Through this a generator writes its result: the head once, then the body.
///
/// Dropping it ends nothing: the generation ends with what its work returns. As long as it lives, the generation has
/// its turn.
pub struct LiveWriter {
    body: LiveBody,
    progress: Progress,
    /// What the generation holds while it works: its turn, and its place among what the end of the server waits for.
    _held: Box<dyn Any + Send + Sync>,
    /// Called when the body outgrows what may be kept of it, before anything is let go.
    when_outgrown: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl LiveWriter {
    pub(crate) fn new(body: LiveBody, progress: Progress, held: impl Any + Send + Sync) -> Self {
        Self {
            body,
            progress,
            _held: Box::new(held),
            when_outgrown: None,
        }
    }

    /// The same, which calls this when the body outgrows what may be kept of it.
    #[must_use]
    pub(crate) fn when_outgrown(mut self, call: impl FnOnce() + Send + Sync + 'static) -> Self {
        self.when_outgrown = Some(Box::new(call));
        self
    }

    /// How far the work is, and whether it should stop.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Says the head, which clients that wait may have from now on, before the body is complete.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Failed`] when there is a head already, or the head is too large;
    /// [`GenerateError::Cancelled`] when the work should stop.
    pub fn head(&mut self, head: Head) -> Result<(), GenerateError> {
        self.put(|state| {
            state.set_head(head)?;
            state.is_announced = true;
            Ok(())
        })
    }

    /// Says the head without showing it: clients get the result when all of it is there.
    ///
    /// # Errors
    ///
    /// As [`head`](Self::head).
    pub fn quiet_head(&mut self, head: Head) -> Result<(), GenerateError> {
        self.put(|state| state.set_head(head))
    }

    /// Lets all callers have a body whose head was for one of them until it is judged.
    pub fn open(&mut self) {
        let mut state = self.body.0.lock();
        if let Some(head) = &mut state.head
            && head.sharing == Sharing::Judged
        {
            Arc::make_mut(head).sharing = Sharing::Shared;
        }
        drop(state);
        self.body.0.moved.notify_waiters();
    }

    /// Appends to the body.
    ///
    /// A result that is stored is kept whole, in memory or on disk, and then this waits for no client. Where only a window is
    /// kept, it waits until the slowest client has read enough, and drops one that has stood still for too long.
    ///
    /// # Errors
    ///
    /// [`GenerateError::Failed`] when there is no head yet, or one that has no body;
    /// [`GenerateError::TooLarge`] when the body is larger than all that may be kept and no client reads it;
    /// [`GenerateError::Cancelled`] when the work should stop.
    pub async fn write(&mut self, chunk: impl Into<Bytes>) -> Result<(), GenerateError> {
        self.append(chunk.into())?;
        self.body.spill(false).await;
        if self.begins_window() {
            tracing::warn!(
                limit = self.body.0.keeping.most,
                "a result is larger than all that may be kept of it; those who read it get it, and it is not stored"
            );
            if let Some(call) = self.when_outgrown.take() {
                call();
            }
        }
        self.room().await
    }

    /// Appends to the body from a thread, without waiting for any reader or the disk. It stays in memory.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub fn append(&mut self, chunk: Bytes) -> Result<(), GenerateError> {
        self.put(|state| {
            let head = state.head.as_ref();
            let head = head.ok_or_else(|| broken("the generator wrote a body before its head"))?;
            if chunk.is_empty() {
                return Ok(());
            }
            if !head.may_have_body() {
                return Err(broken("the generator wrote a body that its status has not"));
            }
            state.digest.update(&chunk);
            state.chunks.push(chunk);
            Ok(())
        })
    }

    /// Returns once the work should stop.
    pub async fn cancelled(&self) {
        self.progress.cancelled().await;
    }

    fn put(
        &self,
        change: impl FnOnce(&mut State) -> Result<(), GenerateError>,
    ) -> Result<(), GenerateError> {
        self.progress.check()?;
        let mut state = self.body.0.lock();
        if state.end.is_some() {
            return Err(GenerateError::Cancelled);
        }
        let changed = change(&mut state);
        drop(state);
        self.body.0.moved.notify_waiters();
        changed
    }

    /// Whether only a window is kept from now on.
    fn begins_window(&self) -> bool {
        let mut state = self.body.0.lock();
        let outgrown = state.outgrows(&self.body.0.keeping);
        state.is_windowed |= outgrown;
        outgrown
    }

    /// Waits until no more is kept than the window has room for, if there is one.
    async fn room(&self) -> Result<(), GenerateError> {
        let keeping = &self.body.0.keeping;
        let window = keeping.window;
        let is_vain = |state: &State| keeping.is_outgrown() && state.readers.is_empty();
        loop {
            let shared = Arc::clone(&self.body.0);
            let moved = shared.moved.notified();
            tokio::pin!(moved);
            moved.as_mut().enable();
            {
                let mut state = shared.lock();
                if !state.is_windowed || state.chunks.bytes() <= window.bytes {
                    return Ok(());
                }
                if is_vain(&state) {
                    if !state.has_beginning() {
                        return Err(keeping.too_large());
                    }
                    // A caller that has just come may be about to read.
                } else {
                    // Before the first reader has come nothing may go: it would miss the beginning.
                    if state.next_reader == 0 {
                        return Ok(());
                    }
                    state.let_go();
                    if state.chunks.bytes() <= window.bytes {
                        return Ok(());
                    }
                }
            }
            tokio::select! {
                () = moved => {}
                () = self.progress.cancelled() => return Err(GenerateError::Cancelled),
                () = tokio::time::sleep(window.stall) => {
                    let mut state = shared.lock();
                    if is_vain(&state) {
                        return Err(keeping.too_large());
                    }
                    state.drop_slowest();
                }
            }
        }
    }
}

impl State {
    fn set_head(&mut self, head: Head) -> Result<(), GenerateError> {
        if self.head.is_some() {
            return Err(broken("the generator gave its head twice"));
        }
        if head.bytes() > MAX_HEAD_BYTES {
            return Err(broken("the generator gave a head that is too large"));
        }
        self.head = Some(Arc::new(head));
        Ok(())
    }

    /// The readers that hold the window where it is are not waited for any more.
    fn drop_slowest(&mut self) {
        let Some(slowest) = self.readers.values().min().copied() else {
            return;
        };
        self.readers.retain(|_, wanted| *wanted > slowest);
        self.let_go();
    }
}

impl fmt::Debug for LiveWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveWriter")
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
