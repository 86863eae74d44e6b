//! The router: the routes and the layers around them.

use std::any::Any;

use axum::extract::Request;
use axum::http::header::EXPECT;
use axum::http::{Method, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router, middleware};
use bytes::Bytes;
use serde_json::{Value, json};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::trace::TraceLayer;
use utoipa::OpenApi as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::problem::ProblemDocument;
use crate::request::body::Drained;
use crate::request::query;
use crate::routes::{
    batch, cache, entries, gateway, generate, health, jobs, openapi, results, root,
};
use crate::{Problem, ProblemKind, request_log, security};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Refrain",
        description = "A result cache for expensive generation: the first request generates, every identical one gets the same bytes.\n\nEvery error is a problem document (RFC 9457) with a stable `type`."
    ),
    tags(
        (name = "generate", description = "Results, from the cache or made"),
        (name = "jobs", description = "Results that are waited for elsewhere"),
        (name = "results", description = "Stored results by key"),
        (name = "cache", description = "Management; needs the admin token when one is set"),
        (name = "server", description = "The server itself")
    ),
    components(schemas(ProblemDocument))
)]
struct Document;

impl App {
    /// The routes, to be served or mounted.
    ///
    /// Mounted elsewhere than at the root, the URLs inside answers (results, jobs) still begin with `/api`.
    pub fn router(&self) -> Router {
        build(self)
    }
}

fn build(app: &App) -> Router {
    let token = middleware::from_fn_with_state(app.clone(), security::admin);
    let host = middleware::from_fn_with_state(app.clone(), security::guard);
    let no_query = middleware::from_fn(query::none);
    let (open, management) = (
        open_routes().route_layer(no_query.clone()),
        management_routes().route_layer(no_query),
    );
    let management = management.merge(management_by_query()).route_layer(token);
    let (routes, _) = open
        .merge(open_by_query())
        .merge(management)
        .split_for_parts();
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(Extension(Bytes::from(document(app).to_string())))
        .layer(host)
        .layer(middleware::map_request(drain_unread_body))
        .layer(CatchPanicLayer::custom(fault))
        .layer(middleware::map_response(security::protect))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(request_log::span)
                .on_request(())
                .on_response(request_log::answered)
                .on_failure(()),
        )
        .with_state(app.clone())
}

/// The document that describes the routes, made from the routes and from what the generators say of their requests.
fn document(app: &App) -> Value {
    let mut document = OpenApiRouter::<App>::with_openapi(Document::openapi())
        .merge(open_routes())
        .merge(open_by_query())
        .merge(management_routes())
        .merge(management_by_query())
        .into_openapi();
    let bearer = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
    document
        .components
        .get_or_insert_default()
        .add_security_scheme("admin", bearer);
    let mut document = json!(document);
    describe_bodies(&mut document, app);
    document
}

/// Puts the body of each generator's request into the `document` of the routes.
fn describe_bodies(document: &mut Value, app: &App) {
    let mut any_of = Vec::new();
    for (name, generator) in app.shared().generators() {
        let schema = format!("generate.{name}");
        any_of.push(json!({"$ref": format!("#/components/schemas/{schema}")}));
        document["components"]["schemas"][schema] = generator.body_schema();
    }
    let path = &mut document["paths"]["/api/generate/{generator}"];
    let contents = path["post"]["requestBody"]["content"].as_object_mut();
    // Without generators the body stays one that nothing is known about.
    if !any_of.is_empty() {
        for content in contents.into_iter().flatten() {
            content.1["schema"] = json!({"anyOf": any_of});
        }
    }
}

fn open_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(root::root))
        .routes(routes!(health::health))
        .routes(routes!(openapi::openapi))
        .routes(routes!(batch::batch))
        .routes(routes!(jobs::show, jobs::leave))
        .routes(routes!(jobs::events))
        .routes(routes!(jobs::result))
        .routes(routes!(results::fetch))
        .routes(routes!(results::fetch_part))
}

fn management_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(cache::stats))
        .routes(routes!(cache::reset_stats))
        .routes(routes!(cache::config, cache::change_config))
        .routes(routes!(cache::clear))
        .routes(routes!(gateway::reload))
        .routes(routes!(entries::remove))
}

/// Those that read their query themselves.
fn open_by_query() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(generate::generate))
}

fn management_by_query() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(entries::list))
        .routes(routes!(gateway::explain))
}

async fn not_found(uri: Uri) -> Problem {
    let detail = format!("there is no `{}`: GET / names the routes", uri.path());
    Problem::new(ProblemKind::NotFound, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` does not take {method}", uri.path());
    Problem::new(ProblemKind::MethodNotAllowed, detail)
}

/// Sees to it that a client whose request is refused early gets to read why.
async fn drain_unread_body(request: Request) -> Request {
    let expects_continue = request.headers().contains_key(EXPECT);
    request.map(|body| Drained::wrap(body, expects_continue))
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands it over")]
fn fault(panic: Box<dyn Any + Send>) -> Response {
    request_log::fault(&*panic).into_response()
}
