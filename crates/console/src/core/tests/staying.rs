//! What stays where it is while searches run and machines come and go.

use super::looking::{desk, kept, nodes};
use crate::core::mouse::{Mouse, MouseKind};
use crate::core::*;
use crate::fixtures::{Desk, NOW, Sent};
use jumpdeck_protocol::inventory::{Figure, InventoryPart, Presence, Status};
use jumpdeck_protocol::preferences::{Preferences, SavedSearch};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepRequest};
use jumpdeck_protocol::session::EndReason;
use jumpdeck_protocol::{ItemId, SessionId};

#[test]
fn while_a_search_means_nothing_nobody_acts_on_the_list() {
    let mut desk = desk();
    desk.press("/web staus:x<enter>");
    assert_eq!(desk.console.context(), keymap::Context::Search, "the mistake is still there");
    assert!(desk.said().contains("no field “staus”"), "{}", desk.said());
    desk.press("<alt-m>");
    let mouse = Mouse { kind: MouseKind::Click, column: 40, row: 4 };
    desk.event(Event::Mouse(mouse));
    desk.press("*");
    assert!(desk.console.jump_screen().marked.is_empty());
    assert!(desk.said().contains("no field “staus”"), "{}", desk.said());
}

#[test]
fn keys_that_act_on_the_list_wait_for_the_search_before_them() {
    let mut desk = desk();
    desk.held = Some(Vec::new());
    desk.press("/laptop<enter><space>");
    assert!(desk.console.jump_screen().marked.is_empty(), "the old list is still shown");
    let job = desk.held.take().unwrap().pop().unwrap();
    desk.event(Event::Found(search::run(job)));
    let marked: Vec<_> = desk.console.jump_screen().marked.iter().copied().collect();
    assert_eq!(marked, [ItemId(7)]);
}

#[test]
fn keys_for_a_dialogue_that_waits_for_a_search_are_not_lost() {
    let mut desk = desk();
    desk.held = Some(Vec::new());
    desk.press("/laptop<enter>p<end> 2");
    assert!(desk.console.layers().is_empty());
    let job = desk.held.take().unwrap().pop().unwrap();
    desk.event(Event::Found(search::run(job)));
    assert_eq!(desk.console.form().unwrap().rows[0].text(), "My Laptop 2");
}

#[test]
fn a_click_on_a_sign_shows_the_group_it_unfolds() {
    let mut desk = desk();
    desk.press("<alt-m>");
    desk.event(Event::Mouse(Mouse { kind: MouseKind::Click, column: 2, row: 7 }));
    assert_eq!(desk.console.scope_title(), "Web Servers");
    assert_eq!(desk.listed().len(), 3);
    assert!(nodes(&desk).contains(&"日本".to_owned()));
}

#[test]
fn a_saved_search_that_means_nothing_finds_nothing() {
    let mut desk = desk();
    let saved = SavedSearch { name: "later".into(), query: "moon:full".into() };
    let preferences = Preferences { saved: vec![saved], ..Preferences::default() };
    desk.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    desk.press("<tab>jj");
    assert_eq!((desk.console.scope_title().as_str(), desk.listed().len()), ("later", 0));
}

#[test]
fn more_saved_searches_than_fit_are_refused_and_none_is_lost() {
    let mut desk = desk();
    let saved = |n| SavedSearch { name: format!("search {n}").into(), query: "a".into() };
    let preferences = Preferences { saved: (0..50).map(saved).collect(), ..Preferences::default() };
    desk.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    desk.press("/web<enter>f<enter>one more<enter>");
    assert!(desk.said().contains("50 searches are saved already"), "{}", desk.said());
    assert_eq!(desk.console.preferences().saved.len(), 50);
}

#[test]
fn a_new_name_in_the_saved_searches_saves_this_one_under_it() {
    let mut desk = desk();
    desk.press("/web<enter>fZZZ<enter>");
    assert_eq!(&*kept(&desk).saved[0].name, "ZZZ");
}

#[test]
fn a_machine_that_goes_away_is_not_found_by_what_it_measured() {
    let mut desk = desk();
    desk.press("/cpu>80");
    let figure = Figure { item: ItemId(1), cpu: 93, disk: 10 };
    desk.notice(ApplianceNotice::Figures { figures: vec![figure] });
    assert_eq!(desk.listed(), ["Front Office"]);
    let changes = vec![jumpdeck_protocol::inventory::Presence {
        item: ItemId(1),
        status: jumpdeck_protocol::inventory::Status::Offline,
        since: Some(NOW),
    }];
    desk.notice(ApplianceNotice::Presence { all: false, changes, position: None });
    assert!(desk.listed().is_empty());
}

