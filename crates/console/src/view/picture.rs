//! Pictures of screens for the documents: a screen's cells as SVG.

use super::text::width;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use std::fmt::Write;

/// The size of a cell.
const CELL: (u16, u16) = (9, 19);
const BACK: &str = "#16181d";
const FORE: &str = "#d8dbe2";

/// The first sixteen colours, as they look on a dark ground.
const SIXTEEN: [&str; 16] = [
    "#16181d", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#c8ccd4",
    "#5c6370", "#ff7b86", "#b5e08c", "#ffd68a", "#82c4ff", "#dd9bf0", "#7fdbe6", "#ffffff",
];

/// The sixteen colours, in the order of their numbers.
pub(super) const NAMED: [Color; 16] = [
    Color::Black,
    Color::Red,
    Color::Green,
    Color::Yellow,
    Color::Blue,
    Color::Magenta,
    Color::Cyan,
    Color::Gray,
    Color::DarkGray,
    Color::LightRed,
    Color::LightGreen,
    Color::LightYellow,
    Color::LightBlue,
    Color::LightMagenta,
    Color::LightCyan,
    Color::White,
];

/// A screen as a picture.
pub(super) fn svg(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (wide, high) = (area.width * CELL.0 + 16, area.height * CELL.1 + 16);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" \
         font-family=\"ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace\" \
         font-size=\"15\">\n<rect width=\"{wide}\" height=\"{high}\" rx=\"8\" fill=\"{BACK}\"/>\n"
    );
    for y in 0..area.height {
        let mut x = 0;
        while x < area.width {
            let cell = &buffer[(x, y)];
            let mut run = String::new();
            let (start, mut cells) = (x, 0);
            while x < area.width && same(&buffer[(x, y)], cell) {
                let symbol = buffer[(x, y)].symbol();
                run.push_str(symbol);
                let columns = u16::try_from(width(symbol).max(1)).unwrap();
                (x, cells) = (x + columns, cells + columns);
            }
            draw(&mut out, cell, (start, y), cells, &run);
        }
    }
    out + "</svg>\n"
}

fn same(one: &ratatui::buffer::Cell, other: &ratatui::buffer::Cell) -> bool {
    (one.fg, one.bg, one.modifier) == (other.fg, other.bg, other.modifier)
}

fn draw(out: &mut String, cell: &ratatui::buffer::Cell, at: (u16, u16), cells: u16, run: &str) {
    let (x, y) = (8 + at.0 * CELL.0, 8 + at.1 * CELL.1);
    let (mut fore, mut back) = (colour(cell.fg, FORE), colour(cell.bg, BACK));
    if cell.modifier.contains(Modifier::REVERSED) {
        (fore, back) = (back, fore);
    }
    let long = cells * CELL.0;
    if back != BACK {
        writeln!(
            out,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{long}\" height=\"{}\" fill=\"{back}\"/>",
            CELL.1
        )
        .unwrap();
    }
    if run.trim().is_empty() {
        return;
    }
    let mut style = format!("fill=\"{fore}\"");
    if cell.modifier.contains(Modifier::BOLD) {
        style.push_str(" font-weight=\"bold\"");
    }
    if cell.modifier.contains(Modifier::UNDERLINED) {
        style.push_str(" text-decoration=\"underline\"");
    }
    let text = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let base = y + 14;
    writeln!(
        out,
        "<text x=\"{x}\" y=\"{base}\" textLength=\"{long}\" xml:space=\"preserve\" {style}>{text}</text>"
    )
    .unwrap();
}

fn colour(colour: Color, otherwise: &str) -> String {
    match colour {
        Color::Reset => otherwise.to_owned(),
        Color::Indexed(n @ 0..16) => SIXTEEN[usize::from(n)].to_owned(),
        Color::Indexed(n) => {
            let [red, green, blue] = super::theme::rgb_of(n);
            format!("#{red:02x}{green:02x}{blue:02x}")
        }
        Color::Rgb(red, green, blue) => format!("#{red:02x}{green:02x}{blue:02x}"),
        named_colour => {
            let at = NAMED.iter().position(|other| *other == named_colour).unwrap_or(15);
            SIXTEEN[at].to_owned()
        }
    }
}
