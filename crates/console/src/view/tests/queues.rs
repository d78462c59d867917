//! Machines that wait, sessions of the teams, session keys, and pinning.

use super::*;
use crate::core::queues::SessionRow;
use crate::fixtures::Sent;
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::queue::{Queue, QueueChoice, QueueView, SessionKey, TeamSession, Waiting};
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::{ItemId, Outcome, RefusalCode, SessionId, TeamId, Timestamp, UserId};

fn waiting(item: u64, name: &str, queue: Queue) -> Waiting {
    Waiting {
        item: ItemId(item),
        name: name.into(),
        queue,
        team: if matches!(queue, Queue::Team(_)) { "Second Line".into() } else { "".into() },
        since: Timestamp(crate::fixtures::NOW.0 - 40),
        invited_by: "alice".into(),
        console_user: "m.chen".into(),
        operating_system: "Debian GNU/Linux 12".into(),
        address: "10.1.2.3".into(),
    }
}

fn queues() -> QueueView {
    let of_team = |session, name: &str, owner: &str, may_join| TeamSession {
        session: SessionId(session),
        item_name: name.into(),
        owner: owner.into(),
        team: "Second Line".into(),
        started: Timestamp(crate::fixtures::NOW.0 - 4000),
        may_join,
    };
    QueueView {
        waiting: vec![
            waiting(901, "reception 東京", Queue::Personal(UserId(1))),
            waiting(902, "kiosk\u{202e}", Queue::Team(TeamId(1))),
            waiting(903, "till-3", Queue::General),
        ],
        sessions: vec![of_team(8, "Mail", "bob", true), of_team(9, "Backup", "carol", false)],
        teams: vec!["Second Line".into()],
    }
}

fn with_queues(columns: u16, rows: u16) -> Desk {
    let mut desk = in_session(columns, rows);
    desk.notice(ApplianceNotice::Queues(queues()));
    desk.tick(20);
    desk.press("<ctrl-]>dgs");
    desk
}

/// A session with a machine that is no Jump Client.
fn visited(columns: u16, rows: u16) -> Desk {
    let mut desk = in_session(columns, rows);
    let mut view = desk.session(1, desk.console.tabs()[0].item);
    view.pinned = false;
    view.channels[0].attached = true;
    desk.notice(ApplianceNotice::Sessions { sessions: vec![view] });
    desk
}

fn key() -> SessionKey {
    SessionKey {
        key: "AB2CD3E".into(),
        expires: Timestamp(crate::fixtures::NOW.0 + 3600),
        fingerprint: "SHA256:bxSGgj6PJ+m310Y+V4fjjddFrA6FztXGB0x12hQne4o".into(),
        queue: "queue of alice".into(),
    }
}

#[test]
fn who_waits_and_what_the_teams_do() {
    snapshot("sessions-lobby", |columns, rows| {
        let mut desk = with_queues(columns, rows);
        desk.press("jj");
        desk
    });
}

#[test]
fn a_machine_that_waits_no_more_does_not_give_its_row_to_the_next() {
    snapshot("sessions-gone", |columns, rows| {
        let mut desk = with_queues(columns, rows);
        desk.press("j");
        let waiting = queues().waiting.split_off(1);
        desk.notice(ApplianceNotice::Queues(QueueView { waiting, ..queues() }));
        desk.press("<enter>");
        let starts = |sent: &Sent| {
            matches!(
                sent,
                Sent::Request(
                    _,
                    RepRequest::StartSession(request::StartSession { item: ItemId(902), .. })
                )
            )
        };
        assert!(!desk.sent.iter().any(starts));
        desk
    });
    let mut desk = with_queues(120, 40);
    desk.press("j");
    let mut changed = queues();
    let first = changed.waiting.remove(0);
    desk.notice(ApplianceNotice::Queues(changed.clone()));
    changed.waiting.push(first);
    desk.notice(ApplianceNotice::Queues(changed));
    assert_eq!(desk.console.selected_row(), Some(SessionRow::Waiting(2)), "it is back");
    desk.notice(ApplianceNotice::Queues(QueueView {
        waiting: queues().waiting.split_off(1),
        ..queues()
    }));
    desk.press("k");
    assert!(!desk.console.session_rows().contains(&SessionRow::Gone));
}

#[test]
fn what_is_gone_stays_among_its_kind_whatever_comes_and_goes_above_it() {
    let mut desk = with_queues(120, 40);
    desk.press("j");
    let reason = jumpdeck_protocol::session::EndReason::EndedByRep;
    desk.notice(ApplianceNotice::SessionEnded { session: SessionId(1), reason, summary: None });
    desk.notice(ApplianceNotice::Queues(QueueView {
        waiting: queues().waiting.split_off(1),
        ..queues()
    }));
    let rows = desk.console.session_rows();
    assert_eq!(rows[..2], [SessionRow::Gone, SessionRow::Waiting(0)], "{rows:?}");
    desk.notice(ApplianceNotice::Queues(QueueView { waiting: vec![], ..queues() }));
    let rows = desk.console.session_rows();
    assert_eq!(rows[..2], [SessionRow::Gone, SessionRow::Team(0)], "{rows:?}");
    desk.press("l");
    assert!(desk.said().contains("no longer waiting"), "{}", desk.said());
}

#[test]
fn a_machine_that_is_turned_away() {
    snapshot("sessions-turn-away", |columns, rows| {
        let mut desk = with_queues(columns, rows);
        desk.press("jx");
        desk
    });
}

