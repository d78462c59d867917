//! How a client makes a link: TCP, TLS, upgrade, and the appliance's proof of its key.

use super::{Address, LinkEnd, Socket, Stream, binding, pump, tls};
use crate::why;
use jumpdeck_protocol::handshake::{
    Binding, Challenge, Hello, Nonce, Party, PublicKey, nonce, transcript,
};
use jumpdeck_protocol::{PROTOCOL, Refusal, RefusalCode, VERSION, limits};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// How long one of a name's addresses may take to answer.
const PER_ADDRESS: Duration = Duration::from_secs(3);

/// What a client expects of the appliance's key.
#[derive(Clone, Debug)]
pub enum Pin {
    /// Exactly the key with this fingerprint.
    Fingerprint(String),
    /// It is not known yet; the caller asks somebody before anything secret is sent.
    AskFirst,
}

/// A link whose other side has proved its key and now waits for the client's proof.
#[derive(Debug)]
pub struct Dialed {
    /// The open WebSocket.
    pub socket: Socket,
    /// The appliance's key.
    pub key: PublicKey,
    /// What both sides' signatures are bound to.
    pub binding: Binding,
    /// The client's nonce.
    pub client_nonce: Nonce,
    /// The appliance's nonce.
    pub appliance_nonce: Nonce,
}

/// Why a link could not be made.
#[derive(Debug, Error)]
pub enum DialError {
    /// The appliance cannot be reached.
    #[error("{address} cannot be reached: {}", why::network(.reason))]
    Unreachable {
        /// Where it should be.
        address: Address,
        /// What the system said.
        reason: std::io::Error,
    },
    /// It took too long.
    #[error("{address} did not answer within {} s", limits::HANDSHAKE_TIME.as_secs())]
    TimedOut {
        /// Where it should be.
        address: Address,
    },
    /// What answers there is no appliance, or the network failed.
    #[error("no appliance answers at {address}: {reason}")]
    NotAnAppliance {
        /// Where it should be.
        address: Address,
        /// What was wrong.
        reason: String,
    },
    /// The appliance has another key than the one that is pinned.
    #[error("the appliance at {address} has the key {found}, but {pinned} is pinned")]
    WrongKey {
        /// Where it is.
        address: Address,
        /// The key it has.
        found: String,
        /// The key it should have.
        pinned: String,
    },
    /// The appliance does not want the link.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Makes a link to `address` up to the appliance's proof of its key. `path` is
/// [`jumpdeck_protocol::handshake::AGENT_PATH`] or [`jumpdeck_protocol::handshake::REP_PATH`]; `from` is the local
/// address to use, if it matters.
///
/// # Errors
/// [`DialError`] says how far it got.
pub async fn dial(
    address: &Address,
    path: &str,
    pin: &Pin,
    tls: &Arc<ClientConfig>,
    from: Option<SocketAddr>,
) -> Result<Dialed, DialError> {
    let attempt = attempt(address, path, pin, tls, from);
    match timeout(limits::HANDSHAKE_TIME, attempt).await {
        Ok(result) => result,
        Err(_) => Err(DialError::TimedOut { address: address.clone() }),
    }
}

async fn attempt(
    address: &Address,
    path: &str,
    pin: &Pin,
    tls: &Arc<ClientConfig>,
    from: Option<SocketAddr>,
) -> Result<Dialed, DialError> {
    let tcp = connect(address, from)
        .await
        .map_err(|reason| DialError::Unreachable { address: address.clone(), reason })?;
    dial_over(tcp, address, path, pin, tls).await
}

/// As [`dial`], over a stream that stands already. Takes as long as it takes.
///
/// # Errors
/// [`DialError`] says how far it got.
pub async fn dial_over(
    stream: impl Stream + 'static,
    address: &Address,
    path: &str,
    pin: &Pin,
    tls: &Arc<ClientConfig>,
) -> Result<Dialed, DialError> {
    let strange = |reason: String| DialError::NotAnAppliance { address: address.clone(), reason };
    let name = ServerName::try_from(address.host.clone())
        .map_err(|_| strange("that is no host name".into()))?;
    let stream = TlsConnector::from(Arc::clone(tls))
        .connect(name, stream)
        .await
        .map_err(|error| strange(tls_words(&error)))?;
    let binding =
        binding(stream.get_ref().1).map_err(|_| strange("its TLS has no key to bind to".into()))?;
    let request = format!("{}{path}", address.to_string().replacen("https", "wss", 1))
        .into_client_request()
        .map_err(|error| strange(why::link(&error).into_owned()))?;
    let stream: Box<dyn Stream> = Box::new(stream);
    let (mut socket, _) = client_async_with_config(request, stream, Some(pump::settings()))
        .await
        .map_err(|error| strange(why::link(&error).into_owned()))?;
    let client_nonce = nonce().map_err(|e| strange(e.to_string()))?;
    let (key, appliance_nonce) =
        challenge(&mut socket, &binding, &client_nonce).await.map_err(|e| match e {
            ChallengeError::Refused(refusal) => DialError::Refused(refusal),
            ChallengeError::Link(end) => strange(end.to_string()),
            ChallengeError::Unproved => strange("it could not prove its key".into()),
        })?;
    check_pin(address, pin, &key)?;
    Ok(Dialed { socket, key, binding, client_nonce, appliance_nonce })
}

/// Why TLS could not be agreed on.
fn tls_words(error: &std::io::Error) -> String {
    if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
        tracing::debug!(%error, "TLS failed");
        return "it does not answer with TLS that can be accepted".to_owned();
    }
    why::network(error).into_owned()
}

