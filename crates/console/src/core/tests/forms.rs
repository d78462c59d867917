//! Forms: properties of one item and of many.

use crate::core::form::Form;
use crate::core::layers::{Layer, Question};
use crate::core::*;
use crate::fixtures::{Desk, NOW, rights, sample};
use jumpdeck_protocol::inventory::{InventoryPart, ItemView};
use jumpdeck_protocol::item::{FieldValue, ItemEdit, ItemField};
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepReply, RepRequest};
use jumpdeck_protocol::rights::Permission;
use jumpdeck_protocol::{ItemId, Outcome, RefusalCode};
use std::sync::Arc;

pub(super) fn desk() -> Desk {
    Desk::linked(120, 40)
}

pub(super) fn form(desk: &Desk) -> &Form {
    desk.console.form().expect("a form is open")
}

pub(super) fn row(desk: &Desk, field: ItemField) -> &crate::core::form::Row {
    form(desk).rows.iter().find(|row| row.field == field).unwrap()
}

pub(super) fn edits(desk: &Desk) -> Vec<ItemEdit> {
    match desk.last_request().1 {
        RepRequest::EditItems(request::EditItems { edits }) => edits.clone(),
        other => panic!("{other:?}"),
    }
}

pub(super) fn done(desk: &mut Desk) {
    desk.reply(Outcome::Ok(RepReply::Done(reply::BulkDone { refused: vec![] })));
}

/// The appliance tells an item again.
pub(super) fn told(desk: &mut Desk, number: usize, change: impl FnOnce(&mut ItemView)) {
    let mut view = ItemView::clone(&sample().items[number]);
    change(&mut view);
    let items = vec![Arc::new(view)];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { items, ..InventoryPart::default() }));
}

#[test]
fn properties_of_one_item_are_edited_and_saved() {
    let mut desk = desk();
    desk.press("jjjp");
    assert_eq!(form(&desk).title, "Properties of Front Office");
    desk.press("<end> 2<down><down><ctrl-u>desk<ctrl-s>");
    let edits = edits(&desk);
    let change = |field, from: &str, to: &str| (field, from.to_owned(), to.to_owned());
    let text = |value: &FieldValue| match value {
        FieldValue::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    };
    let changes: Vec<_> =
        edits[0].changes.iter().map(|c| (c.field, text(&c.from), text(&c.to))).collect();
    assert_eq!(
        changes,
        [
            change(ItemField::Name, "Front Office", "Front Office 2"),
            change(ItemField::Tag, "office", "desk")
        ]
    );
    assert!(form(&desk).saving);
    desk.press("x");
    done(&mut desk);
    assert!(desk.console.layers().is_empty());
    assert_eq!(desk.said(), "1 item was changed. u undoes it.");
}

#[test]
fn many_items_show_what_differs_and_only_what_was_touched_is_changed() {
    let mut desk = desk();
    desk.press("/web<enter>*p");
    assert_eq!(form(&desk).title, "Properties of 3 items");
    assert!(row(&desk, ItemField::Tag).is_mixed() && row(&desk, ItemField::Name).is_mixed());
    assert!(!row(&desk, ItemField::Place).is_mixed());
    desk.press("<down><down>web<ctrl-s>");
    let edits = edits(&desk);
    assert_eq!(edits.len(), 1, "two of them have that tag already");
    assert_eq!(edits[0].changes.len(), 1);
}

#[test]
fn a_tag_is_completed_and_a_group_is_chosen_by_its_first_letter() {
    let mut desk = desk();
    desk.press("p<down><down><ctrl-u>of<tab>");
    assert_eq!(row(&desk, ItemField::Tag).text(), "office");
    desk.press("<up>t");
    assert_eq!(row(&desk, ItemField::Place).text(), "TechCom");
    desk.press("<right>");
    assert_eq!(row(&desk, ItemField::Place).text(), "Web Servers");
    desk.press("<ctrl-z>");
    assert_eq!(row(&desk, ItemField::Place).text(), "Web Servers", "what it was");
    desk.press("<enter>dir<enter>");
    assert_eq!(row(&desk, ItemField::Place).text(), "Directory Servers");
}

