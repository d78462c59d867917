//! How much fits where: what the console must know of its screen to scroll by pages, to tell a
//! shell its size, and to understand where the mouse points.

use super::{Focus, Jump};
use jumpdeck_protocol::session::Size;

/// Columns from which the details are beside the list.
pub const DETAILS_FROM: u16 = 100;
/// Columns from which the tree is beside the list.
pub const TREE_FROM: u16 = 60;

/// A part of the screen, in cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    /// Its first column.
    pub x: u16,
    /// Its first row.
    pub y: u16,
    /// Its columns.
    pub width: u16,
    /// Its rows.
    pub height: u16,
}

impl Area {
    /// Whether a cell lies in it.
    pub const fn holds(self, column: u16, row: u16) -> bool {
        column >= self.x
            && row >= self.y
            && column < self.x.saturating_add(self.width)
            && row < self.y.saturating_add(self.height)
    }

    /// What is left inside its frame.
    #[must_use]
    pub const fn inner(self) -> Self {
        Self {
            x: self.x + 1,
            y: self.y + 1,
            width: self.width.saturating_sub(2),
            height: self.height.saturating_sub(2),
        }
    }
}

/// The panes of the jump screen, with their frames. What has no room is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Panes {
    /// The tree.
    pub tree: Option<Area>,
    /// The list.
    pub list: Option<Area>,
    /// The details.
    pub details: Option<Area>,
}

/// Where the panes are: between the bar, and the counts and the footer.
pub fn panes(size: Size, jump: &Jump) -> Panes {
    let whole =
        Area { x: 0, y: 1, width: size.columns, height: size.rows.saturating_sub(3).max(3) };
    if size.columns < TREE_FROM {
        return match jump.focus {
            _ if jump.details => Panes { details: Some(whole), ..Panes::default() },
            Focus::Tree | Focus::TreeFind => Panes { tree: Some(whole), ..Panes::default() },
            Focus::List | Focus::Search => Panes { list: Some(whole), ..Panes::default() },
        };
    }
    let tree = (size.columns * 2 / 9).clamp(23, 32);
    let beside = size.columns >= DETAILS_FROM && !jump.details;
    let details = if beside { (size.columns / 4).clamp(28, 40) } else { 0 };
    let left = Area { width: tree, ..whole };
    let middle = Area { x: tree, width: size.columns.saturating_sub(tree + details), ..whole };
    let right = Area { x: size.columns.saturating_sub(details), width: details, ..whole };
    if beside {
        Panes { tree: Some(left), list: Some(middle), details: Some(right) }
    } else if jump.details && size.columns < DETAILS_FROM {
        Panes { tree: Some(left), list: None, details: Some(middle) }
    } else {
        Panes { tree: Some(left), list: Some(middle), details: None }
    }
}

/// Columns inside the list's frame.
pub fn list_columns(size: Size, jump: &Jump) -> u16 {
    panes(size, jump).list.map_or(0, |list| list.inner().width)
}

/// Rows of the list: all but the bar, the frame, the heading, the counts and the footer.
pub fn list_height(size: Size) -> usize {
    usize::from(size.rows.saturating_sub(6))
}

/// Rows of the tree.
pub fn tree_height(size: Size) -> usize {
    usize::from(size.rows.saturating_sub(5))
}

/// Lines of a reader: all but its frame and a row above and below.
pub fn reader_height(size: Size) -> usize {
    usize::from(size.rows.saturating_sub(4))
}

/// A session's pane: all but the bar.
pub fn session_pane(size: Size) -> Size {
    let rows = size.rows.saturating_sub(1);
    Size { columns: size.columns, rows }.clamped()
}
