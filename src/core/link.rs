//! What comes over the link, and what becomes of the console when it is gone.

use super::messages::Level;
use super::session::Pane;
use super::{Asked, Console, Effect, Link, LinkEvent};
use bytes::Bytes;
use jumpdeck_protocol::endpoint;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::PlaceRights;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, EndReason};
use jumpdeck_protocol::{ChannelId, Outcome, RefusalCode, RequestId, SessionId};
use std::time::Duration;

impl Console {
    pub(super) fn link_event(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up(welcome) => self.link_up(welcome),
            LinkEvent::Down { reason } => self.link_down(reason),
            LinkEvent::Ended { reason } => {
                self.messages.say(self.now, Level::Error, &reason);
                self.link_down(reason.clone());
                self.link = Link::Ended { reason };
            }
            LinkEvent::Notice(notice) => self.notice(notice),
            LinkEvent::Reply(id, outcome) => self.reply(id, outcome),
            LinkEvent::Data { channel, offset, bytes } => self.data(channel, offset, &bytes),
            LinkEvent::Credit { channel, received, limit } => {
                self.credit(channel, received, limit);
            }
            LinkEvent::Delay(delay) => self.delay(delay),
        }
    }

    fn link_up(&mut self, welcome: super::Welcome) {
        if matches!(self.link, Link::Down { .. }) {
            self.say("The link is back.");
        }
        self.link = Link::Up { delay: None };
        self.inventory.is_of(welcome.user);
        self.welcome = Some(welcome);
        self.watched = None;
        self.figures = false;
        self.rights_coming.clear();
        self.known.history = None;
        self.dirty = true;
        let have = self.inventory.position().cloned();
        let presence = self.inventory.presence_position();
        self.request(Asked::Subscribe, RepRequest::Subscribe { have, presence });
        let size = self.pane_size();
        let attached: Vec<_> = self
            .tabs
            .iter_mut()
            .filter(|tab| tab.pane != Pane::Elsewhere)
            .flat_map(|tab| tab.attach(size))
            .collect();
        self.order_all(attached);
        self.watch();
        self.watch_figures();
        self.save_preferences();
    }

    fn link_down(&mut self, reason: String) {
        let asked: Vec<_> = self.asked.drain().map(|(_, asked)| asked).collect();
        for asked in asked {
            if let Asked::Start { name, .. } | Asked::End { name } | Asked::Wake { name, .. } =
                asked
            {
                self.warn(&format!(
                    "The link was lost before the appliance answered about {name}; look again \
                     when it is back."
                ));
            }
        }
        self.batches_lost();
        self.form_unanswered();
        for tab in &mut self.tabs {
            tab.endpoint.link_lost();
        }
        if !matches!(self.link, Link::Down { .. }) {
            self.link = Link::Down { since: self.now, reason };
        }
        self.dirty = true;
    }

    /// Small changes of the delay are not worth a new screen.
    fn delay(&mut self, delay: Duration) {
        if let Link::Up { delay: shown } = &mut self.link {
            let worth = shown.is_none_or(|old| old.as_millis().abs_diff(delay.as_millis()) > 5);
            if worth {
                *shown = Some(delay);
                self.dirty = true;
            }
        }
    }

    fn notice(&mut self, notice: ApplianceNotice) {
        match notice {
            ApplianceNotice::Inventory(part) => {
                self.inventory.take(part);
                self.whole_once |= self.inventory.position().is_some();
                self.stale.items = true;
                self.dirty = true;
            }
            ApplianceNotice::Presence { all, changes, position } => {
                self.inventory.take_presence(all, changes, position);
                self.stale.presence = true;
                self.dirty = true;
            }
            ApplianceNotice::Statistics { item, statistics } => {
                self.inventory.take_statistics(item, statistics);
                self.dirty |= self.jump.selected == Some(item);
            }
            ApplianceNotice::Rights { places, more } => {
                self.rights_coming.extend(places);
                if !more {
                    let places = std::mem::take(&mut self.rights_coming);
                    self.take_rights(places);
                }
            }
            ApplianceNotice::JumpPolicies { policies } => {
                self.inventory.take_policies(&policies);
                self.known.policies = policies;
                self.stale.items = true;
                self.dirty = true;
            }
            ApplianceNotice::Preferences(preferences) => self.take_preferences(*preferences),
            ApplianceNotice::Used { items } => {
                self.known.used = items;
                if let Some(item) = self.jump.selected {
                    self.ask_history(item);
                }
                self.stale.items = true;
                self.dirty = true;
            }
            ApplianceNotice::Waking { item, by, wait } => self.is_waking(item, &by, wait),
            ApplianceNotice::Thumbnail { item, thumbnail } => {
                self.inventory.take_thumbnail(item, thumbnail);
                self.dirty |= self.jump.selected == Some(item);
            }
            ApplianceNotice::Figures { figures } => {
                self.inventory.take_figures(&figures);
                self.stale.items = true;
                self.dirty = true;
            }
            ApplianceNotice::Sessions { sessions } => self.take_sessions(&sessions),
            ApplianceNotice::SessionEnded { session, reason } => self.ended(session, &reason),
            ApplianceNotice::Channel(report) => self.channel_report(&report),
            ApplianceNotice::AgentLink { channel, linked } => self.agent_link(channel, linked),
            ApplianceNotice::Stopping => self.warn("The appliance is stopping."),
        }
    }

    fn reply(&mut self, id: RequestId, outcome: Outcome<RepReply>) {
        self.dirty = true;
        let Some(asked) = self.asked.remove(&id) else {
            return;
        };
        match (asked, outcome) {
            (Asked::Start { show, .. }, Outcome::Ok(RepReply::SessionStarted(view))) => {
                self.started(&view, show);
            }
            (Asked::Batch { number, items }, outcome) => {
                self.batch_answered(number, items, outcome);
            }
            (Asked::Add { form, name }, Outcome::Ok(RepReply::Added { item })) => {
                self.added(form, &name, Outcome::Ok(item));
            }
            (Asked::Add { form, name }, Outcome::Refused(refusal)) => {
                self.added(form, &name, Outcome::Refused(refusal));
            }
            (Asked::Wake { item, name }, Outcome::Ok(RepReply::Waking { helper })) => {
                self.wake_answered(item, &name, Outcome::Ok(helper));
            }
            (Asked::Wake { item, name }, Outcome::Refused(refusal)) => {
                self.wake_answered(item, &name, Outcome::Refused(refusal));
            }
            (Asked::History { item }, Outcome::Ok(RepReply::History { sessions })) => {
                self.known.history = Some((item, sessions));
            }
            (Asked::Preferences { number }, Outcome::Ok(_)) => self.preferences_saved(number),
            (Asked::Preferences { .. }, Outcome::Refused(refusal)) => {
                self.messages.refused(self.now, "Your preferences are not kept", &refusal);
            }
            // What an item's history is does not matter enough to complain.
            (Asked::History { .. }, Outcome::Refused(_)) => {}
            (Asked::Start { name, .. }, Outcome::Refused(refusal)) => {
                self.messages.refused(self.now, &format!("No session with {name}"), &refusal);
            }
            (Asked::End { name }, Outcome::Refused(refusal)) => {
                self.messages.refused(self.now, &format!("Ending {name}"), &refusal);
            }
            (Asked::Subscribe, Outcome::Refused(refusal)) => {
                self.messages.refused(self.now, "The inventory", &refusal);
            }
            (_, Outcome::Ok(_)) => {}
        }
    }

    /// What may be done has changed, or is told for the first time.
    fn take_rights(&mut self, places: Vec<PlaceRights>) {
        self.inventory.take_rights(&places);
        let rights = places.into_iter().map(|rights| (rights.place, rights));
        self.known.rights = Some(rights.collect());
        self.follow_form();
        self.stale.items = true;
        self.dirty = true;
    }

    fn ended(&mut self, session: SessionId, reason: &EndReason) {
        let Some(position) = self.tabs.iter().position(|tab| tab.id == session) else {
            return;
        };
        let name = self.tabs.get(position).map(|tab| tab.name.clone()).unwrap_or_default();
        self.close_tab(position);
        let why = match reason {
            EndReason::Exited(status) => match status.as_code() {
                0 => format!("The session with {name} has ended."),
                code => format!("The session with {name} has ended with status {code}."),
            },
            EndReason::StartFailed => format!("The session with {name} could not be started."),
            EndReason::EndedByRep => format!("The session with {name} was ended."),
            EndReason::AgentLost => {
                format!("The session with {name} is lost: its agent restarted without it.")
            }
            EndReason::ConsoleGone => format!("The session with {name} was left alone and ended."),
            EndReason::ApplianceStopped => {
                format!("The session with {name} ended with the appliance.")
            }
        };
        self.say(&why);
    }

    fn tab_of(&self, channel: ChannelId) -> Option<usize> {
        self.tabs.iter().position(|tab| tab.endpoint.channel() == channel)
    }

    fn channel_report(&mut self, report: &ChannelReport) {
        let Some(position) = self.tab_of(report.channel()) else {
            return;
        };
        let Some(tab) = self.tabs.get_mut(position) else {
            return;
        };
        self.dirty = true;
        match tab.endpoint.report(report) {
            Some(endpoint::Event::Attached { missed }) => {
                tab.pane = Pane::Live;
                if missed > 0 {
                    let text = format!(
                        "{missed} bytes of {}'s output came while nobody watched and are not kept.",
                        tab.name
                    );
                    self.warn(&text);
                }
                self.flush(position);
            }
            Some(endpoint::Event::Gone(refusal)) => {
                if refusal.code == RefusalCode::AttachedElsewhere {
                    tab.pane = Pane::Elsewhere;
                }
                let name = tab.name.clone();
                self.messages.refused(self.now, &name, &refusal);
            }
            Some(endpoint::Event::Exited(_)) | None => {}
        }
        self.finish_if_over(position);
    }

    /// Once the shell has ended and all its output is here, the session can go.
    fn finish_if_over(&mut self, position: usize) {
        if let Some(tab) = self.tabs.get(position)
            && tab.endpoint.finished().is_some()
        {
            let channel = tab.endpoint.channel();
            self.order_all([ChannelOrder::Close { channel }]);
        }
    }

    fn agent_link(&mut self, channel: ChannelId, linked: bool) {
        let size = self.pane_size();
        let Some(tab) = self.tab_of(channel).and_then(|tab| self.tabs.get_mut(tab)) else {
            return;
        };
        self.dirty = true;
        if linked {
            let orders = tab.attach(size);
            self.order_all(orders);
        } else {
            tab.pane = Pane::AgentAway;
            tab.endpoint.link_lost();
        }
    }

    fn data(&mut self, channel: ChannelId, offset: u64, bytes: &Bytes) {
        let Some(position) = self.tab_of(channel) else {
            return;
        };
        let Some(tab) = self.tabs.get_mut(position) else {
            return;
        };
        match tab.endpoint.data(offset, bytes) {
            Ok(Some((new, live))) => {
                let answers = tab.terminal.take(&new);
                if tab.replaying && tab.endpoint.is_history_over() {
                    tab.replaying = false;
                    tab.terminal.forget_scroll_region();
                }
                if live && !answers.is_empty() {
                    tab.endpoint.write(&answers);
                }
                if let Some(credit) = tab.endpoint.credit(0) {
                    self.effects.push(Effect::Send(credit));
                }
                self.flush(position);
                self.finish_if_over(position);
                self.dirty |= self.screen == super::Screen::Session(position);
            }
            Ok(None) => {}
            Err(error) => {
                let text = format!("{}: its agent broke the protocol: {error}", tab.name);
                self.messages.say(self.now, Level::Error, &text);
            }
        }
    }

    fn credit(&mut self, channel: ChannelId, received: u64, limit: u64) {
        let Some(position) = self.tab_of(channel) else {
            return;
        };
        let Some(tab) = self.tabs.get_mut(position) else {
            return;
        };
        if let Err(error) = tab.endpoint.credited(received, limit) {
            let text = format!("{}: its agent broke the protocol: {error}", tab.name);
            self.messages.say(self.now, Level::Error, &text);
        }
        self.flush(position);
    }
}
