use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};

use super::{Captured, captured};
use crate::app::App;
use crate::jobs::{self, JobDocument};
use crate::pace::Meter;
use crate::problem::responses::{FetchProblems, JobProblems};
use crate::{Problem, ProblemKind, answer};

/// How far a job is.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 200, description = "The job", body = JobDocument), JobProblems)
)]
pub(crate) async fn show(
    State(app): State<App>,
    id: Captured,
) -> Result<Json<JobDocument>, Problem> {
    let job = app.shared().jobs.find(&captured(id)?)?;
    Ok(Json(job.document()))
}

/// How far a job is, again and again until it ends.
///
/// Server-sent events named `progress`, `done`, `failed` or `cancelled`; the data of each is the job. The first comes
/// at once, and the stream ends after one of the last three.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/events",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses(
        (status = 200, description = "The events", content_type = "text/event-stream", body = String),
        JobProblems
    )
)]
pub(crate) async fn events(State(app): State<App>, id: Captured) -> Result<Response, Problem> {
    let job = app.shared().jobs.find(&captured(id)?)?;
    Ok(jobs::events(job).into_response())
}

/// Leaves a job: the work stops if no other client waits for it. A job that has ended stays as it is.
#[utoipa::path(
    delete,
    path = "/api/jobs/{id}",
    tag = "jobs",
    params(("id" = String, Path, description = "The job's id")),
    responses((status = 204, description = "Left"), JobProblems)
)]
pub(crate) async fn leave(State(app): State<App>, id: Captured) -> Result<StatusCode, Problem> {
    let job = app.shared().jobs.find(&captured(id)?)?;
    job.leave();
    Ok(StatusCode::NO_CONTENT)
}

/// The result of a job whose result is not in the cache.
///
/// `result_url` of such a job leads here: the cache is switched off, or was told not to store, or is too small.
#[utoipa::path(
    get,
    path = "/api/jobs/{id}/result",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The whole result unless it is still this one"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 if the result is one of these")
    ),
    responses(
        (status = 200, description = "The result", content_type = "application/octet-stream"),
        (status = 206, description = "A part of it", content_type = "application/octet-stream"),
        (status = 304, description = "The client has it"),
        FetchProblems
    )
)]
pub(crate) async fn result(
    State(app): State<App>,
    id: Captured,
    method: Method,
    meter: Option<Extension<Meter>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let jobs = &app.shared().jobs;
    let job = jobs.find(&captured(id)?)?;
    let result = jobs.result(&job).ok_or_else(|| {
        let detail =
            "this job keeps no result of its own: `result_url` of the job says where it is";
        Problem::new(ProblemKind::UnknownResult, detail)
    })?;
    let to = app.shared().recipient(meter.as_deref());
    answer::fetched(&result, &headers, method == Method::GET, &to).await
}
