//! The jump screen: where its panes stand.

use super::Artist;
use crate::core::layout::{self, Area};
use ratatui::layout::{Constraint, Layout, Rect};

impl Artist<'_, '_> {
    pub(super) fn jump_screen(&mut self, area: Rect) {
        let [bar, _, status, footer] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(3),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.bar(bar);
        let panes = layout::panes(self.console.size(), self.console.jump_screen());
        if let Some(tree) = panes.tree {
            self.tree(rect(tree));
        }
        if let Some(list) = panes.list {
            self.list(rect(list));
        }
        if let Some(details) = panes.details {
            self.details(rect(details));
        }
        let selected = self.selected_line(area.width);
        self.bottom(status, footer, selected);
    }
}

const fn rect(area: Area) -> Rect {
    let Area { x, y, width, height } = area;
    Rect { x, y, width, height }
}
