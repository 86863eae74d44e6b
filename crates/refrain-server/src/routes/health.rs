use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::door::Plan;
use crate::manage::stats::is_suspended;
use crate::problem::responses::CommonProblems;
use crate::rounding::seconds;
use crate::upstream::BreakerState;

/// That the server works, and how busy it is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthDocument {
    /// Always `ok`: a server that is not does not answer.
    #[schema(example = "ok")]
    status: &'static str,
    /// Version of Refrain.
    version: &'static str,
    /// Seconds since the start.
    uptime_seconds: f64,
    /// Whether results are kept.
    cache_enabled: bool,
    /// `ok`, or `suspended` while the disk is left alone because it failed; absent without a disk tier.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ok")]
    disk: Option<&'static str>,
    /// Names of the generators.
    #[schema(example = json!(["relief"]))]
    generators: Vec<String>,
    /// The servers behind the doors.
    upstreams: Vec<UpstreamHealth>,
    /// Generations that run now.
    running: usize,
    /// Generations that wait for their turn.
    queued: usize,
    /// Jobs that have not ended.
    jobs: usize,
}

/// How a server behind a door is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UpstreamHealth {
    /// Its name.
    #[schema(example = "llama")]
    name: String,
    /// `ok`; `left-alone` while it is not asked because it could not be reached; `unknown` while it does not say what its
    /// fingerprint is made of, so that nothing is stored.
    #[schema(example = "ok")]
    status: &'static str,
    /// Requests of routes that it works on now.
    running: usize,
    /// Requests of routes that wait for their turn.
    queued: usize,
}

impl UpstreamHealth {
    fn of(plan: &Plan) -> Self {
        let upstream = &plan.upstream;
        Self {
            name: upstream.name().to_owned(),
            status: match upstream.breaker() {
                BreakerState::Closed if upstream.fingerprint().is_err() => "unknown",
                BreakerState::Closed => "ok",
                BreakerState::Open => "left-alone",
            },
            running: plan.turns.running(),
            queued: plan.turns.waiting(),
        }
    }
}

/// Whether the server works.
#[utoipa::path(
    get,
    path = "/health",
    tag = "server",
    responses((status = 200, description = "It does", body = HealthDocument), CommonProblems)
)]
pub(crate) async fn health(State(app): State<App>) -> Json<HealthDocument> {
    let app = app.shared();
    Json(HealthDocument {
        status: "ok",
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: seconds(app.engine.wall().elapsed()),
        cache_enabled: app.engine.cache_enabled(),
        disk: app.engine.disk().map(|(_, asked)| {
            if is_suspended(&asked) {
                "suspended"
            } else {
                "ok"
            }
        }),
        generators: app.generators().map(|(name, _)| name.to_owned()).collect(),
        upstreams: app
            .gateway
            .plans()
            .iter()
            .map(|plan| UpstreamHealth::of(plan))
            .collect(),
        running: app.engine.running(),
        queued: app.engine.queued(),
        jobs: app.jobs.active(),
    })
}
