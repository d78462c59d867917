//! Items are tended from the keyboard.

use super::forms::{desk, done, edits, form, row, told};
use crate::core::layers::Why;
use crate::core::layers::{Ask, Layer, Prompt, Question};
use crate::core::*;
use crate::fixtures::{Desk, NOW, rights, sample};
use jumpdeck_protocol::inventory::{
    InventoryPart, ItemView, JumpPolicyView, Place, PolicyState, Presence, Status,
};
use jumpdeck_protocol::item::{FieldValue, ItemField};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, PastSession, RepReply, RepRequest};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::{ItemId, JumpGroupId, JumpPolicyId, Outcome, RefusalCode};
use std::sync::Arc;

fn away(desk: &mut Desk, item: u64) {
    presence(desk, item, Status::Offline);
}

fn presence(desk: &mut Desk, item: u64, status: Status) {
    let changes = vec![Presence { item: ItemId(item), status, since: Some(NOW) }];
    desk.notice(ApplianceNotice::Presence { all: false, changes, position: None });
}

#[test]
fn items_are_marked_one_by_one_or_all_that_are_shown() {
    let mut desk = desk();
    desk.press("<space><space>");
    assert_eq!(desk.console.jump_screen().marked.len(), 2);
    assert_eq!(desk.selected(), "evil[31m", "a mark goes on to the next row");
    desk.press("k<space>");
    assert_eq!(desk.console.jump_screen().marked.len(), 1, "a second press takes it away");
    desk.press("/web<enter>*");
    assert_eq!(desk.console.jump_screen().marked.len(), 3);
    desk.press("<esc>/front<enter>");
    assert_eq!(desk.console.jump_screen().hidden_marks, 3);
    desk.press("<esc><esc>");
    assert!(desk.console.jump_screen().marked.is_empty());
    desk.press("**");
    assert!(desk.console.jump_screen().marked.is_empty(), "all, then none");
}

#[test]
fn a_marked_item_that_is_gone_is_not_marked_any_more() {
    let mut desk = desk();
    desk.press("*");
    let gone = vec![ItemId(1)];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { gone, ..InventoryPart::default() }));
    assert_eq!(desk.console.jump_screen().marked.len(), 6);
}

#[test]
fn items_are_moved_and_copied_to_a_place_that_is_chosen() {
    let mut desk = desk();
    desk.press("jjjmweb<enter>");
    let change = edits(&desk)[0].changes[0].clone();
    let place = |id| FieldValue::Place(Place::JumpGroup(JumpGroupId(id)));
    assert_eq!((change.from, change.to), (place(1), place(2)));
    done(&mut desk);
    assert_eq!(desk.said(), "1 item was moved to Web Servers. u undoes it.");
    // The other way round, and once.
    desk.press("u");
    let change = edits(&desk)[0].changes[0].clone();
    assert_eq!((change.from, change.to), (place(2), place(1)));
    done(&mut desk);
    assert_eq!(desk.said(), "1 item was restored.");
    desk.press("u");
    assert!(desk.said().starts_with("Nothing was changed"), "{}", desk.said());
    desk.press("cper<enter>");
    let to = Place::Personal(jumpdeck_protocol::UserId(1));
    assert_eq!(
        *desk.last_request().1,
        RepRequest::CopyItems(request::CopyItems { items: vec![ItemId(1)], to })
    );
    let refused = vec![(ItemId(1), RefusalCode::InvalidValue.because("It stands there already."))];
    desk.reply(Outcome::Ok(RepReply::Done(reply::BulkDone { refused })));
    assert!(desk.said().starts_with("Front Office: It stands there already."), "{}", desk.said());
    desk.notice(rights(&[Permission::PermStart]));
    desk.press("m");
    assert!(desk.said().contains("perm_assign_jump_group"), "{}", desk.said());
}

