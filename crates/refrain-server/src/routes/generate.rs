use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_ENCODING, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt as _;

use super::{Captured, captured};
use crate::answer::Recipient;
use crate::app::{App, Registered, Shared};
use crate::engine::waiter::Waiter;
use crate::jobs::{Job, JobDocument, NewJob};
use crate::problem::responses::GenerateProblems;
use crate::request::body::generate_body;
use crate::request::directives::Directives;
use crate::request::exchange::Exchange;
use crate::request::prefer::{PREFERENCE_APPLIED, Preferences};
use crate::{Problem, ProblemKind, answer, engine};

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
    let registered = app.generator(&captured(name)?)?;
    let (head, body) = request.into_parts();
    let directives = Directives::read(&head.headers);
    let preferences = Preferences::read(&head.headers);
    let conditions = conditions(&head.headers);
    let to = app.recipient(head.extensions.get());

    let body = generate_body(&app.bodies, &head, body).await?;
    let exchange = Exchange::new(head, body);
    let (generator, turns) = (&registered.generator, &registered.turns);
    let request = engine::Request::prepare(generator, turns, exchange, directives).await?;
    let found = app.engine.look_up(&request);

    let Some(patience) = preferences.patience() else {
        return match found {
            Some(served) => answer::generated(&served, &conditions, &to).await,
            None => waited_for(app, registered, request, &conditions, &to).await,
        };
    };
    let waiter = Waiter::new(registered.generator.on_abandoned());
    let new = NewJob {
        generator: registered.generator.name().to_owned(),
        key: request.key(),
        waiter: waiter.clone(),
    };
    let mut response = match found {
        Some(served) if patience == Duration::ZERO => accepted(&*app.jobs.record(new, Ok(served))?),
        Some(served) => answer::generated(&served, &conditions, &to).await?,
        None => {
            let engine = Arc::clone(&app.engine);
            let mut answer = async move { engine.answer(request, &waiter).await }.boxed();
            if patience == Duration::ZERO {
                // What is ready without waiting was stored, or is known not to be.
                accepted(&*match (&mut answer).now_or_never() {
                    Some(Err(problem)) if problem.kind() == ProblemKind::NotCached => {
                        return Err(problem);
                    }
                    Some(served) => app.jobs.record(new, served)?,
                    None => app.jobs.begin(new, answer)?,
                })
            } else {
                match tokio::time::timeout(patience, &mut answer).await {
                    Ok(served) => answer::generated(&served?, &conditions, &to).await?,
                    Err(_) => accepted(&*app.jobs.begin(new, answer)?),
                }
            }
        }
    };
    if let Some(applied) = preferences.applied() {
        response.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(response)
}

/// The result once it is there, or its body while it grows, whichever can be answered first.
async fn waited_for(
    app: &Shared,
    registered: &Registered,
    request: engine::Request,
    conditions: &HeaderMap,
    to: &Recipient<'_>,
) -> Result<Response, Problem> {
    let waiter = Waiter::new(registered.generator.on_abandoned()).with_live_bodies();
    let (engine, watched, key) = (Arc::clone(&app.engine), waiter.clone(), request.key());
    let mut answer = async move { engine.answer(request, &waiter).await }.boxed();
    tokio::select! {
        biased;
        served = &mut answer => answer::generated(&served?, conditions, to).await,
        (reader, outcome) = watched.live() => answer::growing(reader, &outcome, key, answer, to).await,
    }
}

/// What of a request's headers its answer depends on.
fn conditions(headers: &HeaderMap) -> HeaderMap {
    let kept = [IF_NONE_MATCH, ACCEPT_ENCODING].into_iter();
    kept.flat_map(|name| {
        let values = headers.get_all(&name).iter();
        values.map(move |value| (name.clone(), value.clone()))
    })
    .collect()
}

fn accepted(job: &Job) -> Response {
    let mut response = (StatusCode::ACCEPTED, Json(job.document())).into_response();
    if let Ok(location) = HeaderValue::try_from(job.url()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
