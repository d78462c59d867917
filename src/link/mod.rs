//! The console's link to its appliance: made, logged in, held, and made again.

mod client;
mod destination;
mod known;

pub use client::{Client, ClientError};
pub use destination::{Destination, Here, LinkCredentials, Proof, Unreachable};
pub use known::{KnownAppliances, Trust};

use bytes::Bytes;
use destination::LinkTarget;
use jumpdeck_console::core::{LinkEvent, Welcome};
use jumpdeck_link::{
    DialError, Dialed, Incoming, KeepAlive, Lane, LinkEnd, Outbox, Pin, Socket, client_config,
    dial, pump, read_plain, write_plain,
};
use jumpdeck_protocol::backoff::{self, Backoff};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{REP_PATH, RepLogin, RepProof, RepWelcome};
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply};
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{Control, Never, RefusalCode, limits};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

/// A dead path must not keep anybody from leaving.
const FAREWELL: Duration = Duration::from_secs(2);
/// A link that stood this long was a good one.
const STEADY: Duration = Duration::from_secs(2);

/// The way to send on the link, whichever link is up.
#[derive(Clone, Default)]
pub struct LinkHandle {
    outbox: Arc<Mutex<Option<Outbox>>>,
    kept: Arc<Mutex<Option<String>>>,
    /// Anyone who holds it wants no link any more.
    left: Arc<AtomicBool>,
}

impl std::fmt::Debug for LinkHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkHandle").finish_non_exhaustive()
    }
}

impl LinkHandle {
    /// Sends a message; it is dropped if no link is up.
    pub fn send(&self, lane: Lane, message: Bytes) {
        if let Some(outbox) = self.current() {
            outbox.push(lane, message);
        }
    }

    /// Asks the other side whether it is there: the answer arrives as a delay.
    pub fn probe(&self) {
        if let Some(outbox) = self.current() {
            outbox.probe();
        }
    }

    /// Closes the link once everything was sent; it is not made again. Returns whether one was up.
    pub fn close(&self) -> bool {
        self.left.store(true, Ordering::SeqCst);
        let current = self.current();
        if let Some(outbox) = &current {
            outbox.close();
        }
        current.is_some()
    }

    fn current(&self) -> Option<Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on, the link is made again with this token.
    pub fn keep(&self, token: String) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// The token of the login that was kept, if one was.
    pub fn kept(&self) -> Option<String> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, outbox: Option<Outbox>) {
        *self.outbox.lock().unwrap_or_else(PoisonError::into_inner) = outbox;
        if self.left.load(Ordering::SeqCst) {
            self.close();
        }
    }
}

/// Leaves for good. What was sent before arrives, unless the path is dead.
pub async fn leave(handle: &LinkHandle, events: &mut mpsc::UnboundedReceiver<LinkEvent>) {
    if !handle.close() {
        return;
    }
    let closed = async {
        while let Some(event) = events.recv().await {
            if matches!(event, LinkEvent::Down { .. } | LinkEvent::Ended { .. }) {
                return;
            }
        }
    };
    let _ = timeout(FAREWELL, closed).await;
}

/// Starts keeping a link. What happens to it comes out of the receiver; dropping that ends it.
pub fn keep(destination: Destination) -> (LinkHandle, mpsc::UnboundedReceiver<LinkEvent>) {
    let (events, receiver) = mpsc::unbounded_channel();
    let handle = LinkHandle::default();
    let console = backoff::random();
    let kept = Arc::clone(&handle.kept);
    let keeper = Keeper { destination, handle: handle.clone(), events, console, kept };
    tokio::spawn(keeper.run());
    (handle, receiver)
}

struct Keeper {
    destination: Destination,
    handle: LinkHandle,
    events: mpsc::UnboundedSender<LinkEvent>,
    /// Tells the appliance that a new link is this same console.
    console: u64,
    /// The token of the login that was kept.
    kept: Arc<Mutex<Option<String>>>,
}

