//! A link for a verb: asks, waits for the answer, and keeps a replica of the inventory.

use super::{Destination, LinkHandle, keep};
use jumpdeck_console::core::inventory::Inventory;
use jumpdeck_console::core::{LinkEvent, Welcome};
use jumpdeck_protocol::channel::Lane;
use jumpdeck_protocol::preferences::Preferences;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, FromRep, RepNotice, RepReply, RepRequest, Request};
use jumpdeck_protocol::session::SessionView;
use jumpdeck_protocol::{Outcome, Refusal, RefusalCode, RequestId, control};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long machines may take to measure.
const MEASURING: Duration = Duration::from_secs(5);
/// How long a verb waits for a link before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why a verb did not get what it asked for.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The appliance cannot be reached or does not want us.
    #[error("{0}")]
    NoLink(String),
    /// The appliance does not want this login.
    #[error("{reason}")]
    NoLogin {
        /// What it said.
        reason: String,
        /// In a word.
        code: RefusalCode,
    },
    /// The appliance refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The appliance answered something else.
    #[error("the appliance gave an answer that does not fit the question")]
    OddAnswer,
}

/// The link of one verb.
#[derive(Debug)]
pub struct Client {
    handle: LinkHandle,
    events: mpsc::UnboundedReceiver<LinkEvent>,
    last: RequestId,
    /// What the appliance told so far.
    pub inventory: Inventory,
    /// The rep's sessions and the presence of the items have arrived.
    presence_known: bool,
    /// Figures that have arrived.
    measured: usize,
    /// The rep's sessions, once they have arrived.
    sessions: Option<Vec<SessionView>>,
    /// The rep's preferences, once they have arrived.
    preferences: Option<Box<Preferences>>,
    /// Who is logged in.
    pub welcome: Welcome,
}

impl Client {
    /// Makes the link and waits until it is up.
    ///
    /// # Errors
    /// [`ClientError::NoLink`] at once, or after 20 s for an appliance of our own that may be
    /// starting.
    pub async fn connect(destination: Destination) -> Result<Self, ClientError> {
        // An appliance of our own may still be starting; a remote one is there or is not.
        let patient = destination.is_embedded();
        let (handle, mut events) = keep(destination);
        let mut last_reason = String::new();
        let linked = timeout(PATIENCE, async {
            loop {
                match events.recv().await {
                    Some(LinkEvent::Up(welcome)) => return Ok(welcome),
                    Some(LinkEvent::Down { reason }) if patient => last_reason = reason,
                    Some(LinkEvent::Down { reason }) => return Err((reason, None)),
                    Some(LinkEvent::Ended { reason, code }) => return Err((reason, code)),
                    Some(_) => {}
                    None => return Err(("the link ended".to_owned(), None)),
                }
            }
        });
        let welcome = match linked.await {
            Ok(Ok(welcome)) => welcome,
            Ok(Err((reason, Some(code)))) => return Err(ClientError::NoLogin { reason, code }),
            Ok(Err((reason, None))) => return Err(ClientError::NoLink(reason)),
            Err(_) => return Err(ClientError::NoLink(last_reason)),
        };
        let mut inventory = Inventory::default();
        inventory.is_of(welcome.user);
        Ok(Self {
            handle,
            events,
            last: RequestId(0),
            inventory,
            presence_known: false,
            measured: 0,
            sessions: None,
            preferences: None,
            welcome,
        })
    }

    /// The link and its events, for a console.
    pub fn into_parts(self) -> (LinkHandle, mpsc::UnboundedReceiver<LinkEvent>, Welcome) {
        (self.handle, self.events, self.welcome)
    }

    /// From now on, this link is made again with a login that was kept.
    pub fn keep(&self, token: String) {
        self.handle.keep(token);
    }

    /// The token of the login that was kept, if one was.
    pub fn kept(&self) -> Option<String> {
        self.handle.kept()
    }

