//! Who may ask, and how often.

use super::answer::Failure;
use crate::services::Services;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::ApiScope;
use std::net::IpAddr;
use std::sync::Arc;

/// The address that a request came from.
#[derive(Clone, Copy)]
pub(super) struct ClientAddress(pub IpAddr);

/// Lets an address ask so often, and says of every answer that it is for the one who asked, now.
pub(super) async fn admit(
    State(services): State<Arc<Services>>,
    request: Request,
    next: Next,
) -> Response {
    let from = request.extensions().get::<ClientAddress>().copied();
    let admitted = from.map(|from| services.accounts.programs.admits(from.0));
    let mut response = match admitted {
        // Every request gets its address where it comes in.
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Ok(())) => next.run(request).await,
        Some(Err(wait)) => {
            let message = format!("too many requests; try again in {wait} s");
            Failure::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message)
                .with(RETRY_AFTER, HeaderValue::from(wait))
                .into_response()
        }
    };
    let set: [(HeaderName, &'static str); 3] =
        [(CONNECTION, "close"), (CACHE_CONTROL, "no-store"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    for (name, value) in set {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A scope, as a type.
pub(super) trait RequiredScope {
    const SCOPE: ApiScope;
}

/// It may read items.
pub(super) struct ItemsRead;

impl RequiredScope for ItemsRead {
    const SCOPE: ApiScope = ApiScope::ItemsRead;
}

/// It may read sessions.
pub(super) struct SessionsRead;

impl RequiredScope for SessionsRead {
    const SCOPE: ApiScope = ApiScope::SessionsRead;
}

/// Anyone who asks has shown the token of an API account with this scope.
pub(super) struct Allowed<S>(std::marker::PhantomData<S>);

impl<S: RequiredScope> FromRequestParts<Arc<Services>> for Allowed<S> {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Failure> {
        check(parts, services, S::SCOPE).map(|()| Self(std::marker::PhantomData))
    }
}

fn check(parts: &Parts, services: &Services, scope: ApiScope) -> Result<(), Failure> {
    let refused = |code, message: &str| {
        let failure = Failure::new(StatusCode::UNAUTHORIZED, code, message);
        failure.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    };
    let path = parts.uri.path();
    let audit = |who: &str, detail: &str| {
        services.base.audit.record_often(who, Action::ApiRefused, path, detail);
    };
    let given = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(given) = given else {
        let message = "send the token of an API account: Authorization: Bearer TOKEN";
        return Err(refused("token_missing", message));
    };
    let token = given.strip_prefix("Bearer ").unwrap_or_default();
    match services.accounts.programs.api_account_by_token(token) {
        Some(account) if account.scopes.contains(&scope) => Ok(()),
        Some(account) => {
            let message = format!("{} does not have the scope {}", account.name, scope.as_str());
            audit(&account.name, &message);
            Err(Failure::new(StatusCode::FORBIDDEN, "scope_missing", message))
        }
        None => {
            let from = parts.extensions.get::<ClientAddress>().map(|from| from.0.to_string());
            audit("", &format!("from {}", from.unwrap_or_default()));
            Err(refused("token_invalid", "the token is not that of an API account, or is over"))
        }
    }
}
