//! What answers look like.

use axum::body::Body;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue};
use jumpdeck_protocol::text;
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use utoipa::{ToResponse, ToSchema};

/// Characters of a parameter's name that come back in an error.
const ECHO: usize = 64;

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

#[derive(Serialize, ToSchema)]
pub(super) struct Error {
    error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    code: String,
    message: String,
}

#[derive(ToResponse)]
#[response(description = "Why not.")]
pub(super) struct Refused(#[allow(dead_code, reason = "described, not read")] Error);

#[derive(ToResponse)]
#[response(
    description = "A token is required.",
    headers(("WWW-Authenticate" = String)),
)]
pub(super) struct Unauthorized(#[allow(dead_code, reason = "described, not read")] Error);

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

/// The parameters of a query, each once.
pub(super) struct Parameters(BTreeMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
            .map_err(|_| Failure::parameter("the query cannot be read"))?;
        let mut given = BTreeMap::new();
        for (key, value) in pairs.0 {
            if given.contains_key(&key) {
                return Err(Failure::parameter(format!("{} is given twice", quoted(&key))));
            }
            given.insert(key, value);
        }
        Ok(Self(given))
    }
}

impl Parameters {
    /// Takes out a number, if it is given.
    pub(super) fn number(
        &mut self,
        key: &str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Failure> {
        let Some(value) = self.0.remove(key) else {
            return Ok(None);
        };
        let number = value.parse().ok().filter(|number| allowed.contains(number));
        let (from, to) = allowed.into_inner();
        let wrong = || Failure::parameter(format!("{key} is a number from {from} to {to}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// Nothing else was given.
    pub(super) fn end(&self) -> Result<(), Failure> {
        self.0.keys().next().map_or(Ok(()), |key| {
            let key = quoted(key);
            let what = format!("{key} is no parameter here; /api/openapi.json names them");
            Err(Failure::parameter(what))
        })
    }
}

/// What a request called a parameter, as far as it comes back in an error.
fn quoted(key: &str) -> String {
    format!("{:?}", text::bounded(key, ECHO))
}
