//! The screen of the open sessions, and a session's log.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::keymap::Context;
use crate::core::layers::LogReader;
use crate::core::layers::key_note::KeyNote;
use crate::core::queues::SessionRow;
use crate::core::room::Draws;
use crate::core::session::{Pane, Tab};
use crate::core::together::entry_text;
use jumpdeck_protocol::log::{LogEntry, LogEvent, ShellNumbers};
use jumpdeck_protocol::queue::Queue;
use jumpdeck_protocol::session::Part;
use jumpdeck_protocol::text::clean;
use jumpdeck_protocol::{SessionId, Timestamp};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

pub(super) const FOOTER: [&str; 8] = [
    "open-session",
    "mark-session",
    "selected-log",
    "end-selected",
    "session-key",
    "go-jump",
    "palette",
    "help",
];

impl Draws<LogReader, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &LogReader, area: Rect) {
        self.log(layer.session, layer.scroll, area);
    }
}

impl Draws<KeyNote, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &KeyNote, area: Rect) {
        self.session_key(layer, area);
    }
}

impl Artist<'_, '_> {
    pub(super) fn sessions_screen(&mut self, area: Rect) {
        let [bar, middle, status, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.bar(bar);
        let (count, waiting) = (self.console.tabs().len(), self.console.queues().waiting.len());
        let title = match waiting {
            0 => format!("Sessions ─ {count}"),
            _ => format!("Sessions ─ {count} ─ {waiting} waiting"),
        };
        let title = self.title(&title, middle.width);
        let inner = self.pane(middle, title, true);
        self.session_rows(inner);
        let counts = self.session_counts(area.width);
        self.bottom(status, footer, counts);
    }

    fn session_rows(&mut self, area: Rect) {
        let rows = self.console.session_rows();
        if rows.is_empty() {
            let words = format!(
                "No session is open. {}: go to the Jump Items; {} there starts one. {}: create a session \
                 key for a machine without a Jump Client.",
                self.console.key_of("go-jump"),
                self.console.key_of("jump"),
                self.console.key_of("session-key"),
            );
            let style = self.style(Tone::Muted);
            let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
            self.frame.render_widget(
                Paragraph::new(words).wrap(Wrap { trim: true }).style(style),
                inside,
            );
            return;
        }
        let columns = SessionColumns::of(usize::from(area.width), self.console.tabs());
        let selected = self.console.selected_session();
        let mut lines = Vec::new();
        let mut at = 0;
        let mut section = None;
        for (number, row) in rows.into_iter().enumerate() {
            let gone = row == SessionRow::Gone;
            let among = if gone { self.console.gone_session().1 } else { row };
            if section != Some(std::mem::discriminant(&among)) {
                section = Some(std::mem::discriminant(&among));
                lines.extend(self.section(among, &columns, !lines.is_empty()));
            }
            if number == selected {
                at = lines.len();
            }
            let role = if number == selected { Tone::Selection } else { Tone::Text };
            let words = self.session_row(row, &columns);
            let words = text::left(&words, usize::from(area.width));
            let style = self.style(role);
            let style = if gone { style.add_modifier(Modifier::DIM) } else { style };
            lines.push(Line::styled(words, style));
        }
        let height = usize::from(area.height).max(1);
        // Its heading comes along with a section's first row.
        let top = if at < height { 0 } else { at + 1 - height };
        for (offset, line) in lines.into_iter().skip(top).take(height).enumerate() {
            if let Some(area) = row(area, offset) {
                self.line(area, line);
            }
        }
    }

    /// What stands above the rows of one kind.
    fn section(
        &self,
        first: SessionRow,
        columns: &SessionColumns,
        below: bool,
    ) -> Vec<Line<'static>> {
        let muted = self.style(Tone::Muted);
        let heading = |words: String| Line::styled(words, muted);
        let titled = |title: &str, cells: String| {
            let rule = Line::styled(format!(" {title}"), self.style(Tone::Accent));
            let gap = below.then(Line::default);
            gap.into_iter().chain([rule, heading(cells)]).collect()
        };
        match first {
            SessionRow::Tab(_) => {
                vec![heading(columns.line("#", "Machine", "Owner", "Lasts", "Shells", "Here"))]
            }
            SessionRow::Waiting(_) => titled(
                "Waiting",
                columns.waiting().line("", "Machine", "Queue", "Waits", "", "User, key by, system"),
            ),
            SessionRow::Gone => Vec::new(),
            SessionRow::Team(_) => {
                titled("Of your teams", columns.line("", "Machine", "Owner", "Lasts", "", "Team"))
            }
        }
    }