#[test]
fn which_queue_a_key_is_for() {
    snapshot("session-key-queue", |columns, rows| {
        let mut desk = with_queues(columns, rows);
        desk.press("n");
        desk
    });
}

#[test]
fn a_session_key_that_was_made() {
    snapshot("session-key", |columns, rows| {
        let mut desk = with_queues(columns, rows);
        desk.press("n<enter>");
        desk.reply(Outcome::Ok(RepReply::SessionKey(key())));
        desk
    });
}

#[test]
fn where_a_machine_is_pinned_to() {
    snapshot("session-pin", |columns, rows| {
        let mut desk = visited(columns, rows);
        desk.press("<ctrl-]>P");
        desk
    });
}

#[test]
fn everything_that_can_be_said_of_a_pin() {
    snapshot("session-pin-form", |columns, rows| {
        let mut desk = visited(columns, rows);
        desk.press("<ctrl-]>P<enter><down><down>lab<down><down><down>+7d");
        desk
    });
}

#[test]
fn a_pin_that_is_undone() {
    snapshot("session-unpin", |columns, rows| {
        let mut desk = in_session(columns, rows);
        desk.press("<ctrl-]>P");
        desk
    });
}

#[test]
fn a_machine_that_waits_is_taken_by_its_number_and_only_once() {
    let mut desk = with_queues(120, 40);
    desk.press("jj<enter>");
    let (_, request) = desk.last_request();
    assert!(
        matches!(
            request,
            RepRequest::StartSession(request::StartSession { item: ItemId(902), .. })
        ),
        "the second one that waits: {request:?}"
    );
    let asked = desk.last_request().0;
    desk.press("<enter>");
    assert_eq!(desk.last_request().0, asked, "its person is asked already");
    desk.reply(Outcome::Refused(RefusalCode::CustomerRefused.plain()));
    assert!(desk.said().contains("did not allow it"), "{}", desk.said());
    // Another came first meanwhile: the selection stays with its machine.
    let mut more = queues();
    more.waiting.insert(0, waiting(900, "early", Queue::General));
    desk.notice(ApplianceNotice::Queues(more));
    desk.press("<enter>");
    let (_, request) = desk.last_request();
    assert!(matches!(
        request,
        RepRequest::StartSession(request::StartSession { item: ItemId(902), .. })
    ));
    desk.reply(Outcome::Refused(RefusalCode::CustomerRefused.plain()));
    // And when one's own session above it ends.
    desk.notice(ApplianceNotice::Sessions { sessions: vec![] });
    desk.press("<enter>");
    let (_, request) = desk.last_request();
    assert!(matches!(
        request,
        RepRequest::StartSession(request::StartSession { item: ItemId(902), .. })
    ));
}

#[test]
fn who_works_on_while_the_person_is_asked_is_not_torn_away() {
    let mut desk = with_queues(120, 40);
    desk.press("jj<enter>gj/a");
    let view = desk.session(5, ItemId(902));
    desk.reply(Outcome::Ok(RepReply::SessionStarted(view)));
    assert!(desk.said().contains("runs;"), "{}", desk.said());
    desk.press("b");
    assert_eq!(desk.console.jump_screen().search.text(), "ab");
}

#[test]
fn a_teams_session_is_joined_by_whoever_outranks_its_owner() {
    let mut desk = with_queues(120, 40);
    desk.press("<end><enter>");
    assert!(desk.said().contains("You do not outrank carol"), "{}", desk.said());
    desk.press("k<enter>");
    let (_, request) = desk.last_request();
    assert_eq!(*request, RepRequest::JoinSession(request::JoinSession { session: SessionId(8) }));
}

#[test]
fn a_key_is_for_the_queue_that_was_chosen_and_its_line_can_be_copied() {
    let mut desk = with_queues(120, 40);
    desk.press("nsecond<enter>");
    let (_, request) = desk.last_request();
    let team = QueueChoice::Team("Second Line".into());
    assert_eq!(
        *request,
        RepRequest::CreateSessionKey(request::CreateSessionKey {
            queue: team,
            valid: 3600,
            attributes: vec![]
        })
    );
    desk.reply(Outcome::Ok(RepReply::SessionKey(key())));
    desk.press("y");
    assert_eq!(
        desk.copied,
        ["jumpdeck-agent join AB2CD3E --appliance https://support.example.com:8443 \
          --fingerprint SHA256:bxSGgj6PJ+m310Y+V4fjjddFrA6FztXGB0x12hQne4o"]
    );
}

#[test]
fn a_refused_pin_keeps_what_was_typed() {
    let mut desk = visited(120, 40);
    desk.press("<ctrl-]>P<enter><ctrl-u>kiosk<ctrl-s>");
    let (_, request) = desk.last_request();
    let RepRequest::Pin(request::Pin { session: SessionId(1), item }) = request else {
        panic!("{request:?}")
    };
    assert_eq!(&*item.name, "kiosk");
    assert!(matches!(item.place, Place::Personal(_) | Place::JumpGroup(_)));
    desk.reply(Outcome::Refused(RefusalCode::CustomerRefused.plain()));
    assert!(desk.said().contains("kiosk is not pinned"), "{}", desk.said());
    assert_eq!(desk.console.form().unwrap().rows[0].text(), "kiosk");
    desk.press("<ctrl-s>");
    let item = desk.console.tabs()[0].item;
    desk.reply(Outcome::Ok(RepReply::Pinned(reply::PinnedItem { item, by_hand: None })));
    assert_eq!(desk.said(), "kiosk is pinned; its service starts it from now on.");
    assert!(desk.console.form().is_none());
}
