//! The configuration as a file: planned, applied, refused with line and field, exported again; and
//! what it does to those who are there.

use crate::field::{apply, colleague, seen};
use crate::house::*;
use jumpdeck_protocol::audit::AuditEvent;
use jumpdeck_protocol::configuration::{Effected, Plan, PlannedChange};
use jumpdeck_protocol::inventory::Place;
use jumpdeck_protocol::log::LogEvent;
use jumpdeck_protocol::modes::TerminalModes;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::session::{ChannelKind, EndReason};
use jumpdeck_protocol::*;
use std::sync::atomic::Ordering;

const TEAM: &str = r#"
[[jump_group]]
name = "Lab"

[[session_policy]]
code_name = "careful"
display_name = "Careful"
rules = { command_shell = "allow", command_filter = { allow = ["uptime", "systemctl status *"] } }

[[jump_policy]]
code_name = "hours"
display_name = "Hours"
[jump_policy.schedule]
timezone = "UTC"
strict = true
times = ["Mon-Fri 08:00-14:00"]

[[user]]
username = "admin"
[user.settings]
administrator = true
default_role = "Administrator"
personal_role = "Administrator"
system_role = "Administrator"
unattended_session_policy = "everything"

[[user]]
username = "bob"
jump_groups = [{ group = "Lab", role = "Start Sessions Only" }]
settings = { unattended_session_policy = "everything" }
"#;

