//! The jump screen: tree, list, details.

use super::theme::Role;
use super::{Artist, row, shape, status_role, text};
use crate::core::inventory::Item;
use crate::core::keymap::Context;
use crate::core::layout::{DETAILS_FROM, TREE_FROM};
use crate::core::tree::Node;
use crate::core::{Focus, Link};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// A column of the list: its heading, how wide it is, what stands in it.
struct Column {
    heading: &'static str,
    width: Width,
    cell: for<'i> fn(Item<'i>) -> &'i str,
}

/// How wide a column is.
#[derive(Clone, Copy)]
enum Width {
    /// This many hundredths of what the fixed ones leave.
    Share(usize),
    /// This many cells, if the list has at least so many for all columns.
    Fixed(usize, usize),
}

const COLUMNS: [Column; 4] = [
    Column { heading: "Name", width: Width::Share(56), cell: |item| item.name() },
    Column { heading: "Hostname/IP", width: Width::Share(44), cell: host },
    Column { heading: "Method", width: Width::Fixed(12, 60), cell: |item| item.method().title() },
    Column { heading: "Tag", width: Width::Fixed(11, 44), cell: |item| item.tag() },
];

fn host(item: Item<'_>) -> &str {
    if item.hostname().is_empty() { item.public_ip() } else { item.hostname() }
}

impl Artist<'_, '_> {
    pub(super) fn jump_screen(&mut self, area: Rect) {
        let [bar, panes, counts, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.bar(bar);
        self.panes(panes);
        self.counts(counts);
        self.footer(footer);
    }

    fn panes(&mut self, area: Rect) {
        let jump = self.console.jump_screen();
        if area.width < TREE_FROM {
            match jump.focus {
                _ if jump.details => self.details(area),
                Focus::Tree => self.tree(area),
                Focus::List | Focus::Search => self.list(area),
            }
            return;
        }
        let tree = (area.width * 2 / 9).clamp(23, 32);
        let beside = area.width >= DETAILS_FROM && !jump.details;
        let details = if beside { (area.width / 4).clamp(28, 40) } else { 0 };
        let [left, middle, right] = Layout::horizontal([
            Constraint::Length(tree),
            Constraint::Min(20),
            Constraint::Length(details),
        ])
        .areas(area);
        self.tree(left);
        if beside {
            self.list(middle);
            self.details(right);
        } else if jump.details && area.width < DETAILS_FROM {
            self.details(middle);
        } else {
            self.list(middle);
        }
    }

    fn tree(&mut self, area: Rect) {
        let focused = self.console.jump_screen().focus == Focus::Tree;
        let inner = self.pane(area, self.title("Groups", area.width), focused);
        let tree = &self.console.jump_screen().tree;
        let height = usize::from(inner.height);
        let selected = tree.position();
        let top = (selected + 1).saturating_sub(height);
        for (offset, node) in tree.nodes().iter().skip(top).take(height).enumerate() {
            if let Some(area) = row(inner, offset) {
                let line = self.node(node, top + offset == selected, focused, area.width);
                self.line(area, line);
            }
        }
    }

    fn node(&self, node: &Node, selected: bool, focused: bool, width: u16) -> Line<'static> {
        let fold = match node.unfolded {
            Some(true) => "▾",
            Some(false) => "▸",
            None => " ",
        };
        let count = text::number(node.count);
        let indent = " ".repeat(usize::from(node.depth) * 2);
        let room = usize::from(width).saturating_sub(text::width(&count) + indent.len() + 5);
        let name = text::left(&node.name, room);
        let style = match (selected, focused) {
            (true, true) => self.style(Role::Selection),
            (true, false) => self.style(Role::SelectionFaint),
            (false, _) => self.style(Role::Text),
        };
        Line::from(vec![
            Span::raw(format!(" {indent}{fold} {name} ")),
            Span::styled(count, if selected { Style::default() } else { self.style(Role::Muted) }),
            Span::raw(" "),
        ])
        .style(style)
    }

    fn list(&mut self, area: Rect) {
        let jump = self.console.jump_screen();
        let focused = jump.focus != Focus::Tree;
        let inner = self.pane(area, self.list_title(area.width), focused);
        if jump.rows.is_empty() {
            self.empty_list(inner);
            return;
        }
        let width = usize::from(inner.width);
        let widths = widths(width);
        if let Some(area) = row(inner, 0) {
            let mut heading = "   ".to_owned();
            for (column, width) in COLUMNS.iter().zip(&widths) {
                heading.push_str(&cell(column.heading, *width));
            }
            heading.push_str("Status");
            let heading = text::fit(&heading, usize::from(inner.width));
            self.line(area, Line::styled(heading, self.style(Role::Muted)));
        }
        let words = jump.query.marked();
        let (top, selected) = (jump.top, jump.position());
        let visible = jump.rows.iter().enumerate().skip(top).take(jump.height);
        for (number, item) in visible {
            if let Some(area) = row(inner, 1 + number - top) {
                let line = self.item(item, number == selected, focused, (width, &widths), &words);
                self.line(area, line);
            }
        }
    }