/// Makes a TCP connection to an address, from `from` if it matters.
///
/// # Errors
/// What the last of the name's addresses said.
pub async fn connect(address: &Address, from: Option<SocketAddr>) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::other("the name has no address");
    let targets = lookup_host((address.host.as_str(), address.port)).await.map_err(unresolved)?;
    for target in targets {
        let socket = match target {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        if let Some(from) = from {
            // A port that is named may have been used a moment ago.
            socket.set_reuseaddr(from.port() != 0)?;
            socket.bind(from)?;
        }
        // An address that swallows everything must not hide the one after it.
        match timeout(PER_ADDRESS, socket.connect(target)).await {
            Ok(Ok(stream)) => {
                tls::tune(&stream)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = std::io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// What the resolver says has neither a number nor a kind; what the system says has both.
fn unresolved(error: std::io::Error) -> std::io::Error {
    if error.raw_os_error().is_some() {
        return error;
    }
    tracing::debug!(%error, "a name was not found");
    std::io::ErrorKind::NotFound.into()
}

enum ChallengeError {
    Refused(Refusal),
    Link(LinkEnd),
    Unproved,
}

impl From<LinkEnd> for ChallengeError {
    fn from(end: LinkEnd) -> Self {
        Self::Link(end)
    }
}

async fn challenge(
    socket: &mut Socket,
    binding: &Binding,
    client_nonce: &Nonce,
) -> Result<(PublicKey, Nonce), ChallengeError> {
    let hello = Hello { protocol: PROTOCOL, version: VERSION.to_owned(), nonce: *client_nonce };
    pump::write_plain(socket, &hello).await?;
    match pump::read_plain(socket).await? {
        Challenge::Refused(refusal) => Err(ChallengeError::Refused(refusal)),
        Challenge::Appliance { protocol, .. } if protocol != PROTOCOL => {
            let detail = format!("it speaks {protocol}, this side {PROTOCOL}");
            Err(ChallengeError::Refused(RefusalCode::VersionMismatch.because(detail)))
        }
        Challenge::Appliance { nonce, key, signature, .. } => {
            let signed = transcript(Party::Appliance, binding, client_nonce, &nonce);
            if key.verifies(&signed, &signature) {
                Ok((key, nonce))
            } else {
                Err(ChallengeError::Unproved)
            }
        }
    }
}

fn check_pin(address: &Address, pin: &Pin, key: &PublicKey) -> Result<(), DialError> {
    match pin {
        Pin::Fingerprint(pinned) if *pinned != key.fingerprint() => Err(DialError::WrongKey {
            address: address.clone(),
            found: key.fingerprint(),
            pinned: pinned.clone(),
        }),
        Pin::Fingerprint(_) | Pin::AskFirst => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_not_found_is_called_so_and_nothing_else_is() {
        let resolver = std::io::Error::other("failed to lookup address information");
        assert_eq!(why::network(&unresolved(resolver)), "its name cannot be found");
        let system = std::io::Error::from_raw_os_error(24);
        assert_eq!(why::network(&unresolved(system)), "Too many open files");
    }
}