#[test]
fn items_are_removed_after_a_question_that_names_them() {
    let mut desk = desk();
    desk.press("<space><space>x");
    let Some(Layer::Confirm(Question::Remove { names, .. })) = desk.console.layers().last() else {
        panic!("a question is asked")
    };
    assert_eq!(names.len(), 2);
    desk.press("n");
    assert!(!matches!(desk.last_request().1, RepRequest::RemoveItems(request::RemoveItems { .. })));
    desk.press("xy");
    let RepRequest::RemoveItems(request::RemoveItems { items }) = desk.last_request().1 else {
        panic!()
    };
    assert_eq!(items.len(), 2);
    let refused = vec![(ItemId(5), RefusalCode::InSession.plain())];
    desk.reply(Outcome::Ok(RepReply::Done(reply::BulkDone { refused })));
    assert!(desk.said().starts_with("1 of 2 items were removed. Café"), "{}", desk.said());
    desk.link_down();
    desk.press("x");
    assert!(desk.said().contains("no link"), "{}", desk.said());
}

#[test]
fn a_deed_that_the_link_swallowed_is_told_to_be_uncertain() {
    let mut desk = desk();
    desk.press("xy");
    desk.link_down();
    let said: Vec<_> = desk.console.messages().all().map(|m| m.text.clone()).collect();
    assert!(said.iter().any(|text| text.contains("before the appliance said whether")), "{said:?}");
}

#[test]
fn a_machine_that_is_away_is_woken_and_everybody_sees_the_countdown() {
    let mut desk = desk();
    desk.press("jjjw");
    assert!(desk.said().contains("there is nothing to wake"), "{}", desk.said());
    away(&mut desk, 1);
    desk.press("W01:02:03");
    desk.press("<enter>");
    let Some(Layer::Prompt(prompt)) = desk.console.layers().last() else { panic!() };
    assert!(prompt.mistake.as_ref().unwrap().contains("six bytes"), "{:?}", prompt.mistake);
    desk.press(":04:05:06<enter>");
    let RepRequest::Wake(request::Wake { item, password }) = desk.last_request().1 else {
        panic!()
    };
    assert_eq!((*item, password.map(|p| p.0)), (ItemId(1), Some([1, 2, 3, 4, 5, 6])));
    desk.notice(ApplianceNotice::Waking { item: ItemId(1), by: "alice".into(), wait: 30 });
    desk.reply(Outcome::Ok(RepReply::Waking(reply::WakeHelper { helper: "Red05".into() })));
    assert_eq!(desk.said(), "Wake-up packet sent by Red05. Front Office may take a few minutes.");
    desk.event(Event::Tick(NOW.plus(12)));
    desk.press("w");
    assert!(desk.said().contains("in 18 s"), "{}", desk.said());
    desk.event(Event::Tick(NOW.plus(40)));
    presence(&mut desk, 1, Status::Online);
    assert_eq!(desk.said(), "Front Office is awake, 40 s after the call.");
    assert!(desk.console.waking(ItemId(1)).is_none());
}

#[test]
fn a_machine_that_does_not_come_up_is_told_of_and_another_reps_try_is_shown() {
    let mut desk = desk();
    away(&mut desk, 1);
    desk.press("jjjw");
    let refusal = RefusalCode::NoWakeHelper.plain();
    desk.reply(Outcome::Refused(refusal));
    assert!(desk.said().contains("No Jump Client near"), "{}", desk.said());
    desk.press("w");
    desk.reply(Outcome::Ok(RepReply::Waking(reply::WakeHelper { helper: "Red05".into() })));
    desk.event(Event::Tick(NOW.plus(181)));
    assert!(desk.said().contains("has not come up 3 min"), "{}", desk.said());
    desk.notice(ApplianceNotice::Waking { item: ItemId(1), by: "bob".into(), wait: 30 });
    desk.press("w");
    assert!(desk.said().starts_with("bob tries to wake Front Office"), "{}", desk.said());
}

#[test]
fn a_shortcut_is_made_where_the_rep_may_add() {
    let mut desk = desk();
    desk.press("nshell<enter>");
    assert_eq!(form(&desk).title, "New Shell Jump");
    desk.press("Mail<down>10.14.3.10<down><ctrl-u>2222<ctrl-s>");
    let RepRequest::AddShortcut(request::AddShortcut { item }) = desk.last_request().1 else {
        panic!()
    };
    assert_eq!((&*item.name, &*item.facts.hostname), ("Mail", "10.14.3.10"));
    assert_eq!(item.shortcut.as_ref().unwrap().port, 2222);
    desk.reply(Outcome::Ok(RepReply::Added(reply::Added { item: ItemId(50) })));
    told(&mut desk, 0, |view| {
        view.id = ItemId(50);
        view.name = "Mail".into();
        view.method = JumpMethod::ShellJump;
        view.shortcut = Some(Box::default());
    });
    assert_eq!(desk.selected(), "Mail");
    desk.press("<enter>");
    assert!(desk.said().contains("not supported yet"), "{}", desk.said());
    desk.notice(rights(&[Permission::PermStart]));
    desk.press("n");
    assert!(desk.said().contains("perm_add"), "{}", desk.said());
}

