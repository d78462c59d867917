//! What a script does in the console.

use super::*;
use crate::core::Event;
use crate::fixtures::Sent;
use jumpdeck_protocol::inventory::PresencePosition;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::{Outcome, RefusalCode};

fn hand(desk: &mut Desk, commands: &str) {
    let script = format!("BRCS1.0\n{commands}").parse().unwrap();
    desk.event(Event::Script(script));
    // What is known only in part may not be what fits.
    assert_eq!(started(desk), []);
    let position = Some(PresencePosition { run: 1, change: 1 });
    desk.notice(ApplianceNotice::Presence { all: true, changes: presence(), position });
    desk.settle();
}

fn started(desk: &Desk) -> Vec<ItemId> {
    let item = |sent: &Sent| match sent {
        Sent::Request(_, RepRequest::StartSession(request::StartSession { item, .. })) => {
            Some(*item)
        }
        _ => None,
    };
    desk.sent.iter().filter_map(item).collect()
}

#[test]
fn the_only_item_that_fits_is_jumped_to() {
    let mut desk = Desk::linked(80, 24);
    hand(&mut desk, "action=start_pinned_client_session&client.hostname=front");
    assert_eq!(started(&desk), [ItemId(1)]);
}

#[test]
fn of_several_that_fit_one_is_chosen() {
    snapshot("script-several", |columns, rows| {
        let mut desk = Desk::linked(columns, rows);
        hand(&mut desk, "action=start_pinned_client_session&search_string=web");
        desk
    });
    let mut desk = Desk::linked(80, 24);
    hand(&mut desk, "action=start_jump_item_session&client.hostname=TC-\naction=login");
    assert_eq!(started(&desk), []);
    desk.press("front<enter>");
    assert_eq!(started(&desk), [ItemId(1)]);
    let mut desk = Desk::linked(80, 24);
    let both = ["TC-", "laptop"]
        .map(|name| format!("action=start_pinned_client_session&client.hostname={name}"));
    hand(&mut desk, &both.join("\n"));
    desk.press("<esc>");
    assert_eq!(started(&desk), [], "whoever closes the chooser wants no more of the script");
}

#[test]
fn what_fails_ends_the_script_and_says_why() {
    let key = "action=generate_session_key";
    let cases = [
        ("search_string=nowhere", "No Jump Client that you may see fits the script."),
        ("client.hostname=LS-RED05", "offline"),
    ];
    for (search, reason) in cases {
        let mut desk = Desk::linked(120, 40);
        hand(&mut desk, &format!("action=start_pinned_client_session&{search}\n{key}"));
        assert_eq!(started(&desk), []);
        let makes_key = |sent: &Sent| {
            matches!(
                sent,
                Sent::Request(_, RepRequest::CreateSessionKey(request::CreateSessionKey { .. }))
            )
        };
        assert!(!desk.sent.iter().any(makes_key), "nothing after it is run");
        assert!(text(&screen(&desk, "dark")).contains(reason), "{}", text(&screen(&desk, "dark")));
    }
    let mut desk = Desk::linked(120, 40);
    hand(&mut desk, &format!("action=start_pinned_client_session&search_string=front\n{key}"));
    desk.reply(Outcome::Refused(RefusalCode::PermissionDenied.because("not today")));
    assert_eq!(started(&desk), [ItemId(1)]);
    assert!(matches!(
        desk.last_request().1,
        RepRequest::StartSession(request::StartSession { .. })
    ));
    assert!(text(&screen(&desk, "dark")).contains("not today"));
}

#[test]
fn commands_wait_for_each_other() {
    let mut desk = Desk::linked(80, 24);
    let first = "action=generate_session_key";
    hand(&mut desk, &format!("{first}\naction=start_pinned_client_session&search_string=front"));
    assert!(matches!(
        desk.last_request().1,
        RepRequest::CreateSessionKey(request::CreateSessionKey { .. })
    ));
    desk.reply(Outcome::Refused(RefusalCode::PermissionDenied.because("no keys")));
    assert_eq!(started(&desk), [], "a command that failed ends the script");
}

#[test]
fn what_was_asked_when_the_link_was_lost_ends_the_script() {
    let mut desk = Desk::linked(80, 24);
    let second = "action=start_pinned_client_session&search_string=front";
    hand(&mut desk, &format!("action=generate_session_key\n{second}"));
    desk.link_down();
    desk.link_up();
    desk.settle();
    assert_eq!(started(&desk), [], "nobody knows what became of the command before");
}
