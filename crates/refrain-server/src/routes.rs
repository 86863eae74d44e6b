//! The handlers, one file per thing that has a URL.

pub(crate) mod batch;
pub(crate) mod cache;
pub(crate) mod entries;
pub(crate) mod gateway;
pub(crate) mod generate;
pub(crate) mod health;
pub(crate) mod jobs;
pub(crate) mod openapi;
pub(crate) mod results;
pub(crate) mod root;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;

use crate::{Problem, ProblemKind};

/// One captured part of a path.
type Captured = Result<Path<String>, PathRejection>;

fn captured(path: Captured) -> Result<String, Problem> {
    path.map(|Path(text)| text).map_err(|rejection| {
        let detail = format!("the path cannot be read: {}", rejection.body_text());
        Problem::new(ProblemKind::MalformedRequest, detail)
    })
}
