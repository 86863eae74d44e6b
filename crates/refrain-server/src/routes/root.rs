use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::problem::responses::CommonProblems;

/// What this server is and where to go on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RootDocument {
    #[schema(example = "refrain")]
    name: &'static str,
    /// Version of Refrain.
    version: &'static str,
    /// What it is for.
    description: &'static str,
    /// The routes by which results are generated.
    #[schema(example = json!(["/api/generate/relief"]))]
    generate: Vec<String>,
    /// Every route, described.
    openapi: &'static str,
    /// Whether the server works.
    health: &'static str,
    /// What the cache did so far.
    stats: &'static str,
}

/// What this server is and where to go on.
#[utoipa::path(
    get,
    path = "/",
    tag = "server",
    responses((status = 200, description = "An overview", body = RootDocument), CommonProblems)
)]
pub(crate) async fn root(State(app): State<App>) -> Json<RootDocument> {
    let generators = app.shared().generators();
    Json(RootDocument {
        name: "refrain",
        version: env!("CARGO_PKG_VERSION"),
        description: "A result cache for expensive generation: the first request generates, every identical one gets the same bytes.",
        generate: generators
            .map(|(name, _)| format!("/api/generate/{name}"))
            .collect(),
        openapi: "/api/openapi.json",
        health: "/health",
        stats: "/api/cache/stats",
    })
}
