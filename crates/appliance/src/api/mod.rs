//! The HTTP API: for programs that make scripts for reps, and for those that keep watch.
//!
//! What it offers stands in `openapi.json`, which it serves itself.

mod reading;
mod scripts;

use crate::services::Services;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    AUTHORIZATION, CACHE_CONTROL, CONNECTION, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap,
    HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use hyper::{Method, Response, StatusCode, Uri};
use jumpdeck_protocol::audit::Action;
use jumpdeck_protocol::rep::ApiScope;
use serde::Serialize;
use std::net::IpAddr;

/// Where it begins.
pub(crate) const PATH: &str = "/api/";

/// The description of all of it.
const DESCRIPTION: &str = include_str!("openapi.json");

/// An answer on its way.
pub(crate) type Answer = Response<Full<Bytes>>;

/// Why a request is not answered as it wishes.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    more: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), more: None }
    }

    fn parameter(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", message)
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more = Some((name, value));
        self
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    message: &'a str,
}

/// A request, as far as the API looks at it.
pub(crate) struct Asked<'a> {
    pub method: &'a Method,
    pub uri: &'a Uri,
    pub headers: &'a HeaderMap,
    pub from: IpAddr,
}

/// What answers.
struct Api<'a> {
    services: &'a Services,
}

/// Answers a request to the API.
pub(crate) fn answer(services: &Services, asked: &Asked<'_>) -> Answer {
    Api { services }.answer(asked)
}

impl Api<'_> {
    fn answer(&self, asked: &Asked<'_>) -> Answer {
        match self.api(asked) {
            Ok(answer) => answer,
            Err(failure) => {
                let Failure { status, code, message, more } = failure;
                let told = ErrorBody { error: Error { code, message: &message } };
                let mut answer = json(&told);
                *answer.status_mut() = status;
                answer.headers_mut().extend(more);
                answer
            }
        }
    }

    fn api(&self, asked: &Asked<'_>) -> Result<Answer, Failure> {
        if let Err(wait) = self.services.accounts.programs.admits(asked.from) {
            let message = format!("too many requests; try again in {wait} s");
            let failure = Failure::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message);
            return Err(failure.with(RETRY_AFTER, HeaderValue::from(wait)));
        }
        let path = asked.uri.path();
        let known = ["health", "openapi.json", "client_script", "items", "sessions"];
        let name = path.strip_prefix(PATH).unwrap_or_default();
        if !known.contains(&name) {
            let message = "there is nothing here; /api/openapi.json says what there is";
            return Err(Failure::new(StatusCode::NOT_FOUND, "not_found", message));
        }
        if asked.method != Method::GET {
            let message = "only GET is understood here";
            let failure =
                Failure::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
            return Err(failure.with(hyper::header::ALLOW, HeaderValue::from_static("GET")));
        }
        let query = asked.uri.query().unwrap_or_default();
        match name {
            "health" => self.health(),
            "openapi.json" => Ok(body("application/json", DESCRIPTION.into())),
            "client_script" => scripts::client_script(query),
            "items" => {
                self.api_account(asked, ApiScope::ItemsRead)?;
                self.api_items(query)
            }
            _ => {
                self.api_account(asked, ApiScope::SessionsRead)?;
                self.api_sessions(query)
            }
        }
    }

    /// That it runs, and can still write.
    fn health(&self) -> Result<Answer, Failure> {
        #[derive(Serialize)]
        struct Health {
            status: &'static str,
        }
        if self.services.stopping.has_begun() {
            let message = "the appliance is stopping";
            return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, "stopping", message));
        }
        let unavailable =
            |code, message| Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, code, message));
        if let Some(part) = self.services.vitals.failed() {
            return unavailable("failed", format!("the appliance's {part} has ended"));
        }
        if self.services.base.store.is_failing() {
            let message = "the database cannot be written; look at the appliance's disk and log";
            return unavailable("store_failed", message.to_owned());
        }
        Ok(json(&Health { status: "ok" }))
    }

    /// Whether whoever asks may: by the token of an account that has this scope.
    fn api_account(&self, asked: &Asked<'_>, scope: ApiScope) -> Result<(), Failure> {
        let refused = |code, message: &str| {
            let failure = Failure::new(StatusCode::UNAUTHORIZED, code, message);
            failure.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
        };
        let given = asked.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(given) = given else {
            return Err(refused(
                "token_missing",
                "send the token of an API account: Authorization: Bearer TOKEN",
            ));
        };
        let token = given.strip_prefix("Bearer ").unwrap_or_default();
        match self.services.accounts.programs.api_account_by_token(token) {
            Some(account) if account.scopes.contains(&scope) => Ok(()),
            Some(account) => {
                let message =
                    format!("{} does not have the scope {}", account.name, scope.as_str());
                self.services.base.audit.record_often(
                    &account.name,
                    Action::ApiRefused,
                    asked.uri.path(),
                    &message,
                );
                Err(Failure::new(StatusCode::FORBIDDEN, "scope_missing", message))
            }
            None => {
                let from = asked.from.to_string();
                self.services.base.audit.record_often(
                    "",
                    Action::ApiRefused,
                    asked.uri.path(),
                    &format!("from {from}"),
                );
                Err(refused("token_invalid", "the token is not that of an API account, or is over"))
            }
        }
    }
}

/// An answer in JSON.
fn json(value: &impl Serialize) -> Answer {
    match serde_json::to_vec(value) {
        Ok(mut bytes) => {
            bytes.push(b'\n');
            body("application/json", bytes.into())
        }
        Err(error) => {
            tracing::error!(%error, "an answer of the API could not be written");
            let mut answer = body("application/json", Bytes::new());
            *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            answer
        }
    }
}

fn body(kind: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(bytes));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    answer
}

/// An answer that is saved as a file of this name.
fn file(kind: &'static str, name: &str, text: String) -> Answer {
    let mut answer = body(kind, text.into());
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        answer.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    answer
}
