//! What goes on besides one's own sessions: machines that wait, sessions of the teams, session
//! keys; and the machine of a session that is pinned or unpinned.

use super::layers::key_note::KeyNote;
use super::layers::{Chooser, Entry, EntryValue, Layer, Pick, Question};
use super::session::TERM;
pub use super::session_row::SessionRow;
use super::session_row::{RowOf, Selection};
use super::{Console, Effect, Screen};
use crate::core::requests::{About, IfLost};
use crate::core::start::WantedSession;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::queue::{Queue, QueueChoice, QueueView, SessionKey, TeamSession, Waiting};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{ChannelKind, Part};
use jumpdeck_protocol::{ItemId, text};

/// Seconds that a session key from here can be used.
const KEY_VALID: u64 = 3600;

impl Console {
    /// What goes on besides one's own sessions.
    pub const fn queues(&self) -> &QueueView {
        &self.sessions.queues
    }

    /// The rows of the sessions' screen, in their order.
    pub fn session_rows(&self) -> Vec<SessionRow> {
        let mut rows = self.rows_there();
        let gone = self.sessions.row.of.is_some() && self.row_of_selection().is_none();
        if gone && self.shown.screen == Screen::Sessions && !rows.is_empty() {
            rows.insert(self.place_of_selection(), SessionRow::Gone);
        }
        rows
    }

    /// The row of what is selected; nothing if that is gone, or nothing is.
    fn row_of_selection(&self) -> Option<SessionRow> {
        let of = self.sessions.row.of?;
        self.rows_there().into_iter().find(|row| self.stands_for(*row) == Some(of))
    }

    /// Where the selection stood, or would stand, among the rows of its kind.
    fn place_of_selection(&self) -> usize {
        let (tabs, waiting) = (self.sessions.tabs.len(), self.sessions.queues.waiting.len());
        match self.sessions.row.row {
            SessionRow::Tab(number) => number.min(tabs),
            SessionRow::Waiting(number) => tabs + number.min(waiting),
            SessionRow::Team(number) => {
                tabs + waiting + number.min(self.sessions.queues.sessions.len())
            }
            SessionRow::Gone => 0,
        }
    }

    fn rows_there(&self) -> Vec<SessionRow> {
        let tabs = (0..self.sessions.tabs.len()).map(SessionRow::Tab);
        let waiting = (0..self.sessions.queues.waiting.len()).map(SessionRow::Waiting);
        let teams = (0..self.sessions.queues.sessions.len()).map(SessionRow::Team);
        tabs.chain(waiting).chain(teams).collect()
    }

    /// The selected row of the sessions' screen.
    pub fn selected_row(&self) -> Option<SessionRow> {
        self.session_rows().get(self.selected_session()).copied()
    }

    /// The number of the selected row.
    pub fn selected_session(&self) -> usize {
        let rows = self.session_rows();
        let of = self.sessions.row.of;
        let selected = |row: &SessionRow| match row {
            SessionRow::Gone => true,
            row => of.is_some() && self.stands_for(*row) == of,
        };
        let found = rows.iter().position(selected);
        found.unwrap_or_else(|| self.place_of_selection()).min(rows.len().saturating_sub(1))
    }

    /// What was selected and is over: its machine, and the row where it stood.
    pub fn gone_session(&self) -> (&str, SessionRow) {
        (&self.sessions.row.name, self.sessions.row.row)
    }

    fn stands_for(&self, row: SessionRow) -> Option<RowOf> {
        Some(match row {
            SessionRow::Tab(number) => RowOf::Session(self.sessions.tabs.get(number)?.id),
            SessionRow::Waiting(number) => {
                RowOf::Waiting(self.sessions.queues.waiting.get(number)?.item)
            }
            SessionRow::Team(number) => {
                RowOf::Team(self.sessions.queues.sessions.get(number)?.session)
            }
            SessionRow::Gone => return None,
        })
    }

    fn machine_of(&self, row: SessionRow) -> Option<String> {
        Some(match row {
            SessionRow::Tab(number) => self.sessions.tabs.get(number)?.name.clone(),
            SessionRow::Waiting(number) => clean(&self.sessions.queues.waiting.get(number)?.name),
            SessionRow::Team(number) => {
                clean(&self.sessions.queues.sessions.get(number)?.item_name)
            }
            SessionRow::Gone => return None,
        })
    }

    fn selected_waiting(&self) -> Option<&Waiting> {
        match self.selected_row()? {
            SessionRow::Waiting(number) => self.sessions.queues.waiting.get(number),
            _ => None,
        }
    }

    fn selected_of_team(&self) -> Option<&TeamSession> {
        match self.selected_row()? {
            SessionRow::Team(number) => self.sessions.queues.sessions.get(number),
            _ => None,
        }
    }

