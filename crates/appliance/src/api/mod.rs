//! The HTTP API: for programs that make scripts for reps, and for those that keep watch.
//!
//! Each area is a file with its handlers and types. Its description, which it serves itself as
//! `openapi.json`, is made from those.

mod access;
mod answer;
mod health;
mod items;
mod scripts;
mod sessions;

use crate::services::Services;
use access::ClientAddress;
use answer::Failure;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::{Extension, Router};
use hyper::StatusCode;
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceExt;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{self, OpenApi as Description};
use utoipa::{Modify, OpenApi};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Where its paths begin.
pub(crate) const PATH: &str = "/api/";

/// The router of all areas.
#[derive(Clone)]
pub(crate) struct Api(Router);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "jumpdeck appliance",
        version = "1",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        description = "For programs that make Representative Console Scripts, and for those that \
                       keep watch. Errors are JSON with a code and a message. Fields are added, \
                       never taken away or renamed.",
    ),
    servers((url = "/")),
    components(schemas(answer::Error), responses(answer::Refused, answer::Unauthorized, answer::RateLimited)),
    modifiers(&TokenScheme),
)]
struct ApiDescription;

struct TokenScheme;

impl Api {
    /// The areas, and their description.
    fn areas() -> (Router<Arc<Services>>, Description) {
        let areas = OpenApiRouter::with_openapi(ApiDescription::openapi())
            .routes(routes!(health::health))
            .routes(routes!(health::openapi))
            .routes(routes!(scripts::client_script))
            .routes(routes!(items::items))
            .routes(routes!(sessions::sessions));
        let (areas, mut description) = areas.split_for_parts();
        refusals_everywhere(&mut description);
        (areas, description)
    }

    pub(crate) fn new(services: &Arc<Services>) -> Self {
        let (areas, description) = Self::areas();
        let router = areas
            .layer(Extension(health::DescriptionText::of(&description)))
            .fallback(nothing_here)
            .method_not_allowed_fallback(wrong_method)
            .layer(from_fn_with_state(Arc::clone(services), access::admit))
            .with_state(Arc::clone(services));
        Self(router)
    }

    /// Answers a request that came from this address.
    pub(crate) async fn answer(&self, mut request: Request, from: IpAddr) -> Response {
        request.extensions_mut().insert(ClientAddress(from));
        match self.0.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

async fn nothing_here() -> Failure {
    let message = "there is nothing here; /api/openapi.json says what there is";
    Failure::new(StatusCode::NOT_FOUND, "not_found", message)
}

async fn wrong_method() -> Failure {
    let message = "only GET and HEAD are understood here";
    Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message)
}

impl Modify for TokenScheme {
    fn modify(&self, description: &mut Description) {
        let about = "The token of an API account: jumpdeck api-account add NAME --scope …";
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(about));
        let components = description.components.get_or_insert_default();
        components.add_security_scheme("token", SecurityScheme::Http(scheme.build()));
    }
}

/// What every operation may be refused with, by what it takes.
fn refusals_everywhere(description: &mut Description) {
    for path in description.paths.paths.values_mut() {
        if let Some(operation) = &mut path.get {
            refusals(operation);
        }
    }
}

fn refusals(operation: &mut Operation) {
    let mut add = |status: &str, name: &str| {
        let refused = openapi::Ref::from_response_name(name);
        operation.responses.responses.insert(status.to_owned(), RefOr::Ref(refused));
    };
    add("429", "RateLimited");
    // An open operation has one requirement, which is empty.
    let wants = |one: &SecurityRequirement| *one != SecurityRequirement::default();
    let takes_a_token = operation.security.iter().flatten().any(wants);
    if takes_a_token {
        add("401", "Unauthorized");
        add("403", "Refused");
    }
    if takes_a_token || operation.parameters.is_some() {
        add("400", "Refused");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_says_what_each_operation_may_answer() {
        let (_, description) = Api::areas();
        let statuses = |path: &str| {
            let operation = description.paths.paths[path].get.as_ref().unwrap();
            operation.responses.responses.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(statuses("/api/health"), "200 429 503");
        assert_eq!(statuses("/api/openapi.json"), "200 429");
        assert_eq!(statuses("/api/client_script"), "200 400 429");
        assert_eq!(statuses("/api/items"), "200 400 401 403 429");
        assert_eq!(statuses("/api/sessions"), "200 400 401 403 429");
        assert_eq!(description.paths.paths.len(), 5);
    }
}
