//! Shells: typing ahead, looking back, several of them, programs that never end.

use super::desk;
use crate::core::*;
use crate::fixtures::{Desk, Sent};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{RepNotice, RepRequest};
use jumpdeck_protocol::session::Family;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport};
use jumpdeck_protocol::{ChannelId, Outcome, SessionId, rep};

#[test]
fn keys_typed_ahead_of_a_search_mean_what_it_will_find() {
    for keys in ["<ctrl-p>defend<enter>", "/defend<enter><enter>"] {
        let mut desk = desk();
        desk.held = Some(Vec::new());
        desk.press(keys);
        assert!(
            !matches!(
                desk.last_request().1,
                RepRequest::StartSession(request::StartSession { .. })
            ),
            "{keys}"
        );
        let jobs = desk.held.take().unwrap();
        // They finish in another order than they were asked for.
        for job in jobs.into_iter().rev() {
            desk.event(Event::Found(search::run(job)));
        }
        let RepRequest::StartSession(request::StartSession { item, .. }) = desk.last_request().1
        else {
            panic!("{keys}: a session is asked for");
        };
        assert_eq!(item.0, 2, "{keys}");
    }
}

#[test]
fn lines_above_the_screen_are_found_copied_and_saved() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    let lines: Vec<String> = (0..300).map(|n| format!("line {n}\r\n")).collect();
    desk.output(channel, 0, &lines.concat());
    desk.press("<ctrl-]>[/LINE 77<enter>y");
    assert_eq!(desk.copied, ["line 77"]);
    desk.press("<space>jjy");
    assert_eq!(desk.copied[1], "line 77\nline 78\nline 79");
    desk.press("/nowhere<enter>");
    assert_eq!(desk.said(), "No line above holds “nowhere”.");
    desk.press("e<ctrl-u>out.txt<enter>");
    assert_eq!(desk.exports[0].what(), "301 lines were");
    desk.press("<esc>x");
    assert_eq!(desk.typed(channel), "x", "and then the shell is typed into again");
}

#[test]
fn a_rep_opens_a_second_shell_and_ends_it() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    desk.grant_session(1);
    desk.press("<ctrl-]>s");
    assert!(matches!(
        desk.last_request().1,
        RepRequest::OpenShell(request::OpenShell { session: SessionId(1), .. })
    ));
    let second = ChannelId(300);
    let view = jumpdeck_protocol::session::ChannelView {
        id: second,
        errors: None,
        family: Family::Terminal,
        attached: true,
        recorded: true,
    };
    desk.reply(Outcome::Ok(rep::RepReply::ShellOpened(view)));
    desk.attached(second, 0, 0);
    desk.press("ls");
    assert_eq!(desk.typed(second), "ls");
    desk.press("<ctrl-]><tab>pwd");
    assert_eq!(desk.typed(ChannelId(101)), "pwd");
    desk.press("<ctrl-]><tab><ctrl-]>Xy");
    let closed = Sent::Notice(RepNotice::Channel(ChannelOrder::Close { channel: second }));
    assert!(desk.sent.contains(&closed));
}

/// A session whose shell is on the screen.
fn in_a_shell() -> (Desk, ChannelId) {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let view = desk.session(1, desk.console.jump_screen().selected.unwrap());
    let channel = view.channels[0].id;
    desk.reply(Outcome::Ok(jumpdeck_protocol::rep::RepReply::SessionStarted(view)));
    desk.attached(channel, 0, 0);
    (desk, channel)
}

#[test]
fn what_a_program_never_ends_is_shown_after_its_time() {
    let (mut desk, channel) = in_a_shell();
    let begun = |desk: &Desk| match desk.timers.last() {
        Some(timer @ Timer::Settle(of, _)) if *of == channel => *timer,
        other => panic!("nobody comes back to it: {other:?}"),
    };
    let terminal = |desk: &Desk| {
        let terminal = &desk.console.tabs()[0].shell().unwrap().terminal;
        (terminal.is_drawing(), terminal.text())
    };
    let mut said = 0;
    let mut print = |desk: &mut Desk, text: &str| {
        desk.output(channel, said, text);
        said += u64::try_from(text.len()).unwrap();
    };
    print(&mut desk, "\x1b[?2026hSTUCK");
    assert!(terminal(&desk).0);
    let timer = begun(&desk);
    desk.event(Event::Timer(timer));
    assert!(!terminal(&desk).0);
    print(&mut desk, "\x1b]0;never ended");
    let timer = begun(&desk);
    desk.event(Event::Timer(timer));
    print(&mut desk, "\r\nshown");
    let text = terminal(&desk).1;
    assert!(text.contains("STUCK") && text.contains("shown"), "{text}");
}

