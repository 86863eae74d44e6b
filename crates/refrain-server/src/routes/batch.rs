use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use std::convert::Infallible;

use crate::Problem;
use crate::app::App;
use crate::batch::{Batch, BatchBody, BatchLine};
use crate::problem::responses::BatchProblems;
use crate::request::body::json_document;
use crate::request::directives::Directives;

/// Generates many results in one request.
///
/// The answer has one line of JSON for each item, in order, each as soon as it and those before it are ready.
/// A bad item has its problem on its line and does not end the batch. When the client hangs up, what no client
/// waits for stops.
#[utoipa::path(
    post,
    path = "/api/batch",
    tag = "generate",
    params(("Cache-Control" = Option<String>, Header, description = "As for a generate request, for every item")),
    request_body = BatchBody,
    responses(
        (status = 200, description = "One line for each item", content_type = "application/x-ndjson", body = BatchLine),
        BatchProblems
    )
)]
pub(crate) async fn batch(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let directives = Directives::read(request.headers());
    let (body, held) = json_document(&app.shared().bodies, request).await?;
    let batch = Batch::read(body, held, app.shared())?;
    let parallel = batch.parallel;
    let lines = stream::iter(batch.items)
        .map(move |item| {
            let app = app.clone();
            async move { item.line(app.shared(), directives).await.written() }
        })
        .buffered(parallel)
        .map(Ok::<Bytes, Infallible>);
    let mut response = Body::from_stream(lines).into_response();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, ndjson);
    Ok(response)
}
