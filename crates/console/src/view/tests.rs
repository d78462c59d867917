//! Screens, as a rep sees them.

mod dialogues;
mod history;
mod queues;
mod rights;
mod scripts;
mod sessions;

use super::draw;
use super::picture::NAMED;
use super::theme::{Colours, Theme};
use crate::fixtures::{Desk, NOW, presence, rights, sample, statistics};
use jumpdeck_protocol::inventory::{
    GroupView, JumpPolicyView, PolicyState, Presence, Status, Thumbnail,
};
use jumpdeck_protocol::item::Shortcut;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::preferences::{Preferences, SavedSearch};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{ApplianceNotice, Used};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::{ItemId, JumpPolicyId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// The sizes every screen is looked at in.
const SIZES: [(u16, u16); 4] = [(120, 40), (80, 24), (40, 12), (200, 50)];

fn screen(desk: &Desk, theme: &str) -> Buffer {
    let size = desk.console.size();
    let mut terminal = Terminal::new(TestBackend::new(size.columns, size.rows)).unwrap();
    let theme = Theme::named(theme).unwrap();
    shown_by(desk, &theme, &mut terminal);
    terminal.backend().buffer().clone()
}

/// The same on a terminal with sixteen colours.
fn sixteen(desk: &Desk) -> Buffer {
    let size = desk.console.size();
    let mut terminal = Terminal::new(TestBackend::new(size.columns, size.rows)).unwrap();
    let theme = Theme::named("dark").unwrap().for_terminal(Colours::Sixteen);
    shown_by(desk, &theme, &mut terminal);
    terminal.backend().buffer().clone()
}

fn shown_by(desk: &Desk, theme: &Theme, terminal: &mut Terminal<TestBackend>) {
    terminal.draw(|frame| draw(&desk.console, theme, "14:03", frame)).unwrap();
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
    settings.set_snapshot_path("../../../../snapshots");
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
        let mono = screen(&desk(80, 24), "mono");
        insta::assert_snapshot!(format!("{name}-mono"), text(&mono) + &weights(&mono));
        let few = sixteen(&desk(80, 24));
        insta::assert_snapshot!(format!("{name}-16"), text(&few) + &colours(&few));
    });
}

