//! What the appliance asks of an agent, and what it orders.

use crate::channels::environment::ProgramOrigin;
use crate::link::Ended;
use crate::run::Agent;
use crate::{AgentSource, facts, pinned, wake};
use jumpdeck_link::Outbox;
use jumpdeck_protocol::agent::{AgentOrder, AgentReply, AgentRequest, FromAgent, ToAgent};
use jumpdeck_protocol::session::ChannelKind;
use jumpdeck_protocol::{ChannelId, Control, Never, Outcome, RefusalCode, RequestId, limits};
use std::time::Duration;
use tokio::sync::watch;

impl Agent {
    /// Opens a channel, and says so. What has to be waited for holds nothing else up.
    fn open(
        &self,
        outbox: &Outbox,
        id: RequestId,
        (channel, errors): (ChannelId, Option<ChannelId>),
        kind: ChannelKind,
        origin: &ProgramOrigin,
    ) {
        let (channels, outbox) = (self.channels.clone(), outbox.clone());
        if let ChannelKind::Tunnel { port } = kind {
            tokio::spawn(async move {
                let body = Outcome::from(channels.open_tunnel(channel, errors, port).await);
                outbox.send(&FromAgent::Reply { id, body });
            });
            return;
        }
        let body = Outcome::from(channels.open(channel, errors, kind, origin));
        outbox.send(&FromAgent::Reply { id, body });
    }

    /// Does what the appliance orders.
    fn ordered(
        &self,
        outbox: &Outbox,
        interest: &watch::Sender<u32>,
        leaving: &mut Option<Ended>,
        order: AgentOrder,
    ) {
        match order {
            AgentOrder::Channel(order) => self.channels.order(order),
            AgentOrder::Hold { channel, held } => self.channels.hold(channel, held),
            AgentOrder::Interest { interval } => drop(interest.send_replace(interval)),
            AgentOrder::Retire => {
                if matches!(self.options.source, AgentSource::File(_)) {
                    *leaving = Some(Ended::Retired);
                }
                outbox.close();
            }
            AgentOrder::Uninstall => {
                *leaving = Some(Ended::Removed);
                outbox.close();
            }
            AgentOrder::Say { text } => {
                if let Some(person) = self.person() {
                    person.say(&text);
                }
            }
            AgentOrder::SessionsOver => {
                // From now on the service does it.
                match (self.pinned.stands(), self.person()) {
                    (Some(true), _) => {
                        *leaving = Some(Ended::Left);
                        outbox.close();
                    }
                    (Some(false), Some(person)) => {
                        person.say("This program keeps the computer reachable; Ctrl-C ends it.");
                    }
                    _ => {}
                }
            }
            AgentOrder::Expires { at } => self.expires_at(at),
        }
    }

    /// Does what the appliance asks for and orders.
    pub(crate) fn control(
        &self,
        outbox: &Outbox,
        interest: &watch::Sender<u32>,
        leaving: &mut Option<Ended>,
        message: ToAgent,
    ) {
        match message {
            Control::Request {
                id,
                body: AgentRequest::Open { channel, errors, kind, session, rep },
            } => {
                self.open(outbox, id, (channel, errors), kind, &ProgramOrigin { rep, session });
            }
            Control::Request { id, body: AgentRequest::Customer } => {
                let user = facts::console_user(self.options.install_mode).into();
                let body = Outcome::Ok(AgentReply::Customer { user });
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Request { id, body: AgentRequest::Ask { rep, what, patience } } => {
                let (person, outbox) = (self.person().cloned(), outbox.clone());
                tokio::spawn(async move {
                    let body = match person {
                        Some(person) => {
                            let question = match &what {
                                None => wants_in(&rep),
                                Some(what) => format!("{rep} wants {what}. Allow it?"),
                            };
                            let patience = match patience {
                                0 => limits::CUSTOMER_PATIENCE,
                                seconds => Duration::from_secs(seconds.into()),
                            };
                            let answer = person.answer(&question, patience).await;
                            let (yes, silent) = (answer == Some(true), answer.is_none());
                            Outcome::Ok(AgentReply::Answered { yes, silent })
                        }
                        None => Outcome::Refused(RefusalCode::NobodyThere.plain()),
                    };
                    outbox.send(&FromAgent::Reply { id, body });
                });
            }
            Control::Request { id, body: AgentRequest::Pin { rep, name, expires, start_mode } } => {
                let (pinned, person) = (self.pinned.clone(), self.person().cloned());
                let (dir, target, outbox) =
                    (self.options.dir.clone(), self.target(), outbox.clone());
                tokio::spawn(async move {
                    let wish = pinned::Wish { rep, name, expires, start_mode };
                    let outcome = pinned.pin(person.as_ref(), dir, target, wish).await;
                    outbox.send(&FromAgent::Reply { id, body: outcome.into() });
                });
            }
            Control::Request { id, body: AgentRequest::Unpin } => {
                let (pinned, dir, outbox) =
                    (self.pinned.clone(), self.options.dir.clone(), outbox.clone());
                tokio::spawn(async move {
                    let body = pinned.unpin(&dir).await.into();
                    outbox.send(&FromAgent::Reply { id, body });
                });
            }
            Control::Request { id, body: AgentRequest::Wake { mac, password } } => {
                let body = match wake::broadcast(mac, password) {
                    0 => Outcome::Refused(RefusalCode::NoWakeHelper.plain()),
                    networks => Outcome::Ok(AgentReply::Called { networks }),
                };
                outbox.send(&FromAgent::Reply { id, body });
            }
            Control::Reply { body, .. } => match body {
                Outcome::Ok(never) => match never as Never {},
                Outcome::Refused(_) => {}
            },
            Control::Notice { body } => self.ordered(outbox, interest, leaving, body),
        }
    }
}

/// What a person is asked before a rep comes in.
fn wants_in(rep: &str) -> String {
    let user = uzers::get_current_username().unwrap_or_default();
    format!(
        "{rep} wants to open a terminal on this computer as the user {}. Allow it?",
        user.to_string_lossy()
    )
}
