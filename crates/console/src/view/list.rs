//! The list of items.

use super::theme::Tone;
use super::tree::is_list_focused;
use super::{Artist, row, shape, status_tone, text};
use crate::core::columns::{self, Placed};
use crate::core::inventory::Item;
use crate::core::keymap::Context;
use crate::core::{Focus, Link};
use jumpdeck_protocol::inventory::Presence;
use jumpdeck_protocol::preferences::Column;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// What is beside a row that is only there because the cursor is on it.
const KEPT: &str = " no longer matches ";

impl Artist<'_, '_> {
    pub(super) fn list(&mut self, area: Rect) {
        let jump = self.console.jump_screen();
        let focused = is_list_focused(self.console);
        let (title, counts) = (self.list_title(area.width), self.list_counts(area.width));
        let inner = self.pane_with(area, title, counts, focused);
        if jump.rows.is_empty() {
            self.empty_list(inner);
            return;
        }
        let placed = columns::place(&self.console.preferences().columns, inner.width);
        if let Some(area) = row(inner, 0) {
            let line = self.headings(&placed);
            self.line(area, line);
        }
        let words = jump.query.marked();
        let (top, selected) = (jump.top, jump.position());
        let visible = jump.rows.iter().enumerate().skip(top).take(jump.height);
        for (number, item) in visible {
            if let Some(area) = row(inner, 1 + number - top) {
                let selected = number == selected && jump.gone.is_none();
                let line = self.item(item, selected, focused, &placed, &words);
                let kept = jump.kept == Some(item.id());
                self.line(area, if kept { line.style(self.kept_style(focused)) } else { line });
                if kept {
                    self.aside(area, KEPT);
                }
            }
        }
    }

    /// A row that is only there because the cursor is on it.
    fn kept_style(&self, focused: bool) -> Style {
        self.row_style(true, focused).add_modifier(Modifier::DIM)
    }

    /// Words at the end of a row.
    fn aside(&mut self, row: Rect, words: &str) {
        let width = u16::try_from(text::width(words)).unwrap_or(u16::MAX).min(row.width);
        let area = Rect { x: row.x + row.width - width, width, ..row };
        self.line(area, Line::styled(words.to_owned(), self.style(Tone::Warning)));
    }