    pub(super) fn move_session(&mut self, by: isize) {
        let rows = self.session_rows();
        let last = rows.len().saturating_sub(1);
        let row = self.selected_session().saturating_add_signed(by).min(last);
        // Only a row that is gone has nothing behind it.
        if let Some(there) = rows.get(row).copied().filter(|row| *row != SessionRow::Gone) {
            self.select_row(there);
        }
    }

    fn select_row(&mut self, row: SessionRow) {
        let name = self.machine_of(row).unwrap_or_default();
        self.sessions.row = Selection { of: self.stands_for(row), name, row };
    }

    /// Selects what stands where the selection was, if that is gone.
    fn settle_row(&mut self) {
        let rows = self.rows_there();
        let near = self.place_of_selection().min(rows.len().saturating_sub(1));
        match self.row_of_selection().or_else(|| rows.get(near).copied()) {
            Some(row) => self.select_row(row),
            None => self.sessions.row = Selection::default(),
        }
    }

    /// Keeps the selection up to date: whatever is shown as selected stays so, and where it stands is
    /// known for when it is gone. Nothing stays selected where nothing is left.
    pub(super) fn hold_row(&mut self) {
        match self.row_of_selection() {
            Some(row) => self.sessions.row.row = row,
            None if self.sessions.row.of.is_none() || self.rows_there().is_empty() => {
                self.settle_row();
            }
            None => {}
        }
    }

    pub(super) fn take_queues(&mut self, queues: QueueView) {
        let known =
            |one: &Waiting| self.sessions.queues.waiting.iter().any(|other| other.item == one.item);
        let news: Vec<_> = queues.waiting.iter().filter(|one| !known(one)).collect();
        let (key, there) = (self.key_of("go-sessions"), self.shown.screen == Screen::Sessions);
        let words = match news.as_slice() {
            [] => None,
            [one] if there => Some(format!("{} waits in {}.", clean(&one.name), queue_text(one))),
            [one] => {
                Some(format!("{} waits in {}; {key} shows it.", clean(&one.name), queue_text(one)))
            }
            many if there => Some(format!("{} machines wait.", many.len())),
            many => Some(format!("{} machines wait; {key} shows them.", many.len())),
        };
        self.sessions.queues = queues;
        if let Some(words) = words {
            self.say(&words);
        }
        self.out.dirty = true;
    }

    pub(super) fn no_session_selected(&self) -> Option<String> {
        match self.selected_row() {
            None => Some("No session is open.".to_owned()),
            Some(SessionRow::Tab(_)) => None,
            Some(SessionRow::Waiting(_)) => self.no_link(),
            Some(SessionRow::Gone) => Some(self.selected_is_gone()),
            Some(SessionRow::Team(_)) => self.no_link().or_else(|| {
                let one = self.selected_of_team()?;
                (!one.may_join).then(|| {
                    format!(
                        "You do not outrank {} in the team {}; ask there to be let in.",
                        clean(&one.owner),
                        clean(&one.team)
                    )
                })
            }),
        }
    }

    pub(super) fn no_log_selected(&self) -> Option<String> {
        match self.selected_row() {
            Some(SessionRow::Tab(_)) => None,
            Some(SessionRow::Gone) => Some(self.selected_is_gone()),
            _ => Some("You can read the log only of sessions you are in.".to_owned()),
        }
    }

    pub(super) fn open_session(&mut self) {
        match self.selected_row() {
            Some(SessionRow::Tab(number)) => self.show_tab(number),
            Some(SessionRow::Waiting(_)) => self.take_waiting(),
            Some(SessionRow::Team(_)) => self.join_team_session(),
            Some(SessionRow::Gone) | None => {}
        }
    }

    /// Starts a session with the machine that waits.
    fn take_waiting(&mut self) {
        let Some(one) = self.selected_waiting() else {
            return;
        };
        let (item, name) = (one.item, clean(&one.name));
        if self.link.requests.is_open(About::Start(item)) {
            self.warn(&format!("The person at {name} is being asked already."));
            return;
        }
        self.say(&format!("Asking the person at {name} …"));
        let (size, modes) = (self.pane_size(), TerminalModes::utf8());
        let kind = ChannelKind::Shell { size, term: TERM.to_owned(), modes };
        let request = request::StartSession {
            item,
            kind,
            override_schedule: false,
            reason: None,
            code: None,
        };
        // Somebody else has to answer first: the one who goes on working is not torn away.
        let wanted = WantedSession {
            name,
            show: true,
            reason: None,
            pressed: self.keys.pressed,
            waits: true,
            together: false,
        };
        self.ask_session(wanted, request);
    }

    fn join_team_session(&mut self) {
        let Some(one) = self.selected_of_team() else {
            return;
        };
        let (session, name) = (one.session, clean(&one.item_name));
        let note = (About::Anything, IfLost::Unknown(name.clone()));
        self.ask(note, request::JoinSession { session }, move |console, outcome| match outcome {
            Ok(view) => console.started(&view, true),
            Err(refusal) => console.refused(&format!("Joining {name}"), &refusal),
        });
    }

