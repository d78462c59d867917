//! A console without a screen: for measuring an appliance and for testing it.

mod shell;

pub use shell::SimulatedShell;

use crate::wire::{FaultyWire, WireFault};
use bytes::Bytes;
use jumpdeck_link::{
    Address, AddressError, DialError, Incoming, KeepAlive, Lane, LinkEnd, Outbox, Pin,
    client_config, connect, dial_over, pump, read_plain, write_plain,
};
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{REP_PATH, RepLogin, RepProof, RepWelcome};
use jumpdeck_protocol::messagepack;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, FromRep, RepNotice, RepReply, RepRequest};
use jumpdeck_protocol::session::{ChannelKind, Size};
use jumpdeck_protocol::{ChannelId, Control, ItemId, Never, Outcome, Refusal, RequestId, limits};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// How long a simulated console waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a simulated console goes, and as whom.
#[derive(Clone)]
pub struct ConsoleLogin {
    /// Where the appliance is.
    pub url: String,
    /// The fingerprint of its key.
    pub fingerprint: String,
    /// How it proves who it is.
    pub proof: RepProof,
    /// What is wrong with its wire.
    pub fault: Option<WireFault>,
    /// The number of this console; a later link with the same takes the place of an earlier one.
    /// 0: none.
    pub console: u64,
}

impl ConsoleLogin {
    /// With a user's name and password.
    pub fn with_password(url: &str, fingerprint: &str, username: &str, password: &str) -> Self {
        let proof =
            RepProof::Password { username: username.to_owned(), password: password.to_owned() };
        Self {
            url: url.to_owned(),
            fingerprint: fingerprint.to_owned(),
            proof,
            fault: None,
            console: 0,
        }
    }
}

/// Why a simulated console cannot go on.
#[derive(Debug, Error)]
pub enum ConsoleError {
    /// The appliance refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The link could not be made.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The address is none.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// TLS cannot be used.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The link ended.
    #[error("the link ended: {0}")]
    Ended(String),
    /// Nothing came in a minute.
    #[error("nothing came within {} s", PATIENCE.as_secs())]
    Silence,
    /// The other side broke the protocol.
    #[error("the other side broke the protocol: {0}")]
    Violation(String),
}

/// Something that a console heard.
#[derive(Debug)]
pub enum ConsoleHeard {
    /// The appliance said something.
    Notice(ApplianceNotice),
    /// The appliance answered.
    Reply(RequestId, Outcome<RepReply>),
    /// Output of a channel.
    Data {
        /// The channel.
        channel: ChannelId,
        /// Where it stands.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// The agent of a channel takes more input.
    Credit {
        /// The channel.
        channel: ChannelId,
        /// What has arrived.
        received: u64,
        /// What may be sent.
        limit: u64,
    },
    /// A part of the inventory at a console that only skims: how much is in it.
    Skimmed {
        /// New and changed items.
        items: usize,
        /// Items that are gone.
        gone: usize,
    },
    /// The link ended.
    Down(String),
}

/// A linked console.
#[derive(Debug)]
pub struct SimulatedConsole {
    outbox: Outbox,
    heard: mpsc::UnboundedReceiver<(Instant, ConsoleHeard)>,
    kept: VecDeque<(Instant, ConsoleHeard)>,
    last: RequestId,
    task: AbortHandle,
}

impl Drop for SimulatedConsole {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SimulatedConsole {
    /// Makes the link and logs in.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn connect(login: &ConsoleLogin) -> Result<Self, ConsoleError> {
        Self::link(login, false).await
    }

    /// The same for a console that only counts what comes of the inventory: many of them on one
    /// machine take little of its time.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn skimming(login: &ConsoleLogin) -> Result<Self, ConsoleError> {
        Self::link(login, true).await
    }

    async fn link(login: &ConsoleLogin, skims: bool) -> Result<Self, ConsoleError> {
        let address: Address = login.url.parse()?;
        let tcp = connect(&address, None)
            .await
            .map_err(|reason| DialError::Unreachable { address: address.clone(), reason })?;
        let pin = Pin::Fingerprint(login.fingerprint.clone());
        let wire = FaultyWire::new(tcp, login.fault);
        let mut dialed = dial_over(wire, &address, REP_PATH, &pin, &client_config()?).await?;
        let ended = |end: LinkEnd| ConsoleError::Ended(end.to_string());
        let proof = RepLogin {
            proof: login.proof.clone(),
            console: login.console,
            code: None,
            keep: None,
            keep_for: 0,
        };
        write_plain(&mut dialed.socket, &proof).await.map_err(ended)?;
        match read_plain(&mut dialed.socket).await.map_err(ended)? {
            RepWelcome::Refused(refusal) => return Err(refusal.into()),
            RepWelcome::Welcome { .. } => {}
        }
        let (tell, heard) = mpsc::unbounded_channel();
        let outbox = Outbox::new();
        let keep_alive = KeepAlive { ping: Some(limits::REP_PING), silence: limits::REP_SILENCE };
        let held = outbox.clone();
        let task = tokio::spawn(async move {
            let take = |incoming| {
                if skims { skim(incoming, &tell) } else { hear(incoming, &tell) }
            };
            let end = pump(dialed.socket, &held, keep_alive, take).await;
            let _ = tell.send((Instant::now(), ConsoleHeard::Down(end.to_string())));
        });
        Ok(Self {
            outbox,
            heard,
            kept: VecDeque::new(),
            last: RequestId(0),
            task: task.abort_handle(),
        })
    }

