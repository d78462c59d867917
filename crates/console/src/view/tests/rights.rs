//! Why, the simulator, a code before a start, and the lock.

use super::*;
use crate::core::{Event, LinkEvent, Welcome};
use jumpdeck_protocol::configuration::Simulation;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest, Secret};
use jumpdeck_protocol::rights::{Answer, ExplainedStep, Permission, Whom};
use jumpdeck_protocol::session_policy::{
    Granted, Layer, Lower, SessionPermission, Simulated, StartMethod,
};
use jumpdeck_protocol::{Outcome, RefusalCode, Timestamp, UserId};
use std::time::Duration;

fn step(source: &str, says: &str, allows: Option<bool>) -> ExplainedStep {
    ExplainedStep { source: source.into(), says: says.into(), allows }
}

fn start(allowed: bool) -> Answer {
    let mut because = vec![
        step(
            "the membership of the Jump Group through the group policy Help Desk\u{202e}",
            "names the role",
            None,
        ),
        step("the role Start Sessions Only", "has perm_start", Some(true)),
    ];
    if !allowed {
        because.push(step(
            "the Jump Policy Weekdays",
            "is closed and opens 2026-03-03 07:00 UTC; it is strict",
            Some(false),
        ));
    }
    Answer { user: "alice".into(), action: Permission::PermStart, allowed, because }
}

fn simulation() -> Simulation {
    let everything = Granted::everything();
    let simulated = |permission: &SessionPermission| Simulated {
        permission: *permission,
        value: everything.says(*permission).into(),
        layer: Layer::Representative,
        policy: "Everything through the group policy Help Desk".into(),
        lower: vec![Lower {
            layer: Layer::GlobalDefault,
            policy: "Global Default".into(),
            value: Some(Granted::default().says(*permission).into()),
        }],
    };
    Simulation {
        user: "alice".into(),
        customer_present: false,
        at: Timestamp(0),
        start: start(true),
        permissions: SessionPermission::ALL.iter().map(simulated).collect(),
    }
}

fn linked(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.notice(crate::fixtures::rights(&[Permission::PermStart]));
    desk.settle();
    desk
}

fn simulating(columns: u16, rows: u16) -> Desk {
    let mut desk = linked(columns, rows);
    desk.press("S");
    desk.reply(Outcome::Ok(RepReply::Simulated(Box::new(simulation()))));
    desk
}

#[test]
fn why_a_start_is_denied_by_what_the_appliance_says() {
    snapshot("why-explained", |columns, rows| {
        let mut desk = linked(columns, rows);
        desk.press("!");
        desk.reply(Outcome::Ok(RepReply::Explained(reply::Explained {
            answers: vec![start(false)],
        })));
        desk.press("<down><down><down><down>");
        desk
    });
}

#[test]
fn who_may_start_sessions_with_an_item() {
    snapshot("who-may", |columns, rows| {
        let mut desk = linked(columns, rows);
        desk.press("!w");
        let bob = Answer { user: "bob".into(), ..start(false) };
        desk.reply(Outcome::Ok(RepReply::Explained(reply::Explained {
            answers: vec![bob, start(true)],
        })));
        desk
    });
}

#[test]
fn each_action_can_be_asked_about_and_a_refusal_is_shown() {
    let mut desk = linked(80, 24);
    desk.press("!");
    let why = text(&screen(&desk, "dark"));
    desk.press("w");
    let asked = |desk: &Desk| match desk.last_request().1 {
        RepRequest::Explain(request::Explain { whom, action, .. }) => (whom.clone(), *action),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&desk), (Whom::Everybody, Some(Permission::PermStart)));
    desk.press("a");
    assert_eq!(asked(&desk).1, Some(Permission::PermEditTag));
    desk.press("AAAAA");
    assert_eq!(asked(&desk).1, Some(Permission::PermViewJumpItemReport), "it goes round");
    let refusal = RefusalCode::PermissionDenied.because("only an administrator asks that");
    desk.reply(Outcome::Refused(refusal));
    assert!(text(&screen(&desk, "dark")).contains("only an administrator asks that"));
    desk.press("<esc>");
    assert_eq!(text(&screen(&desk, "dark")), why, "back at the reasons");
}

#[test]
fn what_a_session_would_grant() {
    snapshot("simulator", simulating);
}

#[test]
fn a_simulation_can_be_read_to_its_end_on_the_smallest_screen() {
    let mut desk = simulating(40, 12);
    for _ in 0..40 {
        desk.press("<pgdn>");
    }
    let shown = text(&screen(&desk, "dark"));
    assert!(shown.contains("global default: never"), "{shown}");
    desk.press("<up>");
    assert_ne!(shown, text(&screen(&desk, "dark")), "the first key up moves it");
}

