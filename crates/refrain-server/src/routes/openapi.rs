use axum::Extension;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use bytes::Bytes;

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
pub(crate) async fn openapi(Extension(document): Extension<Bytes>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], document)
}
