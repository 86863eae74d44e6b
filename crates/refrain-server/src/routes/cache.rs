use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Problem;
use crate::app::App;
use crate::manage::limits::{ConfigChange, ConfigDocument};
use crate::manage::stats::StatsDocument;
use crate::problem::responses::{ChangeProblems, ClearProblems, ManagementProblems};
use crate::request::body::{management_document, object};
use crate::wall::rfc3339;

/// What the cache did since the start or the last reset, and what it holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatsAnswer {
    #[schema(example = "ok")]
    status: &'static str,
    /// Whether results are kept at all.
    cache_enabled: bool,
    stats: StatsDocument,
    /// RFC 3339.
    timestamp: String,
}

/// The limits in force.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ConfigAnswer {
    #[schema(example = "ok")]
    status: &'static str,
    config: ConfigDocument,
}

/// What was removed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClearAnswer {
    #[schema(example = "ok")]
    status: &'static str,
    /// The same in words.
    #[schema(example = "Cache cleared: 12 entries removed")]
    message: String,
    /// How many entries were removed.
    cleared: u64,
}

/// That it was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DoneAnswer {
    #[schema(example = "ok")]
    status: &'static str,
}

/// What the cache did, and what it holds.
#[utoipa::path(
    get,
    path = "/api/cache/stats",
    tag = "cache",
    security((), ("admin" = [])),
    responses((status = 200, description = "The statistics", body = StatsAnswer), ManagementProblems)
)]
pub(crate) async fn stats(State(app): State<App>) -> Json<StatsAnswer> {
    let app = app.shared();
    Json(StatsAnswer {
        status: "ok",
        cache_enabled: app.engine.cache_enabled(),
        stats: StatsDocument::of(&app.engine),
        timestamp: rfc3339(app.engine.wall().now()),
    })
}

/// Sets the counters to zero. The entries stay.
#[utoipa::path(
    post,
    path = "/api/cache/stats/reset",
    tag = "cache",
    security((), ("admin" = [])),
    responses((status = 200, description = "Done", body = DoneAnswer), ManagementProblems)
)]
pub(crate) async fn reset_stats(State(app): State<App>) -> Json<DoneAnswer> {
    app.shared().engine.reset_stats();
    tracing::info!("statistics reset");
    Json(DoneAnswer { status: "ok" })
}

/// The limits of the cache.
#[utoipa::path(
    get,
    path = "/api/cache/config",
    tag = "cache",
    security((), ("admin" = [])),
    responses((status = 200, description = "The limits", body = ConfigAnswer), ManagementProblems)
)]
pub(crate) async fn config(State(app): State<App>) -> Json<ConfigAnswer> {
    let app = app.shared();
    Json(ConfigAnswer {
        status: "ok",
        config: app.limits.document(&app.engine),
    })
}

/// Changes limits of the cache, all that are given or none.
///
/// Smaller limits evict at once. A time to live counts for results that are stored from now on.
#[utoipa::path(
    post,
    path = "/api/cache/config",
    tag = "cache",
    security((), ("admin" = [])),
    request_body = ConfigChange,
    responses((status = 200, description = "The limits now", body = ConfigAnswer), ChangeProblems)
)]
pub(crate) async fn change_config(
    State(app): State<App>,
    request: Request,
) -> Result<Json<ConfigAnswer>, Problem> {
    let app = app.shared();
    let (body, _held) = management_document(&app.bodies, request).await?;
    let config = app.limits.change(object(body)?, &app.engine)?;
    tracing::info!(?config, "limits changed");
    Ok(Json(ConfigAnswer {
        status: "ok",
        config,
    }))
}

/// Removes every entry, on disk too. The counters stay.
#[utoipa::path(
    post,
    path = "/api/cache/clear",
    tag = "cache",
    security((), ("admin" = [])),
    responses((status = 200, description = "Done", body = ClearAnswer), ClearProblems)
)]
pub(crate) async fn clear(State(app): State<App>) -> Result<Json<ClearAnswer>, Problem> {
    let cleared = app.shared().engine.invalidate_all().await?;
    tracing::info!(cleared, "cache cleared");
    let entries = if cleared == 1 { "entry" } else { "entries" };
    Ok(Json(ClearAnswer {
        status: "ok",
        message: format!("Cache cleared: {cleared} {entries} removed"),
        cleared,
    }))
}
