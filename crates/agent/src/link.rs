//! One link: made, proved, and held to its end.

use crate::files::Target;
use crate::measure::measure;
use crate::person::Person;
use crate::run::{Agent, RunError};
use crate::{AgentSource, facts};
use jumpdeck_link::{
    Address, DialError, Dialed, Incoming, KeepAlive, LinkEnd, Outbox, Pin, dial, pump, read_plain,
    write_plain,
};
use jumpdeck_protocol::agent::FromAgent;
use jumpdeck_protocol::control::{self, Received};
use jumpdeck_protocol::frame::Frame;
use jumpdeck_protocol::handshake::{
    self, AGENT_PATH, AgentProof, AgentWelcome, Enrolment, Party, PublicKey, sign, transcript,
};
use jumpdeck_protocol::{ChannelId, Outcome, Refusal, RefusalCode, Timestamp, limits};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

/// Milliseconds over which an appliance may have its agents come back, at most.
const MAX_SPREAD: u32 = 60_000;

/// How often the dialer checks that the appliance is still announced there.
const LOOK: Duration = Duration::from_millis(100);

/// How one link, or the attempt at one, ended.
pub(crate) enum Ended {
    /// Try again.
    Again(String),
    /// The link stood, then ended.
    Lost { end: LinkEnd, stood: Duration },
    /// The appliance takes this agent along.
    Retired,
    /// The Jump Client was removed.
    Removed,
    /// Another process of this machine goes on with the link.
    Left,
    /// There is no point in trying again.
    Final(RunError),
}

impl Agent {
    /// Makes one link, and serves it to its end.
    pub(crate) async fn link_once(&self) -> Ended {
        let Some(target) = self.target() else {
            return Ended::Again("no appliance has said where it is".into());
        };
        let address: Address = match target.url.parse() {
            Ok(address) => address,
            Err(error) => return Ended::Final(RunError::Address(error)),
        };
        let pin = Pin::Fingerprint(target.fingerprint.clone());
        let dialed = tokio::select! {
            dialed = dial(&address, AGENT_PATH, &pin, &self.tls, None) => dialed,
            () = self.moved(&target) => {
                return Ended::Again("the appliance is elsewhere by now".into());
            }
        };
        let dialed = match dialed {
            Ok(dialed) => dialed,
            Err(error) => return self.no_link(error),
        };
        match timeout(limits::HANDSHAKE_TIME, self.prove(dialed)).await {
            Err(_) => Ended::Again("the appliance did not answer our proof in time".into()),
            Ok(Err(ended)) => ended,
            Ok(Ok((dialed, close))) => {
                let known = self.options.dir.target().as_ref() == Some(&target);
                let forgotten = self.pinned.is_undone();
                if !known
                    && !forgotten
                    && let Err(error) = self.options.dir.remember(&target)
                {
                    return Ended::Final(error.into());
                }
                self.channels.close(&close);
                self.hold(dialed).await
            }
        }
    }

    pub(crate) fn target(&self) -> Option<Target> {
        match &self.options.source {
            AgentSource::Fixed(target) => Some(target.clone()),
            AgentSource::File(path) => serde_json::from_slice(&std::fs::read(path).ok()?).ok(),
        }
    }

    /// Resolves once the appliance says that it is elsewhere: its old port may be another program's,
    /// which takes a connection and says nothing.
    async fn moved(&self, from: &Target) {
        if matches!(self.options.source, AgentSource::Fixed(_)) {
            return std::future::pending().await;
        }
        while self.target().is_none_or(|target| target == *from) {
            sleep(LOOK).await;
        }
    }

    /// Whether to try again after a link was not made.
    fn no_link(&self, error: DialError) -> Ended {
        match error {
            // A new agent with a wrong fingerprint or version needs a person.
            error @ DialError::WrongKey { .. } if self.options.dir.target().is_none() => {
                Ended::Final(RunError::Appliance(error))
            }
            DialError::Refused(refusal) => self.refused(refusal),
            error => Ended::Again(error.to_string()),
        }
    }

    fn refused(&self, refusal: Refusal) -> Ended {
        let is_new = self.options.dir.target().is_none();
        let lasting = matches!(
            refusal.code,
            RefusalCode::InstallerKeyInvalid
                | RefusalCode::ParameterNotAllowed
                | RefusalCode::IdentityCheckFailed
                | RefusalCode::VersionMismatch
                | RefusalCode::SessionKeyInvalid
                | RefusalCode::SessionKeyThrottled
        );
        if is_new && lasting {
            Ended::Final(RunError::Refused(refusal))
        } else {
            Ended::Again(refusal.to_string())
        }
    }

