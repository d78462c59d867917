//! The screen of the open sessions, and a session's log.

use super::theme::Role;
use super::{Artist, row, text};
use crate::core::keymap::Context;
use crate::core::session::Tab;
use crate::core::together::entry_text;
use jumpdeck_protocol::SessionId;
use jumpdeck_protocol::log::{LogEntry, LogEvent};
use jumpdeck_protocol::session::Part;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

const FOOTER: [&str; 6] =
    ["open-session", "selected-log", "end-selected", "go-jump", "palette", "help"];

impl Artist<'_, '_> {
    pub(super) fn sessions_screen(&mut self, area: Rect) {
        let [bar, middle, counts, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.bar(bar);
        let count = self.console.tabs().len();
        let title = self.title(&format!("Sessions ─ {count}"), middle.width);
        let inner = self.pane(middle, title, true);
        self.session_rows(inner);
        self.session_counts(counts);
        let line = self.key_line(&FOOTER, Context::Sessions, usize::from(footer.width));
        self.line(footer, line);
    }

    fn session_rows(&mut self, area: Rect) {
        let tabs = self.console.tabs();
        if tabs.is_empty() {
            let words = format!(
                "No session is open. {} goes to the Jump Items; {} there starts one.",
                self.console.key_of("go-jump"),
                self.console.key_of("jump")
            );
            let style = self.style(Role::Muted);
            let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
            self.frame.render_widget(
                Paragraph::new(words).wrap(Wrap { trim: true }).style(style),
                inside,
            );
            return;
        }
        let columns = SessionColumns::of(usize::from(area.width));
        if let Some(area) = row(area, 0) {
            let heading = columns.line("#", "Machine", "Owner", "Lasts", "Shells", "Here");
            self.line(area, Line::styled(heading, self.style(Role::Muted)));
        }
        let height = usize::from(area.height.saturating_sub(1)).max(1);
        let selected = self.console.selected_session();
        let top = (selected + 1).saturating_sub(height);
        for (number, tab) in tabs.iter().enumerate().skip(top).take(height) {
            let Some(area) = row(area, 1 + number - top) else {
                break;
            };
            let words = self.session_row(number, tab, &columns);
            let role = if number == selected { Role::Selection } else { Role::Text };
            let words = text::left(&words, usize::from(area.width));
            self.line(area, Line::styled(words, self.style(role)));
        }
    }

    fn session_row(&self, number: usize, tab: &Tab, columns: &SessionColumns) -> String {
        let owner = match tab.part {
            Part::Owner => "you".to_owned(),
            Part::Participant => tab.owner().to_owned(),
            Part::Observer => format!("{} (look)", tab.owner()),
        };
        let lasts = text::span(self.console.now().since(tab.started));
        let here: Vec<_> =
            tab.others_here(self.console.user()).map(|one| one.name.to_string()).collect();
        let unread = match tab.unread {
            0 => String::new(),
            count => format!(" ✉{count}"),
        };
        let name = format!("{}{unread}", tab.name);
        let shells = tab.shells.len().to_string();
        columns.line(&(number + 1).to_string(), &name, &owner, &lasts, &shells, &here.join(", "))
    }

    /// The last message, or how many sessions are whose.
    fn session_counts(&mut self, area: Rect) {
        if self.console.messages().current(self.console.now()).is_some() {
            self.counts(area);
            return;
        }
        let tabs = self.console.tabs();
        let mine = tabs.iter().filter(|tab| tab.part == Part::Owner).count();
        let words = format!(" {mine} yours. {} shared with you.", tabs.len() - mine);
        let words = text::fit(&words, usize::from(area.width));
        self.line(area, Line::styled(words, self.style(Role::Muted)));
    }

    /// A session's log, the newest entry at the bottom.
    pub(super) fn log(&mut self, session: SessionId, scroll: usize, area: Rect) {
        let tab = self.console.tabs().iter().find(|tab| tab.id == session);
        let title = tab.map_or(String::new(), |tab| {
            format!("Log of {} ─ session {session} ─ Esc closes", tab.name)
        });
        let inner = self.window(area, &title, 110, area.height.saturating_sub(2));
        let Some(tab) = self.console.tabs().iter().find(|tab| tab.id == session) else {
            return;
        };
        let room = usize::from(inner.width).saturating_sub(11);
        let height = usize::from(inner.height);
        let mut lines: Vec<Line<'static>> = Vec::new();
        // From the newest up, as many as there is room for.
        for entry in tab.log.values().rev().skip(scroll) {
            if lines.len() >= height {
                break;
            }
            let style = self.style(entry_role(entry));
            let wrapped = text::wrap(&entry_text(entry), room);
            for (number, words) in wrapped.into_iter().enumerate().rev() {
                let time = if number == 0 { self.clock(entry) } else { String::new() };
                lines.push(Line::from(vec![
                    Span::styled(format!(" {time:8} "), self.style(Role::Muted)),
                    Span::styled(words, style),
                ]));
            }
        }
        if lines.is_empty() {
            let words = if tab.log_asked { " Nothing stands in the log." } else { " Asking …" };
            lines.push(Line::styled(words, self.style(Role::Muted)));
        }
        lines.truncate(height);
        lines.reverse();
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    fn clock(&self, entry: &LogEntry) -> String {
        let time = jiff::Timestamp::from_second(entry.at.0).unwrap_or_default();
        time.to_zoned(self.console.zone().clone()).strftime("%H:%M:%S").to_string()
    }
}

const fn entry_role(entry: &LogEntry) -> Role {
    match entry.event {
        LogEvent::Chat { .. } | LogEvent::Note { .. } => Role::Accent,
        LogEvent::RecordingFailed { .. } => Role::Error,
        LogEvent::Command { .. } | LogEvent::Executed { .. } => Role::Text,
        _ => Role::Muted,
    }
}

/// How wide the columns of the sessions are.
struct SessionColumns {
    name: usize,
    owner: usize,
    lasts: usize,
    shells: usize,
    here: usize,
}

impl SessionColumns {
    fn of(width: usize) -> Self {
        let (owner, lasts) = (if width < 60 { 10 } else { 16 }, if width < 60 { 0 } else { 10 });
        let shells = if width < 60 { 0 } else { 7 };
        let here = if width < 76 { 0 } else { width / 5 };
        let name = width.saturating_sub(5 + owner + lasts + shells + here);
        Self { name, owner, lasts, shells, here }
    }

    fn line(
        &self,
        number: &str,
        name: &str,
        owner: &str,
        lasts: &str,
        shells: &str,
        here: &str,
    ) -> String {
        let cells = [
            (name, self.name),
            (owner, self.owner),
            (lasts, self.lasts),
            (shells, self.shells),
            (here, self.here),
        ];
        let mut line = format!(" {number:>2}  ");
        for (cell, width) in cells.into_iter().filter(|(_, width)| *width > 0) {
            let fitted = text::fit(cell, width.saturating_sub(1));
            line.push_str(&text::left(&fitted, width));
        }
        line
    }
}