    pub(super) fn no_end_selected(&self) -> Option<String> {
        match self.selected_row() {
            None => Some("No session is open.".to_owned()),
            Some(SessionRow::Tab(number)) => self.no_link().or_else(|| {
                let tab = self.sessions.tabs.get(number)?;
                (tab.part != Part::Owner)
                    .then(|| format!("The session is {}'s; only its owner ends it.", tab.owner()))
            }),
            Some(SessionRow::Waiting(_)) => self.no_link(),
            Some(SessionRow::Team(_)) => Some("Only its owner ends a session.".to_owned()),
            Some(SessionRow::Gone) => Some(self.selected_is_gone()),
        }
    }

    fn selected_is_gone(&self) -> String {
        match self.gone_session() {
            (name, SessionRow::Waiting(_)) => {
                format!(
                    "{name} is no longer waiting: it was taken, or it left. Choose another row."
                )
            }
            (name, SessionRow::Team(_)) => format!(
                "The session with {name} has ended, or is no longer shared with you. Choose another row."
            ),
            (name, _) => format!("The session with {name} has ended. Choose another row."),
        }
    }

    pub(super) fn ask_end_selected(&mut self) {
        let question = match self.selected_row() {
            Some(SessionRow::Tab(number)) => self
                .sessions
                .tabs
                .get(number)
                .map(|tab| Question::EndSession { session: tab.id, name: tab.name.clone() }),
            Some(SessionRow::Waiting(_)) => self
                .selected_waiting()
                .map(|one| Question::TurnAway { item: one.item, name: clean(&one.name) }),
            _ => None,
        };
        self.dialogs.layers.extend(question.map(Layer::Confirm));
    }

    pub(super) fn turn_away(&mut self, item: ItemId, name: &str) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let done = Some(format!("{name} was turned away."));
        self.ask_for(format!("Turning {name} away"), done, request::TurnAway { item });
    }

    /// Asks which queue a session key is for.
    pub(super) fn ask_session_key(&mut self) {
        let entry = |label: &str, detail: &str, wish| Entry {
            label: label.to_owned(),
            detail: detail.to_owned(),
            value: EntryValue::Queue(wish),
        };
        let mut entries =
            vec![entry("Your queue", "only you see who comes", QueueChoice::Personal)];
        let teams = self.sessions.queues.teams.iter();
        entries.extend(teams.map(|team| {
            let name = clean(team);
            entry(&format!("Queue of {name}"), "your team", QueueChoice::Team(team.clone()))
        }));
        entries.push(entry("General queue", "every representative", QueueChoice::General));
        self.dialogs.layers.push(Layer::Chooser(Chooser::entries(Pick::Queue, entries)));
    }

    pub(super) fn make_session_key(&mut self, queue: QueueChoice, attributes: Attributes) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let lost = "The link was lost before the session key arrived. Ask for another one.";
        let note = (About::SessionKey, IfLost::Words(lost));
        let request = request::CreateSessionKey { queue, valid: KEY_VALID, attributes };
        self.ask(note, request, |console, outcome| match outcome {
            Ok(key) => console.session_key_came(key),
            Err(refusal) => {
                console.forget_script();
                console.refused("No session key", &refusal);
            }
        });
    }

    /// The key that was asked for is there.
    pub(super) fn session_key_came(&mut self, key: SessionKey) {
        let url = self.link.welcome.as_ref().map_or("", |welcome| &welcome.url);
        let line = format!(
            "jumpdeck-agent join {} --appliance {url} --fingerprint {}",
            clean(&key.key),
            clean(&key.fingerprint)
        );
        self.dialogs.layers.push(Layer::SessionKey(KeyNote { key, line }));
        self.out.dirty = true;
    }

    pub(super) fn no_read_copy(&self) -> Option<String> {
        let shown = matches!(self.dialogs.layers.last(), Some(Layer::SessionKey(_)));
        (!shown).then(|| "Here is nothing to copy.".to_owned())
    }

    pub(super) fn read_copy(&mut self) {
        if let Some(Layer::SessionKey(note)) = self.dialogs.layers.last() {
            let line = note.line.clone();
            self.out.effects.push(Effect::Copy(line));
            self.say("The line for the customer is in your clipboard.");
        }
    }

    pub(super) fn go_sessions(&mut self) {
        self.dialogs.layers.clear();
        self.hide_shells();
        self.shown.screen = Screen::Sessions;
        self.settle_row();
    }
}

pub(super) fn clean(words: &str) -> String {
    text::clean(words).into_owned()
}

/// Where a machine waits, in words.
pub fn queue_text(one: &Waiting) -> String {
    match one.queue {
        Queue::Personal(_) => "your queue".to_owned(),
        Queue::Team(_) => format!("the queue of {}", clean(&one.team)),
        Queue::General => "the general queue".to_owned(),
    }
}
