//! One SSH connection: who it is, and what it asks for.

use super::Door;
use super::channel::{ChannelPlace, ChannelRequest, OpenedChannel, What, attend, open};
use jumpdeck_appliance::{AuthenticatedRep, PartialLogin};
use jumpdeck_protocol::modes::{MOST, TerminalModes};
use jumpdeck_protocol::rep::Secret;
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{Refusal, text};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty};
use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Channels of one connection at once.
const CHANNELS: usize = 10;
/// Variables of one channel.
const VARIABLES: usize = 16;
/// Bytes of a variable's value, and of a terminal's name.
const VALUE: usize = 256;
/// Bytes of a command.
const COMMAND: usize = 128 * 1024 - 1;

/// One connection.
pub(super) struct Caller {
    door: Arc<Door>,
    from: IpAddr,
    proven: Arc<Notify>,
    /// The name it comes under, and the item that stands behind it.
    name: String,
    item: Option<String>,
    /// A first proof that held.
    half: Option<PartialLogin>,
    /// The password, until it is known that it need not be changed.
    password: Option<Secret>,
    inside: Option<(AuthenticatedRep, Arc<OwnedSemaphorePermit>)>,
    channels: HashMap<ChannelId, Pending>,
    /// For so many more channels.
    turns: Arc<Semaphore>,
}

/// A channel for which nothing was started yet.
struct Pending {
    opened: OpenedChannel,
    request: ChannelRequest,
    turn: OwnedSemaphorePermit,
}

impl Caller {
    pub(super) fn new(door: Arc<Door>, from: IpAddr, proven: Arc<Notify>) -> Self {
        Self {
            door,
            from,
            proven,
            name: String::new(),
            item: None,
            half: None,
            password: None,
            inside: None,
            channels: HashMap::new(),
            turns: Arc::new(Semaphore::new(CHANNELS)),
        }
    }

    /// Somebody comes under this name: `rep`, or `rep:ITEM`.
    fn is_called(&mut self, user: &str) {
        let (name, item) = match user.split_once(':') {
            Some((name, item)) => (name, Some(item.to_owned())),
            None => (user, None),
        };
        if name != self.name {
            // What was proved was proved of another.
            (self.half, self.password) = (None, None);
            name.clone_into(&mut self.name);
        }
        self.item = item;
    }

    /// A first proof was given: that may be all, or a code is required besides.
    async fn first_proof(&mut self, proof: Result<PartialLogin, Refusal>) -> Auth {
        match proof {
            Ok(half) if self.door.appliance.front_door().wants_code(&half) => {
                self.half = Some(half);
                Auth::Reject {
                    proceed_with_methods: Some(only(MethodKind::KeyboardInteractive)),
                    partial_success: true,
                }
            }
            Ok(half) => self.come_in(&half, None).await,
            Err(refusal) => self.refused(&refusal),
        }
    }

    async fn come_in(&mut self, half: &PartialLogin, code: Option<&str>) -> Auth {
        let Some(place) = self.door.place() else {
            tracing::warn!(user = half.username(), "no place is left at the SSH front door");
            return Auth::reject();
        };
        match self.door.appliance.front_door().come_in(half, code, self.from).await {
            Ok(entrance) => {
                if !entrance.wants_first() {
                    self.password = None;
                }
                self.inside = Some((entrance, Arc::new(place)));
                Auth::Accept
            }
            Err(refusal) => self.refused(&refusal),
        }
    }

    fn refused(&self, refusal: &Refusal) -> Auth {
        tracing::info!(from = %self.from, code = refusal.code.as_str(), "a login by SSH was refused");
        Auth::reject()
    }

    async fn take_password(&mut self, password: String) -> Result<PartialLogin, Refusal> {
        let kept = Secret(password.clone());
        let half =
            self.door.appliance.front_door().take_password(&self.name, password, self.from).await?;
        self.password = Some(kept);
        Ok(half)
    }

    /// Starts what a channel is for.
    fn start(
        &mut self,
        id: ChannelId,
        what: What,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let (Some(inside), Some(pending)) = (&self.inside, self.channels.remove(&id)) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let Pending { opened, request, turn } = pending;
        let request = ChannelRequest { what, password: self.password.clone(), ..request };
        let (entrance, place) = inside.clone();
        let here = self.door.here(entrance);
        let at = ChannelPlace {
            config_dir: self.door.config_dir.clone(),
            pool: Arc::clone(&self.door.pool),
        };
        tokio::spawn(async move {
            attend(here, at, opened, request).await;
            drop((place, turn));
        });
        Ok(())
    }
}

