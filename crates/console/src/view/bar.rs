//! The bar at the top, the counts and the footer at the bottom, the hints.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::command::Command;
use crate::core::keymap::Context;
use crate::core::messages::Level;
use crate::core::session::{Pane, Tab};
use crate::core::{Link, Screen};
use jumpdeck_protocol::session::{Part, RecordingState};
use jumpdeck_terminal::key::chord;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

/// Commands that the footer names, most useful first.
const FOOTER: [&str; 12] = [
    "jump",
    "search",
    "mark",
    "properties",
    "wake",
    "why",
    "palette",
    "help",
    "fuzzy-jump",
    "details",
    "next-pane",
    "quit",
];
const TREE_FOOTER: [&str; 6] = ["open", "right", "find-group", "next-pane", "palette", "help"];
const FIND_FOOTER: [&str; 3] = ["accept-find", "back", "clear-input"];
const LAYER_FOOTER: [&str; 1] = ["back"];
const SEARCH_FOOTER: [&str; 5] = ["accept-search", "complete", "back", "clear-input", "palette"];

impl Artist<'_, '_> {
    /// The bar: where we are, how the link stands, who we are.
    pub(super) fn bar(&mut self, area: Rect) {
        let bar = self.style(Tone::Bar);
        let width = usize::from(area.width);
        let (link, role) = self.link_words();
        let who = self.console.welcome().map_or("", |welcome| &welcome.username);
        let right = format!(" {who} · {} ", self.time);
        let address = self.console.welcome().map_or("", |welcome| &welcome.address);
        let mut left = vec![Span::styled(" jumpdeck ", bar.patch(self.style(Tone::Accent)))];
        let room = width.saturating_sub(text::width(&right) + 10);
        let wanted = text::width(address) + text::width(&link) + 4;
        if room > wanted {
            left.push(Span::styled(format!(" {address} "), bar));
        }
        left.push(Span::styled(
            format!(" {} ", text::fit(&link, room)),
            bar.patch(self.style(role)),
        ));
        let sessions = self.console.tabs().len();
        let counter = format!(" Sessions {sessions} ");
        let used: usize = left.iter().map(|span| text::width(&span.content)).sum();
        let mut blank = width.saturating_sub(used + text::width(&right));
        if sessions > 0 && blank > text::width(&counter) {
            left.push(Span::styled(counter.clone(), bar.patch(self.style(Tone::Accent))));
            blank -= text::width(&counter);
        }
        left.push(Span::styled(" ".repeat(blank), bar));
        left.push(Span::styled(text::fit(&right, width), bar));
        self.line(area, Line::from(left));
    }

    /// That nothing answers, and what waits.
    fn silence_words(&self) -> Option<String> {
        let (seconds, keys) = self.console.no_answer()?;
        Some(format!("no answer for {seconds} s{}", waiting(keys)))
    }

    /// The same of the machine whose shell is shown.
    fn machine_silence_words(&self) -> Option<String> {
        let (seconds, keys) = self.console.no_answer_from_machine()?;
        Some(format!("no answer from the machine for {seconds} s{}", waiting(keys)))
    }

    fn link_words(&self) -> (String, Tone) {
        if let Some(words) = self.silence_words() {
            return (format!("✕ {words}"), Tone::Error);
        }
        match self.console.link() {
            Link::Connecting => ("◌ linking …".to_owned(), Tone::Warning),
            Link::Up { delay: None } => ("● linked".to_owned(), Tone::Good),
            Link::Up { delay: Some(delay) } => match delay.as_millis() {
                0 => ("● linked".to_owned(), Tone::Good),
                millis => (format!("● linked {millis} ms"), Tone::Good),
            },
            Link::Down { since, .. } => {
                let age = text::span(self.console.now().since(*since));
                (format!("✕ no link for {age}, trying again"), Tone::Error)
            }
            Link::Ended { .. } => ("✕ no link".to_owned(), Tone::Error),
        }
    }

    /// The bar of a session: its neighbours, itself, the way out.
    pub(super) fn session_bar(&mut self, area: Rect) {
        let bar = self.style(Tone::Bar);
        let width = usize::from(area.width);
        let shown = match self.console.screen() {
            Screen::Session(shown) => shown,
            Screen::Jump | Screen::Sessions => usize::MAX,
        };
        let mut spans = Vec::new();
        let right = self.session_right(width);
        let mut room = width.saturating_sub(text::width(&right.content));
        for (number, tab) in self.console.tabs().iter().enumerate() {
            let mark = match tab.shell().map(|shell| &shell.pane) {
                Some(Pane::Attaching) => " …",
                Some(Pane::AgentAway) => " ○",
                _ if tab.unread > 0 => " ✉",
                _ if tab.part != Part::Owner => " ⇄",
                _ => "",
            };
            let shells = match tab.shells.len() {
                count if count > 1 => format!(" {}/{count}", tab.shown + 1),
                _ => String::new(),
            };
            let label = format!(" {} {}{shells}{mark} ", number + 1, text::fit(&tab.name, 24));
            let label = text::fit(&label, room);
            room -= text::width(&label);
            let role = if number == shown { Tone::Selection } else { Tone::Bar };
            spans.push(Span::styled(label, self.style(role)));
        }
        spans.push(Span::styled(" ".repeat(room), bar));
        spans.push(right);
        self.line(area, Line::from(spans));
    }

