//! Finding and seeing: the tree, the columns, saved searches, the fuzzy jump, the mouse.

use crate::core::command::Command;
use crate::core::help::HelpLine;
use crate::core::layers::{ChooserKind, Layer};
use crate::core::mouse::{Mouse, MouseKind};
use crate::core::*;
use crate::fixtures::{Desk, NOW, Sent, sample};
use jumpdeck_protocol::inventory::{Figure, InventoryPart, ItemView, Place};
use jumpdeck_protocol::preferences::{Column, Preferences, SavedSearch, ShownColumn, Sort};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{ApplianceNotice, RepNotice, RepReply, RepRequest, Used};
use jumpdeck_protocol::rights::{Permissions, PlaceRights};
use jumpdeck_protocol::{ItemId, Outcome, SessionId, UserId};
use std::sync::Arc;

pub(super) fn desk() -> Desk {
    Desk::linked(120, 40)
}

pub(super) fn nodes(desk: &Desk) -> Vec<String> {
    desk.console.jump_screen().tree.nodes().iter().map(|node| node.name.clone()).collect()
}

/// The preferences that were last sent to be kept.
pub(super) fn kept(desk: &Desk) -> Preferences {
    let sent = desk.sent.iter().rev().find_map(|sent| match sent {
        Sent::Request(_, RepRequest::SavePreferences(request::SavePreferences { preferences })) => {
            Some(preferences)
        }
        _ => None,
    });
    Preferences::clone(sent.expect("preferences were sent"))
}

#[test]
fn what_was_used_last_stands_first_among_the_recently_used() {
    let mut desk = desk();
    let used = |item, ago: i64, times| Used {
        item: ItemId(item),
        last: jumpdeck_protocol::Timestamp(NOW.0 - ago),
        times,
    };
    let items = vec![used(3, 60, 1), used(1, 90, 30), used(99, 100, 1)];
    desk.notice(ApplianceNotice::Used { items });
    desk.press("<tab>j");
    assert_eq!(desk.console.scope_title(), "Recently Used");
    assert_eq!(desk.listed(), ["Red05", "Front Office"]);
    let recent = desk.console.jump_screen().tree.nodes()[1].clone();
    assert_eq!(recent.count, Some(2), "what is gone is not counted");
}

#[test]
fn the_fuzzy_jump_shows_what_is_used_most_first_and_sessions_and_commands_too() {
    let mut desk = desk();
    let used = |item, times| Used { item: ItemId(item), last: NOW, times };
    desk.notice(ApplianceNotice::Used { items: vec![used(3, 1), used(7, 5)] });
    desk.press("<ctrl-p>");
    let fitting = |desk: &Desk| match desk.console.layers().last() {
        Some(Layer::Chooser(chooser)) => match &chooser.kind {
            ChooserKind::Jump { sessions, items, commands, .. } => (
                sessions.clone(),
                items.iter().map(|item| item.name().to_owned()).collect::<Vec<_>>(),
                commands.iter().map(|command| command.spec().name).collect::<Vec<_>>(),
            ),
            _ => panic!(),
        },
        _ => panic!(),
    };
    assert_eq!(fitting(&desk).1[..2], ["My Laptop", "Red05"]);
    desk.press("fr");
    assert_eq!(fitting(&desk).1[0], "Front Office");
    desk.press("<enter>");
    desk.grant_session(1);
    desk.press("<ctrl-]>d<ctrl-p>front");
    assert_eq!(
        fitting(&desk).0,
        [(SessionId(1), "Front Office".into())],
        "the open session stands first"
    );
    desk.press("<enter>");
    assert_eq!(desk.console.screen(), Screen::Session(0));
    desk.press("<ctrl-]>d<ctrl-p>colum");
    assert!(fitting(&desk).2.contains(&"columns"));
    desk.press("<end><enter>");
}

#[test]
fn from_a_fresh_console_to_a_shell_takes_two_keys_besides_the_letters_of_the_name() {
    let mut desk = desk();
    desk.press("<ctrl-p>fro<enter>");
    assert!(matches!(
        desk.last_request().1,
        RepRequest::StartSession(request::StartSession { item: ItemId(1), .. })
    ));
}