    pub(crate) async fn prove(
        &self,
        mut dialed: Dialed,
    ) -> Result<(Dialed, Vec<ChannelId>), Ended> {
        let signed = transcript(
            Party::Agent,
            &dialed.binding,
            &dialed.client_nonce,
            &dialed.appliance_nonce,
        );
        let proof = AgentProof {
            key: PublicKey::of(&self.key),
            signature: sign(&self.key, &signed),
            machine: self.machine.clone(),
            enrolment: self.options.enrol.clone().map(|wish| Enrolment {
                installer_key: wish.installer_key,
                name: wish.name,
                tag: wish.tag,
                comments: wish.comments,
            }),
            facts: facts::gather(self.options.install_mode),
            visit: self.options.visit.as_ref().map(|visit| handshake::Visit {
                session_key: visit.session_key.clone(),
                name: visit.name.clone(),
            }),
            attended: self.person().is_some(),
            channels: self.channels.ids(),
            standing: self.standing,
            run: self.run,
        };
        let lost = |end: LinkEnd| Ended::Again(end.to_string());
        write_plain(&mut dialed.socket, &proof).await.map_err(lost)?;
        match read_plain(&mut dialed.socket).await.map_err(lost)? {
            AgentWelcome::Refused(refusal) => Err(self.refused(refusal)),
            AgentWelcome::Removed => Err(Ended::Removed),
            AgentWelcome::Welcome { item, name, close, expires, spread, .. } => {
                self.expires_at(expires);
                self.spread.store(spread.min(MAX_SPREAD), Ordering::Relaxed);
                let name = jumpdeck_protocol::text::clean(&name).into_owned();
                tracing::info!(item = item.0, name, "linked");
                Ok((dialed, close))
            }
        }
    }

    pub(crate) fn person(&self) -> Option<&Person> {
        self.options.visit.as_ref().map(|visit| &visit.person)
    }

    /// Remembers when it uninstalls itself, if it is a Jump Client.
    pub(crate) fn expires_at(&self, time: Option<Timestamp>) {
        let visits = self.options.visit.is_some() && self.pinned.stands().is_none();
        if visits || self.pinned.is_undone() {
            return;
        }
        if let Err(error) = self.pinned.dir(&self.options.dir).expires_at(time) {
            tracing::warn!(%error, "when it expires is not written down");
        }
    }

    /// Serves the link until it ends.
    async fn hold(&self, dialed: Dialed) -> Ended {
        let outbox = Outbox::new();
        let (interest, watched) = watch::channel(0);
        let began = Instant::now();
        let mut leaving = None;
        self.channels.linked(outbox.clone());
        if let Some(person) = self.person() {
            person.linked(outbox.clone());
        }
        let keep_alive =
            KeepAlive { ping: Some(limits::AGENT_PING), silence: limits::AGENT_SILENCE };
        let take = |incoming| self.take(&outbox, &interest, &mut leaving, incoming);
        let end = tokio::select! {
            biased;
            end = pump(dialed.socket, &outbox, keep_alive, take) => end,
            () = measure(watched, &outbox, self.options.install_mode) => LinkEnd::ClosedHere,
        };
        self.channels.unlinked();
        if let Some(person) = self.person() {
            person.unlinked();
            if leaving.is_none() {
                person.say("The link is lost; it is being made again …");
            }
        }
        let stood = began.elapsed();
        leaving.unwrap_or(Ended::Lost { end, stood })
    }

    fn take(
        &self,
        outbox: &Outbox,
        interest: &watch::Sender<u32>,
        leaving: &mut Option<Ended>,
        incoming: Incoming,
    ) -> Result<(), LinkEnd> {
        let violation = |error: &dyn std::error::Error| LinkEnd::Violation(error.to_string());
        let Incoming::Frame(frame, _) = incoming else {
            return Ok(());
        };
        match frame {
            Frame::Data { channel, offset, bytes } => {
                self.channels.data(channel, offset, &bytes);
                Ok(())
            }
            Frame::Credit { channel, received, limit } => {
                self.channels.credit(channel, received, limit);
                Ok(())
            }
            Frame::Control(body) => match control::decode(&body).map_err(|e| violation(&e))? {
                Received::Known(message) => {
                    self.control(outbox, interest, leaving, message);
                    Ok(())
                }
                Received::UnknownRequest(id) => {
                    let body = Outcome::Refused(RefusalCode::Unsupported.plain());
                    outbox.send(&FromAgent::Reply { id, body });
                    Ok(())
                }
                Received::UnknownOther => Ok(()),
            },
        }
    }
}
