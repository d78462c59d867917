//! Dialogues, in every state they can be in.

use super::*;

#[test]
fn properties_of_an_item() {
    snapshot("properties", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("jjjp<down><down><ctrl-u>w");
        desk
    });
}

#[test]
fn properties_of_many_items_that_differ() {
    snapshot("properties-mixed", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("/web<enter>*p<down><down><down>x");
        desk
    });
}

#[test]
fn properties_that_may_not_be_edited() {
    snapshot("properties-denied", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.notice(rights(&[Permission::PermStart]));
        desk.press("jjjp");
        desk
    });
}

#[test]
fn properties_that_two_reps_edit() {
    snapshot("properties-conflict", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("jjjp<down><down><ctrl-u>desk");
        let mut view = jumpdeck_protocol::inventory::ItemView::clone(&sample().items[0]);
        view.tag = "mail".into();
        view.jump_policy = Some(JumpPolicyId(1));
        let items = vec![view.into()];
        let part = jumpdeck_protocol::inventory::InventoryPart { items, ..Default::default() };
        desk.notice(ApplianceNotice::Inventory(part));
        desk
    });
}

#[test]
fn properties_with_a_mistake() {
    snapshot("properties-error", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("p<up><ctrl-u>many<ctrl-s>");
        desk
    });
}

#[test]
fn properties_while_the_link_is_down() {
    snapshot("properties-stale", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("jjjpx");
        desk.link_down();
        desk
    });
}

#[test]
fn a_new_shortcut() {
    snapshot("new", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("n");
        desk
    });
    snapshot("new-shell", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("nshell<enter>Mail");
        desk
    });
}

#[test]
fn places_to_move_to() {
    snapshot("move", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.press("m");
        desk
    });
}

#[test]
fn questions() {
    let asked = |name: &str, keys: &'static str| {
        snapshot(name, move |columns, rows| {
            let mut desk = rich(columns, rows);
            desk.press(keys);
            desk
        });
    };
    asked("question-remove", "*x");
    asked("question-start", "/front or defend<enter>*<enter>");
    asked("question-discard", "px<esc>");
    asked("question-forget", "f<ctrl-d>");
    asked("saved", "f");
    asked("sort", "s");
    asked("columns", "ojj");
    asked("fields", "<ctrl-f>");
    asked("export", "e");
    asked("save-search", "/web<enter>f<enter>");
    asked("why", "jjj!");
    asked("tree-find", "<tab>/web");
    asked("ordered", "ssince<enter>");
}

#[test]
fn why_not() {
    snapshot("why-denied", |columns, rows| {
        let mut desk = rich(columns, rows);
        desk.notice(rights(&[]));
        desk.press("jjj!");
        desk
    });
}

#[test]
fn a_schedule_that_may_be_overridden() {
    snapshot("question-override", |columns, rows| {
        let mut desk = rich(columns, rows);
        let state = PolicyState::Closed { opens: Some(NOW.plus(3600)) };
        let policy = JumpPolicyView {
            id: JumpPolicyId(1),
            name: "Weekdays".into(),
            strict: false,
            state,
            hours: "Mon–Fri 08:00–17:00, can be overridden".into(),
        };
        desk.notice(ApplianceNotice::JumpPolicies { policies: vec![policy] });
        desk.press("jjj<enter>");
        desk
    });
}
