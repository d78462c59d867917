//! How much fits where: what the console must know of its screen to scroll by pages and to tell
//! a shell its size.

use jumpdeck_protocol::session::Size;

/// Columns from which the details stand beside the list.
pub const DETAILS_FROM: u16 = 100;
/// Columns from which the tree stands beside the list.
pub const TREE_FROM: u16 = 60;

/// Rows of the list: all but the bar, the frame, the heading, the counts and the footer.
pub fn list_height(size: Size) -> usize {
    usize::from(size.rows.saturating_sub(6))
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