#[test]
fn a_group_is_found_by_its_name_and_a_tag_in_a_folded_one_too() {
    let mut desk = desk();
    desk.press("<tab>/web s");
    assert_eq!(desk.console.scope_title(), "Web Servers");
    assert_eq!(desk.listed().len(), 3);
    desk.press("<ctrl-u>日<enter>");
    assert_eq!(desk.console.scope_title(), "Web Servers ▸ 日本");
    assert_eq!(desk.console.context(), keymap::Context::Tree);
    desk.press("/tech<esc>");
    assert_eq!(desk.console.context(), keymap::Context::Tree);
}

#[test]
fn folding_is_remembered() {
    let mut desk = desk();
    desk.press("<tab><end>l");
    let web = Place::JumpGroup(jumpdeck_protocol::JumpGroupId(2));
    assert_eq!(kept(&desk).unfolded, [web]);
    desk.press("h");
    assert!(kept(&desk).unfolded.is_empty());
    let mut other = Desk::new(120, 40);
    other.link_up();
    let preferences = Preferences { unfolded: vec![web], ..Preferences::default() };
    other.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    other.notice(ApplianceNotice::Inventory(sample()));
    assert!(nodes(&other).contains(&"日本".to_owned()));
}

#[test]
fn the_lists_of_others_stand_apart_below() {
    let mut desk = desk();
    let list = |user, owner: &str| PlaceRights {
        jump_policy: None,
        place: Place::Personal(UserId(user)),
        owner: Some(owner.into()),
        role: "Administrator".into(),
        because: "a slot names the role".into(),
        permitted: Permissions::default(),
    };
    let places = vec![list(1, "alice"), list(2, "jose")];
    desk.notice(ApplianceNotice::Rights { places, more: false });
    let mut view = ItemView::clone(&sample().items[0]);
    view.id = ItemId(70);
    view.place = Place::Personal(UserId(2));
    let items = vec![Arc::new(view)];
    desk.notice(ApplianceNotice::Inventory(InventoryPart { items, ..InventoryPart::default() }));
    assert_eq!(nodes(&desk)[6..], ["Representatives", "jose"]);
    desk.press("<tab><end>");
    assert_eq!(desk.listed(), ["Front Office"]);
    desk.press("k");
    assert_eq!(desk.console.scope_title(), "Web Servers", "a heading is passed over");
    desk.press("<home><esc>/group:jose<enter>");
    assert_eq!(desk.console.jump_screen().rows.get(0).unwrap().group(), "jose");
}

#[test]
fn a_search_is_saved_stands_in_the_tree_with_its_count_and_can_be_forgotten() {
    let mut desk = desk();
    desk.press("f");
    assert!(desk.said().contains("No search is saved"), "{}", desk.said());
    desk.press("/tag:web<enter>f<enter>Web tags<enter>");
    assert_eq!(desk.console.scope_title(), "Web tags");
    assert_eq!((desk.listed().len(), desk.console.jump_screen().search.text()), (2, ""));
    let node = desk.console.jump_screen().tree.nodes()[2].clone();
    assert_eq!((&*node.name, node.count), ("Web tags", Some(2)));
    let saved = SavedSearch { name: "Web tags".into(), query: "tag:web".into() };
    assert_eq!(kept(&desk).saved, [saved]);
    desk.press("/par");
    assert_eq!(desk.listed(), ["Café e\u{301}té 🙂"], "a search narrows a dynamic group further");
    desk.press("<esc>f<ctrl-d>y");
    assert!(kept(&desk).saved.is_empty() && desk.listed().len() == 7);
}

#[test]
fn a_dynamic_group_follows_the_machines() {
    let mut desk = desk();
    let saved = SavedSearch { name: "away".into(), query: "status:offline".into() };
    let preferences = Preferences { saved: vec![saved], ..Preferences::default() };
    desk.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    let count = |desk: &Desk| desk.console.jump_screen().tree.nodes()[2].count;
    assert_eq!(count(&desk), Some(2));
    let changes = vec![jumpdeck_protocol::inventory::Presence {
        item: ItemId(1),
        status: jumpdeck_protocol::inventory::Status::Offline,
        since: Some(NOW),
    }];
    desk.notice(ApplianceNotice::Presence { all: false, changes, position: None });
    assert_eq!(count(&desk), Some(3));
}

