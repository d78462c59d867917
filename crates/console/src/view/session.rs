//! A session's screen: the bar, and below it a terminal.

use super::Artist;
use super::theme::Tone;
use super::{row, text};
use crate::core::layers::scroll::{Scroll, found_in};
use crate::core::room::Draws;
use crate::core::session::{Shell, Tab};
use alacritty_terminal::event::EventListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::Point;
use alacritty_terminal::term::cell::{Cell, Flags};
use alacritty_terminal::term::{Term, point_to_viewport};
use alacritty_terminal::vte::ansi::{Color as Ansi, CursorShape, NamedColor};
use jumpdeck_protocol::text::is_unsafe;
use jumpdeck_terminal::Prediction;
use jumpdeck_terminal::predict::{Place, PredictedCell};
use jumpdeck_terminal::scrollback::{CellStyle, Line as PastLine};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

impl Draws<Scroll, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Scroll, area: Rect) {
        self.scroll_back(layer, area);
    }
}

impl Artist<'_, '_> {
    pub(super) fn session_screen(&mut self, area: Rect) {
        let pane = self.session_pane(area);
        if let Some(shell) = self.console.shown_tab().and_then(Tab::shell) {
            self.terminal(shell, pane);
        }
        // A shell with the whole screen lends its first row to what must be seen.
        let news = self.console.messages().current(self.console.now()).is_some();
        if !self.console.is_zoomed() || news || !self.console.is_linked() {
            self.session_bar(Rect { height: 1, ..area });
        }
    }

    fn session_pane(&self, area: Rect) -> Rect {
        let bar = u16::from(!self.console.is_zoomed());
        Rect { y: area.y + bar, height: area.height.saturating_sub(bar), ..area }
    }

    /// A look back at a shell, in its pane.
    pub(super) fn scroll_back(&mut self, scroll: &Scroll, area: Rect) {
        let pane = self.session_pane(area);
        let Some(shell) = self.console.scrolled(scroll) else {
            return;
        };
        let terminal = &shell.terminal;
        self.frame.render_widget(Clear, pane);
        for offset in 0..usize::from(pane.height) {
            let number = scroll.top + offset;
            let (Some(area), Some(line)) = (row(pane, offset), terminal.line(number)) else {
                break;
            };
            let drawn = self.past_line(&line, scroll, number);
            self.line(area, drawn);
        }
        let (begin, end) = (terminal.begin(), terminal.end());
        let words =
            format!(" line {} of {} · ? keys ", scroll.at - begin.min(scroll.at) + 1, end - begin);
        let selected =
            scroll.mark.map(|mark| format!(" {} selected ·", mark.abs_diff(scroll.at) + 1));
        let words = format!("{}{words}", selected.unwrap_or_default());
        let width = u16::try_from(text::width(&words)).unwrap_or(u16::MAX).min(pane.width);
        let corner = Rect { x: pane.right() - width, width, height: 1, ..pane };
        self.line(corner, Line::styled(words, self.style(Tone::Selection)));
    }

    fn past_line(&self, line: &PastLine, scroll: &Scroll, number: usize) -> Line<'static> {
        let whole =
            if scroll.selects(number) { self.style(Tone::Selection) } else { Style::reset() };
        let found = found_in(line, &scroll.query);
        let mut spans = Vec::new();
        let mut at = 0;
        for (part, style) in line.parts() {
            for character in part.chars() {
                let mut looks = ratatui_style(style).patch(if scroll.selects(number) {
                    whole
                } else {
                    Style::new()
                });
                if found.is_some_and(|(from, to)| (from..to).contains(&at)) {
                    looks = self.style(Tone::Match);
                }
                at += character.len_utf8();
                let shown = if is_unsafe(character) { ' ' } else { character };
                spans.push(Span::styled(shown.to_string(), looks));
            }
        }
        Line::from(spans).style(whole)
    }

    fn terminal(&mut self, shell: &Shell, area: Rect) {
        let term = shell.terminal.term();
        let (columns, rows) = (term.columns(), term.screen_lines());
        let first = first_shown(term, area);
        cells(term, area, first, self.frame.buffer_mut());
        predicted(&shell.prediction, area, first, self.frame.buffer_mut());
        self.beyond(area, columns, rows);
        let position = cursor(term, area, first).map(|position| {
            let predicted = shell.prediction.cursor();
            predicted.and_then(|at| predicted_place(at, area, first)).unwrap_or(position)
        });
        if let Some(position) = position
            && self.console.layers().is_empty()
        {
            self.frame.set_cursor_position(position);
        }
    }
}

impl Artist<'_, '_> {
    /// What lies beyond a terminal that somebody with a smaller one shows too.
    fn beyond(&mut self, area: Rect, columns: usize, rows: usize) {
        let style = self.style(Tone::Muted);
        let buffer = self.frame.buffer_mut();
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                let inside = usize::from(x - area.x) < columns && usize::from(y - area.y) < rows;
                if let Some(cell) = buffer.cell_mut((x, y)).filter(|_| !inside) {
                    cell.set_char('·').set_style(style);
                }
            }
        }
    }
}

