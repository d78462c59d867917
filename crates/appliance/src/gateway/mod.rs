//! The gateway: one port, TLS 1.3, HTTP/1.1, and behind it the links.

mod agent;
mod budget;
mod http;
pub(crate) mod in_process;
mod rep;
mod requests;

pub(crate) use rep::attend;

use crate::admission::{Admission, Limits, Turn, source};
use crate::api::Api;
use crate::keys::Keys;
use crate::services::Services;
use jumpdeck_link::Socket;
use jumpdeck_link::{self, LinkEnd, read_plain, write_plain};
use jumpdeck_protocol::handshake::{
    Binding, Challenge, Hello, Nonce, Party, nonce, sign, transcript,
};
use jumpdeck_protocol::{Never, PROTOCOL, RefusalCode, VERSION, limits};
use rustix::process::{Resource, getrlimit};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// Connections that prove who they are at once, and those that wait for that.
const ARRIVALS: Limits = Limits { at_once: 1024, each_at_once: 64, queue: 4096, each_queue: 1024 };
/// File descriptors that no connection gets, at the least: the database, recordings, the log.
const RESERVED: usize = 128;
/// How long the one who was refused may take to read that and go.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(2);
/// Time to look at the door again after the system ran out of file descriptors.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// A connection's turn to prove who it is.
type Arrival = Turn<IpAddr>;

/// A link before it has proved who it is.
struct IncomingLink {
    socket: Socket,
    binding: Binding,
    from: SocketAddr,
}

/// Which kind of link was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkKind {
    Agent,
    Rep,
}

/// A bound port.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    /// Where.
    pub address: SocketAddr,
}

/// The gateway of an appliance.
pub(crate) struct Gateway {
    services: Arc<Services>,
    api: Api,
    /// Connections that are on their way in.
    arrivals: Arc<Admission<IpAddr>>,
    connections: Arc<Semaphore>,
    admitting: watch::Sender<bool>,
}

impl Gateway {
    pub(crate) fn new(services: Arc<Services>) -> Self {
        Self {
            api: Api::new(&services),
            services,
            arrivals: Admission::new(ARRIVALS),
            connections: Arc::new(Semaphore::new(most_connections())),
            admitting: watch::channel(true).0,
        }
    }

    /// A place among the connections that may be open; nothing if what is left of the system's
    /// file descriptors is needed for sessions and recordings.
    pub(crate) fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    /// Whether reps are let in; those who come meanwhile wait.
    pub(crate) fn admit_reps(&self, reps: bool) {
        self.admitting.send_replace(reps);
    }

    /// Resolves when reps are let in.
    async fn until_reps_are_admitted(&self) {
        // The sender lives as long as this.
        let _ = self.admitting.subscribe().wait_for(|open| *open).await;
    }

    /// Serves links until the appliance stops.
    pub(crate) async fn serve(self: &Arc<Self>, listening: Listening) {
        let mut stopping = self.services.stopping.subscribe();
        let acceptor = TlsAcceptor::from(Arc::clone(&self.services.keys.tls));
        loop {
            let accepted = tokio::select! {
                accepted = listening.listener.accept() => accepted,
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            match accepted {
                Ok((tcp, from)) => self.take(tcp, from, acceptor.clone()),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Serves a connection, if there is room for it.
    fn take(self: &Arc<Self>, tcp: TcpStream, from: SocketAddr, acceptor: TlsAcceptor) {
        // More than fit are closed; they come again.
        let Some(connection) = self.connection() else {
            return;
        };
        let Some(place) = self.arrivals.enter(source(from.ip())) else {
            return;
        };
        let gateway = Arc::clone(self);
        tokio::spawn(async move {
            let turn = timeout(limits::HANDSHAKE_TIME, place.turn()).await;
            let Ok(Some(turn)) = turn else {
                return;
            };
            let services = Arc::clone(&gateway.services);
            let arrival = Box::pin(arrive(&gateway.api, &acceptor, tcp, from));
            let arrived = timeout(limits::HANDSHAKE_TIME, arrival).await;
            if let Ok(Some((kind, caller))) = arrived {
                match kind {
                    LinkKind::Agent => Box::pin(agent::serve(services, caller, turn)).await,
                    LinkKind::Rep => Box::pin(rep::serve(&gateway, caller, turn)).await,
                }
            }
            drop(connection);
        });
    }
}

/// Connections that may be open at once: seven in eight of the files this process may open.
fn most_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let files = usize::try_from(files).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
    files.saturating_sub(RESERVED.max(files / 8)).max(16)
}

/// Takes a port.
pub(crate) async fn bind(address: &str) -> std::io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok(Listening { listener, address })
}

impl Listening {
    /// Where this machine itself reaches it.
    pub(crate) fn reach(&self) -> SocketAddr {
        match self.address.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => {
                SocketAddr::from(([127, 0, 0, 1], self.address.port()))
            }
            ip if ip.is_unspecified() => {
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], self.address.port()))
            }
            _ => self.address,
        }
    }
}

/// Proves the appliance's key to a caller. Returns the two nonces, or nothing when the
/// caller speaks another protocol and got that as the answer.
async fn introduce(
    keys: &Keys,
    caller: &mut IncomingLink,
) -> Result<Option<(Nonce, Nonce)>, LinkEnd> {
    let hello: Hello = read_plain(&mut caller.socket).await?;
    if hello.protocol != PROTOCOL {
        let detail = format!("the appliance speaks {PROTOCOL}, this side {}", hello.protocol);
        let refusal = RefusalCode::VersionMismatch.because(detail);
        write_plain(&mut caller.socket, &Challenge::Refused(refusal)).await?;
        return Ok(None);
    }
    let ours = nonce().map_err(|error| LinkEnd::Violation(error.to_string()))?;
    let signed = transcript(Party::Appliance, &caller.binding, &hello.nonce, &ours);
    let challenge = Challenge::Appliance {
        protocol: PROTOCOL,
        version: VERSION.to_owned(),
        nonce: ours,
        key: keys.public,
        signature: sign(&keys.pair, &signed),
    };
    write_plain(&mut caller.socket, &challenge).await?;
    Ok(Some((hello.nonce, ours)))
}

/// Anyone who was refused reads why and goes; but not for long, for others wait behind it.
async fn until_gone(caller: &mut IncomingLink) {
    let gone = async {
        let _: Result<Never, LinkEnd> = read_plain(&mut caller.socket).await;
    };
    let _ = timeout(FAREWELL, gone).await;
}

/// TLS and HTTP, up to an open WebSocket.
async fn arrive(
    api: &Api,
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
    from: SocketAddr,
) -> Option<(LinkKind, IncomingLink)> {
    jumpdeck_link::tune(&tcp).ok()?;
    let stream = acceptor.accept(tcp).await.ok()?;
    let binding = jumpdeck_link::binding(stream.get_ref().1).ok()?;
    let (kind, socket) = http::upgrade(api, stream, from.ip().to_canonical()).await?;
    Some((kind, IncomingLink { socket, binding, from }))
}