    /// Says something that needs no answer.
    pub fn tell(&self, notice: RepNotice) {
        let message: FromRep = Control::Notice { body: notice };
        self.outbox.send(&message);
    }

    /// Sends a message of a channel, made elsewhere.
    pub fn send(&self, message: Bytes) {
        self.outbox.push(Lane::Interactive, message);
    }

    /// Asks; the answer is among what is heard.
    pub fn request(&mut self, body: RepRequest) -> RequestId {
        self.last = self.last.next();
        self.outbox.send(&FromRep::Request { id: self.last, body });
        self.last
    }

    /// Asks and waits for the answer. What is heard meanwhile is kept.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn ask(&mut self, body: RepRequest) -> Result<RepReply, ConsoleError> {
        let id = self.request(body);
        let mut meanwhile = VecDeque::new();
        let outcome = loop {
            match self.next_at().await? {
                (_, ConsoleHeard::Reply(of, outcome)) if of == id => break outcome,
                other => meanwhile.push_back(other),
            }
        };
        meanwhile.append(&mut self.kept);
        self.kept = meanwhile;
        Ok(Result::from(outcome)?)
    }

    /// What is heard next, and when it came.
    ///
    /// # Errors
    /// [`ConsoleError::Ended`] when the link has ended, [`ConsoleError::Silence`] after a minute.
    pub async fn next_at(&mut self) -> Result<(Instant, ConsoleHeard), ConsoleError> {
        if let Some(kept) = self.kept.pop_front() {
            return Ok(kept);
        }
        let heard =
            timeout(PATIENCE, self.heard.recv()).await.map_err(|_| ConsoleError::Silence)?;
        match heard {
            Some((_, ConsoleHeard::Down(reason))) => Err(ConsoleError::Ended(reason)),
            Some(heard) => Ok(heard),
            None => Err(ConsoleError::Ended("it ended before".to_owned())),
        }
    }

    /// Waits for something of which `pick` makes the answer. All else is forgotten.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn until<T>(
        &mut self,
        mut pick: impl FnMut(&ConsoleHeard) -> Option<T>,
    ) -> Result<T, ConsoleError> {
        loop {
            let (_, heard) = self.next_at().await?;
            if let Some(found) = pick(&heard) {
                return Ok(found);
            }
        }
    }

    /// Starts a session with a shell and attaches to it.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub async fn start(&mut self, item: ItemId) -> Result<SimulatedShell, ConsoleError> {
        let size = Size { columns: 80, rows: 24 };
        let (term, modes) = ("xterm-256color".into(), TerminalModes::utf8());
        let kind = ChannelKind::Shell { size, term, modes };
        match self
            .ask(RepRequest::StartSession(request::StartSession {
                item,
                kind,
                override_schedule: false,
                reason: None,
                code: None,
            }))
            .await?
        {
            RepReply::SessionStarted(view) => {
                let mut shell = SimulatedShell::of(&view)?;
                shell.attach(self);
                Ok(shell)
            }
            other => Err(ConsoleError::Violation(format!("{other:?} instead of a session"))),
        }
    }
}

/// A notice of which only the inventory's size is read.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SkimNotice {
    Inventory(SkimPart),
}

#[derive(Deserialize)]
struct SkimPart {
    items: Vec<IgnoredAny>,
    gone: Vec<IgnoredAny>,
}

/// Counts items; everything else is heard as always.
fn skim(
    incoming: Incoming,
    tell: &mpsc::UnboundedSender<(Instant, ConsoleHeard)>,
) -> Result<(), LinkEnd> {
    if let Incoming::Frame(Frame::Control(body), _) = &incoming
        && let Ok(Control::Notice { body }) =
            messagepack::from_slice::<Control<Never, IgnoredAny, SkimNotice>>(body)
    {
        let SkimNotice::Inventory(part) = body;
        let (items, gone) = (part.items.len(), part.gone.len());
        let _ = tell.send((Instant::now(), ConsoleHeard::Skimmed { items, gone }));
        return Ok(());
    }
    hear(incoming, tell)
}

fn hear(
    incoming: Incoming,
    tell: &mpsc::UnboundedSender<(Instant, ConsoleHeard)>,
) -> Result<(), LinkEnd> {
    let heard = match incoming {
        Incoming::Ping | Incoming::Pong(_) => return Ok(()),
        Incoming::Frame(Frame::Data { channel, offset, bytes }, _) => {
            ConsoleHeard::Data { channel, offset, bytes }
        }
        Incoming::Frame(Frame::Credit { channel, received, limit }, _) => {
            ConsoleHeard::Credit { channel, received, limit }
        }
        Incoming::Frame(Frame::Control(body), _) => {
            match control::decode::<Never, RepReply, ApplianceNotice>(&body)
                .map_err(|error| LinkEnd::Violation(error.to_string()))?
            {
                Received::Known(Control::Notice { body }) => ConsoleHeard::Notice(body),
                Received::Known(Control::Reply { id, body }) => ConsoleHeard::Reply(id, body),
                _ => return Ok(()),
            }
        }
    };
    // Anyone who listened may be gone; then the link ends with it.
    let _ = tell.send((Instant::now(), heard));
    Ok(())
}
