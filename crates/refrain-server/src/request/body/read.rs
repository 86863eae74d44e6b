//! The reader of a body: no more of it than allowed, no slower than allowed, and into memory as it comes.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::Bytes;
use http_body_util::BodyExt as _;

use super::budget::{Arriving, BodyBudget, Reservation, Sender, too_large};
use crate::pace::TooSlow;
use crate::{Problem, ProblemKind};

/// The first piece of memory for a body; each further one doubles what there is.
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
        let mut bytes = Vec::new();
        while let Some(data) = self.next(bytes.len()).await? {
            self.make_room(&mut bytes, data.len()).await?;
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() {
            return Err(Problem::new(
                ProblemKind::MalformedRequest,
                "the body is empty",
            ));
        }
        let held = self.arriving.complete(bytes.len() as u64).await?;
        // What reads it takes as much again without asking.
        let mut room = Vec::<u8>::new();
        room.try_reserve_exact(bytes.len())
            .map_err(|_| no_memory())?;
        Ok((Bytes::from(bytes), held))
    }

    /// Memory for `more` bytes, accounted for before it is taken.
    async fn make_room(&mut self, bytes: &mut Vec<u8>, more: usize) -> Result<(), Problem> {
        let needed = bytes.len() + more;
        if needed <= bytes.capacity() {
            return Ok(());
        }
        let doubled = bytes.capacity().saturating_mul(2).max(FIRST_BYTES);
        // No more than the body says it has, unless it has more.
        let most = self.arriving.declared.unwrap_or(self.max_bytes);
        let wanted = doubled
            .min(usize::try_from(most).unwrap_or(usize::MAX))
            .max(needed);
        self.arriving.hold(wanted as u64).await?;
        bytes
            .try_reserve_exact(wanted - bytes.len())
            .map_err(|_| no_memory())
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

fn no_memory() -> Problem {
    Problem::busy("there is no memory for the body: ask again later", 10)
}