#[test]
fn the_simulator_asks_anew_for_each_change() {
    let mut desk = simulating(80, 24);
    let asked = |desk: &Desk| match desk.last_request().1 {
        RepRequest::Simulate(request::Simulate { whom, method, present, at, .. }) => {
            (whom.clone(), *method, *present, *at)
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&desk), (Whom::Me, StartMethod::Unattended, None, None));
    desk.press("ac");
    assert_eq!(asked(&desk), (Whom::Me, StartMethod::Attended, Some(true), None));
    desk.press("ubob<enter>");
    assert_eq!(asked(&desk).0, Whom::User("bob".into()));
    let refusal = RefusalCode::PermissionDenied.because("only an administrator asks that");
    desk.reply(Outcome::Refused(refusal));
    assert!(text(&screen(&desk, "dark")).contains("only an administrator asks that"));
    desk.press("tnoon<enter>");
    assert!(text(&screen(&desk, "dark")).contains("A time looks like 2027-01-31 09:00."));
    desk.press("<ctrl-u>2027-01-31 09:00<enter>");
    assert!(asked(&desk).3.is_some());
    desk.press("u<enter>");
    assert_eq!(asked(&desk).0, Whom::Me);
}

#[test]
fn a_code_that_is_wanted_before_a_start_is_asked_for() {
    snapshot("second-factor", |columns, rows| {
        let mut desk = linked(columns, rows);
        desk.press("<enter>");
        desk.reply(Outcome::Refused(RefusalCode::SecondFactorRequired.plain()));
        desk.press("123");
        desk
    });
    let mut desk = linked(80, 24);
    desk.press("<enter>");
    desk.reply(Outcome::Refused(RefusalCode::SecondFactorRequired.plain()));
    desk.press("<enter>");
    assert!(text(&screen(&desk, "dark")).contains("A code is needed"));
    desk.press("123456<enter>");
    let (_, request) = desk.last_request();
    let RepRequest::StartSession(request::StartSession { code, .. }) = request else {
        panic!("{request:?}")
    };
    assert_eq!(code.as_ref().map(|code| code.0.as_str()), Some("123456"));
    assert!(!text(&screen(&desk, "dark")).contains("123456"));
}

/// A console that locks itself after ten minutes.
fn watched(columns: u16, rows: u16) -> Desk {
    let mut desk = Desk::linked(columns, rows);
    desk.event(Event::Link(LinkEvent::Up(Welcome {
        username: "alice".into(),
        address: "support.example.com:8443".into(),
        url: "https://support.example.com:8443".into(),
        embedded: false,
        user: UserId(1),
        first: None,
        idle_lock: Some(Duration::from_secs(600)),
        plain: false,
    })));
    desk.settle();
    desk.press("j");
    desk
}

#[test]
fn a_console_nobody_sits_at_shows_nothing_but_its_lock() {
    snapshot("locked", |columns, rows| {
        let mut desk = watched(columns, rows);
        desk.tick(601);
        desk.press("abc");
        desk
    });
}

#[test]
fn only_the_password_opens_the_lock_and_keys_reach_nothing_behind_it() {
    let mut desk = watched(80, 24);
    desk.tick(599);
    assert!(desk.console.locked().is_none());
    desk.press("k");
    desk.tick(599);
    assert!(desk.console.locked().is_none(), "a key put it off");
    desk.tick(1);
    let before = desk.sent.len();
    desk.press("x");
    desk.event(Event::Paste("y".into()));
    desk.press("<esc><ctrl-p>");
    assert_eq!(desk.sent.len(), before);
    desk.press("wrong<enter>");
    let (_, request) = desk.last_request();
    assert_eq!(
        request,
        &RepRequest::Unlock(request::Unlock { password: Secret("xywrong".into()) })
    );
    desk.reply(Outcome::Refused(RefusalCode::LoginFailed.because("the password is not yours")));
    assert!(text(&screen(&desk, "dark")).contains("The user name or the password is wrong."));
    desk.press("right<enter>");
    desk.notice(ApplianceNotice::Stopping);
    assert!(desk.console.locked().is_some(), "nothing but the answer opens it");
    desk.reply(Outcome::Ok(RepReply::Saved));
    assert!(desk.console.locked().is_none());
    assert!(desk.console.layers().is_empty(), "what was typed there went nowhere else");
    // A link that is lost while the appliance is asked does not leave it locked for good.
    desk.tick(600);
    desk.press("right<enter>");
    desk.link_down();
    desk.link_up();
    desk.press("right<enter>");
    desk.reply(Outcome::Ok(RepReply::Saved));
    assert!(desk.console.locked().is_none());
}

#[test]
fn the_lock_closes_in_a_session_after_the_prefix_and_wherever_else_keys_go() {
    let mut desk = watched(80, 24);
    let open = desk.press("jjj<enter>");
    let item = open.console.jump_screen().selected.unwrap();
    let view = desk.session(1, item);
    desk.reply(Outcome::Ok(RepReply::SessionStarted(view)));
    desk.press("<alt-l>");
    assert!(desk.console.locked().is_none(), "a shell has a use for it");
    assert_eq!(desk.said(), "Ctrl-] Alt-l locks; Alt-l went to the shell.");
    desk.press("<ctrl-]><alt-l>");
    assert!(desk.console.locked().is_some());
    let before = desk.sent.len();
    desk.press("secret");
    assert_eq!(desk.sent.len(), before, "the password reaches no shell");
    desk.press("<enter>");
    desk.reply(Outcome::Ok(RepReply::Saved));
    assert!(desk.console.locked().is_none());
    // In a line that is being typed, and in a question.
    for keys in ["<ctrl-]>d/web<alt-l>", ":<alt-l>"] {
        desk.press(keys);
        assert!(desk.console.locked().is_some(), "{keys}");
        desk.press("x<enter>");
        desk.reply(Outcome::Ok(RepReply::Saved));
    }
}
