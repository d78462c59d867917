//! Working together in sessions: several shells, the log, words for the others, who takes part.

use super::export::Export;
use super::input::Input;
use super::layers::{
    Ask, Chooser, ChooserKind, Coming, Entry, EntryValue, Layer, Pick, Prompt, Question,
};
use super::queues::SessionRow;
use super::{Console, Effect, Screen};
use crate::core::layers::LogReader;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::log::{LogEntry, LogEvent, ShellNumbers, Summary};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::{ChannelId, SessionId, text};
use std::path::PathBuf;

impl Console {
    /// Why nothing can be done in a session now, or why this rep may not.
    fn not_in_session(&self, least: Part) -> Option<String> {
        let Some(tab) = self.shown_tab() else {
            return Some("This works in a session.".to_owned());
        };
        if let Some(reason) = self.no_link() {
            return Some(reason);
        }
        if tab.part >= least {
            return None;
        }
        Some(match least {
            Part::Owner => format!("The session is {}'s; only its owner does this.", tab.owner()),
            _ => format!("{} lets you watch, but not type.", tab.owner()),
        })
    }

    pub(super) fn no_participation(&self) -> Option<String> {
        self.not_in_session(Part::Participant)
    }

    pub(super) fn no_presence(&self) -> Option<String> {
        self.not_in_session(Part::Observer)
    }

    pub(super) fn no_ownership(&self) -> Option<String> {
        self.not_in_session(Part::Owner)
    }

    pub(super) fn run_named(&mut self, name: &str) {
        if let Some(command) = super::command::Command::named(name) {
            self.run(command);
        }
    }

    pub(super) fn open_log(&mut self) {
        let shown = self.shown_tab().map(|tab| tab.id);
        let selected = match self.selected_row() {
            Some(SessionRow::Tab(number)) => self.sessions.tabs.get(number).map(|tab| tab.id),
            _ => None,
        };
        let session = if self.shown.screen == Screen::Sessions { selected } else { shown };
        let Some(session) = session else {
            return;
        };
        self.dialogs.layers.push(LogReader { session, scroll: 0 }.into());
        self.ask_log(session, 0);
    }

    fn ask_log(&mut self, session: SessionId, after: u64) {
        let about = About::Log(session);
        if self.is_linked() && !self.link.requests.is_open(about) {
            let request = request::Log { session, after };
            self.ask((about, IfLost::Nothing), request, move |console, outcome| match outcome {
                Ok(reply::LogPart { entries, more }) => console.log_came(session, entries, more),
                Err(refusal) => console.refused("The log", &refusal),
            });
        }
    }

    pub(super) fn no_read_save(&self) -> Option<String> {
        let Some(Layer::Log(LogReader { session, .. })) = self.dialogs.layers.last() else {
            return Some("Here is nothing to save.".to_owned());
        };
        let tab = self.sessions.tabs.iter().find(|tab| tab.id == *session);
        let whole = tab.is_some_and(|tab| tab.log_asked);
        (!whole).then(|| "The log is not all here yet.".to_owned())
    }