fn only(method: MethodKind) -> MethodSet {
    MethodSet::from([method].as_slice())
}

/// Asks for one secret.
fn ask(question: &'static str) -> Auth {
    let prompts = vec![(Cow::Borrowed(question), false)];
    Auth::Partial {
        name: Cow::Borrowed(""),
        instructions: Cow::Borrowed(""),
        prompts: prompts.into(),
    }
}

impl Handler for Caller {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.is_called(user);
        let proof = self.take_password(password.to_owned()).await;
        Ok(self.first_proof(proof).await)
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        self.is_called(user);
        let known = offer
            .public_key
            .to_bytes()
            .is_ok_and(|key| self.door.appliance.front_door().knows_key(&self.name, &key));
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, Self::Error> {
        self.is_called(user);
        let Ok(key) = key.public_key.to_bytes() else {
            return Ok(Auth::reject());
        };
        self.password = None;
        let proof = self.door.appliance.front_door().take_key(&self.name, &key, self.from);
        Ok(self.first_proof(proof).await)
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        self.is_called(user);
        let answer = response.and_then(|mut response| response.next());
        let answer = answer.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(match (self.half.clone(), answer) {
            (None, None) => ask("Password: "),
            (Some(_), None) => ask("Code: "),
            (Some(half), Some(code)) => self.come_in(&half, Some(&code)).await,
            (None, Some(password)) => {
                let proof = self.take_password(password).await;
                match self.first_proof(proof).await {
                    Auth::Reject { partial_success: true, .. } => ask("Code: "),
                    other => other,
                }
            }
        })
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        let full = self.door.is_full();
        Ok(full.then(|| "As many as may be are in by SSH already; try again later.\n".to_owned()))
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        self.proven.notify_one();
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        let turn = Arc::clone(&self.turns).try_acquire_owned();
        let (Some(_), Ok(turn)) = (&self.inside, turn) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let request = ChannelRequest { item: self.item.clone(), ..ChannelRequest::default() };
        let (id, opened) = (channel.id(), open(channel));
        self.channels.insert(id, Pending { opened, request, turn });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.channels.remove(&channel);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        columns: u32,
        rows: u32,
        _pixels_wide: u32,
        _pixels_high: u32,
        modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let Some(pending) = self.channels.get_mut(&channel) else {
            return session.channel_failure(channel);
        };
        pending.request.terminal =
            Some((text::bounded(term, VALUE), size(columns, rows), told(modes)));
        session.channel_success(channel)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        let pending = self.channels.get_mut(&channel);
        let Some(pending) = pending.filter(|pending| {
            may_be_said(name) && pending.request.variables.len() < VARIABLES && value.len() <= VALUE
        }) else {
            return session.channel_failure(channel);
        };
        pending.request.variables.insert(name.to_owned(), value.to_owned());
        session.channel_success(channel)
    }

    async fn shell_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(channel, What::Console, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if command.len() > COMMAND {
            return session.channel_failure(channel);
        }
        self.start(channel, What::Command(command.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(channel, What::Subsystem(text::bounded(name, VALUE)), session)
    }
}

/// Whether a client's environment has a say here.
fn may_be_said(name: &str) -> bool {
    matches!(name, "LANG" | "COLORTERM" | "NO_COLOR" | "JUMPDECK_ESCAPE") || name.starts_with("LC_")
}

/// What a client tells of its terminal's modes.
fn told(modes: &[(Pty, u32)]) -> TerminalModes {
    let told = modes.iter().filter(|(code, _)| !matches!(code, Pty::TTY_OP_END));
    TerminalModes(told.take(MOST).map(|(code, value)| (*code as u8, *value)).collect())
}

/// A size as terminals have it.
pub(super) fn size(columns: u32, rows: u32) -> Size {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    match (columns, rows) {
        // A client that does not know says nothing.
        (0, _) | (_, 0) => Size { columns: 80, rows: 24 },
        _ => Size { columns: side(columns), rows: side(rows) }.clamped(),
    }
}