#[test]
fn a_group_that_is_not_there_is_told_to_be_none() {
    let mut desk = desk();
    desk.press("<tab>/zzz");
    assert!(desk.console.jump_screen().find_missed);
    desk.press("<ctrl-u>web");
    assert!(!desk.console.jump_screen().find_missed);
}

fn becomes(desk: &mut Desk, item: u64, status: Status) {
    let changes = vec![Presence { item: ItemId(item), status, since: Some(NOW) }];
    desk.notice(ApplianceNotice::Presence { all: false, changes, position: None });
}

#[test]
fn a_row_that_no_longer_matches_stays_under_the_cursor_until_the_rep_moves() {
    let mut desk = desk();
    desk.press("/status:online<enter>j");
    let (second, count) = (desk.selected(), desk.listed().len());
    let id = desk.console.jump_screen().selected.unwrap();
    becomes(&mut desk, id.0, Status::Offline);
    assert_eq!(desk.listed().len(), count - 1, "it does not match any more");
    assert_eq!(desk.selected(), second, "but nothing else slid under the cursor");
    assert_eq!(desk.console.jump_screen().kept, Some(id));
    desk.press("a");
    assert!(!desk.console.jump_screen().marked.contains(&id), "what acts on all leaves it out");
    desk.press("k");
    assert_eq!(desk.console.jump_screen().kept, None);
    assert_eq!(desk.console.jump_screen().rows.len(), count - 1);
    desk.press("j");
    assert_ne!(desk.selected(), second);
}

#[test]
fn nothing_is_done_to_the_neighbour_of_an_item_that_is_gone() {
    let mut desk = desk();
    desk.press("jj");
    let (name, id) = (desk.selected(), desk.console.jump_screen().selected.unwrap());
    let gone = vec![id];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { gone, ..InventoryPart::default() }));
    assert_eq!(desk.said(), format!("{name} is gone."));
    desk.press("<enter>");
    let starts = |sent: &Sent| {
        matches!(sent, Sent::Request(_, RepRequest::StartSession(request::StartSession { .. })))
    };
    assert!(!desk.sent.iter().any(starts));
    assert!(desk.said().starts_with(&format!("{name} is gone.")), "{}", desk.said());
    let next = desk.console.jump_screen().rows.get(2).unwrap().name().to_owned();
    desk.press("j");
    assert_eq!(desk.selected(), next, "none is passed over");
}

#[test]
fn the_tree_does_not_slide_to_another_group_when_the_selected_one_is_gone() {
    let mut desk = desk();
    desk.press("<tab>jjjjjlj");
    assert_eq!(desk.console.scope_title(), "Web Servers ▸ web");
    let all = desk.console.jump_screen().rows.iter().map(|item| item.id()).collect::<Vec<_>>();
    let gone = InventoryPart { gone: all, ..InventoryPart::default() };
    desk.notice(ApplianceNotice::Inventory(gone));
    let tree = &desk.console.jump_screen().tree;
    let node = tree.node().unwrap();
    assert_eq!((node.name.as_str(), node.gone, node.count), ("web", true, Some(0)));
    assert!(desk.listed().is_empty(), "the list is not another group's");
    desk.press("k");
    assert_eq!(desk.console.scope_title(), "Web Servers");
    let text = nodes(&desk);
    assert!(!text.contains(&"web".to_owned()), "{text:?}");
}

#[test]
fn a_session_that_ends_leaves_its_row_in_the_fuzzy_jump() {
    let mut desk = desk();
    desk.press("<ctrl-p>front<enter>");
    desk.grant_session(1);
    desk.press("<ctrl-]>d<ctrl-p>red04<enter>");
    desk.grant_session(2);
    desk.press("<ctrl-]>d<ctrl-p>");
    let reason = EndReason::EndedByRep;
    desk.notice(ApplianceNotice::SessionEnded { session: SessionId(1), reason, summary: None });
    desk.press("<enter>");
    assert_eq!(desk.console.screen(), Screen::Jump, "the other session is not shown instead");
    assert_eq!(desk.said(), "The session with Front Office has ended.");
}

#[test]
fn who_tries_ctrl_c_is_told_the_way_out() {
    let mut desk = desk();
    desk.press("<ctrl-c>");
    assert_eq!(desk.said(), "q leaves the console; open sessions continue.");
}
