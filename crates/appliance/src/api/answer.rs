//! What answers look like.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use jumpdeck_protocol::text;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde::{Deserialize, Serialize};
use utoipa::{ToResponse, ToSchema};

/// Characters of what a request said that come back in an error.
const ECHO: usize = 256;

/// Why a request is not answered as it wishes.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    pub(super) message: String,
    more: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: None }
    }

    pub(super) fn parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", message)
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more = Some((name, value));
        self
    }
}

/// An error.
#[derive(Serialize, ToSchema)]
pub(super) struct Error {
    error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    code: String,
    message: String,
}

/// Why not.
#[derive(ToResponse)]
#[response(description = "Why not.")]
pub(super) struct Refused(#[allow(dead_code, reason = "described, not read")] Error);

/// A token is wanted.
#[derive(ToResponse)]
#[response(
    description = "A token is wanted.",
    headers(("WWW-Authenticate" = String)),
)]
pub(super) struct Unauthorized(#[allow(dead_code, reason = "described, not read")] Error);

/// Too many requests.
#[derive(ToResponse)]
#[response(
    description = "Too many requests from this address in this minute.",
    headers(("Retry-After" = u64, description = "Seconds.")),
)]
pub(super) struct RateLimited(#[allow(dead_code, reason = "described, not read")] Error);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self { status, code, message, more } = self;
        let error = Error { error: ErrorDetail { code: code.to_owned(), message } };
        let mut response = Json(error).into_response();
        *response.status_mut() = status;
        response.headers_mut().extend(more);
        response
    }
}

/// An answer in JSON, as a line.
pub(super) struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                ([(CONTENT_TYPE, "application/json")], bytes).into_response()
            }
            Err(error) => {
                tracing::error!(%error, "an answer of the API could not be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

/// An answer that is saved as a file of this name.
pub(super) fn file(kind: &'static str, name: &str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, value);
    }
    response
}

/// The parameters of a query: these and no others, each once.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(query) => Ok(Self(query.0)),
            Err(wrong) => {
                let told = wrong.body_text();
                let told = told.split_once(": ").map_or(&*told, |(_, told)| told);
                let told = text::bounded(told, ECHO);
                Err(Failure::parameter(format!("{told}; /api/openapi.json says what is right")))
            }
        }
    }
}

/// No parameters at all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// A number within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number<const LEAST: u64, const MOST: u64>(pub u64);

impl<'de, const LEAST: u64, const MOST: u64> Deserialize<'de> for Number<LEAST, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = String::deserialize(deserializer)?;
        let number = typed.parse().ok().filter(|number| (LEAST..=MOST).contains(number));
        let wrong = || D::Error::custom(format!("it is a number from {LEAST} to {MOST}"));
        number.map(Self).ok_or_else(wrong)
    }
}