    pub(super) fn ask_save_log(&mut self) {
        if let Some(Layer::Log(LogReader { session, .. })) = self.dialogs.layers.last() {
            let session = *session;
            let input = Input::of(&format!("session-{session}.log"));
            let purpose = Ask::LogPath { session };
            self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake: None }));
        }
    }

    /// Where the log is to be written was typed.
    pub(super) fn save_log(&mut self, session: SessionId, path: &str) {
        self.dialogs.layers.pop();
        let Some(tab) = self.sessions.tabs.iter().find(|tab| tab.id == session) else {
            return;
        };
        let shells = ShellNumbers::of(tab.log.values());
        let line = |entry: &LogEntry| {
            let at = jiff::Timestamp::from_second(entry.at.0).unwrap_or_default();
            let at = at.to_zoned(self.zone().clone()).strftime("%FT%T%:z").to_string();
            format!("{at}  {}\n", entry_text(entry, &shells))
        };
        let text: String = tab.log.values().map(line).collect();
        let export = Export::Text { path: PathBuf::from(path), text: text.into() };
        self.say(&format!("Writing {path} …"));
        self.out.effects.push(Effect::Export(Box::new(export)));
    }

    /// A part of a log came.
    pub(super) fn log_came(&mut self, session: SessionId, entries: Vec<LogEntry>, more: bool) {
        let last = entries.last().map(|entry| entry.number);
        if let Some(tab) = self.sessions.tabs.iter_mut().find(|tab| tab.id == session) {
            tab.take_log(entries);
            tab.log_asked = !more;
        }
        if let Some(last) = last.filter(|_| more) {
            self.ask_log(session, last);
        }
    }

    /// Something new is in the log of a session.
    pub(super) fn logged(&mut self, session: SessionId, entry: LogEntry) {
        let own = self.link.welcome.as_ref().map(|welcome| welcome.username.clone());
        let ours = entry.who.as_deref() == own.as_deref();
        let Some(position) = self.sessions.tabs.iter().position(|tab| tab.id == session) else {
            return;
        };
        let shown = self.shown.screen == Screen::Session(position);
        let Some(tab) = self.sessions.tabs.get_mut(position) else {
            return;
        };
        let name = tab.name.clone();
        let chat = matches!(entry.event, LogEvent::Chat { .. });
        if chat && !ours && !shown {
            tab.unread += 1;
        }
        let who = entry.who.as_deref().map(|who| text::clean(who).into_owned()).unwrap_or_default();
        let words = match &entry.event {
            LogEvent::Chat { text } if !ours => Some(format!("{who} in {name}: {text}")),
            LogEvent::Joined if !ours => Some(format!("{who} joined the session with {name}.")),
            LogEvent::Left if !ours => Some(format!("{who} left the session with {name}.")),
            LogEvent::EndsSoon { minutes, .. } => {
                let policy = entry_text(&entry, &ShellNumbers::default());
                Some(format!("{name} in {minutes} min: {policy}."))
            }
            LogEvent::Transferred { to } if own.as_deref() == Some(to) => {
                Some(format!("{who} gave you the session with {name}; it is yours now."))
            }
            _ => None,
        };
        tab.take_log(vec![entry]);
        if let Some(words) = words {
            self.say(&words);
        }
        self.out.dirty = true;
    }

    pub(super) fn ask_chat(&mut self) {
        self.ask_words(|session, name| Ask::Chat { session, name });
    }

    pub(super) fn ask_note(&mut self) {
        self.ask_words(|session, name| Ask::Note { session, name });
    }

    fn ask_words(&mut self, purpose: impl FnOnce(SessionId, String) -> Ask) {
        if let Some(tab) = self.shown_tab() {
            let purpose = purpose(tab.id, tab.name.clone());
            let prompt = Prompt { purpose, input: Input::default(), mistake: None };
            self.dialogs.layers.push(Layer::Prompt(prompt));
        }
    }

    /// Words for the others, or for the log.
    pub(super) fn accept_words(&mut self, purpose: Ask, text: String) {
        if text.is_empty() {
            self.prompt_mistake("There is nothing to send yet.");
            return;
        }
        if let Some(reason) = self.no_link() {
            self.prompt_mistake(&reason);
            return;
        }
        self.dialogs.layers.pop();
        match purpose {
            Ask::Chat { session, name } => {
                let tab = self.sessions.tabs.iter().find(|tab| tab.id == session);
                let alone = tab.is_none_or(|tab| tab.others_here(self.user()).next().is_none());
                let visited = tab.is_some_and(|tab| !tab.pinned);
                let done = if visited {
                    "Sent; the person at the machine reads it too."
                } else if alone {
                    "Nobody else is here at the moment; your message is in the log."
                } else {
                    "Sent."
                };
                let done = Some(done.to_owned());
                let what = format!("Your words for {name}");
                self.ask_for(what, done, request::Chat { session, text });
            }
            Ask::Note { session, name } => {
                let done = Some(format!("The note is in the log of {name}."));
                let what = format!("The note for {name}");
                self.ask_for(what, done, request::Note { session, text });
            }
            _ => {}
        }
    }

    pub(super) fn ask_share(&mut self) {
        self.ask_colleagues(false);
    }

    pub(super) fn ask_transfer(&mut self) {
        self.ask_colleagues(true);
    }

    fn ask_colleagues(&mut self, transfer: bool) {
        if let Some(tab) = self.shown_tab() {
            let session = tab.id;
            // What is typed from now on is a name, and not for the shell.
            let purpose = if transfer { Pick::Transfer(session) } else { Pick::Share(session) };
            let mut chooser = Chooser::entries(purpose, Vec::new());
            chooser.coming = Coming::Yes;
            self.dialogs.layers.push(Layer::Chooser(chooser));
            let note = (About::Anything, IfLost::Nothing);
            self.ask(note, request::Colleagues, move |console, outcome| match outcome {
                Ok(reply::Colleagues { names, teams }) => {
                    console.colleagues_came(session, transfer, &names, &teams);
                }
                Err(refusal) => {
                    console.forget_coming();
                    console.refused("The other users", &refusal);
                }
            });
        }
    }

    /// The names of those with whom a session can be shared came.
    pub(super) fn colleagues_came(
        &mut self,
        session: SessionId,
        transfer: bool,
        names: &[Box<str>],
        teams: &[Box<str>],
    ) {
        let Some(tab) = self.shown_tab().filter(|tab| tab.id == session) else {
            self.forget_coming();
            return;
        };
        if names.is_empty() {
            self.forget_coming();
            self.warn("There is no other user. `jumpdeck user add NAME` makes one, on a server.");
            return;
        }
        let entry = |name: &str, part: Option<Part>, detail: &str| Entry {
            label: name.to_owned(),
            detail: detail.to_owned(),
            value: EntryValue::Colleague { name: name.into(), part },
        };
        let mut entries = Vec::new();
        for name in names {
            let now = tab.participants.iter().find(|one| one.name == *name).map(|one| one.part);
            if transfer {
                let detail = if now.is_some() { "takes part already" } else { "" };
                entries.push(entry(name, None, detail));
                continue;
            }
            for (part, detail) in [(Part::Participant, "can type"), (Part::Observer, "view only")] {
                if now != Some(part) {
                    entries.push(entry(name, Some(part), detail));
                }
            }
            if now.is_some() {
                entries.push(entry(name, None, "takes part no more"));
            }
        }
        for team in teams.iter().filter(|_| !transfer) {
            for (part, detail) in [(Part::Participant, "can type"), (Part::Observer, "view only")] {
                let label = format!("Team {}", text::clean(team));
                let (team, part) = (team.clone(), Some(part));
                let detail = format!("everybody in it {detail}");
                entries.push(Entry { label, detail, value: EntryValue::Team { team, part } });
            }
        }
        self.out.dirty = true;
        // Anyone who closed it meanwhile wants no more of it.
        let purpose = if transfer { Pick::Transfer(session) } else { Pick::Share(session) };
        let Some(Layer::Chooser(chooser)) = self.dialogs.layers.last_mut() else {
            return;
        };
        // It may be another one that was opened meanwhile.
        if !matches!(&chooser.kind, ChooserKind::Entries { purpose: of, .. } if *of == purpose) {
            return;
        }
        let coming = std::mem::take(&mut chooser.coming);
        if coming == Coming::No {
            return;
        }
        if let ChooserKind::Entries { entries: there, .. } = &mut chooser.kind {
            *there = entries;
        }
        chooser.typed();
        if coming == Coming::Chosen {
            self.choose();
        }
    }

    /// A chooser whose entries do not come is closed.
    pub(super) fn forget_coming(&mut self) {
        let waits = |layer: &Layer| matches!(layer, Layer::Chooser(c) if c.coming != Coming::No);
        self.dialogs.layers.retain(|layer| !waits(layer));
    }

    pub(super) fn share_with(&mut self, session: SessionId, with: &str, part: Option<Part>) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let done = match part {
            Some(Part::Observer) => format!("{with} can watch."),
            Some(_) => format!("{with} can type."),
            None => format!("{with} left the session."),
        };
        let request = request::Share { session, with: with.to_owned(), part };
        self.ask_for(format!("Sharing with {with}"), Some(done), request);
    }

    pub(super) fn share_with_team(&mut self, session: SessionId, team: &str, part: Option<Part>) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let how = if part == Some(Part::Observer) { "watch" } else { "type" };
        let done = Some(format!("Everyone in {team} can {how}."));
        let (what, team) = (format!("Sharing with {team}"), team.to_owned());
        self.ask_for(what, done, request::ShareTeam { session, team, part });
    }

    pub(super) fn ask_transfer_to(&mut self, session: SessionId, to: &str) {
        let Some(tab) = self.sessions.tabs.iter().find(|tab| tab.id == session) else {
            return;
        };
        let question = Question::Transfer { session, name: tab.name.clone(), to: to.to_owned() };
        self.dialogs.layers.push(Layer::Confirm(question));
    }

    pub(super) fn transfer_to(&mut self, session: SessionId, to: String) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let done = Some(format!("{to} owns the session now. You stay in it."));
        let what = format!("Handing the session to {to}");
        self.ask_for(what, done, request::Transfer { session, to });
    }

    pub(super) fn no_leave(&self) -> Option<String> {
        self.no_presence().or_else(|| {
            let own = self.shown_tab().is_some_and(|tab| tab.part == Part::Owner);
            own.then(|| "The session is yours: end it, or give it to another rep.".to_owned())
        })
    }

    pub(super) fn ask_leave(&mut self) {
        if let Some(tab) = self.shown_tab() {
            let (session, name) = (tab.id, tab.name.clone());
            let owner = tab.owner().to_owned();
            self.dialogs.layers.push(Layer::Confirm(Question::Leave { session, name, owner }));
        }
    }

    pub(super) fn leave_session(&mut self, session: SessionId, name: &str) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
        } else {
            let done = Some(format!("You take no part in the session with {name} any more."));
            self.ask_for(format!("Leaving {name}"), done, request::Leave { session });
        }
    }
}

