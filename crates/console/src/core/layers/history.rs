//! The history: the sessions of the past, found as one types, each with its log and its replay.

use super::Layer;
use super::player::Replay;
use crate::core::input::Input;
use crate::core::keymap::Context;
use crate::core::past;
use crate::core::requests::{About, IfLost};
use crate::core::room::{Room, moved};
use crate::core::{Console, Effect, Timer};
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::log::LogEntry;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::{Refusal, SessionId};
use std::time::Duration;

/// A search is asked for once nothing was typed for so long.
const TYPED: Duration = Duration::from_millis(120);

/// More is asked for once the selection is so near the end of what came.
const AHEAD: usize = 30;

/// The history, and what is looked for in it.
#[derive(Debug, Default)]
pub struct PastSessions {
    /// What was typed.
    pub input: Input,
    /// What is wrong with it.
    pub mistake: Option<String>,
    /// What was found, the newest first.
    pub found: Vec<SessionRecord>,
    /// There is more.
    pub more: bool,
    /// The selected row.
    pub selected: usize,
    /// An answer is to come …
    pub asked: bool,
    /// … with more of the same.
    further: bool,
    /// The question that was asked last.
    number: u64,
    /// The command to be run once the answer is there: what is on the screen is not what was meant.
    then: Option<&'static str>,
}

/// The log of a session of the past.
#[derive(Debug)]
pub struct PastLog {
    /// The session.
    pub record: SessionRecord,
    /// What came of its log.
    pub entries: Vec<LogEntry>,
    /// All of it is there.
    pub whole: bool,
    /// Lines scrolled down.
    pub scroll: usize,
}

impl PastSessions {
    /// What is there is no answer to what was typed.
    const fn is_stale(&self) -> bool {
        self.asked && !self.further
    }

    /// The selected session.
    pub fn record(&self) -> Option<&SessionRecord> {
        self.found.get(self.selected)
    }
}

impl Console {
    pub(in crate::core) fn open_history(&mut self) {
        self.dialogs.messages.settle();
        self.dialogs.layers.push(PastSessions::default().into());
        self.search_history();
    }

    fn shown_history(&self) -> Option<&PastSessions> {
        self.dialogs.layers.iter().rev().find_map(|layer| match layer {
            Layer::History(history) => Some(&**history),
            _ => None,
        })
    }