    fn list_title(&self, room: u16) -> Line<'static> {
        let jump = self.console.jump_screen();
        let scope = self.console.scope_title();
        let (shown, all) = (jump.fitting.len(), jump.tree.node().and_then(|node| node.count));
        let searching = jump.focus == Focus::Search;
        let searched = !jump.search.text().is_empty();
        let mut words = if searched || searching {
            let all = all.map_or("…".to_owned(), text::number);
            let count = text::number(shown);
            let full = format!("{scope} ─ {count} of {all}");
            // What is typed matters more than where and of how many; the tree shows that.
            let left = usize::from(room).saturating_sub(text::width(jump.search.text()) + 8);
            let fitting = [full, format!("{count} of {all}")];
            fitting.into_iter().find(|words| text::width(words) <= left).unwrap_or(count)
        } else {
            format!("{scope} ─ {}", text::number(shown))
        };
        let sort = self.console.preferences().sort;
        let columns = columns::place(&self.console.preferences().columns, room.saturating_sub(2));
        if !columns.iter().any(|one| one.column == sort.column) {
            words = format!("{words} ─ by {}", sort.column.heading());
        }
        if let Link::Down { since, .. } = self.console.link() {
            let age = text::span(self.console.now().since(*since));
            words = format!("{words} ─ as it was {age} ago");
        }
        let mut title = self.title(&words, room);
        if searching || searched {
            let room = usize::from(room).saturating_sub(title.width() + 5);
            title.push_span(Span::styled("/", self.style(Tone::Key)));
            self.typed(&mut title, room);
            title.push_span(Span::raw(" "));
        }
        title
    }

    /// What is searched for, with what means nothing marked in its place. Where there is too little
    /// room its end is shown: that is where the rep types.
    fn typed(&self, title: &mut Line<'static>, room: usize) {
        let jump = self.console.jump_screen();
        let (before, after) = jump.search.parts();
        let searching = jump.focus == Focus::Search;
        if searching && !after.is_empty() {
            self.edited(title, (before, after), room, Tone::Match);
            return;
        }
        let typed = jump.search.text();
        let wrong = jump.mistake.as_ref().map_or(0..0, |mistake| mistake.place.clone());
        let shown = text::end(typed, room);
        if shown.len() < typed.len() {
            title.push_span(Span::styled("…", self.style(Tone::Muted)));
        }
        let from = typed.len() - shown.len();
        let cuts = [from, wrong.start.max(from), wrong.end.max(from), typed.len()];
        for (cut, role) in cuts.windows(2).zip([Tone::Match, Tone::Error, Tone::Match]) {
            if let [start, end] = cut {
                let part = typed.get(*start..*end).unwrap_or_default().to_owned();
                title.push_span(Span::styled(part, self.style(role)));
            }
        }
        if searching {
            title.push_span(Span::styled("▏", self.style(Tone::Key)));
        }
    }

    /// The headings; the one that the list is ordered by shows how.
    fn headings(&self, placed: &[Placed]) -> Line<'static> {
        let sort = self.console.preferences().sort;
        let mut spans = vec![Span::raw(" ".repeat(usize::from(columns::MARGIN)))];
        for one in placed {
            let width = usize::from(one.width);
            let heading = one.column.heading();
            let (words, role) = match sort.descending {
                _ if one.column != sort.column => (cell(heading, width), Tone::Muted),
                true => (cell(&format!("{heading} ↓"), width), Tone::Accent),
                false => (cell(&format!("{heading} ↑"), width), Tone::Accent),
            };
            spans.push(Span::styled(words, self.style(role)));
        }
        Line::from(spans)
    }

    fn item(
        &self,
        item: Item<'_>,
        selected: bool,
        focused: bool,
        placed: &[Placed],
        words: &[String],
    ) -> Line<'static> {
        let presence = self.console.inventory().presence(item.id());
        let here = self.console.tabs().iter().any(|tab| tab.item == item.id());
        let marked = self.console.jump_screen().marked.contains(&item.id());
        let bar = if selected { "▌" } else { " " };
        let sign = match (marked, here) {
            (true, _) if selected => Span::raw("+"),
            (true, _) => Span::styled("+", self.style(Tone::Accent)),
            (false, true) => Span::raw("▸"),
            (false, false) => Span::raw(" "),
        };
        let mut spans = vec![Span::raw(bar), sign, Span::raw(" ")];
        for one in placed {
            let width = usize::from(one.width);
            match one.column {
                Column::Status => spans.push(self.status_cell(item, presence, width, selected)),
                Column::Since => {
                    let words = cell(&self.since(presence), width);
                    spans.push(Span::styled(
                        words,
                        if selected { Style::default() } else { self.style(Tone::Muted) },
                    ));
                }
                column => {
                    let content = columns::text(item, column);
                    let content = if content.is_empty() { "—" } else { content };
                    self.highlight(&mut spans, &cell(content, width), words);
                }
            }
        }
        Line::from(spans).style(self.row_style(selected, focused))
    }

    /// How long it has been so.
    fn since(&self, presence: Presence) -> String {
        match presence.since.map(|since| self.console.now().since(since)) {
            None => "—".to_owned(),
            // A second more would be a new frame, and nothing to read.
            Some(seconds) if seconds < 60 => "just now".to_owned(),
            Some(seconds) => text::span(seconds / 60 * 60),
        }
    }

    fn status_cell(
        &self,
        item: Item<'_>,
        presence: Presence,
        width: usize,
        selected: bool,
    ) -> Span<'static> {
        // On the selected row its own colours might not be seen.
        let role = |role| if selected { Style::default() } else { self.style(role) };
        if !item.is_client() {
            return Span::styled(cell("—", width), role(Tone::Muted));
        }
        let status = presence.status;
        let room = width.saturating_sub(1);
        if let Some(waking) = self.console.waking(item.id()) {
            let left = waking.until.since(self.console.now());
            let words =
                if left > 0 { format!("◔ waking ({left})") } else { "◔ waking".to_owned() };
            return Span::styled(cell(&words, width), role(Tone::Warning));
        }
        let mut words = format!("{} {}", shape(status), status.word());
        if text::width(&words) > room {
            // One word says enough, beside its shape.
            words.truncate(words.rfind(' ').filter(|at| *at > 4).unwrap_or(words.len()));
        }
        Span::styled(cell(&words, width), role(status_tone(status)))
    }

    /// Marks the parts of a cell that a search found.
    fn highlight(&self, spans: &mut Vec<Span<'static>>, content: &str, words: &[String]) {
        let lower = content.to_lowercase();
        // A text whose length changes with its case cannot be marked by position.
        let found = (lower.len() == content.len()).then(|| {
            let places =
                words.iter().filter_map(|word| Some((lower.find(word.as_str())?, word.len())));
            places.min()
        });
        let parts = found.flatten().and_then(|(at, length)| {
            Some((content.get(..at)?, content.get(at..at + length)?, content.get(at + length..)?))
        });
        match parts {
            None => spans.push(Span::raw(content.to_owned())),
            Some((before, matched, after)) => {
                spans.push(Span::raw(before.to_owned()));
                spans.push(Span::styled(matched.to_owned(), self.style(Tone::Match)));
                spans.push(Span::raw(after.to_owned()));
            }
        }
    }

    /// An empty list says why it is empty and what to press.
    fn empty_list(&mut self, area: Rect) {
        let jump = self.console.jump_screen();
        let key = |name: &str| {
            let command = crate::core::command::Command::named(name);
            command.map(|c| self.console.keymap().shown(Context::List, c)).unwrap_or_default()
        };
        let words = if let Some(mistake) = &jump.mistake {
            mistake.what.clone()
        } else if self.console.query_shown().depends_on_figures() {
            "No machine measured so far fits. They measure while you search, every 30 s.".to_owned()
        } else if !jump.search.text().is_empty() {
            format!(
                "Nothing here matches “{}”. {} clears the search.",
                jump.search.text(),
                key("back")
            )
        } else if self.console.inventory().position().is_none() {
            "The inventory is on its way …".to_owned()
        } else if self.console.inventory().is_empty() {
            "There is no machine you may see yet. `jumpdeck installer` prints the line that \
             enrols one."
                .to_owned()
        } else {
            format!("No items here. {} goes to the tree.", key("left"))
        };
        let paragraph =
            Paragraph::new(words).wrap(Wrap { trim: true }).style(self.style(Tone::Muted));
        let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        self.frame.render_widget(paragraph, inside);
    }
}

/// The content in a column, with a blank after it.
pub(super) fn cell(content: &str, width: usize) -> String {
    match width {
        0 => String::new(),
        width => text::left(content, width - 1) + " ",
    }
}
