use super::*;
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::vte::ansi::Color as AnsiColor;
use jumpdeck_protocol::session::Size;
use jumpdeck_terminal::terminal::Terminal;
use proptest::prelude::*;
use ratatui::backend::{Backend, CrosstermBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::collections::BTreeMap;

const WIDTH: u16 = 30;
const HEIGHT: u16 = 4;

/// Texts put onto a frame, side by side: in which of three columns and which row, what, how.
type Runs = BTreeMap<(u16, u16), (&'static str, Style)>;

fn runs() -> impl Strategy<Value = Runs> {
    let text = prop_oneof![
        Just("abc"),
        Just("              "),
        Just("東京"),
        Just("e\u{301}té"),
        Just("🙂 x"),
        Just("❤\u{fe0f} x"),
        Just("❤\u{fe0f}"),
        Just("— ● │"),
        Just("a much longer text than fits"),
    ];
    let colour = prop_oneof![
        Just(Color::Reset),
        Just(Color::Green),
        Just(Color::Indexed(24)),
        Just(Color::White),
        Just(Color::Rgb(1, 2, 3)),
    ];
    let modifier = prop_oneof![
        3 => Just(Modifier::empty()),
        1 => Just(Modifier::BOLD),
        1 => Just(Modifier::DIM | Modifier::UNDERLINED),
        1 => Just(Modifier::REVERSED),
    ];
    let style = (colour.clone(), colour, modifier)
        .prop_map(|(fg, bg, modifier)| Style::new().fg(fg).bg(bg).add_modifier(modifier));
    proptest::collection::btree_map((0..3_u16, 0..HEIGHT), (text, style), 0..10)
}

fn frame(runs: &Runs) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
    for ((column, y), (text, style)) in runs {
        buffer.set_stringn(column * 10, *y, text, 10, *style);
    }
    buffer
}

/// Every cell as the terminal shows it.
fn shown(terminal: &Terminal) -> Vec<String> {
    let cells = terminal.term().grid().display_iter();
    cells
        .map(|cell| {
            let cell = cell.cell;
            let blank = cell.c == ' ';
            // The colour and weight of a blank's letter are not seen.
            let fg = if blank { String::new() } else { colour_of(cell.fg) };
            let bg = colour_of(cell.bg);
            let unseen = if blank { Flags::BOLD | Flags::DIM } else { Flags::empty() };
            let flags = cell.flags - unseen;
            format!("{:?} {fg} {bg} {flags:?} {:?}", cell.c, cell.zerowidth())
        })
        .collect()
}

/// The first sixteen colours have two names.
fn colour_of(colour: AnsiColor) -> String {
    match colour {
        AnsiColor::Named(named) if (named as usize) < 16 => {
            format!("Indexed({})", named as usize)
        }
        other => format!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_terminal_shows_what_was_drawn_whatever_stood_there_before(
        frames in proptest::collection::vec(runs(), 1..6),
    ) {
        let size = Size { columns: WIDTH, rows: HEIGHT };
        let (mut ours, mut theirs) = (Terminal::new(size), Terminal::new(size));
        let mut diff = TerminalDiff::new(WIDTH, HEIGHT);
        let mut plain = CrosstermBackend::new(Vec::new());
        let mut before = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for runs in frames {
            let now = frame(&runs);
            let changes = before.diff(&now);
            diff.draw(changes.iter().copied());
            plain.draw(changes.into_iter()).unwrap();
            ours.take(&diff.take());
            theirs.take(&std::mem::take(plain.writer_mut()));
            for (ours, theirs) in shown(&ours).iter().zip(&shown(&theirs)) {
                prop_assert_eq!(ours, theirs);
            }
            before = now;
        }
    }
}

#[test]
fn a_gap_of_a_few_cells_is_written_again_and_a_longer_one_passed_over() {
    let mut diff = TerminalDiff::new(20, 1);
    let base = Buffer::with_lines(["abcdefghijklmnopqrst"]);
    let blank = Buffer::empty(base.area);
    diff.draw(blank.diff(&base).into_iter());
    diff.take();
    let changed = Buffer::with_lines(["XbcXefghijklXnopqrst"]);
    diff.draw(base.diff(&changed).into_iter());
    assert_eq!(String::from_utf8(diff.take()).unwrap(), "\x1b[1HXbcX\x1b[8CX");
}

#[test]
fn changes_below_one_another_take_hardly_more_than_a_movement() {
    let base = Buffer::with_lines(["one of many"; 3]);
    let mut diff = TerminalDiff::new(base.area.width, base.area.height);
    diff.draw(Buffer::empty(base.area).diff(&base).into_iter());
    diff.take();
    let mut found = base.clone();
    for y in 0..3 {
        found.set_style(Rect::new(0, y, 1, 1), Style::new().bold());
        found.set_style(Rect::new(7, y, 1, 1), Style::new().bold());
    }
    diff.draw(base.diff(&found).into_iter());
    let down = "\x1b[1;39mo\x1b[6Cm\x1b[B\x08m\x1b[B\x08m\x1b[2Ho\x1b[3Ho\x1b[m";
    assert_eq!(String::from_utf8(diff.take()).unwrap(), format!("\x1b[1H{down}"));
}

#[test]
fn a_blank_in_another_colour_is_not_written_again() {
    let base = Buffer::with_lines(["a        b"]);
    let mut diff = TerminalDiff::new(10, 1);
    diff.draw(Buffer::empty(base.area).diff(&base).into_iter());
    diff.take();
    let mut coloured = base.clone();
    coloured.set_style(Rect::new(1, 0, 8, 1), Style::new().fg(Color::Green));
    diff.draw(base.diff(&coloured).into_iter());
    assert_eq!(diff.take(), b"");
}

#[test]
fn an_emoji_of_uncertain_width_is_not_overwritten_by_the_blank_behind_it() {
    let mut diff = TerminalDiff::new(10, 1);
    let letters = Buffer::with_lines(["abcdefghij"]);
    diff.draw(Buffer::empty(letters.area).diff(&letters).into_iter());
    diff.take();
    let emoji = Buffer::with_lines(["ab❤️ web  "]);
    diff.draw(letters.diff(&emoji).into_iter());
    let written = String::from_utf8(diff.take()).unwrap();
    assert!(written.contains("❤️ "), "{written:?}");
}

#[test]
fn many_blanks_are_erased_at_once() {
    let mut diff = TerminalDiff::new(20, 1);
    let full = Buffer::with_lines(["abcdefghijklmnopqrst"]);
    diff.draw(Buffer::empty(full.area).diff(&full).into_iter());
    diff.take();
    let ends = Buffer::with_lines(["a                  t"]);
    diff.draw(full.diff(&ends).into_iter());
    assert_eq!(String::from_utf8(diff.take()).unwrap(), "\x1b[1;2H\x1b[18X");
}
