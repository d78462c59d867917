//! What lies over the screen.

use super::Artist;
use super::theme::Tone;
use crate::core::layers::Layer;
use ratatui::layout::Rect;
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
}
