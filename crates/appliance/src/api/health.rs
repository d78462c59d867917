//! Whether the appliance serves, and what its API is.

use super::answer::{Failure, Json};
use crate::services::Services;
use axum::Extension;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::CONTENT_TYPE;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;

/// It serves.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    status: HealthStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum HealthStatus {
    Ok,
}

/// Whether the appliance serves
///
/// That it runs, and can still write.
#[utoipa::path(
    get,
    path = "/api/health",
    security(()),
    responses(
        (status = 200, description = "It does.", body = Health),
        (status = 503, response = super::answer::Refused),
    ),
)]
pub(super) async fn health(State(services): State<Arc<Services>>) -> Result<Json<Health>, Failure> {
    let unavailable =
        |code, message: String| Failure::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
    if services.stopping.has_begun() {
        return Err(unavailable("stopping", "the appliance is stopping".to_owned()));
    }
    if let Some(part) = services.vitals.failed() {
        return Err(unavailable("failed", format!("the appliance's {part} has ended")));
    }
    if services.base.store.is_failing() {
        let message = "the database cannot be written; look at the appliance's disk and log";
        return Err(unavailable("store_failed", message.to_owned()));
    }
    Ok(Json(Health { status: HealthStatus::Ok }))
}

/// This description
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    security(()),
    responses((status = 200, description = "It.", body = Object)),
)]
pub(super) async fn openapi(Extension(text): Extension<DescriptionText>) -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], text.0)
}

/// The description, written once.
#[derive(Clone)]
pub(super) struct DescriptionText(Bytes);

impl DescriptionText {
    pub(super) fn of(description: &OpenApi) -> Self {
        // It has nothing that JSON cannot say; the tests read it.
        Self(serde_json::to_vec(description).unwrap_or_default().into())
    }
}