#[test]
fn figures_are_asked_for_while_a_search_needs_them() {
    let mut desk = desk();
    desk.press("/cpu>80");
    let wanted = |desk: &Desk| {
        desk.sent.iter().rev().find_map(|sent| match sent {
            Sent::Notice(RepNotice::WatchFigures { wanted }) => Some(*wanted),
            _ => None,
        })
    };
    assert_eq!((wanted(&desk), desk.listed().len()), (Some(true), 0));
    let figure = |item, cpu| Figure { item: ItemId(item), cpu, disk: 10 };
    desk.notice(ApplianceNotice::Figures { figures: vec![figure(1, 93), figure(2, 12)] });
    assert_eq!(desk.listed(), ["Front Office"]);
    desk.press("<esc>");
    assert_eq!(wanted(&desk), Some(false));
}

#[test]
fn the_list_is_ordered_by_a_column_and_the_other_way_round() {
    let mut desk = desk();
    desk.press("stag<enter>");
    assert_eq!(desk.listed()[..3], ["Front Office", "Café e\u{301}té 🙂", "evil[31m"]);
    assert_eq!(kept(&desk).sort, Sort { column: Column::Tag, descending: false });
    desk.press("stag<enter>");
    assert_eq!(desk.listed()[0], "東京サーバー");
    assert_eq!(desk.listed()[6], "Red05", "what has no tag stays last");
    desk.press("sstatus<enter>");
    assert_eq!(desk.listed()[0], "Defend01", "in use");
    assert_eq!(desk.listed()[6], "Red05");
    desk.press("sname<enter>sname<enter>");
    assert_eq!(desk.listed()[0], "東京サーバー");
}

#[test]
fn columns_are_chosen_moved_and_sized() {
    let mut desk = desk();
    desk.press("ojj<space>");
    let columns =
        |desk: &Desk| -> Vec<Column> { kept(desk).columns.iter().map(|one| one.column).collect() };
    assert_eq!(columns(&desk), [Column::Name, Column::Host, Column::Tag, Column::Status]);
    desk.press("jK++");
    let tag = ShownColumn { column: Column::Tag, width: Some(15) };
    assert_eq!(kept(&desk).columns[1], tag);
    desk.press("=");
    assert_eq!(kept(&desk).columns[1].width, None);
    desk.press("r");
    assert!(kept(&desk).columns.is_empty());
    desk.press("jj<space>-");
    assert!(desk.said().contains("not shown"), "{}", desk.said());
    desk.press("<esc>");
    assert!(desk.console.layers().is_empty());
}

#[test]
fn bare_words_are_looked_for_in_the_chosen_fields_only() {
    let mut desk = desk();
    desk.press("/office");
    assert_eq!(desk.listed().len(), 1);
    desk.press("<ctrl-f>");
    desk.press("<space>jj<space>jjjjjj<space>");
    assert!(!kept(&desk).fields.iter().any(|field| matches!(&**field, "name" | "tag" | "comment")));
    assert!(desk.listed().is_empty(), "neither the name nor the tag nor the comment counts");
    desk.press("r");
    assert_eq!(desk.listed().len(), 1);
}

#[test]
fn what_was_changed_without_a_link_is_kept_when_it_is_back() {
    let mut desk = desk();
    desk.link_down();
    desk.press("stag<enter>");
    let before = desk.sent.len();
    desk.link_up();
    let sent = desk.sent[before..].iter();
    let saves = sent.filter(|s| {
        matches!(s, Sent::Request(_, RepRequest::SavePreferences(request::SavePreferences { .. })))
    });
    assert_eq!(saves.count(), 1);
    let older = Preferences::default();
    desk.notice(ApplianceNotice::Preferences(Box::new(older)));
    assert_eq!(desk.console.preferences().sort.column, Column::Tag, "ours is the newer one");
}

