//! Draws a console. Pure: the same console and theme make the same cells.

mod bar;
mod choosers;
mod details;
mod form;
mod history;
mod jump;
mod layers;
mod list;
mod prefix;
mod questions;
mod readers;
mod session;
mod sessions;
mod tabs;
pub mod theme;
mod tree;

pub use crate::text;

use crate::core::{Console, Screen};
use jumpdeck_protocol::inventory::Status;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Wrap};
use theme::{Theme, Tone};

/// Draws everything. `time` is the wall clock as it is to be shown.
pub fn draw(console: &Console, theme: &Theme, time: &str, frame: &mut Frame<'_>) {
    let area = frame.area();
    if console.is_too_small() {
        draw_too_small(theme, frame, area);
        return;
    }
    let mut artist = Artist { console, theme, time, frame };
    if let Some(locked) = console.locked() {
        artist.lock(locked, area);
        return;
    }
    match console.screen() {
        Screen::Jump => artist.jump_screen(area),
        Screen::Sessions => artist.sessions_screen(area),
        Screen::Session(_) => artist.session_screen(area),
    }
    for layer in console.layers() {
        artist.layer(layer, area);
    }
    let typing = console.layers().last().is_some_and(|layer| layer.room().takes_text());
    if !typing {
        artist.hints(area);
    }
}

fn draw_too_small(theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let text = format!(
        "jumpdeck needs 40×12 cells; this is {}×{}. Make the terminal larger.",
        area.width, area.height
    );
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: true });
    frame.render_widget(paragraph.style(theme.style(Tone::Warning)), area);
}

/// What all parts draw with.
struct Artist<'a, 'f> {
    console: &'a Console,
    theme: &'a Theme,
    time: &'a str,
    frame: &'a mut Frame<'f>,
}

impl Artist<'_, '_> {
    fn style(&self, role: Tone) -> Style {
        self.theme.style(role)
    }

    /// A pane's frame. Returns what is left inside.
    fn pane(&mut self, area: Rect, title: Line<'_>, focused: bool) -> Rect {
        self.pane_with(area, title, [Line::default(), Line::default()], focused)
    }

    /// The same, with words on the left and on the right of its lower edge.
    fn pane_with(
        &mut self,
        area: Rect,
        title: Line<'_>,
        [left, right]: [Line<'_>; 2],
        focused: bool,
    ) -> Rect {
        let role = if focused { Tone::BorderFocused } else { Tone::Border };
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.style(role))
            .title(title)
            .title_bottom(left)
            .title_bottom(right);
        let inner = block.inner(area);
        self.frame.render_widget(block, area);
        inner
    }

    fn line(&mut self, area: Rect, line: Line<'_>) {
        self.frame.render_widget(line, area);
    }

    /// A text that is being edited, with its cursor: as much around that as there is room for.
    fn edited(
        &self,
        line: &mut Line<'static>,
        (before, after): (&str, &str),
        room: usize,
        role: Tone,
    ) {
        let room = room.saturating_sub(1);
        let shown = text::end(before, room);
        let mut left = room.saturating_sub(text::width(shown));
        if shown.len() < before.len() {
            line.push_span(Span::styled("…", self.style(Tone::Muted)));
            left = left.saturating_sub(1);
        }
        line.push_span(Span::styled(shown.to_owned(), self.style(role)));
        line.push_span(Span::styled("▏", self.style(Tone::Key)));
        line.push_span(Span::styled(text::fit(after, left), self.style(role)));
    }

    fn title(&self, text: &str, room: u16) -> Line<'static> {
        let text = text::fit(text, usize::from(room).saturating_sub(4));
        Line::from(Span::styled(format!(" {text} "), self.style(Tone::Text)))
    }
}

/// The row of an area that lies `offset` below its top, if it is inside.
fn row(area: Rect, offset: usize) -> Option<Rect> {
    let offset = u16::try_from(offset).ok().filter(|offset| *offset < area.height)?;
    Some(Rect { y: area.y + offset, height: 1, ..area })
}

/// A status as a shape, so that its meaning is not colour alone.
const fn shape(status: Status) -> &'static str {
    match status {
        Status::Online => "●",
        Status::InUse => "▶",
        Status::Passive => "◐",
        Status::Offline => "○",
        Status::Lost => "✕",
        Status::UpgradePending => "↑",
        Status::Disabled => "⊘",
        Status::Uninstalled => "␡",
    }
}

const fn status_tone(status: Status) -> Tone {
    match status {
        Status::Online => Tone::Good,
        Status::InUse => Tone::Busy,
        Status::Passive | Status::UpgradePending => Tone::Warning,
        Status::Lost | Status::Disabled | Status::Uninstalled => Tone::Error,
        Status::Offline => Tone::Muted,
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::pedantic,
    reason = "only tests make pictures"
)]
mod picture;
#[cfg(test)]
mod tests;