    fn session_row(&self, row: SessionRow, columns: &SessionColumns) -> String {
        let lasts = |since| text::span(self.console.now().since(since));
        match row {
            SessionRow::Tab(number) => self
                .console
                .tabs()
                .get(number)
                .map(|tab| self.tab_row(tab, columns))
                .unwrap_or_default(),
            SessionRow::Waiting(number) => {
                let Some(one) = self.console.queues().waiting.get(number) else {
                    return String::new();
                };
                let queue = match one.queue {
                    Queue::Personal(_) => "yours".to_owned(),
                    Queue::Team(_) => clean(&one.team).into_owned(),
                    Queue::General => "general".to_owned(),
                };
                let about = [&one.console_user, &one.invited_by, &one.operating_system];
                let about: Vec<_> =
                    about.into_iter().filter(|text| !text.is_empty()).map(|t| clean(t)).collect();
                let (name, waits) = (clean(&one.name), lasts(one.since));
                columns.waiting().line("◌", &name, &queue, &waits, "", &about.join(", "))
            }
            SessionRow::Team(number) => {
                let Some(one) = self.console.queues().sessions.get(number) else {
                    return String::new();
                };
                let sign = if one.may_join { "▸" } else { "" };
                let (name, owner) = (clean(&one.item_name), clean(&one.owner));
                columns.line(sign, &name, &owner, &lasts(one.started), "", &clean(&one.team))
            }
            SessionRow::Gone => self.gone(columns),
        }
    }

    fn gone(&self, columns: &SessionColumns) -> String {
        match self.console.gone_session() {
            (name, SessionRow::Waiting(_)) => columns.waiting().line("", name, "gone", "", "", ""),
            (name, _) => columns.line("", name, "ended", "", "", ""),
        }
    }

    fn tab_row(&self, tab: &Tab, columns: &SessionColumns) -> String {
        let owner = match tab.part {
            Part::Owner => "you".to_owned(),
            Part::Participant => tab.owner().to_owned(),
            Part::Observer => format!("{} (watch)", tab.owner()),
        };
        let lasts = text::span(self.console.now().since(tab.started));
        let away = tab.shells.iter().any(|shell| shell.pane == Pane::AgentAway);
        let others = tab.others_here(self.console.user()).map(|one| one.name.to_string());
        let here: Vec<_> =
            away.then(|| "machine away".to_owned()).into_iter().chain(others).collect();
        let unread = match tab.unread {
            0 => match super::tabs::news(std::slice::from_ref(tab)) {
                "" => String::new(),
                news => format!(" {news}"),
            },
            count => format!(" ✉{count}"),
        };
        let mark = if self.console.is_session_marked(tab.id) { "+" } else { "" };
        let name = format!("{}{unread}", tab.name);
        let shells = tab.shells.len().to_string();
        columns.line(
            &format!("{mark}{}", tab.id.0),
            &name,
            &owner,
            &lasts,
            &shells,
            &here.join(", "),
        )
    }

