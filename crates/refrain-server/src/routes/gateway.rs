use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::gateway::{AskedRequest, ExplainedRequest};
use crate::problem::responses::{ExplainProblems, ReloadProblems};
use crate::request::body::{Keyed, Sender, keyed};
use crate::{Problem, ProblemKind};

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReloadAnswer {
    #[schema(example = "ok")]
    status: &'static str,
    /// How many doors there are.
    doors: usize,
}

/// At which door a request is explained.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Where {
    /// The name of the upstream; may be left out where there is one.
    #[param(example = "llama")]
    upstream: Option<String>,
}

/// Reads the configuration of the doors again, all of it or nothing.
///
/// Requests that are being answered end as they began. The addresses of the doors stay.
#[utoipa::path(
    post,
    path = "/api/gateway/reload",
    tag = "cache",
    security((), ("admin" = [])),
    responses((status = 200, description = "Done", body = ReloadAnswer), ReloadProblems)
)]
pub(crate) async fn reload(State(app): State<App>) -> Result<Json<ReloadAnswer>, Problem> {
    app.reload_gateway_from_its_source()
        .await
        .map_err(|error| Problem::new(ProblemKind::InvalidValue, error.to_string()))?;
    Ok(Json(ReloadAnswer {
        status: "ok",
        doors: app.shared().gateway.doors().len(),
    }))
}

/// Says what becomes of a request at a door, and why, without running anything.
#[utoipa::path(
    post,
    path = "/api/cache/explain",
    tag = "cache",
    security((), ("admin" = [])),
    params(Where),
    request_body(content(("message/http")), description = "The request: a line with method and path, headers, an empty line, the body"),
    responses((status = 200, description = "The explanation", body = ExplainedRequest), ExplainProblems)
)]
pub(crate) async fn explain(
    State(app): State<App>,
    asked: Result<Query<Where>, QueryRejection>,
    request: Request,
) -> Result<Json<ExplainedRequest>, Problem> {
    let Query(asked) =
        asked.map_err(|error| Problem::new(ProblemKind::InvalidValue, error.body_text()))?;
    let app = app.shared();
    let (head, body) = request.into_parts();
    let kind = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !kind.starts_with(b"message/http")) {
        let detail = "this route reads message/http: a request as it stands in a file";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let sender = Sender {
        client: head.extensions.get().copied().unwrap_or_default(),
        meter: head.extensions.get().cloned(),
        is_management: true,
    };
    let Keyed::Whole(text, _held) =
        keyed(&app.bodies, &head.headers, sender, body, u64::MAX).await?
    else {
        return Err(Problem::new(
            ProblemKind::BodyTooLarge,
            "the request is larger than any that is keyed",
        ));
    };
    let request = AskedRequest::parse(&text)
        .map_err(|error| Problem::new(ProblemKind::MalformedRequest, error.to_string()))?;
    app.gateway
        .explain(asked.upstream.as_deref(), &request)
        .map(Json)
}
