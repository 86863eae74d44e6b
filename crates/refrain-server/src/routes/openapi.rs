use std::sync::Arc;

use axum::{Extension, Json};
use utoipa::openapi::OpenApi;

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
pub(crate) async fn openapi(Extension(document): Extension<Arc<OpenApi>>) -> Json<OpenApi> {
    Json(OpenApi::clone(&document))
}
