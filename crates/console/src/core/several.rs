//! Typing into several sessions at once: those that were marked, once it was asked for.

use super::session::{Pane, Shell, Tab};
use super::{Console, Screen};
use crate::core::queues::SessionRow;
use jumpdeck_protocol::SessionId;
use jumpdeck_protocol::session::{ChannelState, Part, RecordingState};
use std::collections::BTreeSet;

impl Console {
    pub(super) fn no_mark_session(&self) -> Option<String> {
        match self.selected_row() {
            Some(SessionRow::Tab(_)) => None,
            _ => Some("Only your open sessions can be marked.".to_owned()),
        }
    }

    pub(super) fn mark_session(&mut self) {
        if let Some(SessionRow::Tab(number)) = self.selected_row()
            && let Some(session) = self.sessions.tabs.get(number).map(|tab| tab.id)
        {
            let marked = &mut self.sessions.several.marked;
            if !marked.remove(&session) {
                marked.insert(session);
            }
            self.move_session(1);
        }
    }

    /// Marks all open sessions; if all of them are marked, none.
    pub(super) fn mark_sessions(&mut self) {
        let all: BTreeSet<SessionId> = self.sessions.tabs.iter().map(|tab| tab.id).collect();
        let several = &mut self.sessions.several;
        several.marked = if several.marked == all { BTreeSet::new() } else { all };
    }

    /// Whether a session is marked.
    pub fn is_session_marked(&self, session: SessionId) -> bool {
        self.sessions.several.marked.contains(&session)
    }

    /// How many sessions get what is typed into the one on the screen, if it is more than that one.
    pub fn typed_into(&self) -> Option<usize> {
        let several = &self.sessions.several;
        let shown = self.shown_tab().is_some_and(|tab| several.marked.contains(&tab.id));
        (several.typing && shown)
            .then(|| self.sessions.tabs.iter().filter(|t| self.takes(t)).count())
    }

    /// Whether a session takes part in what is typed together.
    fn takes(&self, tab: &Tab) -> bool {
        let fails = |state: &ChannelState| matches!(state.recording, RecordingState::Failed { .. });
        let takes = |shell: &Shell| {
            shell.types() && shell.pane != Pane::Away && !shell.state.as_ref().is_some_and(fails)
        };
        let shell = tab.shell().is_some_and(takes);
        self.sessions.several.marked.contains(&tab.id) && tab.part != Part::Observer && shell
    }

    pub(super) fn no_type_together(&self) -> Option<String> {
        if self.sessions.several.typing {
            return None;
        }
        let marked = &self.sessions.several.marked;
        let shown = self.shown_tab().is_some_and(|tab| marked.contains(&tab.id));
        let (list, mark) = (self.key_of("go-sessions"), self.key_of("mark-session"));
        (!shown || marked.len() < 2).then(|| {
            format!("Mark this session and others first: {list} lists them, {mark} marks one.")
        })
    }

    /// From now on keys go to all marked sessions, or to the shown one alone again.
    pub(super) fn type_together(&mut self) {
        let several = &mut self.sessions.several;
        several.typing = !several.typing;
        match self.typed_into() {
            Some(count) => self.warn(&format!("What you type goes to {count} sessions.")),
            None => self.say("What you type goes to this session alone."),
        }
    }

    /// A session is gone. One alone is typed into as ever.
    pub(super) fn forget_marked_session(&mut self, session: SessionId) {
        let several = &mut self.sessions.several;
        several.marked.remove(&session);
        several.typing &= several.marked.len() > 1;
    }

    /// The tabs that a key goes to: the shown one first.
    pub(super) fn typed_tabs(&self) -> Vec<usize> {
        let Screen::Session(shown) = self.shown.screen else {
            return Vec::new();
        };
        let mut tabs = vec![shown];
        if self.typed_into().is_some() {
            let others = self.sessions.tabs.iter().enumerate();
            let others = others.filter(|(at, tab)| *at != shown && self.takes(tab));
            tabs.extend(others.map(|(at, _)| at));
        }
        tabs
    }
}
