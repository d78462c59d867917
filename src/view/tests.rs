//! Screens, as a rep sees them.

use super::draw;
use super::theme::Theme;
use crate::fixtures::{Desk, statistics};
use jumpdeck_protocol::ItemId;
use jumpdeck_protocol::rep::ApplianceNotice;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// The sizes every screen is looked at in.
const SIZES: [(u16, u16); 3] = [(120, 40), (80, 24), (40, 12)];

fn screen(desk: &Desk, theme: &str) -> Buffer {
    let size = desk.console.size();
    let mut terminal = Terminal::new(TestBackend::new(size.columns, size.rows)).unwrap();
    let theme = Theme::named(theme).unwrap();
    terminal.draw(|frame| draw(&desk.console, &theme, "14:03", frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters of a screen, a row a line.
fn text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        let mut line = String::new();
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(super::text::width(symbol).max(1)).unwrap();
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn snapshot(name: &str, desk: impl Fn(u16, u16) -> Desk) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (columns, rows) in SIZES {
            let desk = desk(columns, rows);
            insta::assert_snapshot!(
                format!("{name}-{columns}x{rows}"),
                text(&screen(&desk, "dark"))
            );
        }
    });
}

fn watched(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.press("jjj");
    for cpu in [5.0, 20.0, 45.0, 80.0, 100.0, 60.0, 23.0] {
        let statistics = statistics(cpu);
        desk.notice(ApplianceNotice::Statistics { item: ItemId(1), statistics });
    }
    desk
}

fn in_session(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    let output = "\x1b[1;32malice@front\x1b[0m:~$ ls\r\n\x1b[34mlogs\x1b[0m  notes.txt  東京.txt  e\u{301}té\r\n$ ";
    desk.output(channel, 0, output);
    desk
}

#[test]
fn jump_screen() {
    snapshot("jump", watched);
}

#[test]
fn jump_screen_while_searching() {
    snapshot("search", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/we");
        desk
    });
}

#[test]
fn jump_screen_without_a_match() {
    snapshot("no-match", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/nowhere");
        desk
    });
}

#[test]
fn jump_screen_with_the_tree_unfolded() {
    snapshot("tree", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("<tab><end>l");
        desk
    });
}

#[test]
fn jump_screen_with_details_over_the_list() {
    snapshot("details", |columns, rows| {
        let mut desk = watched(columns, rows);
        desk.press("i");
        desk
    });
}

#[test]
fn jump_screen_before_the_inventory_came() {
    snapshot("loading", |columns, rows| {
        let mut desk = Desk::new(columns, rows);
        desk.link_up();
        desk
    });
}

#[test]
fn jump_screen_without_any_item() {
    snapshot("empty", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        let nothing = jumpdeck_protocol::inventory::InventoryPart {
            items: vec![],
            groups: vec![],
            ..crate::fixtures::sample()
        };
        desk.notice(ApplianceNotice::Inventory(nothing));
        desk
    });
}

#[test]
fn jump_screen_while_the_link_is_down() {
    snapshot("stale", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.link_down();
        let now = desk.console.now();
        desk.event(crate::core::Event::Tick(now.plus(95)));
        desk
    });
}

#[test]
fn session_screen() {
    snapshot("session", in_session);
}

#[test]
fn session_screen_after_the_prefix() {
    snapshot("session-prefix", |columns, rows| {
        let mut desk = in_session(columns, rows);
        desk.press("<ctrl-]>");
        desk
    });
}

#[test]
fn question_before_a_session_ends() {
    snapshot("question", |columns, rows| {
        let mut desk = in_session(columns, rows);
        desk.press("<ctrl-]>x");
        desk
    });
}

#[test]
fn help_screen() {
    snapshot("help", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("?");
        desk
    });
}

#[test]
fn the_end_of_a_long_search_is_shown_while_it_is_typed() {
    snapshot("long-search", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/-tag:nothing (group:\"Web Servers\" or group:techcom) status:online pa");
        desk
    });
}

#[test]
fn a_term_that_means_nothing_is_marked_in_its_place() {
    snapshot("mistake", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/web staus:online pa");
        desk
    });
}

#[test]
fn palette_screen() {
    snapshot("palette", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press(":se");
        desk
    });
}

#[test]
fn fuzzy_jump_screen() {
    snapshot("fuzzy", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("<ctrl-p>we");
        desk
    });
}

#[test]
fn message_history() {
    snapshot("messages", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/red<enter><enter><esc><alt-4><f2>");
        desk
    });
}

#[test]
fn a_terminal_that_is_too_small_says_what_it_needs() {
    let desk = Desk::linked(20, 5);
    insta::assert_snapshot!(text(&screen(&desk, "dark")), @r"
    jumpdeck needs 40×12
    cells; this is 20×5.
    Make the terminal
    larger.
    ");
}

#[test]
fn nothing_hostile_reaches_a_cell() {
    let desk = Desk::linked(120, 40);
    let text = text(&screen(&desk, "dark"));
    assert!(text.contains("evil[31m"));
    assert!(!text.chars().any(|c| c != '\n' && jumpdeck_protocol::text::is_unsafe(c)));
}

#[test]
fn without_colours_meaning_is_still_there() {
    let desk = watched(120, 40);
    let buffer = screen(&desk, "mono");
    let coloured = |cell: &ratatui::buffer::Cell| {
        use ratatui::style::Color::Reset;
        cell.fg != Reset || cell.bg != Reset
    };
    assert!(!buffer.content.iter().any(coloured));
    let text = text(&buffer);
    assert!(text.contains("● online") && text.contains("○ offline") && text.contains("▶ in use"));
}

#[test]
fn the_cursor_stands_where_the_shell_left_it() {
    let desk = in_session(80, 24);
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let theme = Theme::named("dark").unwrap();
    terminal.draw(|frame| draw(&desk.console, &theme, "14:03", frame)).unwrap();
    terminal.backend_mut().assert_cursor_position((2, 3));
}