#[test]
fn a_value_that_does_not_fit_is_marked_before_anything_is_sent() {
    let mut desk = desk();
    let before = desk.sent.len();
    desk.press("p<ctrl-u><ctrl-s>");
    assert_eq!(row(&desk, ItemField::Name).mistake.as_deref(), Some("it cannot be empty"));
    desk.press("x<down><down><down><down><down><down><down><down><ctrl-u>soon<ctrl-s>");
    assert!(row(&desk, ItemField::Expires).mistake.as_ref().unwrap().contains("+7d"));
    assert_eq!(form(&desk).row().unwrap().field, ItemField::Expires);
    assert_eq!(desk.sent.len(), before);
    desk.press("<ctrl-u>+7d<ctrl-s>");
    let to =
        edits(&desk)[0].changes.iter().find(|c| c.field == ItemField::Expires).unwrap().to.clone();
    assert_eq!(to, FieldValue::Time(Some(NOW.plus(7 * 86_400))));
}

#[test]
fn what_another_rep_changed_meanwhile_stands_beside_what_was_typed() {
    let mut desk = desk();
    desk.press("jjjp<down><down><ctrl-u>desk");
    told(&mut desk, 0, |view| {
        view.tag = "mail".into();
        view.comments = "theirs too".into();
    });
    assert_eq!(row(&desk, ItemField::Tag).theirs.as_deref(), Some("mail"));
    assert_eq!(row(&desk, ItemField::Comments).text(), "theirs too", "untouched: it follows");
    desk.press("<ctrl-s>");
    assert!(desk.said().contains("Somebody else has changed Tag"), "{}", desk.said());
    desk.press("<ctrl-k><ctrl-s>");
    let change = edits(&desk)[0].changes[0].clone();
    let text = |text: &str| FieldValue::Text(text.into());
    assert_eq!((change.from, change.to), (text("mail"), text("desk")));
}

#[test]
fn theirs_can_be_taken_instead() {
    let mut desk = desk();
    desk.press("jjjp<down><down><ctrl-u>desk");
    told(&mut desk, 0, |view| view.tag = "mail".into());
    desk.press("<ctrl-t>");
    let tag = row(&desk, ItemField::Tag);
    assert_eq!((tag.text(), tag.touched, tag.theirs.is_none()), ("mail", false, true));
    desk.press("<ctrl-t>");
    assert_eq!(desk.said(), "Nobody else has changed this field.");
}

#[test]
fn a_conflict_that_the_appliance_finds_keeps_the_form_and_shows_both() {
    let mut desk = desk();
    desk.press("jjjp<down><down><ctrl-u>desk<ctrl-s>");
    let refusal = RefusalCode::EditConflict.because("bob changed Tag");
    desk.reply(Outcome::Ok(RepReply::Done(reply::BulkDone {
        refused: vec![(ItemId(1), refusal)],
    })));
    assert!(desk.said().contains("bob changed Tag"), "{}", desk.said());
    told(&mut desk, 0, |view| view.tag = "mail".into());
    let tag = row(&desk, ItemField::Tag);
    assert_eq!((tag.text(), tag.theirs.as_deref()), ("desk", Some("mail")));
}

#[test]
fn a_lost_link_keeps_what_was_typed() {
    let mut desk = desk();
    desk.press("jjjp<down><down><ctrl-u>desk<ctrl-s>");
    desk.link_down();
    assert!(!form(&desk).saving && desk.said().contains("What you typed is kept"));
    desk.press("top<ctrl-s>");
    assert!(desk.said().contains("no link"), "{}", desk.said());
    desk.link_up();
    desk.press("<ctrl-s>");
    assert_eq!(edits(&desk)[0].changes[0].to, FieldValue::Text("desktop".into()));
}

#[test]
fn what_was_typed_is_not_thrown_away_without_a_question() {
    let mut desk = desk();
    desk.press("p<esc>");
    assert!(desk.console.layers().is_empty(), "nothing was typed");
    desk.press("px<esc>");
    assert!(matches!(desk.console.layers().last(), Some(Layer::Confirm(Question::Discard))));
    desk.press("n");
    assert!(form(&desk).is_touched());
    desk.press("<esc>y");
    assert!(desk.console.layers().is_empty());
}

#[test]
fn what_a_role_does_not_permit_is_shown_with_its_reason_even_while_a_form_is_open() {
    let mut desk = desk();
    desk.press("jjjp<down><down>");
    assert!(row(&desk, ItemField::Tag).why_not.is_none());
    desk.notice(rights(&[Permission::PermStart, Permission::PermEditComments]));
    assert!(row(&desk, ItemField::Tag).why_not.as_ref().unwrap().contains("perm_edit_tag"));
    assert!(row(&desk, ItemField::Comments).why_not.is_none());
    desk.press("xyz");
    assert_eq!(row(&desk, ItemField::Tag).text(), "office", "nothing is typed there");
    desk.press("!");
    assert!(desk.said().contains("Ask an administrator for perm_edit_tag"), "{}", desk.said());
}

