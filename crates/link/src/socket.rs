//! The WebSocket under every link, whatever it goes over.

use super::settings;
use std::fmt::Debug;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What a link goes over: TLS on a TCP connection, or a pipe in memory.
pub trait Stream: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Stream for T {}

/// The same type over every stream, so that what drives a link is compiled once.
pub type Socket = WebSocketStream<Box<dyn Stream>>;

/// The socket of a stream on which both sides have agreed; `read` came already.
pub async fn agreed(stream: impl Stream + 'static, read: Vec<u8>, role: Role) -> Socket {
    let stream: Box<dyn Stream> = Box::new(stream);
    WebSocketStream::from_partially_read(stream, read, role, Some(settings())).await
}
