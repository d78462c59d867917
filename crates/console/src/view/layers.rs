//! What lies over the screen.

use super::theme::Tone;
use super::{Artist, text};
use crate::core::layers::Layer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear};

impl Artist<'_, '_> {
    pub(super) fn layer(&mut self, layer: &Layer, area: Rect) {
        layer.drawn_by(self, area);
    }

    /// A window of at most this size in the middle. Returns what is left inside.
    pub(super) fn window(&mut self, area: Rect, title: &str, width: u16, height: u16) -> Rect {
        let (width, height) = (width.min(area.width), height.min(area.height));
        let window = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        self.frame.render_widget(Clear, window);
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.style(Tone::BorderFocused))
            .title(self.title(title, width));
        let inner = block.inner(window);
        self.frame.render_widget(block, window);
        inner
    }

    /// Says on a window's frame how many lines there are above and below what is shown inside.
    pub(super) fn more(&mut self, inside: Rect, above: usize, below: usize) {
        let edges =
            [("▲", above, inside.y.saturating_sub(1)), ("▼", below, inside.y + inside.height)];
        for (sign, count, y) in edges.into_iter().filter(|(_, count, _)| *count > 0) {
            let words = format!(" {sign} {} more ", text::number(count));
            let width = u16::try_from(text::width(&words)).unwrap_or(0);
            let x = (inside.x + inside.width).saturating_sub(width + 1);
            if width < inside.width {
                let style = self.style(Tone::Accent);
                self.line(Rect { x, y, width, height: 1 }, Line::styled(words, style));
            }
        }
    }
}