#[test]
fn hints_for_the_first_start_go_away_for_good() {
    let mut desk = desk();
    let hint = |width| desk.console.hint(width).unwrap();
    assert_eq!(hint(80), "New here? ? all keys · / search · ⏎ jump · Ctrl-p find · Esc hides this");
    assert_eq!(hint(60), "New here? ? all keys · / search · ⏎ jump · Esc hides this");
    assert_eq!(hint(40), "New here? ? all keys · Esc hides this");
    desk.press("?");
    assert!(desk.console.hint(80).is_none() && kept(&desk).knows_the_keys);
    let mut known = Desk::new(80, 24);
    known.link_up();
    let preferences = Preferences { knows_the_keys: true, ..Preferences::default() };
    known.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    known.notice(ApplianceNotice::Inventory(sample()));
    assert!(known.console.hint(80).is_none());
}

#[test]
fn the_mouse_selects_orders_and_opens_but_only_when_it_was_asked_for() {
    let mut desk = desk();
    let mouse = |desk: &mut Desk, kind, column, row| {
        desk.event(Event::Mouse(Mouse { kind, column, row }));
    };
    mouse(&mut desk, MouseKind::Click, 40, 6);
    assert_eq!(desk.selected(), "Café e\u{301}té 🙂", "it was not asked for");
    desk.press("<alt-m>");
    mouse(&mut desk, MouseKind::Click, 40, 6);
    assert_eq!(desk.selected(), "Front Office");
    mouse(&mut desk, MouseKind::Click, 40, 6);
    assert!(matches!(
        desk.last_request().1,
        RepRequest::StartSession(request::StartSession { item: ItemId(1), .. })
    ));
    mouse(&mut desk, MouseKind::WheelDown, 40, 6);
    assert_eq!(desk.console.jump_screen().position(), 6);
    mouse(&mut desk, MouseKind::Click, 31, 2);
    assert_eq!(desk.console.preferences().sort, Sort { column: Column::Name, descending: true });
    mouse(&mut desk, MouseKind::Click, 8, 7);
    assert_eq!(desk.console.scope_title(), "Web Servers");
    mouse(&mut desk, MouseKind::Click, 2, 7);
    assert!(nodes(&desk).contains(&"日本".to_owned()), "its sign unfolds it");
    mouse(&mut desk, MouseKind::Click, 500, 500);
    desk.press("<alt-m>");
    assert!(!desk.console.has_mouse());
}

#[test]
fn the_window_is_called_after_what_is_shown() {
    let mut desk = desk();
    assert_eq!(desk.console.title(), "jumpdeck");
    desk.press("jjj<enter>");
    desk.grant_session(1);
    assert_eq!(desk.console.title(), "Front Office — jumpdeck");
    desk.press("<ctrl-]>d");
    assert_eq!(desk.console.title(), "jumpdeck (1 session)");
}

/// Every key of the keymap, in every place where it works, with a link and without: each does what
/// it says or says why not, and the help and the palette can be drawn afterwards.
#[test]
fn every_key_works_or_says_why_not_wherever_it_is_pressed() {
    use keymap::Context;
    let ways: [(Context, &str); 14] = [
        (Context::Global, ""),
        (Context::Jump, ""),
        (Context::List, "jjj"),
        (Context::Tree, "<tab>jj"),
        (Context::TreeFind, "<tab>/web"),
        (Context::Search, "/web"),
        (Context::Text, "/web"),
        (Context::Chooser, "s"),
        (Context::Prompt, "e"),
        (Context::Form, "jjjp"),
        (Context::Toggles, "o"),
        (Context::Reader, "?"),
        (Context::Confirm, "x"),
        (Context::Session, ""),
    ];
    for (context, way) in ways {
        let bindings: Vec<(Vec<key::Key>, Command)> = keymap::Keymap::built_in()
            .of(context)
            .map(|(keys, command)| (keys.to_vec(), command))
            .collect();
        for (keys, command) in bindings {
            for linked in [true, false] {
                let mut desk = desk();
                desk.press(way);
                if !linked {
                    desk.link_down();
                }
                let reason = (command.spec().disabled)(&desk.console);
                for key in keys.iter().filter(|_| context != Context::Session) {
                    desk.event(Event::Key(*key));
                }
                desk.settle();
                if let Some(reason) = reason.filter(|_| context != Context::Session) {
                    assert_eq!(desk.said(), reason, "{}", command.spec().name);
                }
                desk.press(":");
            }
        }
    }
}

