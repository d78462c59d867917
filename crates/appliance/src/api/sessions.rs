//! The open sessions.

use super::access::{Allowed, SessionsRead};
use super::answer::{Failure, Json, Parameters};
use crate::services::Services;
use axum::extract::State;
use jumpdeck_protocol::session::SessionView;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
#[schema(as = Sessions)]
pub(super) struct SessionList {
    sessions: Vec<SessionJson>,
}

/// An open session. Fields are added, never taken away or renamed.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
struct SessionJson {
    id: u64,
    item: u64,
    item_name: String,
    owner: Box<str>,
    /// Seconds since 1970.
    started: i64,
}

/// The open sessions, in the order they started
///
/// Scope sessions:read.
#[utoipa::path(
    get,
    path = "/api/sessions",
    security(("token" = [])),
    responses((status = 200, description = "All of them.", body = SessionList)),
)]
pub(super) async fn sessions(
    _: Allowed<SessionsRead>,
    State(services): State<Arc<Services>>,
    parameters: Parameters,
) -> Result<Json<SessionList>, Failure> {
    parameters.end()?;
    let world = services.base.world();
    let ids = services.book.ids();
    let views = ids.into_iter().filter_map(|id| services.book.view(id, &world));
    let session = |view: SessionView| SessionJson {
        id: view.id.0,
        item: view.item.0,
        owner: world.username(view.owner),
        item_name: view.item_name,
        started: view.started.0,
    };
    Ok(Json(SessionList { sessions: views.map(session).collect() }))
}
