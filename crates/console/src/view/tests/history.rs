//! The history, and the player.

use super::*;
use crate::core::{Event, LinkEvent, Timer};
use crate::fixtures::Sent;
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::log::{CommandSource, LogEntry, LogEvent, Recording};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::{RepReply, RepRequest};
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{
    ChannelId, ItemId, Outcome, Refusal, RefusalCode, RequestId, SessionId, Timestamp,
};
use std::time::Duration;

const RECORDING: &str = concat!(
    "{\"version\": 2, \"width\": 60, \"height\": 8, \"timestamp\": 1772000000}\n",
    "[0.5, \"o\", \"alice@web-01:~$ \"]\n",
    "[4.0, \"o\", \"systemctl restart nginx\\r\\n\"]\n",
    "[4.0, \"p\", \"40\"]\n",
    "[6.0, \"o\", \"\\u001b[32mdone\\u001b[0m\\r\\nalice@web-01:~$ \"]\n",
    "[66.0, \"o\", \"exit\\r\\n\"]\n",
    "[66.0, \"p\", \"80\"]\n",
);

fn record(session: u64, name: &str, ended: Option<i64>) -> SessionRecord {
    let started = Timestamp(1_772_000_000);
    let recording = |part: u32| Recording {
        channel: ChannelId(session * 10 + u64::from(part)),
        session: SessionId(session),
        part,
        item_name: name.into(),
        user: "alice".into(),
        started,
        ended: ended.map(Timestamp),
        bytes: 400,
        sha256: None,
        removed: false,
    };
    SessionRecord {
        session: SessionId(session),
        item: ItemId(1),
        item_name: name.into(),
        owner: "alice".into(),
        others: Vec::new(),
        started,
        ended: ended.map(Timestamp),
        reason: ended.map(|_| EndReason::EndedByRep),
        commands: 2,
        took_part: true,
        recordings: vec![recording(1), recording(2)],
    }
}

fn records() -> Vec<SessionRecord> {
    let other = SessionRecord {
        owner: "someone-with-a-long-name".into(),
        took_part: false,
        commands: 0,
        recordings: Vec::new(),
        ..record(
            45,
            "a machine with quite a long name\u{202e}, in the back room",
            Some(1_772_000_030),
        )
    };
    let kept = SessionRecord { commands: 1, ..record(46, "till-07", Some(1_772_090_000)) };
    vec![record(47, "web-01", None), kept, other]
}

/// What was typed is all.
fn typed(desk: &mut Desk) {
    let typed = |timer: &Timer| matches!(timer, Timer::HistoryTyped(_));
    while let Some(at) = desk.timers.iter().position(typed) {
        let timer = desk.timers.remove(at);
        desk.event(Event::Timer(timer));
    }
}

/// The last request of this kind, and what it asked.
fn asked<T>(desk: &Desk, fits: impl Fn(&RepRequest) -> Option<T>) -> (RequestId, T) {
    let requests = desk.sent.iter().rev().filter_map(|sent| match sent {
        Sent::Request(id, request) => fits(request).map(|what| (*id, what)),
        _ => None,
    });
    requests.into_iter().next().expect("it was asked for")
}

fn answer(desk: &mut Desk, id: RequestId, outcome: Outcome<RepReply>) {
    desk.event(Event::Link(LinkEvent::Reply(id, outcome)));
}

fn history(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.press("gh");
    typed(&mut desk);
    let part = reply::PastSessionsPart { sessions: records(), more: false };
    let (id, _) = asked(&desk, |request| match request {
        RepRequest::PastSessions(asked) => Some(asked.clone()),
        _ => None,
    });
    answer(&mut desk, id, Outcome::Ok(RepReply::PastSessions(part)));
    desk
}

/// What is asked for of a recording comes.
fn piece(desk: &mut Desk, bytes: &[u8]) {
    let (id, _) = asked(desk, |request| match request {
        RepRequest::ReadRecording(asked) => Some(asked.channel),
        _ => None,
    });
    let piece = reply::RecordingPiece { bytes: bytes.to_vec() };
    answer(desk, id, Outcome::Ok(RepReply::Piece(piece)));
}

fn log(desk: &mut Desk) {
    let entry = |number, at: i64, event, position| LogEntry {
        number,
        at: Timestamp(1_772_000_000 + at),
        who: Some("alice".into()),
        event,
        position,
    };
    let command = |text: &str| LogEvent::Command {
        channel: ChannelId(461),
        command: text.into(),
        source: CommandSource::Line,
    };
    let entries = vec![
        entry(1, 0, LogEvent::Started, None),
        entry(2, 4, command("systemctl restart nginx"), Some(40)),
        entry(3, 66, command("exit"), Some(80)),
    ];
    let (id, _) = asked(desk, |request| match request {
        RepRequest::Log(asked) => Some(asked.session),
        _ => None,
    });
    answer(desk, id, Outcome::Ok(RepReply::Log(reply::LogPart { entries, more: false })));
}

/// A session that is played from its beginning.
fn played(columns: u16, rows: u16) -> Desk {
    let mut desk = history(columns, rows);
    desk.press("<down><enter>");
    piece(&mut desk, RECORDING.as_bytes());
    piece(&mut desk, b"");
    log(&mut desk);
    desk
}

fn shown(desk: &Desk) -> String {
    text(&screen(desk, "dark"))
}

fn pass(desk: &mut Desk, millis: u64) {
    let clock = *desk.clocks.last().expect("a clock runs");
    desk.event(Event::Clock(clock, Duration::from_millis(millis)));
}

