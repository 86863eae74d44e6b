//! A generation, from waiting for its turn to a judged result.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt as _;
use refrain::{Computed, EntryOptions};

use super::Engine;
use super::generation::Generation;
use super::result::StoredResult;
use crate::generate_error::GenerateError;
use crate::generators::{Finished, Keep};
use crate::live::{LiveBody, LiveWriter, Sharing};
use crate::rounding::seconds;

/// What a generation made, and how long the generator took.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) result: StoredResult,
    took: Duration,
    keep: Kept,
    time_to_live: Option<Duration>,
    tags: Vec<Arc<str>>,
}

/// What may become of what was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    Stored,
    SharedOnly,
    Private,
}

/// Ends a live body if the generation did not.
struct EndOfBody<'a>(&'a LiveBody);

impl Drop for EndOfBody<'_> {
    fn drop(&mut self) {
        self.0.fail(&GenerateError::Cancelled);
    }
}

impl Engine {
    /// Waits for a turn, runs the work, and judges what it made.
    pub(super) async fn generate(
        self: Arc<Self>,
        generation: Arc<Generation>,
    ) -> Result<Made, GenerateError> {
        let live = generation.live();
        let _end = EndOfBody(live);
        let made = self.run(&generation).await;
        if let Err(error) = &made {
            live.fail(error);
        }
        made
    }

    async fn run(&self, generation: &Arc<Generation>) -> Result<Made, GenerateError> {
        let (live, progress) = (generation.live(), generation.progress());
        // The end of the server waits for generations of one caller too.
        let running = self.tasks.token();
        let turn = generation.turns().turn(progress).await?;
        self.generations.fetch_add(1, Ordering::Relaxed);
        progress.begin();
        progress.check()?;
        let began = self.wall.elapsed();
        let outgrown = Arc::clone(generation);
        let out = LiveWriter::new(live.clone(), progress.clone(), (turn, running))
            // The next caller could not read it from the beginning.
            .when_outgrown(move || outgrown.retire());
        let work = Arc::clone(generation.work());
        let work = AssertUnwindSafe(async move { work.run(out).await }).catch_unwind();
        let finished = tokio::select! {
            biased;
            finished = work => finished,
            () = progress.cancelled() => return Err(GenerateError::Cancelled),
        };
        let finished = finished.map_err(|panic| {
            let message = message_of(&*panic);
            tracing::error!(message, "a generator panicked");
            GenerateError::Failed {
                message: "the generator panicked; the server's log has the message".to_owned(),
            }
        })??;
        let took = self.wall.elapsed().saturating_sub(began);
        let made = judge(generation, finished, took).await?;
        let bytes = made.result.length();
        tracing::info!(seconds = seconds(took), bytes, "generated");
        Ok(made)
    }
}

/// Only what was written to its end may be stored, and only what its head lets others have.
async fn judge(
    generation: &Generation,
    finished: Finished,
    took: Duration,
) -> Result<Made, GenerateError> {
    let complete = generation.live().complete(finished.trailers.clone());
    let complete = complete.await?;
    let keep = match (complete.head.sharing, finished.keep) {
        (Sharing::Private, _) | (_, Keep::Caller) => Kept::Private,
        (_, Keep::Store) if complete.head.may_be_stored() && complete.is_in_one_place => {
            Kept::Stored
        }
        _ => Kept::SharedOnly,
    };
    let key_parts = match keep {
        Kept::Stored => generation.work().key_parts(),
        _ => Vec::new(),
    };
    Ok(Made {
        result: StoredResult::made(complete, &finished, key_parts)?,
        took,
        keep,
        time_to_live: finished.time_to_live,
        tags: finished.tags,
    })
}

impl Made {
    pub(super) fn computed(self) -> Computed<StoredResult> {
        let mut options = EntryOptions::default().cost(self.took);
        if let Some(time_to_live) = self.time_to_live {
            options = options.time_to_live(time_to_live);
        }
        if !self.tags.is_empty() {
            options = options.tags(self.tags);
        }
        let computed = Computed::new(self.result).with(options);
        match self.keep {
            Kept::Stored => computed,
            Kept::SharedOnly => computed.share_only(),
            Kept::Private => computed.private(),
        }
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