/// All of the audit.
pub async fn audited(rep: &mut Link) -> Vec<AuditEvent> {
    let mut all: Vec<AuditEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.number);
        match rep.ask(RepRequest::Audit(request::Audit { after })).await.unwrap() {
            RepReply::Audit(reply::AuditPart { events, seal }) => {
                all.extend(events);
                if seal.is_some() {
                    return all;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn plan(admin: &mut Link, file: &str) -> Plan {
    let request = RepRequest::Configure(request::Configure {
        file: file.into(),
        apply: false,
        planned: None,
    });
    let RepReply::Plan(plan) = admin.ask(request).await.unwrap() else { panic!() };
    *plan
}

async fn export(admin: &mut Link) -> String {
    match admin.ask(RepRequest::ExportConfiguration).await.unwrap() {
        RepReply::Configuration(reply::ExportedConfiguration { file }) => file,
        other => panic!("{other:?}"),
    }
}

/// The next time that a rep hears of the end of a session: why.
async fn ended(rep: &mut Link) -> EndReason {
    rep.notice(|notice| match notice {
        ApplianceNotice::SessionEnded { reason, .. } => Some(reason),
        _ => None,
    })
    .await
}

#[tokio::test]
async fn what_is_exported_changes_nothing_when_it_is_applied() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    for file in [TEAM, include_str!("basic.toml"), include_str!("advanced.toml")] {
        let first = plan(&mut admin, file).await;
        assert!(first.changes_in_all > 0 && !first.applied);
        apply(&mut admin, file).await;
        let again = plan(&mut admin, file).await;
        assert_eq!(again.changes, [], "the same once more");
        let exported = export(&mut admin).await;
        assert_eq!(plan(&mut admin, &exported).await.changes, [], "{exported}");
        assert!(!exported.contains("argon2") && !exported.contains("password"), "{exported}");
    }
    let exported = export(&mut admin).await;
    let member = "# member vera: Start Sessions Only, set by the group policy Third-Party Vendors; \
                  granted by the group policy Third-Party Vendors";
    assert!(exported.contains(member), "{exported}");
    assert!(exported.contains("# used by group policy Third-Party Vendors"), "{exported}");
}

#[tokio::test]
async fn a_plan_says_who_gains_and_who_loses_and_changes_nothing() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let made = apply(&mut admin, TEAM).await;
    let mut bob = colleague(&house, &made, "bob").await;
    assert!(seen(&mut bob).await.contains(&agent.item));
    let less =
        TEAM.replace("jump_groups = [{ group = \"Lab\", role = \"Start Sessions Only\" }]\n", "");
    let told = plan(&mut admin, &less).await;
    assert_eq!((told.gain, told.lose), (0, 1));
    let effect = &told.effects[0];
    assert_eq!((&*effect.user, &*effect.place, effect.items), ("bob", "Lab", 1));
    let Effected::Items { saw: true, sees: false, gains, loses, .. } = &effect.what else {
        panic!("{effect:?}")
    };
    assert!(gains.is_empty() && loses.iter().eq([Permission::PermStart]));
    assert!(
        matches!(&told.changes[0].deed, PlannedChange::Changed(field, _, _) if &**field == "jump_groups")
    );
    assert!(seen(&mut bob).await.contains(&agent.item), "a plan is only a plan");
    apply(&mut admin, &less).await;
    assert!(!seen(&mut bob).await.contains(&agent.item));
}

#[tokio::test]
async fn mistakes_are_named_by_line_and_field_and_nothing_is_changed() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    for (file, line, words) in [
        ("[[user]]\nusernam = \"x\"\n", 2, "unknown field `usernam`"),
        ("[[user]]\nusername = \"admin\"\n", 2, "nobody would be an administrator any more"),
        ("[[jump_item_role]]\nname = \"R\"\npermissions = [\"perm_fly\"]\n", 3, "perm_fly"),
        (
            "[[group_policy]]\nname = \"P\"\nsettings = { default_role = \"Admin\" }\n",
            3,
            "there is no Jump Item Role \"Admin\"; there are \"No Access\", \"Administrator\"",
        ),
        ("[[group_policy]]\nname = \"P\"\nmembers = [\"eve\"]\n", 3, "there is no user \"eve\""),
        ("[[group_policy]]\nname = \"P\"\nfinal = [\"default_role\"]\n", 3, "must be defined"),
        ("[[jump_group]]\nname = \"a\"\n[[jump_group]]\nname = \"A\"\n", 4, "is listed twice"),
        ("[[jump_item_role]]\nname = \"Auditor\"\n", 2, "built-in role"),
        (
            "[[jump_policy]]\ncode_name = \"x\"\n[jump_policy.schedule]\ntimezone = \"Middle/Earth\"\ntimes = []\n",
            4,
            "there is no time zone",
        ),
        (
            "[[jump_policy]]\ncode_name = \"x\"\n[jump_policy.schedule]\ntimezone = \"UTC\"\ntimes = [\"Mon 8-17\"]\n",
            5,
            "times look like",
        ),
        (
            "[[jump_policy]]\ncode_name = \"x y\"\n",
            2,
            "a code name has 1 to 64 letters, digits, - and _",
        ),
        (
            "[[session_policy]]\ncode_name = \"global_default\"\n",
            2,
            "it defines everything; these are missing: screen_sharing",
        ),
        (
            "[[session_policy]]\ncode_name = \"s\"\n[session_policy.rules]\ncommand_shell = \"maybe\"\n",
            4,
            "maybe",
        ),
        (
            "[[session_policy]]\ncode_name = \"s\"\n[session_policy.rules]\nprompting = { timeout = 31 }\n",
            4,
            "15, 20, 30 or 60",
        ),
        ("this is no file", 1, "key with no value"),
    ] {
        let told = plan(&mut admin, file).await;
        let problem = &told.problems[0];
        assert!(problem.what.contains(words), "{file}: {problem:?}");
        assert_eq!(problem.line, line, "{file}: {problem:?}");
        let request = RepRequest::Configure(request::Configure {
            file: file.into(),
            apply: true,
            planned: None,
        });
        let RepReply::Plan(told) = admin.ask(request).await.unwrap() else { panic!() };
        assert!(!told.applied && !told.problems.is_empty());
    }
    apply(&mut admin, TEAM).await;
    let agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    // What is used is not removed; what is not, is.
    let told = plan(&mut admin, "jump_group = []\n").await;
    assert_eq!(&*told.problems[0].field, "jump_group \"Lab\"");
    assert!(told.problems[0].what.contains("user bob, 1 Jump Items"), "{:?}", told.problems);
    let told = plan(&mut admin, "session_policy = []\n").await;
    assert_eq!(told.changes[0].deed, PlannedChange::Removed);
    drop(agent);
}