#[test]
fn a_link_that_only_looks_whole_is_told_with_the_keys_that_wait() {
    let (mut desk, channel) = in_a_shell();
    let wait = |desk: &mut Desk| {
        let timer = desk.timers.last().copied().unwrap();
        assert!(matches!(timer, Timer::Silence(_)));
        desk.event(Event::Timer(timer));
    };
    desk.press("ls");
    wait(&mut desk);
    assert_eq!((desk.probes, desk.console.no_answer()), (1, None), "it is asked first");
    desk.press("x<enter>");
    wait(&mut desk);
    assert_eq!(desk.console.no_answer(), Some((3, 4)));
    desk.tick(5);
    assert_eq!(desk.console.no_answer(), Some((8, 4)), "it counts on");
    desk.event(Event::Link(LinkEvent::Delay(std::time::Duration::from_millis(3100))));
    assert_eq!(desk.console.no_answer(), None);
    // The machine may hang where the appliance does not.
    let told = |desk: &mut Desk, channel, silent| {
        let notice = ApplianceNotice::AgentSilent { channel, silent };
        desk.event(Event::Link(LinkEvent::Notice(notice)));
    };
    desk.press("ls");
    told(&mut desk, channel, true);
    assert_eq!(desk.console.no_answer_from_machine(), Some((3, 6)));
    desk.tick(2);
    told(&mut desk, channel, true);
    assert_eq!(desk.console.no_answer_from_machine(), Some((5, 6)), "it counts on");
    told(&mut desk, channel, false);
    assert_eq!(desk.console.no_answer_from_machine(), None);
    // A program that says nothing to a key is no link that hangs.
    desk.press("y");
    let timer = desk.timers.last().copied().unwrap();
    desk.event(Event::Timer(timer));
    desk.event(Event::Link(LinkEvent::Delay(std::time::Duration::from_millis(1))));
    desk.event(Event::Timer(timer));
    assert_eq!(desk.console.no_answer(), None);
}

/// What the shell on the screen shows before its machine has printed it.
fn predicted(desk: &Desk) -> String {
    let shell = desk.console.shown_tab().unwrap().shell().unwrap();
    shell.prediction.cells().map(|cell| cell.character).collect()
}

/// Lets everything run out that a prediction waits for.
fn wait_for_predictions(desk: &mut Desk) {
    let waits = |timer: &Timer| matches!(timer, Timer::Predicted(..));
    while let Some(at) = desk.timers.iter().position(waits) {
        let timer = desk.timers.remove(at);
        desk.event(Event::Timer(timer));
    }
}

#[test]
fn on_a_slow_link_typed_characters_are_shown_at_once() {
    let mut desk = Desk::linked(80, 24);
    desk.press("<enter>");
    let channel = desk.grant_session(1);
    let data = |desk: &mut Desk, offset, bytes: &'static [u8]| {
        let bytes = bytes.into();
        desk.event(Event::Link(LinkEvent::Data { channel, offset, bytes }));
    };
    data(&mut desk, 0, b"$ ");
    desk.press("l");
    let orders = |desk: &Desk| {
        let is = |sent: &Sent| {
            matches!(sent, Sent::Notice(RepNotice::Channel(ChannelOrder::Acknowledge { .. })))
        };
        desk.sent.iter().filter(|sent| is(sent)).count()
    };
    assert_eq!((orders(&desk), predicted(&desk).as_str()), (0, ""));
    wait_for_predictions(&mut desk);
    assert_eq!(orders(&desk), 1, "no answer in time: the machine is to say what it takes");
    data(&mut desk, 2, b"l");
    desk.press("s");
    wait_for_predictions(&mut desk);
    data(&mut desk, 3, b"s");
    desk.press(" -a");
    assert_eq!(predicted(&desk), " -a", "one of them was right, and it is slow");
    // The machine reads a password.
    let report = ChannelReport::Echo { channel, on: false };
    desk.notice(ApplianceNotice::Channel(report));
    assert_eq!(predicted(&desk), "");
    desk.press("secret");
    assert_eq!(predicted(&desk), "");
    assert_eq!(orders(&desk), 1);
}

#[test]
fn what_is_typed_goes_to_several_sessions_only_once_that_is_asked_for() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let first = desk.grant_session(1);
    desk.press("<ctrl-]>dj<enter>");
    let second = desk.grant_session(2);
    desk.press("<ctrl-]>b");
    assert!(desk.said().starts_with("Mark this session and others first"), "{}", desk.said());
    desk.press("<ctrl-]>gs*<enter>a");
    assert_eq!((desk.typed(first), desk.typed(second)), ("a".into(), String::new()));
    assert_eq!(desk.console.typed_into(), None);
    desk.press("<ctrl-]>bb");
    assert_eq!(desk.said(), "What you type goes to 2 sessions.");
    assert_eq!((desk.typed(first), desk.typed(second)), ("ab".into(), "b".into()));
    assert_eq!(desk.console.typed_into(), Some(2));
    desk.press("<ctrl-]>bc");
    assert_eq!((desk.typed(first), desk.typed(second)), ("abc".into(), "b".into()));
    // One alone is typed into as ever.
    desk.press("<ctrl-]>b");
    let (session, reason) = (SessionId(2), jumpdeck_protocol::session::EndReason::EndedByRep);
    desk.notice(ApplianceNotice::SessionEnded { session, reason, summary: None });
    assert_eq!(desk.console.typed_into(), None);
}

#[test]
fn a_key_for_a_shell_draws_nothing_by_itself() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    desk.console.take_dirty();
    desk.press("x");
    assert!(!desk.console.take_dirty(), "what the program does with it is drawn");
    let bytes = b"x".as_slice().into();
    desk.event(Event::Link(LinkEvent::Data { channel, offset: 0, bytes }));
    assert!(desk.console.take_dirty());
    desk.press("<ctrl-]>");
    assert!(desk.console.take_dirty(), "the panel is");
}