    fn past_sessions(&mut self) -> Option<&mut PastSessions> {
        self.dialogs.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::History(history) => Some(&mut **history),
            _ => None,
        })
    }

    /// What is looked for has changed.
    pub(in crate::core) fn search_history(&mut self) {
        let now = self.zoned_now();
        let Some(history) = self.past_sessions() else {
            return;
        };
        let read = past::read(history.input.text(), &now);
        history.mistake = read.err();
        (history.selected, history.then) = (0, None);
        if history.mistake.is_none() {
            history.number += 1;
            // What is on the screen is no answer to it.
            (history.asked, history.further) = (true, false);
            let timer = Timer::HistoryTyped(history.number);
            self.out.effects.push(Effect::After(TYPED, timer));
        }
    }

    /// Nothing more was typed for a moment.
    pub(in crate::core) fn history_typed(&mut self, number: u64) {
        if self.past_sessions().is_some_and(|history| history.number == number) {
            self.ask_past_sessions(false);
        }
    }

    /// The link is back: requests of before will get no answer.
    pub(in crate::core) fn search_history_again(&mut self) {
        if self.past_sessions().is_some() {
            self.search_history();
        }
        let log = self.dialogs.layers.iter().find_map(|layer| match layer {
            Layer::PastLog(log) if !log.whole => Some(log),
            _ => None,
        });
        if let Some(log) = log {
            let last = log.entries.last().map_or(0, |entry| entry.number);
            self.ask_past_log(log.record.session, last);
        }
    }

    fn zoned_now(&self) -> jiff::Zoned {
        let now = jiff::Timestamp::from_second(self.now.0).unwrap_or_default();
        now.to_zoned(self.zone().clone())
    }

    /// Asks for the first sessions that fit, or for those after the ones that are there.
    fn ask_past_sessions(&mut self, further: bool) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let now = self.zoned_now();
        let Some(history) = self.past_sessions() else {
            return;
        };
        let Ok(filter) = past::read(history.input.text(), &now) else {
            return;
        };
        let last = history.found.last().map(|record| record.session);
        let before = last.filter(|_| further);
        let number = history.number;
        (history.asked, history.further) = (true, further);
        let note = (About::Anything, IfLost::Nothing);
        let request = request::PastSessions { filter, before };
        self.ask(note, request, move |console, outcome| {
            console.history_came(number, further, outcome);
        });
    }

    fn history_came(
        &mut self,
        number: u64,
        further: bool,
        outcome: Result<reply::PastSessionsPart, Refusal>,
    ) {
        // An answer to a question of before says nothing any more.
        let Some(history) = self.past_sessions().filter(|history| history.number == number) else {
            return;
        };
        history.asked = false;
        match outcome {
            Ok(reply::PastSessionsPart { sessions, more }) => {
                if !further {
                    history.found.clear();
                }
                history.found.extend(sessions);
                history.more = more;
            }
            Err(refusal) => {
                if !further {
                    history.found.clear();
                }
                history.more = false;
                history.mistake = Some(refusal.to_string());
            }
        }
        if let Some(command) = history.then.take() {
            self.run_named(command);
        }
    }

    /// Whether the answer is still to come; then the command is run when it is there.
    fn waits_for_history(&mut self, command: &'static str) -> bool {
        let waits = self.past_sessions().filter(|history| history.is_stale());
        waits.map(|history| history.then = Some(command)).is_some()
    }

    pub(in crate::core) fn move_past(&mut self, by: isize) {
        let Some(history) = self.past_sessions() else {
            return;
        };
        let last = history.found.len().saturating_sub(1);
        history.selected = history.selected.saturating_add_signed(by).min(last);
        if history.more && !history.asked && history.selected + AHEAD > last {
            self.ask_past_sessions(true);
        }
    }

    /// Why the selected session cannot be played.
    pub(in crate::core) fn no_play(&self) -> Option<String> {
        let Some(history) = self.shown_history() else {
            return Some("This works in the history.".to_owned());
        };
        match history.record() {
            _ if history.is_stale() => self.no_link(),
            Some(record) => not_playable(record).or_else(|| self.no_link()),
            None => Some("There is no session here.".to_owned()),
        }
    }

    pub(in crate::core) fn play_selected(&mut self) {
        if self.waits_for_history("play") {
            return;
        }
        if let Some(record) = self.past_sessions().and_then(|history| history.record()).cloned() {
            self.open_player(Replay::of(record, None));
        }
    }

    /// Why the selected session's log cannot be read.
    pub(in crate::core) fn no_past_log(&self) -> Option<String> {
        let Some(history) = self.shown_history() else {
            return Some("This works in the history.".to_owned());
        };
        match history.record() {
            _ if history.is_stale() => self.no_link(),
            None => Some("There is no session here.".to_owned()),
            Some(record) if !record.took_part => Some(not_yours(record)),
            Some(_) => self.no_link(),
        }
    }

    pub(in crate::core) fn open_past_log(&mut self) {
        if self.waits_for_history("past-log") {
            return;
        }
        let Some(record) = self.past_sessions().and_then(|history| history.record()).cloned()
        else {
            return;
        };
        let session = record.session;
        let log = PastLog { record, entries: Vec::new(), whole: false, scroll: 0 };
        self.dialogs.layers.push(log.into());
        self.ask_past_log(session, 0);
    }

    fn ask_past_log(&mut self, session: SessionId, after: u64) {
        let note = (About::Anything, IfLost::Nothing);
        let request = request::Log { session, after };
        self.ask(note, request, move |console, outcome| console.past_log_came(session, outcome));
    }

    fn past_log_came(&mut self, session: SessionId, outcome: Result<reply::LogPart, Refusal>) {
        let log = self.dialogs.layers.iter_mut().find_map(|layer| match layer {
            Layer::PastLog(log) if log.record.session == session => Some(log),
            _ => None,
        });
        let Some(log) = log else {
            return;
        };
        match outcome {
            Ok(reply::LogPart { entries, more }) => {
                let last = entries.last().map(|entry| entry.number);
                let known = log.entries.last().map_or(0, |entry| entry.number);
                log.entries.extend(entries.into_iter().filter(|entry| entry.number > known));
                match last.filter(|_| more) {
                    Some(last) => self.ask_past_log(session, last),
                    None => log.whole = true,
                }
            }
            Err(refusal) => self.refused("The log", &refusal),
        }
    }
}

/// Why a session cannot be played.
pub fn not_playable(record: &SessionRecord) -> Option<String> {
    let number = record.session;
    if !record.took_part {
        return Some(not_yours(record));
    }
    if record.recordings.is_empty() {
        return Some(format!("Nothing was recorded in session {number}."));
    }
    let removed = record.recordings.iter().all(|recording| recording.removed);
    removed.then(|| {
        format!("The recordings of session {number} were removed: they were kept as long as they had to be.")
    })
}

fn not_yours(record: &SessionRecord) -> String {
    let number = record.session;
    format!("You took no part in session {number}; only those who did see what happened in it.")
}

impl Room for PastSessions {
    fn context(&self) -> Context {
        Context::History
    }

    fn takes_text(&self) -> bool {
        true
    }

    fn input(&mut self) -> Option<&mut Input> {
        Some(&mut self.input)
    }
}

impl Room for PastLog {
    fn context(&self) -> Context {
        Context::Reader
    }

    fn rows(&self, _: &Console) -> usize {
        self.entries.len()
    }

    fn scroll(&mut self, by: isize, most: usize) {
        self.scroll = moved(self.scroll, by, most);
    }
}
