//! Sessions, in every state they can be in.

use super::*;
use jumpdeck_protocol::log::{CommandSource, LogEntry, LogEvent};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply};
use jumpdeck_protocol::session::{Part, Participant, RecordingState, SessionView, Size};
use jumpdeck_protocol::{ChannelId, Outcome, SessionId, Timestamp, UserId};

const CHANNEL: ChannelId = ChannelId(101);

/// The session on the screen, with bob in it.
fn with_bob(columns: u16, rows: u16) -> Desk {
    let mut desk = in_session(columns, rows);
    let mut view = desk.session(1, desk.console.tabs()[0].item);
    view.channels[0].attached = true;
    view.participants.push(bob(Part::Participant));
    desk.notice(ApplianceNotice::Sessions { sessions: vec![view] });
    desk.channel_state(CHANNEL, Some("alice"), true);
    desk
}

fn bob(part: Part) -> Participant {
    Participant { user: UserId(2), name: "bob".into(), part, here: true }
}

/// Bob's session, which he lets us look at.
fn bobs_session(desk: &Desk) -> SessionView {
    let item = desk.console.jump_screen().rows.get(2).unwrap().id();
    let mut view = desk.session(7, item);
    view.owner = UserId(2);
    view.channels[0].attached = true;
    view.participants[0].part = Part::Observer;
    view.participants.insert(0, bob(Part::Owner));
    view
}

fn entry(number: u64, who: Option<&str>, event: LogEvent) -> LogEntry {
    let at = Timestamp(crate::fixtures::NOW.0 + i64::try_from(number).unwrap() * 7);
    LogEntry { number, at, who: who.map(Into::into), event, position: None }
}

#[test]
fn sessions_of_ones_own_and_of_others() {
    snapshot("sessions", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        let mine = desk.session(1, desk.console.tabs()[0].item);
        let sessions = vec![mine, bobs_session(&desk)];
        desk.notice(ApplianceNotice::Sessions { sessions });
        let event = LogEvent::Chat { text: "look at the disk".into() };
        let entry = entry(3, Some("bob"), event);
        desk.notice(ApplianceNotice::Logged { session: SessionId(7), entry });
        desk.press("<ctrl-]>dgsj");
        desk
    });
}

#[test]
fn no_sessions() {
    snapshot("sessions-none", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("gs");
        desk
    });
}

#[test]
fn a_session_that_is_looked_at() {
    snapshot("session-observed", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        let view = bobs_session(&desk);
        let channel = view.channels[0].id;
        desk.notice(ApplianceNotice::Sessions { sessions: vec![view] });
        desk.press("<alt-1>");
        desk.sized(channel, Some("bob"), Size { columns: 36, rows: 8 });
        desk.attached(channel, 0, 0);
        desk.output(channel, 0, "bob@web:~$ df -h\r\n");
        desk.tick(20);
        desk
    });
}

#[test]
fn a_session_with_a_colleague() {
    snapshot("session-shared", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.tick(20);
        desk
    });
}

#[test]
fn a_session_that_cannot_be_recorded() {
    snapshot("session-unrecorded", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        let reason = "No space left on device".into();
        desk.recording(CHANNEL, RecordingState::Failed { reason });
        desk.tick(20);
        desk.press("x");
        desk
    });
}

#[test]
fn the_log_of_a_session() {
    snapshot("session-log", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.press("<ctrl-]>l");
        let command = |command: &str, source| LogEvent::Command {
            channel: CHANNEL,
            command: command.into(),
            source,
        };
        let entries = vec![
            entry(1, Some("alice"), LogEvent::Started),
            entry(2, Some("alice"), LogEvent::ShellOpened { channel: CHANNEL }),
            entry(3, Some("alice"), LogEvent::Shared { with: "bob".into(), observe: false }),
            entry(4, Some("bob"), LogEvent::Joined),
            entry(5, Some("bob"), command("mysql --password ******** shop", CommandSource::Line)),
            entry(
                6,
                Some("bob"),
                LogEvent::Chat {
                    text:
                        "the table is locked; I end the old job, and then we see whether it goes on"
                            .into(),
                },
            ),
            entry(7, Some("alice"), LogEvent::Note { text: "ticket 4711".into() }),
            entry(8, None, LogEvent::ShellClosed { channel: CHANNEL, status: None }),
        ];
        desk.reply(Outcome::Ok(RepReply::Log(reply::LogPart { entries, more: false })));
        desk
    });
}

#[test]
fn the_log_is_saved_once_it_is_whole() {
    let mut desk = with_bob(120, 40);
    desk.press("<ctrl-]>le");
    assert!(desk.said().contains("not all here yet"), "{}", desk.said());
    let entries = vec![
        entry(1, Some("alice"), LogEvent::Started),
        entry(2, Some("alice"), LogEvent::Note { text: "ticket 4711".into() }),
    ];
    desk.reply(Outcome::Ok(RepReply::Log(reply::LogPart { entries, more: false })));
    desk.press("e<ctrl-u>a.log<enter>");
    let crate::core::export::Export::Text { path, text } = &desk.exports[0] else { panic!() };
    assert_eq!(path.to_str(), Some("a.log"));
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].ends_with("+00:00  alice notes: ticket 4711"), "{text}");
}