/// How the cells of a screen without colours are set off: bold, dim, underlined, reversed.
fn weights(buffer: &Buffer) -> String {
    use ratatui::style::Modifier;
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let letter = |x| {
            let is = |wanted| buffer[(x, y)].modifier.contains(wanted);
            match (is(Modifier::REVERSED), is(Modifier::UNDERLINED)) {
                (true, _) => 'r',
                (false, true) => 'u',
                _ if is(Modifier::BOLD) => 'b',
                _ if is(Modifier::DIM) => 'd',
                _ => ' ',
            }
        };
        let line: String = (0..buffer.area.width).map(letter).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The colours of a screen that has sixteen: each as its number in hexadecimal digits, first those in
/// front, then those behind; a dot for the terminal's own.
fn colours(buffer: &Buffer) -> String {
    use ratatui::style::Color;
    let digit = |colour: Color| {
        let number = match colour {
            Color::Indexed(number) => Some(usize::from(number)).filter(|number| *number < 16),
            other => NAMED.iter().position(|known| *known == other),
        };
        number.and_then(|n| char::from_digit(u32::try_from(n).unwrap(), 16)).unwrap_or(match colour
        {
            Color::Reset => '.',
            _ => '?',
        })
    };
    let mut out = String::new();
    for behind in [false, true] {
        for y in 0..buffer.area.height {
            let colour = |x| if behind { buffer[(x, y)].bg } else { buffer[(x, y)].fg };
            let line: String = (0..buffer.area.width).map(|x| digit(colour(x))).collect();
            out.push_str(line.trim_end_matches('.'));
            out.push('\n');
        }
    }
    out
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

/// What stands on the session's screen.
const OUTPUT: &str = "\x1b[1;32malice@front\x1b[0m:~$ ls\r\n\x1b[34mlogs\x1b[0m  notes.txt  東京.txt  e\u{301}té\r\n$ ";

fn in_session(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    desk.output(channel, 0, OUTPUT);
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
fn jump_screen_while_nothing_is_measured_yet() {
    snapshot("measuring", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/cpu>80");
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

/// A desk whose machine is away, and being woken by somebody else.
fn waking(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.press("jjj");
    let status = Status::Offline;
    let changes = vec![Presence { item: ItemId(1), status, since: Some(NOW) }];
    desk.notice(ApplianceNotice::Presence { all: false, changes, position: None });
    desk.notice(ApplianceNotice::Waking { item: ItemId(1), by: "bob".into(), wait: 30 });
    desk.event(crate::core::Event::Tick(NOW.plus(7)));
    desk
}

/// A desk with all that an appliance can tell.
fn rich(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::new(columns, rows);
    desk.link_up();
    let state = PolicyState::Open { until: Some(NOW.plus(7200)) };
    let policy = JumpPolicyView {
        id: JumpPolicyId(1),
        name: "Weekdays".into(),
        strict: false,
        state,
        hours: "Mon–Fri 08:00–17:00, can be overridden".into(),
    };
    desk.notice(rights(Permission::ALL));
    desk.notice(ApplianceNotice::JumpPolicies { policies: vec![policy] });
    let saved =
        vec![SavedSearch { name: "Offline web".into(), query: "status:offline tag:web".into() }];
    let preferences = Preferences { saved, knows_the_keys: true, ..Preferences::default() };
    desk.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    let used = Used { item: ItemId(1), last: NOW, times: 3 };
    desk.notice(ApplianceNotice::Used { items: vec![used] });
    let mut part = sample();
    for item in &mut part.items {
        let item = std::sync::Arc::make_mut(item);
        item.jump_policy = Some(JumpPolicyId(1));
        item.expires = (item.id == ItemId(2)).then_some(NOW.plus(86_400));
        if item.id == ItemId(7) {
            item.method = JumpMethod::ShellJump;
            item.name = "Mail".into();
            item.shortcut = Some(Box::new(Shortcut::new(JumpMethod::ShellJump)));
        }
    }
    desk.notice(ApplianceNotice::Inventory(part));
    desk.notice(ApplianceNotice::Presence { all: true, changes: presence(), position: None });
    desk.settle();
    desk
}

#[test]
fn jump_screen_with_all_that_can_be_told() {
    snapshot("rich", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("jjj<space><space>kk");
        desk
    });
}

#[test]
fn details_of_a_shortcut() {
    snapshot("shortcut", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("/mail<enter>i");
        desk
    });
}

#[test]
fn a_machine_that_is_being_woken() {
    snapshot("waking", waking);
}

#[test]
fn the_line_for_a_wake_up_password() {
    snapshot("wake", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("/red<enter>w01:02<enter>");
        desk
    });
}

#[test]
fn the_screen_of_a_machine_is_shown_in_half_blocks_where_there_are_colours_for_it() {
    let mut desk = watched(120, 40);
    let rgb = (0..64_u16 * 36).flat_map(|n| if n % 64 < 32 { [255, 0, 0] } else { [0, 0, 255] });
    let rgb: Vec<u8> = rgb.collect();
    let thumbnail = Thumbnail { width: 64, height: 36, rgb: rgb.into() };
    desk.notice(ApplianceNotice::Thumbnail { item: ItemId(1), thumbnail: thumbnail.clone() });
    let shown = |desk: &Desk, theme| text(&screen(desk, theme)).matches('▀').count();
    assert_eq!(shown(&desk, "dark"), 26 * 7);
    let buffer = screen(&desk, "dark");
    let red = buffer.content.iter().find(|cell| cell.symbol() == "▀").unwrap();
    assert_eq!(red.fg, ratatui::style::Color::Rgb(255, 0, 0));
    let mut few = Terminal::new(TestBackend::new(120, 40)).unwrap();
    for colours in [super::theme::Colours::Sixteen, super::theme::Colours::None] {
        let theme = Theme::named("dark").unwrap().for_terminal(colours);
        few.draw(|frame| draw(&desk.console, &theme, "14:03", frame)).unwrap();
        assert!(!text(few.backend().buffer()).contains('▀'), "{colours:?}");
    }
    let broken = Thumbnail { width: 64, height: 64, ..thumbnail };
    desk.notice(ApplianceNotice::Thumbnail { item: ItemId(1), thumbnail: broken });
    assert_eq!(shown(&desk, "dark"), 0, "what is no picture is not shown");
}

/// The README shows a screen as it is; write it again with `JUMPDECK_BLESS=1 cargo test picture`.
#[test]
fn the_picture_in_the_readme_is_a_screen_of_today() {
    let mut desk = rich(120, 26);
    for cpu in [5.0, 20.0, 45.0, 80.0, 100.0, 60.0, 23.0] {
        let statistics = statistics(cpu);
        desk.notice(ApplianceNotice::Statistics { item: ItemId(1), statistics });
    }
    let past = jumpdeck_protocol::rep::PastSession {
        user: "jose".into(),
        started: jumpdeck_protocol::Timestamp(NOW.0 - 3 * 86_400),
        ended: Some(NOW),
    };
    desk.press("<tab><end>l<esc>jjj<space>kk<space>kk");
    let (history, _) = desk.last_history();
    let reply = jumpdeck_protocol::rep::RepReply::History(reply::ItemHistory {
        sessions: vec![past],
        warning: None,
    });
    let reply = crate::core::LinkEvent::Reply(history, jumpdeck_protocol::Outcome::Ok(reply));
    desk.event(crate::core::Event::Link(reply));
    let picture = super::picture::svg(&screen(&desk, "dark"));
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/screen.svg");
    if std::env::var_os("JUMPDECK_BLESS").is_some() {
        std::fs::write(&path, &picture).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == picture, "{} is not how the screen looks", path.display());
}

#[test]
fn the_hint_for_the_first_start() {
    snapshot("hint", Desk::linked);
}

#[test]
fn names_of_128_wide_characters_and_many_groups_break_no_line() {
    for (columns, rows) in SIZES {
        let mut desk = rich(columns, rows);
        let mut part = sample();
        for (number, item) in part.items.iter_mut().enumerate() {
            let item = std::sync::Arc::make_mut(item);
            item.name = "東".repeat(128).into();
            item.tag = "ﾊﾟ🙂é".repeat(12).into();
            item.comments = "\u{202e}\u{1b}[31m漢\n".repeat(200).into();
            item.facts.hostname = format!("{}{number}", "x".repeat(250)).into();
        }
        part.groups.extend((10..210).map(|id| GroupView {
            id: jumpdeck_protocol::JumpGroupId(id),
            name: "組".repeat(128).into(),
        }));
        desk.notice(ApplianceNotice::Inventory(part));
        for keys in
            ["", "p", "<esc>x", "<esc>m", "<esc><esc><tab><end>", "<esc>i", "!", "<esc><ctrl-p>"]
        {
            desk.press(keys);
            let buffer = screen(&desk, "dark");
            let text = text(&buffer);
            for line in text.lines() {
                assert!(crate::view::text::width(line) <= usize::from(columns), "{keys}: {line}");
            }
            assert!(!text.chars().any(|c| c != '\n' && jumpdeck_protocol::text::is_unsafe(c)));
            // Every frame has its right side.
            let sides = text.lines().nth(1).map(|line| line.ends_with(['╮', '│']));
            assert_eq!(sides, Some(true), "{keys}");
        }
    }
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