#[tokio::test]
async fn a_plan_that_is_no_longer_true_is_not_applied() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let stale = plan(&mut admin, TEAM).await.revision;
    apply(&mut admin, "[[jump_group]]\nname = \"Other\"\n").await;
    let planned = Some(stale);
    let request =
        RepRequest::Configure(request::Configure { file: TEAM.into(), apply: true, planned });
    assert_eq!(admin.ask(request).await.unwrap_err().code, RefusalCode::EditConflict);
}

#[tokio::test]
async fn every_change_is_audited_with_what_it_was() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    apply(&mut admin, TEAM).await;
    apply(&mut admin, &TEAM.replace("\"Start Sessions Only\"", "\"Auditor\"")).await;
    let events = audited(&mut admin).await;
    let event = events.iter().rfind(|e| &*e.action == "configuration_changed").unwrap();
    let (who, subject, detail) = (&*event.who, &*event.subject, &*event.detail);
    let expected = "jump_groups: Lab as Auditor, was Lab as Start Sessions Only";
    assert_eq!((who, subject, detail), ("admin", "user bob", expected));
}

#[tokio::test]
async fn rights_that_are_withdrawn_end_running_sessions_and_logins() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let made = apply(&mut admin, TEAM).await;
    let mut bob = colleague(&house, &made, "bob").await;
    session(&mut bob, &mut agent).await;
    // What a session grants holds to its end (DOMAIN 6) …
    let denied =
        TEAM.replace("settings = { unattended_session_policy = \"everything\" }", "settings = {}");
    apply(&mut admin, &denied).await;
    let RepReply::ShellOpened(_) = (tokio::join!(
        bob.ask(RepRequest::OpenShell(request::OpenShell {
            session: SessionId(1),
            size: session::Size { columns: 80, rows: 24 },
            term: "xterm".into()
        })),
        agent.open()
    ))
    .0
    .unwrap() else {
        panic!()
    };
    // … but not the right to have it.
    apply(&mut admin, &denied.replace("\"Start Sessions Only\"", "\"Auditor\"")).await;
    assert_eq!(ended(&mut bob).await, EndReason::RightsWithdrawn);
    let gone = denied.replace("username = \"bob\"", "username = \"bob\"\nenabled = false");
    apply(&mut admin, &gone).await;
    assert!(bob.until_closed().await, "who may not log in is not there any more");
}

/// Waits until a rep has so many sessions.
async fn has_sessions(rep: &mut Link, count: usize) {
    rep.notice(|notice| match notice {
        ApplianceNotice::Sessions { sessions } => (sessions.len() == count).then_some(()),
        _ => None,
    })
    .await;
}