    fn session_right(&self, width: usize) -> Span<'static> {
        let bar = self.style(Tone::Bar);
        let now = self.console.now();
        if !self.console.is_linked() {
            let (words, role) = self.link_words();
            let shell = self.console.shown_tab().and_then(Tab::shell);
            // What is typed meanwhile is not lost, and not silent either.
            let waiting = match shell.map_or(0, |shell| shell.endpoint.unsent_input()) {
                0 => String::new(),
                bytes => format!("· {bytes} typed bytes wait "),
            };
            let words = text::fit(&format!(" {words} {waiting}"), width * 2 / 3);
            return Span::styled(words, bar.patch(self.style(role)));
        }
        if let Some(words) = self.silence_words().or_else(|| self.machine_silence_words()) {
            let words = text::fit(&format!(" {words} "), width * 2 / 3);
            return Span::styled(words, bar.patch(self.style(Tone::Error)));
        }
        let shell = self.console.shown_tab().and_then(Tab::shell);
        let away = shell.is_some_and(|shell| shell.pane == Pane::AgentAway);
        if let Some(message) = self.console.messages().current(now).filter(|_| !away) {
            let words = text::fit(&format!(" {} ", message.text), width * 2 / 3);
            return Span::styled(words, bar.patch(self.style(level_tone(message.level))));
        }
        let (words, role) = match shell.map(|shell| &shell.pane) {
            Some(Pane::Attaching) => (" attaching … ".to_owned(), Tone::Muted),
            Some(Pane::AgentAway) => {
                (" the machine is away; its shell waits ".to_owned(), Tone::Warning)
            }
            _ => self.session_words(width),
        };
        Span::styled(text::fit(&words, width * 3 / 5), bar.patch(self.style(role)))
    }

    /// Who types, who else is here, whether it is recorded; else the way out.
    fn session_words(&self, width: usize) -> (String, Tone) {
        let prefix = self.console.prefix();
        let Some(tab) = self.console.shown_tab() else {
            return (String::new(), Tone::Muted);
        };
        let state = tab.shell().and_then(|shell| shell.state.as_ref());
        let recording = state.map(|state| &state.recording);
        let dot = match recording {
            Some(RecordingState::On) => "⏺ ",
            _ => "",
        };
        if matches!(recording, Some(RecordingState::Failed { .. })) {
            return (" not recorded: input is refused ".to_owned(), Tone::Error);
        }
        let here: Vec<_> =
            tab.others_here(self.console.user()).map(|one| one.name.to_string()).collect();
        let with =
            if here.is_empty() { String::new() } else { format!("with {} ", here.join(", ")) };
        if let Some(state) = state.filter(|state| !state.yours) {
            let own = self.console.welcome().map(|welcome| welcome.username.as_str());
            let ours = state.keyboard.as_deref().is_none_or(|who| Some(who) == own);
            let who = match &state.keyboard {
                Some(_) if ours => "another console of yours types".to_owned(),
                Some(who) => format!("{who} types"),
                None => "nobody types".to_owned(),
            };
            let take = format!("{prefix} t: you");
            let how = match tab.part {
                Part::Observer => "you look on",
                _ if ours => "type to take over",
                _ => &take,
            };
            return (format!(" {dot}{with}· {who} · {how} "), Tone::Warning);
        }
        let way_out = if width < 60 || !here.is_empty() {
            format!("{prefix} d: list")
        } else {
            format!("{prefix} then d: list, ?: help")
        };
        (format!(" {dot}{with}{way_out} "), Tone::Muted)
    }

    /// The counts line, or the last message.
    pub(super) fn counts(&mut self, area: Rect) {
        let now = self.console.now();
        if let Some(message) = self.console.messages().current(now) {
            let style = self.style(level_tone(message.level));
            let words = text::fit(&format!(" {}", message.text), usize::from(area.width));
            self.line(area, Line::styled(words, style));
            return;
        }
        if let Some(mistake) = &self.console.jump_screen().mistake {
            let words = text::fit(&format!(" {}", mistake.what), usize::from(area.width));
            self.line(area, Line::styled(words, self.style(Tone::Error)));
            return;
        }
        let counts = self.console.jump_screen().counts;
        let number = text::number;
        let mut words = format!(
            " {} Jump Items total. {} Jump Clients total. {} online. {} offline. {} passive.",
            number(counts.items),
            number(counts.clients),
            number(counts.online),
            number(counts.offline),
            number(counts.passive),
        );
        let marks = text::width(&self.marks());
        if text::width(&words) + marks + 1 > usize::from(area.width) {
            words = format!(
                " {} {}, {} online, {} offline",
                number(counts.items),
                if counts.items == 1 { "item" } else { "items" },
                number(counts.online),
                number(counts.offline)
            );
        }
        let marks = self.marks();
        let room = usize::from(area.width).saturating_sub(text::width(&marks) + 1);
        let line = Line::from(vec![
            Span::styled(text::left(&words, room), self.style(Tone::Muted)),
            Span::styled(marks, self.style(Tone::Accent)),
        ]);
        self.line(area, line);
    }

    /// How many items are marked, and how many of them cannot be seen here.
    fn marks(&self) -> String {
        let marked = self.console.jump_screen().marked.len();
        match (marked, self.console.jump_screen().hidden_marks) {
            (0, _) => String::new(),
            (marked, 0) => format!("{} marked", text::number(marked)),
            (marked, hidden) => {
                format!("{} marked, {} not shown", text::number(marked), text::number(hidden))
            }
        }
    }

    /// The keys that help most here.
    pub(super) fn footer(&mut self, area: Rect) {
        let plain = matches!(self.console.context(), Context::List | Context::Tree);
        let room = usize::from(area.width).saturating_sub(1);
        if let Some(hint) = self.console.hint(room).filter(|_| plain) {
            let hint = text::fit(&format!(" {hint}"), usize::from(area.width));
            self.line(area, Line::styled(hint, self.style(Tone::Accent)));
            return;
        }
        let names: &[&str] = match self.console.context() {
            _ if !self.console.layers().is_empty() => &LAYER_FOOTER,
            Context::Search => &SEARCH_FOOTER,
            Context::Tree => &TREE_FOOTER,
            Context::TreeFind => &FIND_FOOTER,
            _ => &FOOTER,
        };
        let line = self.key_line(names, self.console.context(), usize::from(area.width));
        self.line(area, line);
    }

    /// Keys and what they do, as many as there is room for.
    pub(super) fn key_line(&self, names: &[&str], context: Context, width: usize) -> Line<'static> {
        let mut spans = vec![Span::raw(" ")];
        let mut room = width.saturating_sub(1);
        for command in names.iter().filter_map(|name| Command::named(name)) {
            let keys = self.console.keymap().shown(context, command);
            let label = command.spec().title;
            let needed = text::width(&keys) + text::width(label) + 3;
            if keys.is_empty() || needed > room {
                continue;
            }
            room -= needed;
            // With many marks the reasons take their time; a line of hints is not worth that.
            let many = self.console.jump_screen().marked.len() > 200;
            let disabled = !many && (command.spec().disabled)(self.console).is_some();
            let role = if disabled { Tone::Muted } else { Tone::Text };
            spans.push(Span::styled(keys, self.style(Tone::Key)));
            spans.push(Span::styled(format!(" {label}  "), self.style(role)));
        }
        Line::from(spans)
    }

    /// What may be pressed next, while a chord or the prefix is under way.
    pub(super) fn hints(&mut self, area: Rect) {
        let Some(mut hints) = self.console.hints() else {
            return;
        };
        hints.retain(|(_, command)| {
            let name = command.spec().name;
            !name.starts_with("tab-") || name == "tab-1"
        });
        let mut lines: Vec<Vec<Span<'_>>> = vec![Vec::new()];
        let mut room = usize::from(area.width);
        for (keys, command) in hints {
            let many = command.spec().name == "tab-1";
            let keys = chord(&keys).replace('1', if many { "1…9" } else { "1" });
            let label = if many { "session" } else { command.spec().title };
            let needed = text::width(&keys) + text::width(label) + 4;
            if needed > room {
                lines.push(Vec::new());
                room = usize::from(area.width);
            }
            room = room.saturating_sub(needed);
            let (key, bar) = (self.style(Tone::Key), self.style(Tone::Bar));
            if let Some(line) = lines.last_mut() {
                line.push(Span::styled(format!(" {keys} "), bar.patch(key)));
                line.push(Span::styled(format!("{label}  "), bar));
            }
        }
        let top = usize::from(area.height).saturating_sub(lines.len());
        for (offset, spans) in lines.into_iter().enumerate() {
            if let Some(area) = row(area, top + offset) {
                self.frame.render_widget(Clear, area);
                let line = Line::from(spans).style(self.style(Tone::Bar));
                self.line(area, line);
            }
        }
    }
}

/// The role of a message.
pub(super) const fn level_tone(level: Level) -> Tone {
    match level {
        Level::Info => Tone::Accent,
        Level::Warning => Tone::Warning,
        Level::Error => Tone::Error,
    }
}

/// So many keys wait for an answer.
fn waiting(keys: u64) -> String {
    match keys {
        0 => String::new(),
        1 => " · 1 key waiting".to_owned(),
        keys => format!(" · {keys} keys waiting"),
    }
}
