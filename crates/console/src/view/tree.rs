//! The tree.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::search::Scope;
use crate::core::tree::Node;
use crate::core::{Console, Focus};
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

impl Artist<'_, '_> {
    pub(super) fn tree(&mut self, area: Rect) {
        let focus = self.console.jump_screen().focus;
        let focused = matches!(focus, Focus::Tree | Focus::TreeFind);
        let inner = self.pane(area, self.tree_title(area.width), focused);
        let tree = &self.console.jump_screen().tree;
        let height = usize::from(inner.height);
        let selected = tree.position();
        let top = (selected + 1).saturating_sub(height);
        for (offset, node) in tree.nodes().iter().skip(top).take(height).enumerate() {
            if let Some(area) = row(inner, offset) {
                let line = match node.scope {
                    Some(_) => self.node(node, top + offset == selected, focused, area.width),
                    None => self.heading(&node.name, area.width),
                };
                self.line(area, line);
            }
        }
    }

    fn tree_title(&self, room: u16) -> Line<'static> {
        let jump = self.console.jump_screen();
        let mut title = self.title("Groups", room);
        if jump.focus == Focus::TreeFind {
            let room = usize::from(room).saturating_sub(title.width() + 6);
            title.push_span(Span::styled("/", self.style(Tone::Key)));
            let role = if jump.find_missed { Tone::Error } else { Tone::Match };
            self.edited(&mut title, jump.find.parts(), room, role);
            if jump.find_missed {
                title.push_span(Span::styled(" none", self.style(Tone::Error)));
            }
            title.push_span(Span::raw(" "));
        }
        title
    }

    fn heading(&self, name: &str, width: u16) -> Line<'static> {
        let words = format!(" ─ {name} ");
        let rest = usize::from(width).saturating_sub(text::width(&words) + 1);
        Line::styled(format!("{words}{}", "─".repeat(rest)), self.style(Tone::Muted))
    }

    fn node(&self, node: &Node, selected: bool, focused: bool, width: u16) -> Line<'static> {
        let sign = match (&node.scope, node.unfolded) {
            (Some(Scope::Recent), _) => "★",
            (Some(Scope::Saved(_)), _) => "⌕",
            (_, Some(true)) => "▾",
            (_, Some(false)) => "▸",
            (_, None) => " ",
        };
        let count = match node.count {
            _ if node.gone => "gone".to_owned(),
            Some(count) => text::number(count),
            None => "…".to_owned(),
        };
        let indent = " ".repeat(usize::from(node.depth) * 2);
        let room = usize::from(width).saturating_sub(text::width(&count) + indent.len() + 5);
        let name = text::left(&node.name, room);
        let style = self.row_style(selected, focused);
        let style = if node.gone { style.add_modifier(Modifier::DIM) } else { style };
        Line::from(vec![
            Span::raw(format!(" {indent}{sign} {name} ")),
            Span::styled(count, if selected { Style::default() } else { self.style(Tone::Muted) }),
            Span::raw(" "),
        ])
        .style(style)
    }

    /// The style of a row of the tree or the list.
    pub(super) fn row_style(&self, selected: bool, focused: bool) -> Style {
        match (selected, focused) {
            (true, true) => self.style(Tone::Selection),
            (true, false) => self.style(Tone::SelectionFaint),
            (false, _) => self.style(Tone::Text),
        }
    }
}

/// Whether the keys go to the list.
pub(super) fn is_list_focused(console: &Console) -> bool {
    matches!(console.jump_screen().focus, Focus::List | Focus::Search)
}
