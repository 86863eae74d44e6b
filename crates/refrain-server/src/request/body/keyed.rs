//! A body on its way to be keyed: collected whole, or given back as it came once it is too large for that.

use axum::body::Body;
use axum::http::HeaderMap;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;

use super::budget::{BodyBudget, Reservation, Sender};
use crate::pace::TooSlow;
use crate::{Problem, ProblemKind};

/// What became of a body that was to be keyed.
#[derive(Debug)]
pub(crate) enum Keyed {
    /// All of it is here.
    Whole(Bytes, Reservation),
    /// It is larger than may be keyed: what has come of it, and the rest.
    TooLarge(Vec<Bytes>, Body),
}

/// Collects a body of at most `at_most` bytes, or as many as the server reads of any request.
///
/// # Errors
///
/// A problem when the body stands still or breaks off, or there is no memory for it.
pub(crate) async fn keyed(
    budget: &BodyBudget,
    headers: &HeaderMap,
    sender: Sender,
    mut body: Body,
    at_most: u64,
) -> Result<Keyed, Problem> {
    let at_most = at_most.min(budget.max_body_bytes());
    if http_body::Body::size_hint(&body).lower() > at_most {
        return Ok(Keyed::TooLarge(Vec::new(), body));
    }
    let mut arriving = budget.arriving(headers, sender)?;
    let mut chunks: Vec<Bytes> = Vec::new();
    let mut read = 0;
    while let Some(data) = next(&mut body, budget).await? {
        read += data.len() as u64;
        chunks.push(data);
        if read > at_most {
            return Ok(Keyed::TooLarge(chunks, body));
        }
        arriving.hold(read).await?;
    }
    let held = arriving.complete(read).await?;
    Ok(Keyed::Whole(in_one_piece(chunks), held))
}

async fn next(body: &mut Body, budget: &BodyBudget) -> Result<Option<Bytes>, Problem> {
    let too_slow = || {
        let detail = "the body arrived too slowly: send it faster";
        Problem::new(ProblemKind::RequestTimeout, detail)
    };
    loop {
        let frame = tokio::time::timeout(budget.timeout(), body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow())? else {
            return Ok(None);
        };
        let frame = frame.map_err(|error| {
            if TooSlow::is_cause_of(&error) {
                return too_slow();
            }
            let detail = format!("the body ended before its end: {error}");
            Problem::new(ProblemKind::MalformedRequest, detail)
        })?;
        // Trailers of a request that is keyed say nothing.
        if let Ok(data) = frame.into_data() {
            return Ok(Some(data));
        }
    }
}

fn in_one_piece(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() == 1 {
        return chunks.remove(0);
    }
    let mut whole = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in &chunks {
        whole.extend_from_slice(chunk);
    }
    whole.freeze()
}