#[test]
fn a_refused_shortcut_keeps_its_form() {
    let mut desk = desk();
    desk.press("nshell<enter>Mail<ctrl-s>");
    assert!(row(&desk, ItemField::Hostname).mistake.is_some());
    desk.press("mail.example.com<ctrl-s>");
    desk.reply(Outcome::Refused(RefusalCode::PermissionDenied.plain()));
    assert!(!form(&desk).saving && desk.said().contains("You may not"), "{}", desk.said());
}

#[test]
fn a_host_name_is_copied_with_a_notice() {
    let mut desk = desk();
    desk.press("jjjy");
    assert_eq!(desk.copied, ["TC-FRONT-01"]);
    assert!(desk.said().contains("OSC 52"), "{}", desk.said());
}

#[test]
fn the_list_is_exported_as_it_is_shown() {
    let mut desk = desk();
    desk.press("/web<enter>e");
    let Some(Layer::Prompt(prompt)) = desk.console.layers().last() else { panic!() };
    assert_eq!(prompt.input.text(), "jumpdeck-2026-03-02-14-03.csv");
    desk.press("<ctrl-u>list.csv<enter>");
    let export = desk.exports.pop().unwrap();
    assert_eq!(
        (export.what().as_str(), export.path().to_str()),
        ("3 items were", Some("list.csv"))
    );
    let mut out = Vec::new();
    export.write(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("Name,Hostname/IP,Method,Tag,Status\r\n"), "{text}");
    assert!(text.contains("evil[31m,XSS-01"), "nothing hostile in it: {text}");
    let error = crate::core::export::ExportError {
        path: "list.csv".into(),
        why: "the disk is full".into(),
    };
    desk.event(Event::Exported(Err(error)));
    let Some(Layer::Prompt(prompt)) = desk.console.layers().last() else { panic!() };
    assert_eq!(prompt.input.text(), "list.csv", "the path is there, to be corrected");
    assert_eq!(prompt.mistake.as_deref(), Some("list.csv: the disk is full"));
    desk.press("<esc>");
    desk.press("<esc>/nothing<enter>e");
    assert!(desk.said().contains("nothing in the list"), "{}", desk.said());
}

#[test]
fn why_says_what_may_be_done_and_what_decided_it() {
    let mut desk = desk();
    desk.notice(rights(&[Permission::PermStart]));
    desk.press("jjj!");
    let Some(Layer::Why(Why { item, .. })) = desk.console.layers().last() else { panic!() };
    let lines = why::lines(&desk.console, *item);
    let text = format!("{lines:?}");
    assert!(text.contains("Your role here is Support: the user's Default slot names the role."));
    assert!(text.contains("perm_start") && text.contains("You can start a session now"), "{text}");
    assert!(text.contains("allowed: false, what: \"remove\""), "{text}");
}

#[test]
fn a_closed_jump_policy_asks_before_it_is_overridden_and_a_strict_one_refuses() {
    let mut desk = desk();
    let policy = |strict| JumpPolicyView {
        id: JumpPolicyId(1),
        name: "Evenings".into(),
        strict,
        state: PolicyState::Closed { opens: Some(NOW.plus(3600)) },
        hours: "".into(),
    };
    desk.notice(ApplianceNotice::JumpPolicies { policies: vec![policy(false)] });
    told(&mut desk, 0, |view| view.jump_policy = Some(JumpPolicyId(1)));
    desk.press("jjj<enter>");
    let Some(Layer::Prompt(Prompt { purpose: Ask::Reason { policy: text, .. }, .. })) =
        desk.console.layers().last()
    else {
        panic!("a reason is asked for")
    };
    assert_eq!(text, "Evenings opens at 2026-03-02 15:03");
    desk.press("<enter>");
    assert!(matches!(desk.console.layers().last(), Some(Layer::Prompt(_))), "nothing is no reason");
    desk.press("till 4 burns<enter>");
    let RepRequest::StartSession(request::StartSession { override_schedule, reason, .. }) =
        desk.last_request().1
    else {
        panic!()
    };
    assert!(override_schedule);
    assert_eq!(reason.as_deref(), Some("till 4 burns"));
    desk.reply(Outcome::Refused(RefusalCode::JumpClientOffline.plain()));
    desk.notice(ApplianceNotice::JumpPolicies { policies: vec![policy(true)] });
    desk.press("<enter>");
    assert!(desk.said().contains("nobody may start a session now"), "{}", desk.said());
}

