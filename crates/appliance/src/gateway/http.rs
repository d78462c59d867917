//! HTTP in front of the links: a request either becomes a WebSocket or gets a short answer.

use super::LinkKind;
use crate::api::{self, Api};
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use jumpdeck_link::{Role, Socket, agreed};
use jumpdeck_protocol::handshake::{AGENT_PATH, REP_PATH};
use jumpdeck_protocol::limits;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Bytes of a request's head, at most.
const HEAD: usize = 16 * 1024;

/// Serves one connection until it asks for a link.
pub(super) async fn upgrade(
    api: &Api,
    stream: TlsStream<TcpStream>,
    from: IpAddr,
) -> Option<(LinkKind, Socket)> {
    let wanted: Mutex<Option<(LinkKind, OnUpgrade)>> = Mutex::new(None);
    let service = service_fn(|request| {
        let wanted = &wanted;
        async move { Ok::<_, Infallible>(answer(api, request, from, wanted).await) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HANDSHAKE_TIME)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await
        .ok()?;
    let (kind, upgraded) = wanted.into_inner().ok()??;
    let parts = upgraded.await.ok()?.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
    let socket = agreed(parts.io.into_inner(), parts.read_buf.to_vec(), Role::Server).await;
    Some((kind, socket))
}

async fn answer(
    api: &Api,
    mut request: Request<Incoming>,
    from: IpAddr,
    wanted: &Mutex<Option<(LinkKind, OnUpgrade)>>,
) -> Response {
    let path = request.uri().path();
    if path.starts_with(api::PATH) || path == "/api" {
        return api.answer(request.map(Body::new), from).await;
    }
    if request.method() != Method::GET {
        return plain(StatusCode::METHOD_NOT_ALLOWED, "Only GET is understood here.\n");
    }
    let kind = match request.uri().path() {
        AGENT_PATH => LinkKind::Agent,
        REP_PATH => LinkKind::Rep,
        "/" => return plain(StatusCode::OK, "This is a jumpdeck appliance.\n"),
        _ => return plain(StatusCode::NOT_FOUND, "There is nothing here.\n"),
    };
    let Some(key) = websocket_key(request.headers()) else {
        return plain(StatusCode::UPGRADE_REQUIRED, "This path is for WebSocket links.\n");
    };
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()));
    let (Ok(accept), Ok(mut wanted)) = (accept, wanted.lock()) else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "");
    };
    *wanted = Some((kind, hyper::upgrade::on(&mut request)));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// The key of a proper WebSocket request (RFC 6455, 4.2.1).
fn websocket_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let says = |name, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok());
        value.is_some_and(|value| value.split(',').any(|v| v.trim().eq_ignore_ascii_case(word)))
    };
    let proper = says(UPGRADE, "websocket")
        && says(CONNECTION, "upgrade")
        && says(SEC_WEBSOCKET_VERSION, "13");
    headers.get(SEC_WEBSOCKET_KEY).filter(|_| proper).cloned()
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