/// The cell of a terminal that is in the pane's corner: of one that is larger than the pane,
/// the part with the cursor is shown.
pub(super) fn first_shown<T: EventListener>(term: &Term<T>, area: Rect) -> Position {
    let cursor = point_to_viewport(0, term.renderable_content().cursor.point);
    let side = |at: Option<usize>, pane: u16| {
        let at = at.and_then(|at| u16::try_from(at).ok()).unwrap_or(0);
        (at + 1).saturating_sub(pane)
    };
    Position {
        x: side(cursor.map(|point| point.column.0), area.width),
        y: side(cursor.map(|point| point.line), area.height),
    }
}

/// Copies the emulator's cells into the screen.
pub(super) fn cells<T: EventListener>(
    term: &Term<T>,
    area: Rect,
    first: Position,
    buffer: &mut Buffer,
) {
    let content = term.renderable_content();
    for indexed in content.display_iter {
        let Some(position) = place(indexed.point, content.display_offset, area, first) else {
            continue;
        };
        if indexed.cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER)
        {
            continue;
        }
        let Some(cell) = buffer.cell_mut(position) else {
            continue;
        };
        cell.set_style(style(indexed.cell));
        let wide = indexed.cell.flags.contains(Flags::WIDE_CHAR);
        let cut = wide && position.x + 1 >= area.right();
        if indexed.cell.flags.contains(Flags::HIDDEN) || cut || is_unsafe(indexed.cell.c) {
            cell.set_char(' ');
        } else if let Some(marks) = indexed.cell.zerowidth() {
            let safe = marks.iter().filter(|mark| !is_unsafe(**mark));
            let text: String = std::iter::once(&indexed.cell.c).chain(safe).collect();
            cell.set_symbol(&text);
        } else {
            cell.set_char(indexed.cell.c);
        }
    }
}

/// What the machine has not printed yet, underlined.
fn predicted(prediction: &Prediction, area: Rect, first: Position, buffer: &mut Buffer) {
    for PredictedCell { at, character } in prediction.cells() {
        let position = predicted_place(at, area, first);
        if let Some(cell) = position.and_then(|position| buffer.cell_mut(position)) {
            cell.set_char(if is_unsafe(character) { ' ' } else { character });
            if character != ' ' {
                cell.modifier.insert(Modifier::UNDERLINED);
            }
        }
    }
}

fn predicted_place(at: Place, area: Rect, first: Position) -> Option<Position> {
    let x = u16::try_from(at.column).ok()?.checked_sub(first.x)?;
    let y = u16::try_from(at.row).ok()?.checked_sub(first.y)?;
    (y < area.height)
        .then(|| Position { x: area.x + x.min(area.width.saturating_sub(1)), y: area.y + y })
}

fn cursor<T: EventListener>(term: &Term<T>, area: Rect, first: Position) -> Option<Position> {
    let content = term.renderable_content();
    let shown = content.cursor.shape != CursorShape::Hidden;
    shown.then(|| place(content.cursor.point, content.display_offset, area, first)).flatten()
}

fn place(point: Point, offset: usize, area: Rect, first: Position) -> Option<Position> {
    let point = point_to_viewport(offset, point)?;
    let x = u16::try_from(point.column.0).ok()?.checked_sub(first.x)?;
    let y = u16::try_from(point.line).ok()?.checked_sub(first.y)?;
    (x < area.width && y < area.height).then(|| Position { x: area.x + x, y: area.y + y })
}

fn style(cell: &Cell) -> Style {
    ratatui_style(CellStyle { fg: cell.fg, bg: cell.bg, flags: cell.flags })
}

fn ratatui_style(style: CellStyle) -> Style {
    const MODIFIERS: [(Flags, Modifier); 5] = [
        (Flags::BOLD, Modifier::BOLD),
        (Flags::DIM, Modifier::DIM),
        (Flags::ITALIC, Modifier::ITALIC),
        (Flags::INVERSE, Modifier::REVERSED),
        (Flags::STRIKEOUT, Modifier::CROSSED_OUT),
    ];
    let mut drawn = Style::reset().fg(colour(style.fg)).bg(colour(style.bg));
    for (flag, modifier) in MODIFIERS {
        if style.flags.contains(flag) {
            drawn = drawn.add_modifier(modifier);
        }
    }
    if style.flags.intersects(Flags::ALL_UNDERLINES) {
        drawn = drawn.add_modifier(Modifier::UNDERLINED);
    }
    drawn
}

/// The rep's own terminal decides how the sixteen colours look.
fn colour(colour: Ansi) -> Color {
    match colour {
        Ansi::Spec(rgb) => Color::Rgb(rgb.r, rgb.g, rgb.b),
        Ansi::Indexed(index) => Color::Indexed(index),
        Ansi::Named(named) => match named as usize {
            index @ 0..=15 => Color::Indexed(u8::try_from(index).unwrap_or(7)),
            _ => dim(named),
        },
    }
}

const fn dim(named: NamedColor) -> Color {
    match named {
        NamedColor::DimBlack => Color::Indexed(0),
        NamedColor::DimRed => Color::Indexed(1),
        NamedColor::DimGreen => Color::Indexed(2),
        NamedColor::DimYellow => Color::Indexed(3),
        NamedColor::DimBlue => Color::Indexed(4),
        NamedColor::DimMagenta => Color::Indexed(5),
        NamedColor::DimCyan => Color::Indexed(6),
        NamedColor::DimWhite => Color::Indexed(7),
        _ => Color::Reset,
    }
}