/// What is left of a session, in words.
pub(super) fn summary_text(summary: &Summary) -> String {
    let count = |number: u32, one: &str, many: &str| match number {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    };
    let lasted = match summary.lasted {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    };
    let mut parts = vec![lasted];
    if summary.participants.len() > 1 {
        parts.push(summary.participants.join(", "));
    }
    parts.push(count(summary.shells, "shell", "shells"));
    parts.push(count(summary.commands, "command", "commands"));
    if summary.recordings > 0 {
        parts.push(count(summary.recordings, "recording", "recordings"));
    }
    let attributes = summary.attributes.iter().map(|(name, value)| format!("{name}={value}"));
    parts.extend(attributes);
    text::clean(&parts.join(" · ")).into_owned()
}

/// An entry of a log, in words.
pub fn entry_text(entry: &LogEntry, shells: &ShellNumbers) -> String {
    let number = |channel: &ChannelId| shells.get(*channel);
    let who = entry.who.as_deref().unwrap_or("");
    let words = match &entry.event {
        LogEvent::Started => format!("{who} started the session"),
        LogEvent::Joined => format!("{who} joined"),
        LogEvent::Left => format!("{who} left"),
        LogEvent::Shared { with, observe: true } => format!("{who} lets {with} watch"),
        LogEvent::Shared { with, observe: false } => format!("{who} lets {with} type"),
        LogEvent::Unshared { with } if entry.who.is_none() => {
            format!("{with} may no longer join")
        }
        LogEvent::Unshared { with } => format!("{who} removed {with}"),
        LogEvent::Transferred { to } => format!("{who} handed the session to {to}"),
        LogEvent::TookKeyboard { channel } => {
            format!("{who} took the keyboard of shell {}", number(channel))
        }
        LogEvent::ShellOpened { channel } => format!("{who} opened shell {}", number(channel)),
        LogEvent::ShellClosed { channel, status: None } => {
            format!("shell {} was closed", number(channel))
        }
        LogEvent::ShellClosed { channel, status: Some(status) } => {
            format!("shell {} ended with status {}", number(channel), status.as_code())
        }
        LogEvent::Executed { command, channel: Some(channel) } => {
            format!("{who} opened shell {} for: {command}", number(channel))
        }
        LogEvent::Executed { command, channel: None } => {
            format!("{who} ran without a terminal: {command}")
        }
        LogEvent::Command { channel, command, .. } if who.is_empty() => {
            format!("[{}] {command}", number(channel))
        }
        LogEvent::Command { channel, command, .. } => {
            format!("{who} [{}] {command}", number(channel))
        }
        LogEvent::RecordingFailed { channel, reason } => {
            format!("shell {} cannot be recorded: {reason}", number(channel))
        }
        LogEvent::RecordingResumed { channel } => {
            format!("shell {} is recorded again", number(channel))
        }
        LogEvent::Entered => format!("{who} came in, who outranks the owner in a team"),
        LogEvent::Asked { what, allowed } => {
            let answer = if *allowed { "allowed it" } else { "did not allow it" };
            format!("{who} asked {what}; the person at the machine {answer}")
        }
        LogEvent::Pinned { place, by_hand: None } => format!("{who} pinned the machine to {place}"),
        LogEvent::Pinned { place, by_hand: Some(reason) } => {
            format!("{who} pinned the machine to {place}; it does not start by itself: {reason}")
        }
        LogEvent::Unpinned => format!("{who} unpinned the machine"),
        LogEvent::EndsSoon { policy, minutes } => {
            format!("the Jump Policy {policy} ends this session in {minutes} min")
        }
        LogEvent::Overrode { policy, reason } if reason.is_empty() => {
            format!("{who} came in although the Jump Policy {policy} was closed")
        }
        LogEvent::Overrode { policy, reason } => {
            format!("{who} came in although the Jump Policy {policy} was closed: {reason}")
        }
        LogEvent::Chat { text } => format!("{who}: {text}"),
        LogEvent::Tunneled { port } => format!("{who} opened a tunnel to port {port}"),
        LogEvent::Attributes { set } => {
            let set: Vec<_> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let by = if who.is_empty() { "the session key" } else { who };
            format!("{by} gave the session {}", set.join(", "))
        }
        LogEvent::Note { text } => format!("{who} notes: {text}"),
        LogEvent::Ended { reason } => format!("the session ended: {}", reason.words()),
    };
    text::clean(&words).into_owned()
}
