//! The reader of a body: no more of it than allowed, and no slower than allowed.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::budget::{BodyBudget, Reservation, too_large};
use crate::{Problem, ProblemKind};

/// A body that was let in and is still to be read.
#[derive(Debug)]
pub(crate) struct Incoming {
    body: Body,
    declared: Option<u64>,
    max_bytes: u64,
    timeout: Duration,
    held: Reservation,
}

impl Incoming {
    /// Lets a body in once there is memory for it.
    pub(super) async fn admit(
        budget: &BodyBudget,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Problem> {
        let (declared, held) = budget.reserve(headers).await?;
        Ok(Self {
            body,
            declared,
            max_bytes: budget.max_body_bytes(),
            timeout: budget.timeout(),
            held,
        })
    }

    /// The whole body in one piece.
    pub(super) async fn collect(mut self) -> Result<(Bytes, Reservation), Problem> {
        let expected = usize::try_from(self.declared.unwrap_or(0)).unwrap_or(0);
        let mut bytes = BytesMut::with_capacity(expected);
        let mut read = 0;
        while let Some(data) = self.next(&mut read).await? {
            bytes.extend_from_slice(&data);
        }
        if bytes.is_empty() {
            return Err(Problem::new(
                ProblemKind::MalformedRequest,
                "the body is empty",
            ));
        }
        Ok((bytes.freeze(), self.held))
    }

    async fn next(&mut self, read: &mut u64) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = tokio::time::timeout(self.timeout, self.body.frame())
                .await
                .map_err(|_| self.too_slow())?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| {
                let detail = format!("the body ended before its end: {error}");
                Problem::new(ProblemKind::MalformedRequest, detail)
            })?;
            // Frames that are not data are trailers, which say nothing here.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            *read = read.saturating_add(data.len() as u64);
            if *read > self.max_bytes {
                return Err(too_large(self.max_bytes));
            }
            return Ok(Some(data));
        }
    }

    fn too_slow(&self) -> Problem {
        let seconds = self.timeout.as_secs();
        let detail = format!("nothing of the body arrived for {seconds} seconds");
        Problem::new(ProblemKind::RequestTimeout, detail)
    }
}