#[test]
fn whom_to_share_a_session_with() {
    snapshot("session-share", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.press("<ctrl-]>S");
        let names = vec!["bob".into(), "carol".into()];
        desk.reply(Outcome::Ok(RepReply::Colleagues(reply::Colleagues { names, teams: vec![] })));
        desk
    });
}

#[test]
fn a_session_that_is_given_away() {
    snapshot("session-transfer", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.press("<ctrl-]>T");
        desk.reply(Outcome::Ok(RepReply::Colleagues(reply::Colleagues {
            names: vec!["bob".into()],
            teams: vec![],
        })));
        desk.press("<enter>");
        desk
    });
}

#[test]
fn words_for_the_others() {
    snapshot("session-chat", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.press("<ctrl-]>cI look at it");
        desk
    });
}

#[test]
fn a_look_back() {
    snapshot("session-scroll", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        let lines: Vec<String> =
            (0..200).map(|n| format!("\x1b[3{}mline {n}\x1b[0m of many\r\n", n % 8)).collect();
        desk.output(CHANNEL, OUTPUT.len() as u64, &lines.concat());
        desk.press("<ctrl-]>[/LINE 15<enter>nn<space>kk");
        desk
    });
}

#[test]
fn a_session_with_the_whole_screen() {
    snapshot("session-zoomed", |columns, rows| {
        let mut desk = with_bob(columns, rows);
        desk.press("<ctrl-]>z");
        desk
    });
}

/// Sessions with so many machines, all shown here; the last one is on the screen.
fn with_sessions(columns: u16, rows: u16, count: u64) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    let rows = desk.console.jump_screen().rows.clone();
    let items: Vec<_> = rows.iter().map(|item| item.id()).collect();
    let of = |number: u64| items[usize::try_from(number).unwrap() % items.len()];
    let sessions: Vec<_> = (1..=count).map(|number| desk.session(number, of(number))).collect();
    let channels: Vec<_> = sessions.iter().map(|view| view.channels[0].id).collect();
    desk.notice(ApplianceNotice::Sessions { sessions });
    for channel in channels {
        desk.channel_state(channel, Some("alice"), true);
        desk.attached(channel, 0, 0);
    }
    let down = usize::try_from(count).unwrap() - 1;
    desk.press(&format!("gs{}<enter>", "j".repeat(down)));
    desk
}

fn top_row(desk: &Desk) -> String {
    text(&screen(desk, "dark")).lines().next().unwrap().to_owned()
}

#[test]
fn ten_sessions_the_last_of_them_on_the_screen() {
    snapshot("session-ten", |columns, rows| {
        let mut desk = with_sessions(columns, rows, 10);
        desk.output(ChannelId(110), 0, "$ ");
        desk.output(ChannelId(101), 0, "built\r\n");
        desk.output(ChannelId(108), 0, "done\x07\r\n");
        desk
    });
}

#[test]
fn a_tab_says_what_happened_there_until_it_is_looked_at() {
    let mut desk = with_sessions(120, 40, 3);
    desk.output(ChannelId(101), 0, "built\r\n");
    assert!(top_row(&desk).contains("1 Defend01 • "), "{}", top_row(&desk));
    desk.output(ChannelId(101), 7, "\x07");
    assert!(top_row(&desk).contains("1 Defend01 ♪ "), "{}", top_row(&desk));
    let event = LogEvent::Chat { text: "look at the disk".into() };
    let entry = entry(3, Some("bob"), event);
    desk.notice(ApplianceNotice::Logged { session: SessionId(1), entry });
    assert!(top_row(&desk).contains("1 Defend01 ✉ "), "{}", top_row(&desk));
    desk.press("<ctrl-]>1<ctrl-]>3");
    assert!(top_row(&desk).contains("1 Defend01  "), "{}", top_row(&desk));
}

#[test]
fn a_shell_behind_the_one_on_the_screen_marks_its_tab_until_it_is_looked_at() {
    let mut desk = with_sessions(120, 40, 1);
    let item = desk.console.tabs()[0].item;
    let mut view = desk.session(1, item);
    let mut second = view.channels[0].clone();
    second.id = ChannelId(150);
    view.channels.push(second);
    desk.notice(ApplianceNotice::Sessions { sessions: vec![view] });
    desk.channel_state(ChannelId(150), Some("alice"), true);
    desk.attached(ChannelId(150), 0, 0);
    desk.output(ChannelId(150), 0, "\x07");
    assert!(top_row(&desk).contains("1/2 ♪"), "{}", top_row(&desk));
    desk.press("<ctrl-]><tab>");
    assert!(top_row(&desk).contains("2/2  "), "{}", top_row(&desk));
    desk.press("<ctrl-]><tab>");
    assert!(top_row(&desk).contains("1/2  "), "{}", top_row(&desk));
}

#[test]
fn a_bell_in_the_shell_on_the_screen_reaches_the_reps_terminal() {
    let mut desk = with_sessions(80, 24, 2);
    desk.output(ChannelId(102), 0, "\x07");
    assert_eq!(desk.bells, 1);
    desk.output(ChannelId(101), 0, "\x07");
    assert_eq!(desk.bells, 1, "that one is only marked");
}

#[test]
fn typing_into_several_sessions_cannot_be_overlooked() {
    snapshot("typing-together", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        desk.press("jjj<enter>");
        desk.grant_session(1);
        desk.press("<ctrl-]>dj<enter>");
        desk.grant_session(2);
        desk.press("<ctrl-]>gs*<enter><ctrl-]>b");
        desk
    });
}
