use axum::Json;
use axum::extract::State;
use utoipa::openapi::OpenApi;

use crate::app::App;
use crate::problem::responses::CommonProblems;

/// This description of the server, as an OpenAPI document.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = "server",
    responses(
        (status = 200, description = "The document", content_type = "application/json", body = Object),
        CommonProblems
    )
)]
pub(crate) async fn openapi(State(app): State<App>) -> Json<OpenApi> {
    Json(app.shared().openapi().clone())
}
