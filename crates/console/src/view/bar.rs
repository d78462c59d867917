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
const TREE_FOOTER: [&str; 7] =
    ["open", "right", "find-group", "next-pane", "palette", "help", "quit"];
/// Commands that a footer never leaves out.
const ESSENTIAL: [&str; 3] = ["help", "back", "quit"];
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
        let sessions = self.console.tabs().len();
        let news = super::tabs::news(self.console.tabs());
        let gap = if news.is_empty() { "" } else { " " };
        let waiting = match self.console.queues().waiting.len() {
            0 => String::new(),
            count => format!("· {count} waiting "),
        };
        let has_counter = sessions > 0 || !waiting.is_empty();
        let counter = format!(" Sessions {sessions}{gap}{news} {waiting}");
        let counter = if has_counter { counter } else { String::new() };
        let mut left = vec![Span::styled(" jumpdeck ", bar.patch(self.style(Tone::Accent)))];
        let room = width.saturating_sub(text::width(&right) + 10);
        // What happens in sessions matters more than where this is.
        let wanted = text::width(address) + text::width(&link) + 4 + text::width(&counter);
        if room > wanted {
            left.push(Span::styled(format!(" {address} "), bar));
        }
        left.push(Span::styled(
            format!(" {} ", text::fit(&link, room)),
            bar.patch(self.style(role)),
        ));
        let used: usize = left.iter().map(|span| text::width(&span.content)).sum();
        let mut blank = width.saturating_sub(used + text::width(&right));
        if has_counter && blank > text::width(&counter) {
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
        Some(format!("last contact {seconds} s ago{}", waiting(keys)))
    }

    /// The same of the machine whose shell is shown.
    fn machine_silence_words(&self) -> Option<String> {
        let (seconds, keys) = self.console.no_answer_from_machine()?;
        Some(format!("machine: last contact {seconds} s ago{}", waiting(keys)))
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

    /// Whether there is something to read right of the tabs, besides how to leave.
    pub(super) fn has_news(&self) -> bool {
        let message = self.console.messages().current(self.console.now());
        message.is_some() || !self.console.is_linked() || self.silence_words().is_some()
    }

    /// What is right of the tabs, in so many columns.
    pub(super) fn session_right(&self, width: usize) -> Span<'static> {
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
            let words = text::fit(&format!(" {words} {waiting}"), width);
            return Span::styled(words, bar.patch(self.style(role)));
        }
        if let Some(words) = self.silence_words().or_else(|| self.machine_silence_words()) {
            let words = text::fit(&format!(" {words} "), width);
            return Span::styled(words, bar.patch(self.style(Tone::Error)));
        }
        let shell = self.console.shown_tab().and_then(Tab::shell);
        let away = shell.is_some_and(|shell| shell.pane == Pane::AgentAway);
        if let Some(message) = self.console.messages().current(now).filter(|_| !away) {
            let words = text::fit(&format!(" {} ", message.text), width);
            return Span::styled(words, bar.patch(self.style(level_tone(message.level))));
        }
        let (words, role) = match shell.map(|shell| &shell.pane) {
            Some(Pane::Attaching) => (" attaching … ".to_owned(), Tone::Muted),
            Some(Pane::AgentAway) => {
                (" the machine is away; its shell waits ".to_owned(), Tone::Warning)
            }
            _ => self.session_words(width),
        };
        Span::styled(text::fit(&words, width), bar.patch(self.style(role)))
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
                Part::Observer => "view only",
                _ if ours => "type to take over",
                _ => &take,
            };
            return (format!(" {dot}{with}· {who} · {how} "), Tone::Warning);
        }
        let ways = [
            format!("{prefix} then d: list, ?: help"),
            format!("{prefix} d: list"),
            format!("{prefix} …"),
        ];
        let fits = |way: &&String| text::width(way) + text::width(&with) + 4 <= width;
        let way_out = ways.iter().find(fits).map_or("", String::as_str);
        (format!(" {dot}{with}{way_out} "), Tone::Muted)
    }

    /// The two rows at the bottom. What has just happened has both of them if it is long; otherwise the
    /// first says `calm`, what there is to know when nothing happens, and the second has the keys.
    pub(super) fn bottom(&mut self, first: Rect, second: Rect, calm: Line<'static>) {
        let Some(message) = self.console.messages().current(self.console.now()) else {
            let mistake = self.console.jump_screen().mistake.as_ref();
            let mistake = mistake.filter(|_| self.console.screen() == Screen::Jump);
            let line = mistake.map_or(calm, |mistake| {
                let words = text::fit(&mistake.what, usize::from(first.width).saturating_sub(2));
                Line::styled(format!(" {words}"), self.style(Tone::Error))
            });
            self.line(first, line);
            self.footer(second);
            return;
        };
        let (words, tone) = (message.text.clone(), level_tone(message.level));
        let width = usize::from(first.width);
        let more = format!(" … {}", self.console.key_of("messages"));
        let mut lines = text::wrap(&words, width.saturating_sub(2)).into_iter();
        let (one, two) = (lines.next().unwrap_or_default(), lines.next());
        let style = self.style(tone);
        self.line(first, Line::styled(format!(" {one}"), style));
        let Some(mut two) = two else {
            self.footer(second);
            return;
        };
        if lines.next().is_some() {
            let room = width.saturating_sub(2 + text::width(&more));
            two = format!("{}{more}", text::fit(&two, room).trim_end_matches('…'));
        }
        self.line(second, Line::styled(format!(" {two}"), style));
    }

    /// What the first row says while nothing happens: a hint for beginners, else the whole name of what
    /// is selected.
    pub(super) fn selected_line(&self, width: u16) -> Line<'static> {
        let room = usize::from(width).saturating_sub(1);
        let context = self.console.context();
        if matches!(context, Context::List | Context::Tree)
            && let Some(hint) = self.console.hint(room)
        {
            return Line::styled(format!(" {}", text::fit(&hint, room)), self.style(Tone::Accent));
        }
        let words = match context {
            Context::Tree | Context::TreeFind => self.console.scope_title(),
            _ => self.console.selected_words().unwrap_or_default(),
        };
        Line::styled(format!(" {}", text::fit(&words, room)), self.style(Tone::Muted))
    }

    /// The bottom of the list's frame: how many items there are, and how many are marked.
    pub(super) fn list_counts(&self, width: u16) -> [Line<'static>; 2] {
        let room = usize::from(width).saturating_sub(4);
        let marks = self.marks();
        let left = room.saturating_sub(text::width(&marks) + 3);
        let counts = self.console.jump_screen().counts;
        let number = text::number;
        let items = if counts.items == 1 { "item" } else { "items" };
        let all = [
            format!("{} {items}", number(counts.items)),
            format!("{} online", number(counts.online)),
            format!("{} offline", number(counts.offline)),
        ];
        let passive = (counts.passive > 0).then(|| format!("{} passive", number(counts.passive)));
        let mut words = String::new();
        for part in all.into_iter().chain(passive) {
            let part = if words.is_empty() { part } else { format!(" · {part}") };
            if text::width(&words) + text::width(&part) > left {
                break;
            }
            words += &part;
        }
        let framed = |words: String, tone: Tone| {
            if words.is_empty() {
                return Line::default();
            }
            Line::styled(format!(" {words} "), self.style(tone))
        };
        [framed(words, Tone::Muted), framed(marks, Tone::Accent).right_aligned()]
    }

    /// How many items are marked, and how many of them cannot be seen here.
    fn marks(&self) -> String {
        let marked = self.console.jump_screen().marked.len();
        match (marked, self.console.jump_screen().hidden_marks) {
            (0, _) => String::new(),
            (marked, 0) => format!("{} marked", text::number(marked)),
            (marked, hidden) => {
                format!("{} marked · {} not shown", text::number(marked), text::number(hidden))
            }
        }
    }

    /// The keys that help most here.
    pub(super) fn footer(&mut self, area: Rect) {
        let names: &[&str] = match self.console.context() {
            _ if !self.console.layers().is_empty() => &LAYER_FOOTER,
            Context::Search => &SEARCH_FOOTER,
            Context::Tree => &TREE_FOOTER,
            Context::TreeFind => &FIND_FOOTER,
            Context::Sessions => &super::sessions::FOOTER,
            _ => &FOOTER,
        };
        let line = self.key_line(names, self.console.context(), usize::from(area.width));
        self.line(area, line);
    }

    /// Keys and what they do, as many as there is room for. How to get help and out is always shown.
    pub(super) fn key_line(&self, names: &[&str], context: Context, width: usize) -> Line<'static> {
        let keys = |command| self.console.keymap().shown(context, command);
        let named: Vec<_> = names.iter().filter_map(|name| Command::named(name)).collect();
        let shown = named.into_iter().map(|command| (keys(command), command));
        let mut shown: Vec<_> = shown.filter(|(keys, _)| !keys.is_empty()).collect();
        let needed = |(keys, command): &(String, Command)| {
            text::width(keys) + text::width(command.spec().title) + 3
        };
        let is_essential =
            |(_, command): &(String, Command)| ESSENTIAL.contains(&command.spec().name);
        let reserved: usize = shown.iter().filter(|entry| is_essential(entry)).map(needed).sum();
        let mut room = width.saturating_sub(1 + reserved);
        shown.retain(|entry| {
            if is_essential(entry) {
                return true;
            }
            let left = room.checked_sub(needed(entry));
            room = left.unwrap_or(room);
            left.is_some()
        });
        let mut spans = vec![Span::raw(" ")];
        for (keys, command) in shown {
            // With many marks the reasons take their time; a line of hints is not worth that.
            let many = self.console.jump_screen().marked.len() > 200;
            let disabled = !many && (command.spec().disabled)(self.console).is_some();
            let role = if disabled { Tone::Muted } else { Tone::Text };
            spans.push(Span::styled(keys, self.style(Tone::Key)));
            spans.push(Span::styled(format!(" {}  ", command.spec().title), self.style(role)));
        }
        Line::from(spans)
    }

    /// What may be pressed next, while a chord or the prefix is under way.
    pub(super) fn hints(&mut self, area: Rect) {
        let Some(mut hints) = self.console.hints() else {
            return;
        };
        if self.console.is_prefixed() && self.prefix_panel(area, &hints) {
            return;
        }
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