    fn list_title(&self, room: u16) -> Line<'static> {
        let jump = self.console.jump_screen();
        let scope = self.console.scope_title();
        let (shown, all) = (jump.rows.len(), jump.tree.node().map_or(0, |node| node.count));
        let searching = jump.focus == Focus::Search;
        let searched = !jump.search.text().is_empty();
        let mut words = if searched || searching {
            format!("{scope} ─ {} of {}", text::number(shown), text::number(all))
        } else {
            format!("{scope} ─ {}", text::number(shown))
        };
        if let Link::Down { since, .. } = self.console.link() {
            let age = text::span(self.console.now().since(*since));
            words = format!("{words} ─ as it was {age} ago");
        }
        let mut title = self.title(&words, room);
        if searching || searched {
            let room = usize::from(room).saturating_sub(title.width() + 5);
            title.push_span(Span::styled("/", self.style(Role::Key)));
            self.typed(&mut title, room);
            if searching {
                title.push_span(Span::styled("▏", self.style(Role::Key)));
            }
            title.push_span(Span::raw(" "));
        }
        title
    }

    /// What is searched for, with what means nothing marked in its place. Where there is too little
    /// room its end is shown: that is where the rep types.
    fn typed(&self, title: &mut Line<'static>, room: usize) {
        let jump = self.console.jump_screen();
        let typed = jump.search.text();
        let wrong = jump.mistake.as_ref().map_or(0..0, |mistake| mistake.place.clone());
        let shown = text::end(typed, room);
        if shown.len() < typed.len() {
            title.push_span(Span::styled("…", self.style(Role::Muted)));
        }
        let from = typed.len() - shown.len();
        let cuts = [from, wrong.start.max(from), wrong.end.max(from), typed.len()];
        for (cut, role) in cuts.windows(2).zip([Role::Match, Role::Error, Role::Match]) {
            if let [start, end] = cut {
                let part = typed.get(*start..*end).unwrap_or_default().to_owned();
                title.push_span(Span::styled(part, self.style(role)));
            }
        }
    }

    fn item(
        &self,
        item: Item<'_>,
        selected: bool,
        focused: bool,
        (width, widths): (usize, &[usize]),
        words: &[String],
    ) -> Line<'static> {
        let status = self.console.inventory().presence(item.id()).status;
        let here = self.console.tabs().iter().any(|tab| tab.item == item.id());
        let mark = match (selected, here) {
            (true, _) => " ▌ ",
            (false, true) => " ▸ ",
            (false, false) => "   ",
        };
        let mut spans = vec![Span::raw(mark)];
        for (column, width) in COLUMNS.iter().zip(widths) {
            let content = (column.cell)(item);
            let content = if content.is_empty() { "—" } else { content };
            self.highlight(&mut spans, &cell(content, *width), words);
        }
        let room = width.saturating_sub(3 + widths.iter().sum::<usize>());
        let mut words = format!("{} {}", shape(status), status.word());
        if text::width(&words) > room {
            // One word says enough, beside its shape.
            words.truncate(words.rfind(' ').filter(|at| *at > 4).unwrap_or(words.len()));
        }
        spans.push(Span::styled(text::fit(&words, room), self.style(status_role(status))));
        let style = match (selected, focused) {
            (true, true) => self.style(Role::Selection),
            (true, false) => self.style(Role::SelectionFaint),
            (false, _) => self.style(Role::Text),
        };
        Line::from(spans).style(style)
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
                spans.push(Span::styled(matched.to_owned(), self.style(Role::Match)));
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
            format!("No items stand here. {} goes to the tree.", key("left"))
        };
        let paragraph =
            Paragraph::new(words).wrap(Wrap { trim: true }).style(self.style(Role::Muted));
        let inside = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
        self.frame.render_widget(paragraph, inside);
    }
}

/// The content in a column, with a blank after it.
fn cell(content: &str, width: usize) -> String {
    match width {
        0 => String::new(),
        width => text::left(content, width - 1) + " ",
    }
}

/// The columns' widths; 0 for one that gives way to the others.
fn widths(room: usize) -> [usize; 4] {
    /// From this width on the longest status has room.
    const ROOMY: usize = 90;
    const HOST_FROM: usize = 26;
    let status = if room >= ROOMY { 18 } else { 13 };
    let room = room.saturating_sub(3 + status);
    let fixed = COLUMNS.each_ref().map(|column| match column.width {
        Width::Fixed(width, from) if room >= from => width,
        Width::Fixed(..) | Width::Share(_) => 0,
    });
    let rest = room - fixed.iter().sum::<usize>().min(room);
    let [_, _, method, tag] = fixed;
    let host = match COLUMNS.each_ref().map(|column| column.width) {
        [_, Width::Share(share), ..] if room >= HOST_FROM => rest * share / 100,
        _ => 0,
    };
    [rest - host, host, method, tag]
}
