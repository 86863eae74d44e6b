//! The reader of a body: no more of it than allowed, no slower than allowed, and into memory as it comes.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::budget::{Arriving, BodyBudget, Reservation, Sender, too_large};
use crate::pace::TooSlow;
use crate::{Problem, ProblemKind};

/// The first piece of memory for a body; with each further one there is twice as much.
const FIRST_BYTES: usize = 4 * 1024;

/// A body that was let in and is still to be read.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    body: Body,
    max_bytes: u64,
    timeout: Duration,
    arriving: Arriving<'a>,
}

impl<'a> Incoming<'a> {
    /// Lets a body in that does not say it is too large.
    pub(super) fn admit(
        budget: &'a BodyBudget,
        headers: &HeaderMap,
        sender: Sender,
        body: Body,
    ) -> Result<Self, Problem> {
        Ok(Self {
            arriving: budget.arriving(headers, sender)?,
            body,
            max_bytes: budget.max_body_bytes(),
            timeout: budget.timeout(),
        })
    }

    /// The whole body in one piece.
    pub(super) async fn collect(mut self) -> Result<(Bytes, Reservation), Problem> {
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut length = 0;
        while let Some(data) = self.next(length).await? {
            length += data.len();
            self.append(&mut pieces, &data).await?;
        }
        if length == 0 {
            return Err(Problem::new(
                ProblemKind::MalformedRequest,
                "the body is empty",
            ));
        }
        let held = self.arriving.complete(length as u64).await?;
        let bytes = joined(pieces, length)?;
        // What reads it takes as much again without asking.
        room_for(length)?;
        Ok((Bytes::from(bytes), held))
    }

    /// Puts `data` behind what there is, in a piece of its own where the last one is full: what has come is not copied
    /// each time that there is more of it. Memory is accounted for before it is taken.
    async fn append(&mut self, pieces: &mut Vec<Vec<u8>>, data: &[u8]) -> Result<(), Problem> {
        let free = pieces.last().map_or(0, |last| last.capacity() - last.len());
        let (fits, more) = data.split_at(free.min(data.len()));
        if let Some(last) = pieces.last_mut() {
            last.extend_from_slice(fits);
        }
        if more.is_empty() {
            return Ok(());
        }
        let taken: usize = pieces.iter().map(Vec::capacity).sum();
        // No more than the body says it has, unless it has more.
        let most = self.arriving.declared.unwrap_or(self.max_bytes);
        let left = usize::try_from(most)
            .unwrap_or(usize::MAX)
            .saturating_sub(taken);
        let wanted = taken.max(FIRST_BYTES).min(left).max(more.len());
        self.arriving.hold((taken + wanted) as u64).await?;
        let mut piece = room_for(wanted)?;
        piece.extend_from_slice(more);
        pieces.push(piece);
        Ok(())
    }

    async fn next(&mut self, read: usize) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame())
                .await
                .map_err(|_| self.too_slow())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| {
                if TooSlow::is_cause_of(&error) {
                    return self.too_slow();
                }
                let detail = format!("the body ended before its end: {error}");
                Problem::new(ProblemKind::MalformedRequest, detail)
            })?;
            // Frames that are not data are trailers, which say nothing here.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if (read as u64).saturating_add(data.len() as u64) > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            return Ok(Some(data));
        }
    }

    fn too_slow(&self) -> Problem {
        let seconds = self.timeout.as_secs();
        let detail = format!(
            "the body came too slowly: send it without pauses of {seconds} seconds in all, or in smaller pieces"
        );
        Problem::new(ProblemKind::RequestTimeout, detail)
    }
}

/// All pieces in one, which the only one is already.
fn joined(mut pieces: Vec<Vec<u8>>, length: usize) -> Result<Vec<u8>, Problem> {
    if pieces.len() == 1 {
        return Ok(pieces.remove(0));
    }
    let mut whole = room_for(length)?;
    for piece in &pieces {
        whole.extend_from_slice(piece);
    }
    Ok(whole)
}

fn room_for(length: usize) -> Result<Vec<u8>, Problem> {
    let mut room = Vec::new();
    room.try_reserve_exact(length).map_err(|_| no_memory())?;
    Ok(room)
}

fn no_memory() -> Problem {
    Problem::busy("there is no memory for the body: ask again later", 10)
}