#[test]
fn up_to_ten_sessions_start_at_once_after_a_question_that_names_them() {
    let mut desk = desk();
    desk.press("/front or laptop<enter>*<enter>");
    let Some(Layer::Confirm(Question::Start { items, .. })) = desk.console.layers().last() else {
        panic!("a question is asked")
    };
    let names: Vec<_> = items.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Front Office", "My Laptop"]);
    desk.press("y");
    let starts = desk.sent.iter().filter(|sent| {
        matches!(
            sent,
            crate::fixtures::Sent::Request(
                _,
                RepRequest::StartSession(request::StartSession { .. })
            )
        )
    });
    assert_eq!(starts.count(), 2);
    assert!(desk.console.jump_screen().marked.is_empty());
    let items = (20..31).map(|id| {
        let mut view = ItemView::clone(&sample().items[0]);
        view.id = ItemId(id);
        view.name = format!("many {id}").into();
        Arc::new(view)
    });
    let items = items.collect();
    desk.notice(ApplianceNotice::Inventory(InventoryPart { items, ..InventoryPart::default() }));
    desk.press("<esc>/many<enter>*<enter>");
    assert!(desk.said().contains("at most 10 sessions"), "{}", desk.said());
}

#[test]
fn the_last_session_is_asked_for_when_the_selection_stays() {
    let mut desk = desk();
    desk.press("jjj");
    let asked = desk.sent.iter().rev().find_map(|sent| match sent {
        crate::fixtures::Sent::Request(id, RepRequest::History(request::History { item })) => {
            Some((*id, *item))
        }
        _ => None,
    });
    let (id, item) = asked.unwrap();
    assert_eq!(item, ItemId(1));
    let past = PastSession { user: "jose".into(), started: NOW, ended: Some(NOW) };
    let reply =
        Outcome::Ok(RepReply::History(reply::ItemHistory { sessions: vec![past], warning: None }));
    desk.event(Event::Link(LinkEvent::Reply(id, reply)));
    assert_eq!(desk.console.history(ItemId(1)).unwrap().len(), 1);
}

#[test]
fn one_mark_that_may_have_been_forgotten_asks_first() {
    let mut desk = desk();
    desk.press("jjj<space>");
    assert_eq!(desk.selected(), "My Laptop");
    desk.press("<enter>");
    assert!(matches!(desk.console.layers().last(), Some(Layer::Confirm(Question::Start { .. }))));
}

#[test]
fn a_question_is_answered_by_y_and_by_nothing_else() {
    let mut desk = desk();
    desk.press("x<enter>");
    assert!(matches!(desk.console.layers().last(), Some(Layer::Confirm(_))));
    assert_eq!(desk.said(), "Press y or n.");
    assert!(!matches!(desk.last_request().1, RepRequest::RemoveItems(request::RemoveItems { .. })));
}

#[test]
fn what_is_in_a_session_is_not_removed_and_nobody_is_asked() {
    let mut desk = desk();
    desk.press("jx");
    assert_eq!(desk.selected(), "Defend01");
    assert!(desk.console.layers().is_empty() && desk.said().contains("End the session first"));
}

#[test]
fn items_that_are_gone_when_a_place_is_chosen_are_told_to_be() {
    let mut desk = desk();
    desk.press("jjjm");
    let gone = vec![ItemId(1)];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { gone, ..InventoryPart::default() }));
    desk.press("web<enter>");
    assert_eq!(desk.said(), "These items are gone.");
}

