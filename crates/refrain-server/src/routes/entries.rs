use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{Captured, captured};
use crate::app::App;
use crate::manage::listing::{Direction, EntryDocument, Page, ROW_BYTES, SortBy};
use crate::problem::responses::{EntryProblems, ListingProblems};
use crate::request::body::heavy;
use crate::wall::rfc3339;
use crate::{Key, Problem, ProblemKind};

/// One page of the entries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EntriesAnswer {
    entries: Vec<EntryDocument>,
    /// Entries on all pages.
    total: usize,
    /// RFC 3339.
    timestamp: String,
    /// This page, counted from 1.
    page: usize,
    /// Most entries on a page.
    per_page: usize,
    /// How many pages there are, at least 1.
    pages: usize,
}

/// Which page, and in what order.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes the query in the OpenAPI document; `Page` reads it"
)]
pub(crate) struct EntriesQuery {
    /// Counted from 1.
    #[param(minimum = 1, default = 1)]
    page: Option<usize>,
    /// Most entries on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    per_page: Option<usize>,
    /// What to sort by; `timestamp` if left out.
    #[param(inline)]
    sort: Option<SortBy>,
    /// Which way; `asc` if left out.
    #[param(inline)]
    order: Option<Direction>,
}

/// That the entry is gone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RemovedAnswer {
    #[schema(example = "ok")]
    status: &'static str,
    key: String,
    removed: bool,
}

/// What the cache holds, page by page.
#[utoipa::path(
    get,
    path = "/api/cache/entries",
    tag = "cache",
    security((), ("admin" = [])),
    params(EntriesQuery),
    responses((status = 200, description = "A page", body = EntriesAnswer), ListingProblems)
)]
pub(crate) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
) -> Result<Json<EntriesAnswer>, Problem> {
    let app = app.shared();
    let page = Page::parse(query.as_deref().unwrap_or_default())?;
    let _turn = app.listing.acquire().await;
    let engine = Arc::clone(&app.engine);
    let rows = usize::try_from(engine.cache().len()).unwrap_or(usize::MAX);
    let listing = heavy(rows.saturating_mul(ROW_BYTES), move || page.of(&engine)).await?;
    Ok(Json(EntriesAnswer {
        entries: listing.entries,
        total: listing.total,
        timestamp: rfc3339(app.engine.wall().now()),
        page: page.number,
        per_page: page.size,
        pages: listing.pages,
    }))
}

/// Removes one entry.
#[utoipa::path(
    delete,
    path = "/api/cache/entries/{key}",
    tag = "cache",
    security((), ("admin" = [])),
    params(("key" = String, Path, description = "The entry's key, 64 hexadecimal digits")),
    responses((status = 200, description = "Removed", body = RemovedAnswer), EntryProblems)
)]
pub(crate) async fn remove(
    State(app): State<App>,
    key: Captured,
) -> Result<Json<RemovedAnswer>, Problem> {
    let key: Option<Key> = captured(key)?.parse().ok();
    let removed = match key {
        Some(key) => app.shared().engine.invalidate(key).await?.then_some(key),
        None => None,
    };
    let key = removed.ok_or_else(|| {
        Problem::new(
            ProblemKind::UnknownEntry,
            "no entry is stored under this key",
        )
    })?;
    tracing::info!(%key, "entry removed");
    Ok(Json(RemovedAnswer {
        status: "ok",
        key: key.to_string(),
        removed: true,
    }))
}
