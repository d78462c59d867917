//! The mouse, where it was asked for: a click selects, another one opens, the wheel scrolls.

use super::layers::Layer;
use super::layout::{self, Area};
use super::{Console, Effect, Focus, Screen, columns};

/// Rows that one turn of the wheel moves.
const STEP: isize = 3;

/// What the mouse did, and in which cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    /// What.
    pub kind: MouseKind,
    /// The column.
    pub column: u16,
    /// The row.
    pub row: u16,
}

/// What a mouse can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// The left button was pressed.
    Click,
    /// The wheel was turned up.
    WheelUp,
    /// The wheel was turned down.
    WheelDown,
}

impl Console {
    pub(super) fn toggle_mouse(&mut self) {
        self.shown.mouse = !self.shown.mouse;
        self.out.effects.push(Effect::Mouse(self.shown.mouse));
        let key = self.key_of("toggle-mouse");
        let text = if self.shown.mouse {
            format!("Mouse on. {key} turns it off. Shift selects text as before.")
        } else {
            "The mouse is the terminal's again.".to_owned()
        };
        self.say(&text);
    }

    /// Whether the mouse was asked for.
    pub const fn has_mouse(&self) -> bool {
        self.shown.mouse
    }

    pub(super) fn take_mouse(&mut self, mouse: Mouse) {
        if !self.shown.mouse || self.is_too_small() {
            return;
        }
        self.out.dirty = true;
        self.list.searches.waiting = None;
        self.list.searches.held.clear();
        match mouse.kind {
            MouseKind::WheelUp => self.wheel(mouse, -STEP),
            MouseKind::WheelDown => self.wheel(mouse, STEP),
            MouseKind::Click
                if self.dialogs.layers.is_empty() && self.shown.screen == Screen::Jump =>
            {
                self.click(mouse.column, mouse.row);
            }
            MouseKind::Click => {}
        }
    }

    fn wheel(&mut self, mouse: Mouse, by: isize) {
        match self.dialogs.layers.last() {
            Some(Layer::Chooser(_)) => self.move_choice(by.signum()),
            Some(Layer::Toggles(_)) => self.move_toggle(by.signum()),
            Some(_) => self.scroll(by),
            None if self.shown.screen == Screen::Jump => {
                let panes = layout::panes(self.shown.size, &self.list.jump);
                let holds = |area: Option<Area>| {
                    area.is_some_and(|area| area.holds(mouse.column, mouse.row))
                };
                if holds(panes.tree) {
                    self.list.jump.focus = Focus::Tree;
                    self.move_selection(by.signum());
                } else if holds(panes.list) {
                    self.list.jump.focus = Focus::List;
                    self.move_selection(by);
                }
            }
            None => {}
        }
    }

    fn click(&mut self, column: u16, row: u16) {
        let panes = layout::panes(self.shown.size, &self.list.jump);
        if let Some(tree) = panes.tree.map(Area::inner).filter(|area| area.holds(column, row)) {
            self.click_tree(column - tree.x, row - tree.y);
        } else if let Some(list) = panes.list.map(Area::inner).filter(|a| a.holds(column, row)) {
            self.click_list(column - list.x, row - list.y, list.width);
        }
    }

    fn click_tree(&mut self, column: u16, row: u16) {
        self.list.jump.focus = Focus::Tree;
        let height = layout::tree_height(self.shown.size);
        let top = (self.list.jump.tree.position() + 1).saturating_sub(height);
        let number = top + usize::from(row);
        let Some(node) = self.list.jump.tree.nodes().get(number) else {
            return;
        };
        let (unfolded, is_scope) = (node.unfolded, node.scope.is_some());
        if !is_scope {
            return;
        }
        let again = self.list.jump.tree.position() == number;
        self.list.jump.tree.select(number);
        let on_fold = column <= 2;
        if let Some(unfolded) = unfolded.filter(|_| on_fold || again) {
            self.fold(!unfolded);
        }
        if !again {
            self.scope_changed();
        }
    }

    fn click_list(&mut self, column: u16, row: u16, width: u16) {
        self.list.jump.focus = Focus::List;
        if row == 0 {
            let placed = columns::place(&self.preferences.current.columns, width);
            let hit = placed.iter().find(|one| column >= one.x && column < one.x + one.width);
            if let Some(hit) = hit {
                self.sort_by(hit.column);
            }
            return;
        }
        let number = self.list.jump.top + usize::from(row) - 1;
        if number >= self.list.jump.rows.len() {
            return;
        }
        if self.list.jump.position() == number
            && let Some(jump) = super::command::Command::named("jump")
        {
            self.run(jump);
        } else {
            self.list.jump.select(number);
            self.selection_moved();
        }
    }
}
