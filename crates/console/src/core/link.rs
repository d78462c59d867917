//! What comes over the link, and what becomes of the console when it is gone.

use super::messages::Level;
use super::session::Pane;
use super::silence::Answers;
use super::together::summary_text;
use super::{Console, Effect, Link, LinkEvent, Timer};
use crate::core::requests::{About, IfLost};
use bytes::Bytes;
use jumpdeck_protocol::endpoint;
use jumpdeck_protocol::log::Summary;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, Used};
use jumpdeck_protocol::rights::PlaceRights;
use jumpdeck_protocol::session::{
    ChannelOrder, ChannelReport, ChannelState, EndReason, RecordingState, Size,
};
use jumpdeck_protocol::{ChannelId, RefusalCode, SessionId, limits};
use jumpdeck_terminal::Unsettled;
use std::time::Duration;

impl Console {
    pub(super) fn link_event(&mut self, event: LinkEvent) {
        self.heard();
        match event {
            LinkEvent::Up(welcome) => self.link_up(welcome),
            LinkEvent::Down { reason } => self.link_down(reason),
            LinkEvent::Ended { reason, .. } => {
                self.dialogs.messages.say(self.now, Level::Error, &reason);
                self.link_down(reason.clone());
                self.link.state = Link::Ended { reason };
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
        if matches!(self.link.state, Link::Down { .. }) {
            self.say("The link is back.");
        }
        self.link.state = Link::Up { delay: None };
        self.list.inventory.is_of(welcome.user);
        self.link.welcome = Some(welcome);
        self.list.watched = None;
        self.list.figures = false;
        self.link.rights_coming.clear();
        self.list.known.history = None;
        self.out.dirty = true;
        self.play_at_once();
        self.go_on_playing();
        self.search_history_again();
        self.forget_coming();
        let have = self.list.inventory.position().cloned();
        let presence = self.list.inventory.presence_position();
        let note = (About::Anything, IfLost::Nothing);
        self.ask(note, request::Subscribe { have, presence }, |console, outcome| {
            if let Err(refusal) = outcome {
                console.refused("The inventory", &refusal);
            }
        });
        let size = self.pane_size();
        let shells = self.sessions.tabs.iter_mut().flat_map(|tab| &mut tab.shells);
        let shown = shells.filter(|shell| shell.pane != Pane::Away);
        let attached: Vec<_> = shown.flat_map(|shell| shell.attach(size)).collect();
        self.order_all(attached);
        self.watch();
        self.watch_figures();
        self.save_preferences();
    }

    fn link_down(&mut self, reason: String) {
        self.lock_unlinked();
        if self.link.requests.holds_scripts() {
            self.forget_script();
        }
        for words in self.link.requests.forget() {
            self.warn(&words);
        }
        self.batches_lost();
        self.form_unanswered();
        for shell in self.sessions.tabs.iter_mut().flat_map(|tab| &mut tab.shells) {
            shell.endpoint.link_lost();
            shell.answers = Answers::default();
        }
        if !matches!(self.link.state, Link::Down { .. }) {
            self.link.state = Link::Down { since: self.now, reason };
        }
        self.out.dirty = true;
    }

    /// Small changes of the delay are not worth a new screen.
    fn delay(&mut self, delay: Duration) {
        if let Link::Up { delay: shown } = &mut self.link.state {
            let worth = shown.is_none_or(|old| old.as_millis().abs_diff(delay.as_millis()) > 5);
            if worth {
                *shown = Some(delay);
                self.out.dirty = true;
            }
        }
    }

    /// The list is to be made again.
    const fn items_changed(&mut self) {
        self.list.stale.items = true;
        self.out.dirty = true;
    }

    fn were_used(&mut self, items: Vec<Used>) {
        self.list.known.used = items;
        if let Some(item) = self.list.jump.selected {
            self.ask_history(item);
        }
        self.items_changed();
    }

    fn rights_came(&mut self, places: Vec<PlaceRights>, more: bool) {
        self.link.rights_coming.extend(places);
        if !more {
            let places = std::mem::take(&mut self.link.rights_coming);
            self.take_rights(places);
        }
    }

    fn notice(&mut self, notice: ApplianceNotice) {
        match notice {
            ApplianceNotice::Inventory(part) => {
                self.list.inventory.take(part);
                self.list.whole_once |= self.list.inventory.position().is_some();
                self.items_changed();
            }
            ApplianceNotice::Presence { all, changes, position } => {
                self.list.inventory.take_presence(all, changes, position);
                self.list.stale.presence = true;
                self.out.dirty = true;
            }
            ApplianceNotice::Statistics { item, statistics } => {
                self.list.inventory.take_statistics(item, statistics);
                self.out.dirty |= self.list.jump.selected == Some(item);
            }
            ApplianceNotice::Rights { places, more } => self.rights_came(places, more),
            ApplianceNotice::JumpPolicies { policies } => {
                self.list.inventory.take_policies(&policies);
                self.list.known.policies = policies;
                self.items_changed();
            }
            ApplianceNotice::Choices(choices) => {
                self.locks_after(choices.idle_lock);
                self.list.known.choices = choices;
                self.out.dirty = true;
            }
            ApplianceNotice::Preferences(preferences) => self.take_preferences(*preferences),
            ApplianceNotice::Used { items } => self.were_used(items),
            ApplianceNotice::Waking { item, by, wait } => self.is_waking(item, &by, wait),
            ApplianceNotice::Thumbnail { item, thumbnail } => {
                self.list.inventory.take_thumbnail(item, thumbnail);
                self.out.dirty |= self.list.jump.selected == Some(item);
            }
            ApplianceNotice::Figures { figures } => {
                self.list.inventory.take_figures(&figures);
                self.items_changed();
            }
            ApplianceNotice::Sessions { sessions } => self.take_sessions(&sessions),
            ApplianceNotice::Queues(queues) => self.take_queues(queues),
            ApplianceNotice::SessionEnded { session, reason, summary } => {
                self.ended(session, &reason, summary.as_ref());
            }
            ApplianceNotice::Logged { session, entry } => self.logged(session, entry),
            ApplianceNotice::ChannelState { channel, state } => self.channel_state(channel, state),
            ApplianceNotice::Picture { channel, offset, size, bytes } => {
                self.pictured(channel, offset, size, &bytes);
            }
            ApplianceNotice::Channel(report) => self.channel_report(&report),
            ApplianceNotice::AgentLink { channel, linked } => self.agent_link(channel, linked),
            ApplianceNotice::AgentSilent { channel, silent } => self.agent_silent(channel, silent),
            ApplianceNotice::Stopping => self.warn("The appliance is stopping."),
        }
    }

    /// What may be done has changed, or arrives for the first time.
    fn take_rights(&mut self, places: Vec<PlaceRights>) {
        self.list.inventory.take_rights(&places);
        let rights = places.into_iter().map(|rights| (rights.place, rights));
        self.list.known.rights = Some(rights.collect());
        self.follow_form();
        self.list.stale.items = true;
        self.out.dirty = true;
    }

    fn ended(&mut self, session: SessionId, reason: &EndReason, summary: Option<&Summary>) {
        let Some(position) = self.sessions.tabs.iter().position(|tab| tab.id == session) else {
            return;
        };
        let name = self.sessions.tabs.get(position).map(|tab| tab.name.clone()).unwrap_or_default();
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
            EndReason::EndedByCustomer => {
                format!("The person at {name} ended the session.")
            }
            reason @ (EndReason::ScheduleClosed | EndReason::RightsWithdrawn) => {
                format!("The session with {name} ended: {}.", reason.words())
            }
            EndReason::Idle => {
                format!("The session with {name} ended: nobody did anything in it for too long.")
            }
        };
        let more = summary.map(|summary| format!(" {}", summary_text(summary)));
        self.say(&format!("{why}{}", more.unwrap_or_default()));
    }

    fn channel_report(&mut self, report: &ChannelReport) {
        let channel = report.channel();
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        match shell.endpoint.report(report) {
            Some(endpoint::Event::Attached { missed }) => {
                shell.pane = Pane::Live;
                if missed > 0 && shell.types() {
                    let name = self.name_of_shell(channel);
                    let text = format!(
                        "{missed} bytes of {name}'s output came while nobody watched and are not kept."
                    );
                    self.warn(&text);
                }
                self.begin_to_predict(channel);
                self.flush(channel);
            }
            Some(endpoint::Event::Echo(on)) => shell.prediction.set_silent(!on),
            Some(endpoint::Event::Gone(refusal)) => {
                shell.pane = Pane::Away;
                let known =
                    matches!(refusal.code, RefusalCode::ChannelGone | RefusalCode::SessionGone);
                if !known {
                    let name = self.name_of_shell(channel);
                    self.dialogs.messages.refused(self.now, &name, &refusal);
                }
            }
            Some(endpoint::Event::Exited(_)) | None => {}
        }
        self.out.dirty = true;
        self.finish_if_over(channel);
    }

    /// Once the shell has ended and all its output is here, the session can go.
    fn finish_if_over(&mut self, channel: ChannelId) {
        let over = |shell: &mut super::session::Shell| {
            shell.types() && shell.endpoint.finished().is_some()
        };
        if self.shell_of(channel).is_some_and(over) {
            self.order_all([ChannelOrder::Close { channel }]);
        }
    }

    fn agent_link(&mut self, channel: ChannelId, linked: bool) {
        let size = self.pane_size();
        let Some(shell) = self.shell_of(channel).filter(|shell| shell.pane != Pane::Away) else {
            return;
        };
        shell.answers = Answers::default();
        if linked {
            let orders = shell.attach(size);
            self.order_all(orders);
        } else {
            shell.pane = Pane::AgentAway;
            shell.endpoint.link_lost();
        }
        self.out.dirty = true;
    }

    /// Who shows a channel, and how, has changed.
    fn channel_state(&mut self, channel: ChannelId, state: ChannelState) {
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        let lost = shell.endpoint.keyboard_is(state.yours);
        if let Some(size) = state.size {
            shell.terminal.resize(size);
        }
        let recording = |state: &ChannelState| state.recording.clone();
        let before = shell.state.as_ref().map(recording);
        let now = state.recording.clone();
        let typist = state.keyboard.clone();
        let former = shell.state.replace(state).and_then(|state| state.yours.then_some(()));
        self.out.dirty = true;
        let name = self.name_of_shell(channel);
        match now {
            RecordingState::Failed { reason }
                if !matches!(before, Some(RecordingState::Failed { .. })) =>
            {
                self.warn(&format!(
                    "{name} cannot be recorded ({reason}): nothing is typed until it can."
                ));
            }
            RecordingState::On if matches!(before, Some(RecordingState::Failed { .. })) => {
                self.say(&format!("{name} is recorded again; go on."));
            }
            _ => {}
        }
        let ours = self.shell_of(channel).is_some_and(|shell| shell.types());
        if !ours && !self.is_on_screen(channel) {
            self.hide_shell(channel);
        }
        if former.is_some() && !ours {
            let who = typist.unwrap_or_else(|| "nobody".into());
            let more = if lost > 0 {
                format!(" {lost} bytes you typed did not reach it.")
            } else {
                String::new()
            };
            self.warn(&format!("{who} types in {name} now.{more}"));
        }
    }

    /// We watch, and were too slow: this is what the terminal shows.
    fn pictured(&mut self, channel: ChannelId, offset: u64, size: Size, bytes: &[u8]) {
        if let Some(shell) = self.shell_of(channel)
            && shell.endpoint.pictured(offset)
        {
            shell.terminal.resize(size);
            shell.prediction.forget();
            // What it would answer, the one who types has answered.
            shell.terminal.take(bytes);
            shell.replaying = false;
            self.out.dirty = true;
        }
    }

    fn data(&mut self, channel: ChannelId, offset: u64, bytes: &Bytes) {
        let is_shown = self
            .shown_tab()
            .and_then(|tab| tab.shell())
            .is_some_and(|shell| shell.channel() == channel);
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        shell.answers.heard();
        match shell.endpoint.data(offset, bytes) {
            Ok(Some((new, live))) => {
                let was = shell.terminal.unsettled();
                let answers = shell.take_output(&new);
                let begun = shell.terminal.unsettled().filter(|begun| was != Some(*begun));
                let drawing = shell.terminal.is_drawing();
                // What rang or was written before this console came is no news.
                let rang = shell.terminal.take_bell() && live;
                let is_news = live && !is_shown;
                let was = shell.unseen;
                shell.unseen.output |= is_news;
                shell.unseen.bell |= is_news && rang;
                let is_first = shell.unseen != was;
                // Answers of its own are not to fill the way to the program.
                let free = shell.endpoint.unsent_input() < limits::INPUT_WINDOW / 4;
                if shell.replaying && shell.endpoint.is_history_over() {
                    shell.replaying = false;
                    shell.terminal.forget_scroll_region();
                }
                if live && free && !answers.is_empty() {
                    shell.endpoint.write(&answers);
                }
                self.give_credit(channel);
                self.flush(channel);
                self.finish_if_over(channel);
                if let Some(begun) = begun {
                    let timer = Timer::Settle(channel, begun);
                    self.out.effects.push(Effect::After(begun.patience(), timer));
                }
                if is_shown && rang {
                    self.out.effects.push(Effect::Bell);
                }
                self.out.dirty |= is_first || (is_shown && (rang || !drawing));
            }
            // What is repeated counts too.
            Ok(None) => self.give_credit(channel),
            Err(error) => self.broke_the_protocol(channel, &error.to_string()),
        }
    }

    /// What a program began has had its time.
    pub(super) fn settle(&mut self, channel: ChannelId, what: Unsettled) {
        if let Some(shell) = self.shell_of(channel) {
            shell.terminal.settle(what);
            self.out.dirty = true;
        }
    }

    fn give_credit(&mut self, channel: ChannelId) {
        if let Some(credit) = self.shell_of(channel).and_then(|shell| shell.endpoint.credit(0)) {
            self.out.effects.push(Effect::Send(credit));
        }
    }

    fn broke_the_protocol(&mut self, channel: ChannelId, error: &str) {
        let name = self.name_of_shell(channel);
        let text = format!("{name}: its agent broke the protocol: {error}");
        self.dialogs.messages.say(self.now, Level::Error, &text);
    }

    fn credit(&mut self, channel: ChannelId, received: u64, limit: u64) {
        let Some(shell) = self.shell_of(channel) else {
            return;
        };
        shell.answers.heard();
        if let Err(error) = shell.endpoint.credited(received, limit) {
            self.broke_the_protocol(channel, &error.to_string());
        }
        self.input_taken(channel);
        self.flush(channel);
    }
}
