use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use super::{Captured, captured};
use crate::app::App;
use crate::engine::prepare;
use crate::engine::waiter::Waiter;
use crate::jobs::{Job, JobDocument, NewJob};
use crate::problem::responses::GenerateProblems;
use crate::request::RequestDocument;
use crate::request::body::request_fields;
use crate::request::directives::Directives;
use crate::request::prefer::{PREFERENCE_APPLIED, Preferences};
use crate::{Problem, ProblemKind, answer};

/// Generates a result, or answers with the one that was generated before.
///
/// The same request gets the same bytes, whichever way it is written: field order, spacing, base64 or form, default
/// given or left out make no difference. Identical requests that arrive together are generated once.
#[utoipa::path(
    post,
    path = "/api/generate/{generator}",
    tag = "generate",
    params(
        ("generator" = String, Path, description = "Name of a generator", example = "relief"),
        ("Prefer" = Option<String>, Header, description = "`respond-async`: answer 202 with a job at once; `wait=10`: after ten seconds"),
        ("Cache-Control" = Option<String>, Header, description = "`no-cache`, `no-store`, `only-if-cached`, `max-age`, `min-fresh` (RFC 9111)"),
        ("If-None-Match" = Option<String>, Header, description = "Answer 304 if the result is one of these")
    ),
    request_body(
        content(
            (serde_json::Value = "application/json"),
            (serde_json::Value = "multipart/form-data")
        ),
        description = "What the generator reads"
    ),
    responses(
        (status = 200, description = "The result", content_type = "application/octet-stream", headers(
            ("Cache-Status" = String, description = "What the cache did (RFC 9211)"),
            ("Age" = u64, description = "Seconds since the result was generated"),
            ("ETag" = String, description = "Digest of the bytes"),
            ("Refrain-Key" = String, description = "What the result is stored under"),
            ("Content-Location" = String, description = "Where it can be fetched again"),
            ("Content-Disposition" = String, description = "A name to save it under")
        )),
        (status = 202, description = "A job, because `Prefer` asked for one", body = JobDocument, headers(
            ("Location" = String, description = "The job"),
            ("Preference-Applied" = String, description = "What of `Prefer` was followed")
        )),
        (status = 304, description = "The client has the result"),
        GenerateProblems
    )
)]
pub(crate) async fn generate(
    State(app): State<App>,
    name: Captured,
    request: Request,
) -> Result<Response, Problem> {
    let app = app.shared();
    let generator = Arc::clone(app.generator(&captured(name)?)?);
    let headers = request.headers().clone();
    let directives = Directives::read(&headers);
    let preferences = Preferences::read(&headers);

    let (fields, held) = request_fields(&app.bodies, request).await?;
    let document = RequestDocument::new(fields, held);
    let prepared = prepare(Arc::clone(&generator), document).await?;
    let new = NewJob {
        generator: generator.name().to_owned(),
        key: prepared.key,
        waiter: Waiter::new(generator.on_abandoned()),
    };
    let (engine, waiter) = (Arc::clone(&app.engine), new.waiter.clone());
    let mut answer = async move { engine.answer(prepared, directives, &waiter).await }.boxed();

    let Some(patience) = preferences.patience() else {
        return Ok(answer::generated(&answer.await?, &headers));
    };
    let mut response = if patience == Duration::ZERO {
        // What is ready without waiting was stored, or is known not to be.
        accepted(&*match (&mut answer).now_or_never() {
            Some(Err(problem)) if problem.kind() == ProblemKind::NotCached => return Err(problem),
            Some(served) => app.jobs.record(new, served)?,
            None => app.jobs.begin(new, answer)?,
        })
    } else {
        match tokio::time::timeout(patience, &mut answer).await {
            Ok(served) => answer::generated(&served?, &headers),
            Err(_) => accepted(&*app.jobs.begin(new, answer)?),
        }
    };
    if let Some(applied) = preferences.applied() {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

fn accepted(job: &Job) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(job.document())).into_response();
    if let Ok(location) = HeaderValue::try_from(job.url()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