#[tokio::test]
async fn who_joined_by_a_jump_goes_with_the_right_to_it_and_who_was_invited_stays() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let joining = format!(
        "[site]\nsimultaneous_jumps = \"join\"\n{TEAM}[[user]]\nusername = \"eve\"\nsettings = {{}}\n"
    );
    let made = apply(&mut admin, &joining).await;
    let mut bob = colleague(&house, &made, "bob").await;
    let mut eve = colleague(&house, &made, "eve").await;
    // The owner is there through another item of the same machine, which bob may not have.
    let to = Place::Personal(UserId(1));
    admin
        .ask(RepRequest::CopyItems(request::CopyItems { items: vec![agent.item], to }))
        .await
        .unwrap();
    let items = seen(&mut admin).await;
    let own = *items.iter().find(|item| **item != agent.item).unwrap();
    let (started, _) = tokio::join!(admin.ask(shell(own)), agent.open());
    let RepReply::SessionStarted(view) = started.unwrap() else { panic!() };
    assert_eq!(view.item, own);
    let denied = bob.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(denied.code, RefusalCode::JoinDenied, "it goes through what bob may not see");
    assert_eq!(denied.detail, "somebody is in a session with it");
    admin.ask(RepRequest::EndSession(request::EndSession { session: view.id })).await.unwrap();
    let view = session(&mut admin, &mut agent).await;
    let part = Some(session::Part::Participant);
    let invite = RepRequest::Share(request::Share { session: view.id, with: "eve".into(), part });
    admin.ask(invite.clone()).await.unwrap();
    // No terminal of one's own instead, where the policy wants one session.
    let (size, argv) = (session::Size { columns: 80, rows: 24 }, vec!["bash".into()]);
    let (program, modes) = (session::Program::Named, TerminalModes::utf8());
    let kind = ChannelKind::Terminal { size, term: "xterm".into(), argv, program, modes };
    let beside = RepRequest::StartSession(request::StartSession {
        item: agent.item,
        kind,
        override_schedule: false,
        reason: None,
        code: None,
    });
    assert_eq!(bob.ask(beside).await.unwrap_err().code, RefusalCode::JoinDenied);
    let joined = bob.ask(shell(agent.item)).await;
    assert!(matches!(joined, Ok(RepReply::SessionStarted(_))), "{joined:?}");
    let note = RepRequest::Note(request::Note { session: view.id, text: "here".into() });
    assert!(bob.ask(note.clone()).await.is_ok());

    let denied = joining.replace("\"Start Sessions Only\"", "\"Auditor\"");
    apply(&mut admin, &denied).await;
    has_sessions(&mut bob, 0).await;
    assert_eq!(bob.ask(note.clone()).await.unwrap_err().code, RefusalCode::SessionGone);
    assert!(eve.ask(note.clone()).await.is_ok(), "the owner's word holds");
    let left = audited(&mut admin).await;
    let left = left.iter().find(|event| &*event.action == "session_withdrawn").unwrap();
    assert_eq!(&*left.detail, "bob may no longer join");

    // A person whom the owner lets in stays without a right to jump, and a jump's part ends with the hours.
    let bobs = RepRequest::Share(request::Share { session: view.id, with: "bob".into(), part });
    admin.ask(bobs.clone()).await.unwrap();
    house.appliance.look().await;
    assert!(bob.ask(note.clone()).await.is_ok());
    admin
        .ask(RepRequest::Share(request::Share { session: view.id, with: "bob".into(), part: None }))
        .await
        .unwrap();
    let hours = "role = \"Start Sessions Only\", jump_policy = \"hours\" }";
    apply(&mut admin, &joining.replace("role = \"Start Sessions Only\" }", hours)).await;
    let joined = bob.ask(shell(agent.item)).await;
    assert!(matches!(joined, Ok(RepReply::SessionStarted(_))), "{joined:?}");
    house.appliance.look().await;
    assert!(bob.ask(note.clone()).await.is_ok());
    house.clock.0.store(1_000_000 - 1_000_000 % 86_400 + 14 * 3600, Ordering::SeqCst);
    house.appliance.look().await;
    assert_eq!(bob.ask(note.clone()).await.unwrap_err().code, RefusalCode::SessionGone);
    assert!(admin.ask(note).await.is_ok(), "the owner's own hours are not over");
}

#[tokio::test]
async fn a_strict_jump_policy_warns_a_quarter_of_an_hour_before_and_ends_the_session() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    // It is a Monday, 13:46:40; from 13:45 on it would be said at once.
    house.clock.0.store(1_000_000 - 1000, Ordering::SeqCst);
    let with_hours = TEAM.replace(
        "role = \"Start Sessions Only\" }",
        "role = \"Start Sessions Only\", jump_policy = \"hours\" }",
    );
    let made = apply(&mut admin, &with_hours).await;
    let mut bob = colleague(&house, &made, "bob").await;
    session(&mut bob, &mut agent).await;
    let soon = |notice| match notice {
        ApplianceNotice::Logged { entry, .. } => match entry.event {
            LogEvent::EndsSoon { minutes, .. } => Some(minutes),
            _ => None,
        },
        _ => None,
    };
    house.appliance.look().await;
    for (at, minutes) in [("13:45:00", 15), ("13:50:00", 10), ("13:55:01", 5), ("13:59:30", 1)] {
        let midnight = 1_000_000 - 1_000_000 % 86_400;
        let seconds: i64 =
            at.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
        house.clock.0.store(midnight + seconds, Ordering::SeqCst);
        house.appliance.look().await;
        house.appliance.look().await;
        if minutes == 10 {
            // Only at 15, 5 and 1.
            continue;
        }
        assert_eq!(bob.notice(soon).await, minutes);
    }
    house.clock.0.store(1_000_000 - 1_000_000 % 86_400 + 14 * 3600, Ordering::SeqCst);
    house.appliance.look().await;
    assert_eq!(ended(&mut bob).await, EndReason::ScheduleClosed);
    // Nobody overrides a strict one.
    let RepRequest::StartSession(request::StartSession { item, kind, code, .. }) =
        shell(agent.item)
    else {
        panic!()
    };
    let anyway = RepRequest::StartSession(request::StartSession {
        item,
        kind,
        override_schedule: true,
        reason: Some("the till burns".into()),
        code,
    });
    assert_eq!(bob.ask(anyway).await.unwrap_err().code, RefusalCode::ScheduleClosed);
}