#[test]
fn the_history_is_found_as_one_types() {
    snapshot("history", history);
    let mut desk = history(120, 40);
    desk.press("web rep:bob last tuesday");
    typed(&mut desk);
    let (id, filter) = asked(&desk, |request| match request {
        RepRequest::PastSessions(asked) => Some(asked.filter.clone()),
        _ => None,
    });
    assert_eq!((filter.words.len(), filter.rep.as_deref()), (1, Some("bob")));
    assert!(filter.since < filter.until && filter.since.is_some());
    let refusal = RefusalCode::InvalidValue.because("There is no user “bob”.");
    answer(&mut desk, id, Outcome::Refused(refusal));
    assert!(shown(&desk).contains("There is no user “bob”."));
    desk.press("<ctrl-u>time:soon");
    assert!(shown(&desk).contains("is no time"));
    desk.press("<esc>");
    assert!(desk.console.layers().is_empty());
}

#[test]
fn one_who_took_no_part_is_told_so() {
    let mut desk = history(120, 40);
    desk.press("<down><down><enter>");
    assert!(shown(&desk).contains("You took no part in session 45"));
    desk.press("<tab>");
    assert_eq!(desk.console.layers().len(), 1);
    snapshot("history-log", |columns, rows| {
        let mut desk = history(columns, rows);
        desk.press("<down><tab>");
        log(&mut desk);
        desk
    });
}

#[test]
fn a_session_is_played() {
    snapshot("player", |columns, rows| {
        let mut desk = played(columns, rows);
        pass(&mut desk, 7_000);
        desk
    });
    let mut desk = played(120, 40);
    desk.press("c");
    assert!(shown(&desk).contains("systemctl restart nginx") && !shown(&desk).contains("done"));
    desk.press("<right><space>");
    assert!(shown(&desk).contains("done") && shown(&desk).contains("‖ 0:09"));
    let clock = *desk.clocks.last().unwrap();
    desk.event(Event::Clock(clock, Duration::from_secs(50)));
    assert!(shown(&desk).contains("‖ 0:09"), "time stands still");
    desk.press("<space>++i");
    pass(&mut desk, 1_000);
    assert!(shown(&desk).contains("1:06") && shown(&desk).contains("4× skips idle"));
    desk.press("0/RESTART<enter>");
    assert!(shown(&desk).contains("‖ 0:04"));
    desk.press("n");
    assert!(shown(&desk).contains("“RESTART” is not printed later."));
    desk.press("<tab>");
    let channel = asked(&desk, |request| match request {
        RepRequest::ReadRecording(asked) => Some((asked.channel, asked.offset)),
        _ => None,
    });
    assert_eq!(channel.1, (ChannelId(462), 0), "the other recording");
    desk.press("q");
    assert_eq!(desk.console.layers().len(), 1, "back in the history");
    assert!(!desk.quit);
}

#[test]
fn one_that_is_open_is_followed() {
    let mut desk = history(80, 24);
    desk.press("<enter>");
    let (head, tail) = RECORDING.split_at(RECORDING.find("[66.0").unwrap());
    piece(&mut desk, head.as_bytes());
    piece(&mut desk, b"");
    let more = desk.timers.iter().rposition(|timer| matches!(timer, Timer::MoreToPlay(_)));
    let more = desk.timers.remove(more.expect("it is asked again later"));
    desk.press("<end>");
    assert!(shown(&desk).contains("live"));
    desk.event(Event::Timer(more));
    piece(&mut desk, tail.as_bytes());
    assert!(shown(&desk).contains("exit"), "what came is shown at once");
}

#[test]
fn what_cannot_be_played_says_why() {
    let mut desk = history(80, 24);
    desk.press("<enter>");
    piece(&mut desk, b"something else\n");
    assert!(shown(&desk).contains("this is no recording"));
    let mut desk = history(80, 24);
    desk.press("<enter>");
    let (id, _) = asked(&desk, |request| match request {
        RepRequest::ReadRecording(asked) => Some(asked.channel),
        _ => None,
    });
    let gone: Refusal = RefusalCode::StoreFailed.because("the disk is gone");
    answer(&mut desk, id, Outcome::Refused(gone));
    assert!(shown(&desk).contains("disk"));
}

#[test]
fn enter_means_what_was_typed_and_not_what_was_there_before() {
    let mut desk = history(80, 24);
    desk.press("nothing<enter>");
    typed(&mut desk);
    assert_eq!(desk.console.layers().len(), 1, "the answer is not there yet");
    let (id, _) = asked(&desk, |request| match request {
        RepRequest::PastSessions(asked) => Some(asked.before),
        _ => None,
    });
    let part = reply::PastSessionsPart { sessions: Vec::new(), more: false };
    answer(&mut desk, id, Outcome::Ok(RepReply::PastSessions(part)));
    assert!(shown(&desk).contains("There is no session here."));
    desk.press("<ctrl-u>46<enter>");
    typed(&mut desk);
    let (id, _) = asked(&desk, |request| match request {
        RepRequest::PastSessions(asked) => Some(asked.before),
        _ => None,
    });
    let part = reply::PastSessionsPart { sessions: records().split_off(1), more: false };
    answer(&mut desk, id, Outcome::Ok(RepReply::PastSessions(part)));
    assert!(shown(&desk).contains("Replay 46.1"));
}

#[test]
fn a_search_waits_for_what_is_still_to_come() {
    let mut desk = history(80, 24);
    desk.press("<down><enter>/exit<enter>");
    let (head, tail) = RECORDING.split_at(RECORDING.find("[6.0").unwrap());
    piece(&mut desk, head.as_bytes());
    assert!(!shown(&desk).contains("is not printed"));
    piece(&mut desk, tail.as_bytes());
    piece(&mut desk, b"");
    assert!(shown(&desk).contains("‖ 1:06"));
}