/// How a link, or the attempt at one, ended.
enum LinkOver {
    Again(String),
    Lost { reason: String, stood: Duration },
    Final(String, Option<RefusalCode>),
}

impl Keeper {
    async fn run(self) {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        // Anyone who left must not start an appliance that somebody stops.
        while !self.handle.left.load(Ordering::SeqCst) {
            let linked = async {
                sleep(backoff.next(backoff::random())).await;
                self.link_once().await
            };
            let ended = tokio::select! {
                ended = linked => ended,
                () = self.events.closed() => return,
            };
            let event = match ended {
                LinkOver::Final(reason, code) => {
                    let _ = self.events.send(LinkEvent::Ended { reason, code });
                    return;
                }
                LinkOver::Lost { reason, stood } => {
                    // A link that ends at once, again and again, is no reason to hurry.
                    if stood > STEADY {
                        backoff.lost(Duration::ZERO);
                    }
                    LinkEvent::Down { reason }
                }
                LinkOver::Again(reason) => LinkEvent::Down { reason },
            };
            let _ = self.events.send(event);
        }
    }

    async fn link_once(&self) -> LinkOver {
        if let Destination::Here(here) = &self.destination {
            return self.link_here(here).await;
        }
        let target = match self.destination.find().await {
            Ok(target) => target,
            Err(Unreachable::Passing(reason)) => return LinkOver::Again(reason),
            Err(Unreachable::Lasting(reason)) => return LinkOver::Final(reason, None),
        };
        let tls = match client_config() {
            Ok(tls) => tls,
            Err(error) => return LinkOver::Final(error.to_string(), None),
        };
        let pin = Pin::Fingerprint(target.fingerprint.clone());
        let dialed = match dial(&target.address, REP_PATH, &pin, &tls, None).await {
            Ok(dialed) => dialed,
            Err(error @ DialError::WrongKey { .. }) => {
                return LinkOver::Final(self.destination.changed_key(&error), None);
            }
            Err(DialError::Refused(refusal)) if refusal.code == RefusalCode::VersionMismatch => {
                return LinkOver::Final(refusal.to_string(), Some(refusal.code));
            }
            Err(error) => return LinkOver::Again(error.to_string()),
        };
        match timeout(limits::HANDSHAKE_TIME, self.log_in(dialed, &target)).await {
            Err(_) => LinkOver::Again("the appliance did not answer the login in time".to_owned()),
            Ok(Err(ended)) => ended,
            Ok(Ok((dialed, welcome))) => self.hold(dialed.socket, welcome).await,
        }
    }

    /// Links to the appliance that this process is.
    async fn link_here(&self, here: &Here) -> LinkOver {
        let inside =
            match here.appliance.front_door().link_inside(&here.entrance, self.console).await {
                Ok(inside) => inside,
                Err(refusal) => return LinkOver::Final(refusal.to_string(), Some(refusal.code)),
            };
        let welcome = Welcome {
            username: here.entrance.username().to_owned(),
            address: here.url.trim_start_matches("https://").to_owned(),
            url: here.url.clone(),
            embedded: here.appliance.is_embedded(),
            user: inside.user,
            first: inside.first,
            idle_lock: (inside.idle_lock > 0).then(|| Duration::from_secs(inside.idle_lock)),
            plain: here.prefers_plain(),
        };
        self.hold(inside.socket, welcome).await
    }