    /// Waits for whatever happens next, after the replica has taken it in.
    ///
    /// # Errors
    /// [`ClientError::NoLink`] when the link is gone for good.
    pub async fn next(&mut self) -> Result<LinkEvent, ClientError> {
        match self.events.recv().await {
            Some(LinkEvent::Ended { reason, .. }) => Err(ClientError::NoLink(reason)),
            None => Err(ClientError::NoLink("the link ended".to_owned())),
            Some(LinkEvent::Notice(ApplianceNotice::Inventory(part))) => {
                self.inventory.take(part.clone());
                Ok(LinkEvent::Notice(ApplianceNotice::Inventory(part)))
            }
            Some(LinkEvent::Notice(ApplianceNotice::Presence { all, changes, position })) => {
                self.presence_known |= position.is_some();
                self.inventory.take_presence(all, changes, position);
                Ok(LinkEvent::Delay(Duration::ZERO))
            }
            Some(LinkEvent::Notice(notice)) => {
                match &notice {
                    ApplianceNotice::Sessions { sessions } => {
                        self.sessions = Some(sessions.clone());
                    }
                    ApplianceNotice::Preferences(preferences) => {
                        self.preferences = Some(preferences.clone());
                    }
                    ApplianceNotice::Rights { places, .. } => self.inventory.take_rights(places),
                    ApplianceNotice::JumpPolicies { policies } => {
                        self.inventory.take_policies(policies);
                    }
                    ApplianceNotice::Figures { figures } => {
                        self.measured += figures.len();
                        self.inventory.take_figures(figures);
                    }
                    _ => {}
                }
                Ok(LinkEvent::Notice(notice))
            }
            Some(event) => Ok(event),
        }
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// [`ClientError`]; if the link is lost meanwhile, it is not known whether it was done.
    pub async fn ask<R: Request>(&mut self, request: R) -> Result<R::Reply, ClientError> {
        let reply = self.ask_any(request.into()).await?;
        R::of_reply(reply).ok_or(ClientError::OddAnswer)
    }

    async fn ask_any(&mut self, request: RepRequest) -> Result<RepReply, ClientError> {
        let id = self.begin(request);
        loop {
            match self.next().await? {
                LinkEvent::Reply(of, Outcome::Ok(reply)) if of == id => return Ok(reply),
                LinkEvent::Reply(of, Outcome::Refused(refusal)) if of == id => {
                    return Err(refusal.into());
                }
                LinkEvent::Down { reason } => {
                    return Err(ClientError::NoLink(format!(
                        "the link was lost before the answer came: {reason}"
                    )));
                }
                _ => {}
            }
        }
    }

    /// Asks, and leaves the answer to the one who listens.
    pub fn begin(&mut self, request: impl Into<RepRequest>) -> RequestId {
        self.last = self.last.next();
        let id = self.last;
        self.handle.send(
            Lane::Interactive,
            control::encode(&FromRep::Request { id, body: request.into() }),
        );
        id
    }

    /// What the rep likes, once the inventory was fetched.
    pub fn preferences(&self) -> Option<&Preferences> {
        self.preferences.as_deref()
    }

    /// Waits until the appliance has told the rep's sessions.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fetch_sessions(&mut self) -> Result<&[SessionView], ClientError> {
        while self.sessions.is_none() {
            if let LinkEvent::Down { reason } = self.next().await? {
                return Err(ClientError::NoLink(reason));
            }
        }
        Ok(self.sessions.as_deref().unwrap_or_default())
    }

    /// Fetches the whole inventory with the presence of its items.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fetch_inventory(&mut self) -> Result<(), ClientError> {
        self.ask(request::Subscribe { have: None, presence: None }).await?;
        while self.inventory.position().is_none() || !self.presence_known {
            if let LinkEvent::Down { reason } = self.next().await? {
                return Err(ClientError::NoLink(reason));
            }
        }
        Ok(())
    }

    /// Has the machines that are linked measured, and waits until they are, but not for long.
    /// Returns how many were not.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn fetch_figures(&mut self) -> Result<usize, ClientError> {
        let linked = self.inventory.linked();
        self.tell(RepNotice::WatchFigures { wanted: true });
        let deadline = tokio::time::Instant::now() + MEASURING;
        while self.measured < linked {
            match tokio::time::timeout_at(deadline, self.next()).await {
                Ok(Ok(LinkEvent::Down { reason })) => return Err(ClientError::NoLink(reason)),
                Ok(event) => drop(event?),
                Err(_) => break,
            }
        }
        Ok(linked.saturating_sub(self.measured))
    }

    /// Asks the appliance whether it is there; the answer arrives as a delay.
    pub fn probe(&self) {
        self.handle.probe();
    }

    /// Says something that needs no answer.
    pub fn tell(&self, notice: RepNotice) {
        self.handle.send(Lane::Interactive, control::encode(&FromRep::Notice { body: notice }));
    }

    /// Sends a message of a channel.
    pub fn send(&self, lane: Lane, message: bytes::Bytes) {
        self.handle.send(lane, message);
    }

    /// Closes the link after everything was sent, and waits until it is.
    pub async fn close(mut self) {
        super::leave(&self.handle, &mut self.events).await;
    }
}