#[test]
fn an_undo_takes_back_what_was_done_and_nothing_else_and_only_for_a_minute() {
    let mut desk = desk();
    // Of two that were moved, one was refused.
    desk.press("<space><space>mweb<enter>");
    let moved: Vec<_> = edits(&desk).iter().map(|edit| edit.item).collect();
    let refused = vec![(moved[0], RefusalCode::PermissionDenied.plain())];
    desk.reply(Outcome::Ok(RepReply::Done(reply::BulkDone { refused })));
    assert!(desk.said().starts_with("1 of 2 items were moved to Web Servers. u undoes it."));
    desk.press("u");
    assert_eq!(edits(&desk).iter().map(|edit| edit.item).collect::<Vec<_>>(), [moved[1]]);
    done(&mut desk);
    // A copy is taken back by removing it, and it alone.
    desk.press("<esc><esc>cper<enter>");
    let RepRequest::CopyItems(request::CopyItems { items, to }) = desk.last_request().1.clone()
    else {
        panic!()
    };
    let original = items[0];
    let name = desk.console.inventory().name(original).unwrap().to_owned();
    let number = sample().items.iter().position(|one| one.id == original).unwrap();
    done(&mut desk);
    told(&mut desk, number, |view| (view.id, view.place) = (ItemId(900), to));
    told(&mut desk, number, |view| (view.id, view.place) = (ItemId(901), Place::default()));
    told(&mut desk, number, |view| {
        (view.id, view.place, view.name) = (ItemId(902), to, format!("not {name}").into());
    });
    desk.press("u");
    let removed = RepRequest::RemoveItems(request::RemoveItems { items: vec![ItemId(900)] });
    assert_eq!(*desk.last_request().1, removed);
    done(&mut desk);
    desk.press("mweb<enter>");
    done(&mut desk);
    desk.event(Event::Tick(NOW.plus(61)));
    desk.press("u");
    assert!(desk.said().starts_with("Nothing was changed, moved or copied"), "{}", desk.said());
}

#[test]
fn a_machine_that_is_away_is_woken_and_jumped_to_once_it_is_up() {
    let mut desk = desk();
    away(&mut desk, 1);
    desk.press("jjj<enter>");
    let Some(Layer::Confirm(Question::WakeAndJump { name, .. })) = desk.console.layers().last()
    else {
        panic!("it is offered")
    };
    assert_eq!(name, "Front Office");
    desk.press("y");
    assert!(matches!(
        desk.last_request().1,
        RepRequest::Wake(request::Wake { password: None, .. })
    ));
    desk.reply(Outcome::Ok(RepReply::Waking(reply::WakeHelper { helper: "Red05".into() })));
    assert!(desk.said().ends_with("The session starts when it is up."), "{}", desk.said());
    presence(&mut desk, 1, Status::Online);
    desk.grant_session(1);
    assert_eq!(desk.console.screen(), Screen::Session(0));
}

#[test]
fn who_went_on_working_is_not_torn_away_by_a_machine_that_is_up() {
    let mut desk = desk();
    away(&mut desk, 1);
    desk.press("jjj<enter>y");
    desk.reply(Outcome::Ok(RepReply::Waking(reply::WakeHelper { helper: "Red05".into() })));
    desk.press("j");
    presence(&mut desk, 1, Status::Online);
    desk.grant_session(1);
    assert_eq!(desk.console.screen(), Screen::Jump);
    assert!(desk.said().starts_with("The session with Front Office runs"), "{}", desk.said());
}

#[test]
fn who_removes_many_says_how_many() {
    let mut desk = desk();
    for id in 100..112 {
        told(&mut desk, 1, |view| {
            (view.id, view.name) = (ItemId(id), format!("till-{id}").into());
        });
    }
    desk.press("/till-1<enter>*x");
    let Some(Layer::Prompt(_)) = desk.console.layers().last() else { panic!("a number is asked") };
    desk.press("y<enter>");
    let Some(Layer::Prompt(prompt)) = desk.console.layers().last() else { panic!() };
    assert!(prompt.mistake.as_ref().unwrap().starts_with("These are 12 items."));
    desk.press("<ctrl-u>12<enter>");
    let RepRequest::RemoveItems(request::RemoveItems { items }) = desk.last_request().1 else {
        panic!()
    };
    assert_eq!(items.len(), 12);
}