    async fn log_in(
        &self,
        mut dialed: Dialed,
        target: &LinkTarget,
    ) -> Result<(Dialed, Welcome), LinkOver> {
        // A code opens once; a link that is made again goes by the login that was kept then.
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let login = match kept {
            Some(token) => {
                let proof = RepProof::Login(token);
                RepLogin { proof, console: self.console, code: None, keep: None, keep_for: 0 }
            }
            None => RepLogin {
                proof: target.proof.clone(),
                console: self.console,
                code: target.code.clone(),
                keep: target.keep.clone(),
                keep_for: target.keep_for,
            },
        };
        let again = |end: LinkEnd| LinkOver::Again(end.to_string());
        write_plain(&mut dialed.socket, &login).await.map_err(again)?;
        match read_plain(&mut dialed.socket).await.map_err(again)? {
            RepWelcome::Welcome {
                user,
                username,
                embedded,
                login,
                first,
                idle_lock,
                plain,
                ..
            } => {
                if let Some(login) = login {
                    *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(login.token);
                }
                let idle_lock = (idle_lock > 0).then(|| Duration::from_secs(idle_lock));
                let username = clean(&username).into_owned();
                let address = target.shown.clone();
                let url = target.address.to_string();
                let welcome =
                    Welcome { username, address, url, embedded, user, first, idle_lock, plain };
                Ok((dialed, welcome))
            }
            // The token of an embedded appliance is new at each of its starts.
            RepWelcome::Refused(refusal) if self.destination.is_embedded() => {
                Err(LinkOver::Again(refusal.to_string()))
            }
            // It passes.
            RepWelcome::Refused(refusal)
                if matches!(refusal.code, RefusalCode::ServerBusy | RefusalCode::Stopping) =>
            {
                Err(LinkOver::Again(refusal.to_string()))
            }
            RepWelcome::Refused(refusal) => {
                Err(LinkOver::Final(refusal.to_string(), Some(refusal.code)))
            }
        }
    }

    async fn hold(&self, socket: Socket, welcome: Welcome) -> LinkOver {
        let outbox = Outbox::new();
        let began = Instant::now();
        let embedded = welcome.embedded;
        self.handle.set(Some(outbox.clone()));
        let _ = self.events.send(LinkEvent::Up(welcome));
        let keep_alive = KeepAlive { ping: Some(limits::REP_PING), silence: limits::REP_SILENCE };
        let mut stopping = false;
        let take = |incoming| self.take(&mut stopping, incoming);
        let end = pump(socket, &outbox, keep_alive, take).await;
        self.handle.set(None);
        // An appliance in this process ends its guests' links too.
        if stopping && (embedded || matches!(self.destination, Destination::Here(_))) {
            LinkOver::Final("The appliance was stopped.".to_owned(), None)
        } else {
            LinkOver::Lost { reason: end.to_string(), stood: began.elapsed() }
        }
    }

    fn take(&self, stopping: &mut bool, incoming: Incoming) -> Result<(), LinkEnd> {
        let event = match incoming {
            Incoming::Ping => return Ok(()),
            Incoming::Pong(delay) => LinkEvent::Delay(delay),
            Incoming::Frame(Frame::Data { channel, offset, bytes }, _) => {
                LinkEvent::Data { channel, offset, bytes }
            }
            Incoming::Frame(Frame::Credit { channel, received, limit }, _) => {
                LinkEvent::Credit { channel, received, limit }
            }
            Incoming::Frame(Frame::Control(body), _) => match control_event(&body)? {
                Some(event) => event,
                None => return Ok(()),
            },
        };
        *stopping |= matches!(event, LinkEvent::Notice(ApplianceNotice::Stopping));
        // Anyone who listened may be gone; then the link ends.
        let _ = self.events.send(event);
        Ok(())
    }
}

fn control_event(body: &[u8]) -> Result<Option<LinkEvent>, LinkEnd> {
    let received = control::decode::<Never, RepReply, ApplianceNotice>(body)
        .map_err(|error| LinkEnd::Violation(error.to_string()))?;
    Ok(match received {
        Received::Known(Control::Notice { body }) => Some(LinkEvent::Notice(body)),
        Received::Known(Control::Reply { id, body }) => Some(LinkEvent::Reply(id, body)),
        Received::Known(Control::Request { body, .. }) => match body {},
        Received::UnknownRequest(_) | Received::UnknownOther => None,
    })
}
