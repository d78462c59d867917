//! The gateway: one port, TLS 1.3, HTTP/1.1, and behind it the links.

mod agent;
mod budget;
mod http;
pub(crate) mod in_process;
mod rep;
mod requests;

pub(crate) use rep::attend;

use crate::admission::{Turn, source};
use crate::app::{Appliance, StartError};
use crate::data_dir::RunningAddress;
use jumpdeck_link::Socket;
use jumpdeck_link::{self, LinkEnd, read_plain, write_plain};
use jumpdeck_protocol::handshake::{
    Binding, Challenge, Hello, Nonce, Party, nonce, sign, transcript,
};
use jumpdeck_protocol::{Never, PROTOCOL, RefusalCode, VERSION, limits};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// How often items are looked for whose time is over.
const SWEEP: std::time::Duration = std::time::Duration::from_secs(60);
/// How often the appliance looks for items whose status has changed by time alone.
const LOOK: std::time::Duration = std::time::Duration::from_secs(10);
/// How long whoever was refused may take to read that and go.
const FAREWELL: std::time::Duration = std::time::Duration::from_secs(2);
/// Time to look at the door again after the system ran out of file descriptors.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// A connection's turn to prove who it is.
type Arrival = Turn<IpAddr>;

/// A link before it has proved who it is.
struct Caller {
    socket: Socket,
    binding: Binding,
    from: SocketAddr,
}

/// Which kind of link was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
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

impl Appliance {
    /// Takes a port and says in the data directory where it is.
    ///
    /// # Errors
    /// [`StartError::Listen`] when the port is not to be had.
    pub async fn listen(&self, address: &str) -> Result<Listening, StartError> {
        let failed = |reason| StartError::Listen { address: address.to_owned(), reason };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let reach = match address.ip() {
            ip if ip.is_unspecified() && ip.is_ipv4() => {
                SocketAddr::from(([127, 0, 0, 1], address.port()))
            }
            ip if ip.is_unspecified() => {
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], address.port()))
            }
            _ => address,
        };
        self.data_dir().publish(&RunningAddress {
            url: format!("https://{reach}"),
            fingerprint: self.fingerprint(),
            process: std::process::id(),
        })?;
        Ok(Listening { listener, address })
    }

    /// Serves links until the appliance stops.
    pub async fn serve(self: &Arc<Self>, listening: Listening) {
        // Consoles of sessions that outlived the last appliance are expected back.
        self.expect_back(self.sessions.channels());
        self.listen_to_recorder();
        self.do_chores();
        self.look_after_rights();
        self.end_empty_sessions();
        self.keep_leftovers().await;
        let mut stopping = self.stopping();
        let acceptor = TlsAcceptor::from(Arc::clone(&self.keys.tls));
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let accepted = tokio::select! {
                accepted = listening.listener.accept() => accepted,
                _ = looks.tick() => {
                    self.look_at_clock();
                    self.presences.look(self.moment());
                    self.look_at_policies();
                    self.force_ends();
                    self.end_expired_logins();
                    if self.watching.settle_search() {
                        self.settle_everybodys_interest();
                    }
                    continue;
                }
                _ = sweeps.tick() => {
                    let appliance = Arc::clone(self);
                    tokio::spawn(async move { appliance.sweep().await });
                    continue;
                }
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            let (tcp, from) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            // More than fit are closed; they come again.
            let Some(connection) = self.connection() else {
                continue;
            };
            let Some(place) = self.arrivals.enter(source(from.ip())) else {
                continue;
            };
            let (appliance, acceptor) = (Arc::clone(self), acceptor.clone());
            tokio::spawn(async move {
                let turn = timeout(limits::HANDSHAKE_TIME, place.turn()).await;
                let Ok(Some(turn)) = turn else {
                    return;
                };
                let arrival = Box::pin(arrive(&appliance, &acceptor, tcp, from));
                let arrived = timeout(limits::HANDSHAKE_TIME, arrival).await;
                if let Ok(Some((kind, caller))) = arrived {
                    match kind {
                        Kind::Agent => Box::pin(agent::serve(appliance, caller, turn)).await,
                        Kind::Rep => Box::pin(rep::serve(appliance, caller, turn)).await,
                    }
                }
                drop(connection);
            });
        }
    }

    /// Proves the appliance's key to a caller. Returns the two nonces, or nothing when the
    /// caller speaks another protocol and was told so.
    async fn introduce(&self, caller: &mut Caller) -> Result<Option<(Nonce, Nonce)>, LinkEnd> {
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
            key: self.keys.public,
            signature: sign(&self.keys.pair, &signed),
        };
        write_plain(&mut caller.socket, &challenge).await?;
        Ok(Some((hello.nonce, ours)))
    }
}

/// Whoever was refused reads why and goes; but not for long, for others wait behind it.
async fn until_gone(caller: &mut Caller) {
    let gone = async {
        let _: Result<Never, LinkEnd> = read_plain(&mut caller.socket).await;
    };
    let _ = timeout(FAREWELL, gone).await;
}

/// TLS and HTTP, up to an open WebSocket.
async fn arrive(
    appliance: &Appliance,
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
    from: SocketAddr,
) -> Option<(Kind, Caller)> {
    jumpdeck_link::tune(&tcp).ok()?;
    let stream = acceptor.accept(tcp).await.ok()?;
    let binding = jumpdeck_link::binding(stream.get_ref().1).ok()?;
    let (kind, socket) = http::upgrade(appliance, stream, from.ip().to_canonical()).await?;
    Some((kind, Caller { socket, binding, from }))
}