#[test]
fn a_lost_link_at_any_step_of_a_dialogue_loses_nothing_that_was_typed() {
    for way in
        ["jjjpx", "jjjmweb", "jjjcper", "jjjx", "nshell<enter>Mail", "e", "/web<enter>fx", "o", "s"]
    {
        let mut desk = desk();
        desk.press(way);
        let before = format!("{:?}", desk.console.layers());
        desk.link_down();
        assert_eq!(format!("{:?}", desk.console.layers()), before, "{way}");
        desk.link_up();
        desk.notice(ApplianceNotice::Inventory(sample()));
        assert_eq!(desk.console.layers().len(), 1, "{way}");
        desk.press("<enter>");
    }
}

#[test]
fn a_refused_answer_about_preferences_is_told() {
    let mut desk = desk();
    desk.press("stag<enter>");
    let asked = desk.sent.iter().rev().find_map(|sent| match sent {
        Sent::Request(id, RepRequest::SavePreferences(request::SavePreferences { .. })) => {
            Some(*id)
        }
        _ => None,
    });
    let refusal = jumpdeck_protocol::RefusalCode::StoreFailed.plain();
    let reply: Outcome<RepReply> = Outcome::Refused(refusal);
    desk.event(Event::Link(LinkEvent::Reply(asked.unwrap(), reply)));
    assert!(desk.said().starts_with("Your preferences are not kept"), "{}", desk.said());
}

#[test]
fn what_is_kept_is_not_overwritten_by_a_key_that_came_before_it() {
    let mut desk = Desk::new(120, 40);
    desk.press("?<esc>");
    desk.link_up();
    let saves = |desk: &Desk| {
        let is_save = |s: &&Sent| {
            matches!(
                s,
                Sent::Request(_, RepRequest::SavePreferences(request::SavePreferences { .. }))
            )
        };
        desk.sent.iter().filter(is_save).count()
    };
    assert_eq!(saves(&desk), 0);
    let saved = SavedSearch { name: "away".into(), query: "status:offline".into() };
    let preferences = Preferences { saved: vec![saved.clone()], ..Preferences::default() };
    desk.notice(ApplianceNotice::Preferences(Box::new(preferences)));
    let now = kept(&desk);
    assert_eq!((now.saved, now.knows_the_keys), (vec![saved], true));
}

#[test]
fn the_help_is_searched_by_key_and_by_word() {
    let mut desk = desk();
    desk.press("?/wake<enter>");
    let Some(Layer::Help(help)) = desk.console.layers().last() else { panic!() };
    let lines = crate::core::help::lines(&desk.console, help.context, &help.query);
    let commands: Vec<_> = lines
        .iter()
        .filter_map(|line| match line {
            HelpLine::Command { keys, doc, .. } => Some((keys.as_str(), *doc)),
            _ => None,
        })
        .collect();
    let password = ("W", "Wake the machines with a SecureOn password.");
    assert_eq!(commands, [("w", "Wake the machines (Wake-on-LAN)."), password]);
    desk.press("/<enter>");
    let Some(Layer::Help(help)) = desk.console.layers().last() else { panic!() };
    assert!(crate::core::help::lines(&desk.console, help.context, &help.query).len() > 20);
}

#[test]
fn what_was_said_of_a_wrong_search_is_over_once_it_is_right() {
    let mut desk = desk();
    desk.press("/staus:x<enter>");
    let said = |desk: &Desk| desk.console.messages().current(desk.console.now()).is_some();
    assert!(said(&desk));
    desk.press("<esc>");
    assert!(!said(&desk));
}

#[test]
fn words_of_a_fuzzy_jump_may_stand_in_any_order_and_in_different_texts() {
    for words in ["office front", "front 01", "OFFICE tc-front"] {
        let mut desk = desk();
        desk.press(&format!("<ctrl-p>{words}<enter>"));
        let RepRequest::StartSession(request::StartSession { item, .. }) = desk.last_request().1
        else {
            panic!("{words}: {}", desk.said())
        };
        assert_eq!(*item, ItemId(1), "{words}");
    }
    let mut desk = desk();
    desk.press("<ctrl-p>office nothing<enter>");
    assert!(desk.said().contains("No match"), "{}", desk.said());
}