#[tokio::test]
async fn what_a_session_policy_denies_no_client_can_do() {
    let house = House::new().await;
    let mut admin = house.admin().await;
    let mut agent = house.agent(&Who::new(Some(&house.installer(600).await))).await.unwrap();
    let careful = TEAM.replace(
        "settings = { unattended_session_policy = \"everything\" }",
        "settings = { unattended_session_policy = \"careful\" }",
    );
    let made = apply(&mut admin, &careful).await;
    let mut bob = colleague(&house, &made, "bob").await;
    // A filter lets no shell be opened, in which anything could be typed.
    let refusal = bob.ask(shell(agent.item)).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PermissionDenied);
    assert!(refusal.detail.contains("command filter"), "{refusal}");
    let item = agent.item;
    let exec = |words: &[&str]| {
        RepRequest::StartSession(request::StartSession {
            item,
            kind: ChannelKind::exec(words.iter().copied()),
            override_schedule: false,
            reason: None,
            code: None,
        })
    };
    let refusal = bob.ask(exec(&["systemctl", "stop", "sshd"])).await.unwrap_err();
    assert_eq!(refusal.code, RefusalCode::PermissionDenied);
    assert_eq!(refusal.detail, "the command filter allows only uptime, systemctl status *");
    // At a terminal anything could be typed, also into what may be run without one.
    let size = session::Size { columns: 80, rows: 24 };
    let argv = ["systemctl", "status", "sshd"].map(Into::into).to_vec();
    let (program, modes) = (session::Program::Named, TerminalModes::utf8());
    let kind = ChannelKind::Terminal { size, term: "xterm".into(), argv, program, modes };
    let on_terminal = RepRequest::StartSession(request::StartSession {
        item,
        kind,
        override_schedule: false,
        reason: None,
        code: None,
    });
    let refusal = bob.ask(on_terminal).await.unwrap_err();
    assert!(refusal.detail.contains("without a terminal"), "{refusal}");
    let (answer, _) = tokio::join!(bob.ask(exec(&["systemctl", "status", "sshd"])), agent.open());
    let RepReply::SessionStarted(view) = answer.unwrap() else { panic!() };
    // In the session that runs, nothing more may be opened than its policies let.
    let more = RepRequest::OpenShell(request::OpenShell {
        session: view.id,
        size: session::Size { columns: 80, rows: 24 },
        term: "xterm".into(),
    });
    assert_eq!(bob.ask(more).await.unwrap_err().code, RefusalCode::PermissionDenied);
    let chat = RepRequest::Chat(request::Chat { session: view.id, text: "hello".into() });
    assert_eq!(bob.ask(chat).await.unwrap_err().code, RefusalCode::PermissionDenied);
    let item = Box::default();
    let pin = RepRequest::Pin(request::Pin { session: view.id, item });
    assert_eq!(bob.ask(pin).await.unwrap_err().code, RefusalCode::PermissionDenied);
    // Without a policy, the global default denies.
    apply(
        &mut admin,
        &careful.replace("settings = { unattended_session_policy = \"careful\" }", ""),
    )
    .await;
    let refusal = bob.ask(exec(&["uptime"])).await.unwrap_err();
    let expected = "the session policy Global Default (global default) says command_shell: deny";
    assert_eq!((refusal.code, &*refusal.detail), (RefusalCode::PermissionDenied, expected));
}