    /// How many sessions are whose.
    fn session_counts(&self, width: u16) -> Line<'static> {
        let (tabs, queues) = (self.console.tabs(), self.console.queues());
        let mine = tabs.iter().filter(|tab| tab.part == Part::Owner).count();
        let counted = [
            (mine, "yours"),
            (tabs.len() - mine, "shared with you"),
            (queues.waiting.len(), "waiting"),
            (queues.sessions.len(), "of your teams"),
        ];
        let named = counted.iter().filter(|(count, _)| *count > 0);
        let named: Vec<_> = named.map(|(count, what)| format!("{count} {what}")).collect();
        let words = text::fit(&named.join(" · "), usize::from(width).saturating_sub(1));
        Line::styled(format!(" {words}"), self.style(Tone::Muted))
    }

    /// A session key that was made.
    pub(super) fn session_key(&mut self, note: &KeyNote, area: Rect) {
        let until = self.time_of_day(note.key.expires);
        let room = usize::from(area.width.min(92)).saturating_sub(4);
        let says = format!(
            "Good until {until}, once; it leads to the {}. The person at the machine types:",
            clean(&note.key.queue)
        );
        let mut lines = vec![
            Line::styled(format!("   {}", note.key.key), self.style(Tone::Key)),
            Line::default(),
        ];
        let muted = self.style(Tone::Muted);
        let wrapped = text::wrap(&says, room);
        lines.extend(wrapped.into_iter().map(|words| Line::styled(format!(" {words}"), muted)));
        lines.push(Line::default());
        let command = text::wrap(&note.line, room);
        lines.extend(command.into_iter().map(|words| Line::raw(format!(" {words}"))));
        lines.push(Line::default());
        lines.push(self.key_line(&["read-copy", "back"], Context::Reader, room));
        if lines.len() + 2 > usize::from(area.height) {
            // Every row is needed.
            lines.retain(|line| line.width() > 0);
        }
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let inner = self.window(area, "Session key ─ Esc closes", 92, height);
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    fn time_of_day(&self, at: Timestamp) -> String {
        let time = jiff::Timestamp::from_second(at.0).unwrap_or_default();
        time.to_zoned(self.console.zone().clone()).strftime("%H:%M").to_string()
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
        let shells = ShellNumbers::of(tab.log.values());
        // From the newest up, as many as there is room for.
        let mut shown = 0;
        for entry in tab.log.values().rev().skip(scroll) {
            if lines.len() >= height {
                break;
            }
            shown += 1;
            lines.extend(self.log_lines(entry, &shells, room).into_iter().rev());
        }
        if lines.is_empty() {
            let words = if tab.log_asked { " The log is empty." } else { " Asking …" };
            lines.push(Line::styled(words, self.style(Tone::Muted)));
        }
        self.more(inner, tab.log.len().saturating_sub(scroll + shown), scroll);
        lines.truncate(height);
        lines.reverse();
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    /// An entry with its time, in lines of so many columns.
    pub(super) fn log_lines(
        &self,
        entry: &LogEntry,
        shells: &ShellNumbers,
        room: usize,
    ) -> Vec<Line<'static>> {
        let style = self.style(entry_role(entry));
        let wrapped = text::wrap(&entry_text(entry, shells), room).into_iter().enumerate();
        let line = |(number, words)| {
            let time = if number == 0 { self.clock(entry) } else { String::new() };
            Line::from(vec![
                Span::styled(format!(" {time:8} "), self.style(Tone::Muted)),
                Span::styled(words, style),
            ])
        };
        wrapped.map(line).collect()
    }

    fn clock(&self, entry: &LogEntry) -> String {
        let time = jiff::Timestamp::from_second(entry.at.0).unwrap_or_default();
        time.to_zoned(self.console.zone().clone()).strftime("%H:%M:%S").to_string()
    }
}

const fn entry_role(entry: &LogEntry) -> Tone {
    match entry.event {
        LogEvent::Chat { .. } | LogEvent::Note { .. } => Tone::Accent,
        LogEvent::RecordingFailed { .. } => Tone::Error,
        LogEvent::Command { .. } | LogEvent::Executed { .. } => Tone::Text,
        _ => Tone::Muted,
    }
}

/// How wide the columns of the sessions are.
struct SessionColumns {
    number: usize,
    name: usize,
    owner: usize,
    lasts: usize,
    shells: usize,
    here: usize,
}

impl SessionColumns {
    fn of(width: usize, tabs: &[Tab]) -> Self {
        let numbers = tabs.iter().map(|tab| tab.id.0.to_string().len());
        let number = numbers.max().unwrap_or(0).max(2);
        let (owner, lasts) = (if width < 60 { 10 } else { 16 }, if width < 60 { 0 } else { 10 });
        let shells = if width < 60 { 0 } else { 7 };
        let here = if width < 76 { 0 } else { width / 5 };
        let name = width.saturating_sub(3 + number + owner + lasts + shells + here);
        Self { number, name, owner, lasts, shells, here }
    }

    /// Those of machines that wait: who sits there says more than a long name.
    fn waiting(&self) -> Self {
        let name = self.name.min(24);
        let here = if self.here == 0 { 0 } else { self.here + self.shells + self.name - name };
        Self { name: if here == 0 { self.name } else { name }, shells: 0, here, ..*self }
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
        let mut line = format!(" {number:>0$}  ", self.number);
        for (cell, width) in cells.into_iter().filter(|(_, width)| *width > 0) {
            let fitted = text::fit(cell, width.saturating_sub(1));
            line.push_str(&text::left(&fitted, width));
        }
        line
    }
}