#[test]
fn an_item_that_is_removed_while_its_form_is_open_says_so() {
    let mut desk = desk();
    desk.press("jjjpx");
    let gone = vec![ItemId(1)];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { gone, ..InventoryPart::default() }));
    assert!(form(&desk).gone);
    desk.press("<ctrl-s>");
    assert!(desk.said().contains("The item is gone"), "{}", desk.said());
    desk.press("<esc>");
    assert!(desk.console.layers().is_empty());
}

#[test]
fn items_of_different_kinds_have_no_common_properties() {
    let mut desk = desk();
    told(&mut desk, 6, |view| {
        view.method = JumpMethod::ShellJump;
        view.shortcut = Some(Box::default());
    });
    desk.press("*p");
    assert!(desk.said().contains("one kind at a time"), "{}", desk.said());
}

#[test]
fn a_late_answer_does_not_close_another_form() {
    let mut desk = desk();
    desk.press("jjjp<down><down><ctrl-u>desk<ctrl-s>");
    let (id, _) = desk.last_request();
    desk.press("<esc>y");
    desk.press("jp<end>abc");
    let done = Outcome::Ok(RepReply::Done(reply::BulkDone { refused: vec![] }));
    desk.event(Event::Link(LinkEvent::Reply(id, done)));
    assert_eq!(row(&desk, ItemField::Name).text(), "My Laptopabc");
}

#[test]
fn a_session_that_starts_meanwhile_does_not_throw_a_form_away() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let (id, _) = desk.last_request();
    desk.press("p<end>x");
    let view = desk.session(1, ItemId(1));
    let started = Outcome::Ok(RepReply::SessionStarted(view));
    desk.event(Event::Link(LinkEvent::Reply(id, started)));
    assert_eq!(row(&desk, ItemField::Name).text(), "Front Officex");
    assert!(desk.said().contains("Alt-1 shows it"), "{}", desk.said());
    desk.press("<alt-1>");
    assert!(desk.said().contains("Save the form first"), "{}", desk.said());
}

#[test]
fn a_mixed_field_that_is_left_as_it_was_changes_nothing_and_one_that_is_emptied_does() {
    let mut desk = desk();
    desk.press("/web<enter>*p<down><down>a<backspace>");
    assert!(row(&desk, ItemField::Tag).is_mixed() && !form(&desk).is_touched());
    desk.press("<ctrl-u>");
    assert!(row(&desk, ItemField::Tag).touched, "emptied on purpose");
    desk.press("<ctrl-s>");
    assert_eq!(edits(&desk).len(), 3, "{}", desk.said());
}

#[test]
fn many_edits_are_asked_for_in_portions_that_fit_into_a_message() {
    let mut desk = desk();
    let items = (100..700).map(|id| {
        let mut view = ItemView::clone(&sample().items[0]);
        view.id = ItemId(id);
        view.name = format!("many {id}").into();
        view.comments = "漢".repeat(1000).into();
        Arc::new(view)
    });
    let items = items.collect();
    desk.notice(ApplianceNotice::Inventory(InventoryPart { items, ..InventoryPart::default() }));
    desk.press("/many<enter>*p<down><down><down><ctrl-u>x<ctrl-s>");
    let mut portions = 0;
    while desk.console.form().is_some_and(|form| form.saving) {
        assert!(edits(&desk).len() < 100, "three thousand bytes each");
        portions += 1;
        // Eight are under way; each answer lets the next one go.
        let open = desk.unanswered();
        done_with(&mut desk, open[0]);
    }
    assert!(portions >= 6, "{portions}");
    assert_eq!(desk.said(), "600 items were changed. u undoes it.");
}

fn done_with(desk: &mut Desk, id: jumpdeck_protocol::RequestId) {
    let done = Outcome::Ok(RepReply::Done(reply::BulkDone { refused: vec![] }));
    desk.event(Event::Link(LinkEvent::Reply(id, done)));
    desk.answered.push(id);
}

#[test]
fn the_first_key_replaces_what_is_in_a_field_unless_the_cursor_was_moved() {
    let mut desk = desk();
    desk.press("jjjpx");
    assert_eq!(row(&desk, ItemField::Name).text(), "x");
    desk.press("yz");
    assert_eq!(row(&desk, ItemField::Name).text(), "xyz");
    // Who comes back begins anew; who only wants to add something goes there first.
    desk.press("<down><up>n<down><up><end>o<down><up><backspace>");
    assert_eq!(row(&desk, ItemField::Name).text(), "n");
}
