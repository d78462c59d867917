//! What a rep does and sees, key by key.

mod forms;
mod looking;
mod shells;
mod staying;
mod tending;

use super::*;
use crate::fixtures::{Desk, Sent, credit};
use jumpdeck_protocol::inventory::{InventoryPart, Presence, Status};
use jumpdeck_protocol::rep::ApplianceNotice;
use jumpdeck_protocol::rep::RepRequest;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::{ChannelOrder, ChannelReport, EndReason, ExitStatus, Keyboard};
use jumpdeck_protocol::{ChannelId, Outcome, RefusalCode, SessionId};

fn desk() -> Desk {
    Desk::linked(120, 40)
}

#[test]
fn the_list_is_sorted_by_name_and_the_first_row_is_selected() {
    let mut desk = desk();
    assert_eq!(
        desk.listed(),
        [
            "Café e\u{301}té 🙂",
            "Defend01",
            "evil[31m",
            "Front Office",
            "My Laptop",
            "Red05",
            "東京サーバー"
        ]
    );
    assert_eq!(desk.selected(), "Café e\u{301}té 🙂");
    assert_eq!(desk.press("jj").selected(), "evil[31m");
    assert_eq!(desk.press("k<end>").selected(), "東京サーバー");
    assert_eq!(desk.press("<home>").selected(), "Café e\u{301}té 🙂");
}

#[test]
fn typing_after_a_slash_filters_at_once_over_all_fields() {
    let mut desk = desk();
    assert_eq!(desk.press("/web").listed().len(), 3);
    assert_eq!(desk.press(" par").listed(), ["Café e\u{301}té 🙂"]);
    assert_eq!(desk.press("<ctrl-u>東京").listed(), ["東京サーバー"]);
    assert_eq!(desk.press("<ctrl-u>FRONT support").listed(), ["Front Office"]);
    assert_eq!(desk.press("<enter>").console.context(), Context::List);
    assert_eq!(desk.press("<esc>").listed().len(), 7);
}

#[test]
fn a_term_that_means_nothing_leaves_the_list_as_it_was_and_says_what_would_be_right() {
    let mut desk = desk();
    assert_eq!(desk.press("/web ").listed().len(), 3);
    desk.event(Event::Paste("naem:x".into()));
    assert_eq!(desk.listed().len(), 3);
    let jump = desk.console.jump_screen();
    assert!(jump.mistake.as_ref().unwrap().what.contains("no field “naem”"));
    desk.press("<ctrl-w>");
    assert!(desk.console.jump_screen().mistake.is_none());
    desk.press("naem:x<esc>");
    assert_eq!((desk.listed().len(), desk.console.jump_screen().mistake.is_none()), (7, true));
}

#[test]
fn tab_completes_fields_and_values_and_names_the_choices() {
    let mut desk = desk();
    desk.press("/gr<tab>");
    assert_eq!(desk.console.jump_screen().search.text(), "group:");
    desk.press("w<tab>");
    assert_eq!(desk.console.jump_screen().search.text(), "group:\"Web Servers\" ");
    assert_eq!(desk.listed().len(), 3);
    desk.press("tag:<tab>");
    assert_eq!(desk.said(), "office  web  日本");
    desk.press("w<tab>");
    assert_eq!(desk.listed().len(), 2);
}

#[test]
fn a_search_by_status_follows_the_machines() {
    let mut desk = desk();
    desk.press("/status:offline<enter>");
    let before = desk.listed();
    let item = desk.console.inventory().picture().all().get(0).unwrap().id();
    let change = Presence { item, status: Status::Offline, since: None };
    desk.notice(ApplianceNotice::Presence { all: false, changes: vec![change], position: None });
    assert_eq!(desk.listed().len(), before.len() + 1);
    let change = Presence { item, status: Status::Online, since: None };
    desk.notice(ApplianceNotice::Presence { all: false, changes: vec![change], position: None });
    assert_eq!(desk.listed(), before);
}

#[test]
fn letters_typed_into_a_search_are_no_commands() {
    let mut desk = desk();
    desk.press("/q?:");
    assert!(!desk.quit && desk.console.layers().is_empty());
    assert_eq!(desk.console.jump_screen().search.text(), "q?:");
}

#[test]
fn a_selected_item_stays_selected_when_others_come_and_go_around_it() {
    let mut desk = desk();
    desk.press("jjj");
    assert_eq!(desk.selected(), "Front Office");
    let gone = desk.console.jump_screen().rows.get(0).unwrap().id();
    desk.notice(ApplianceNotice::Inventory(InventoryPart {
        gone: vec![gone],
        ..InventoryPart::default()
    }));
    assert_eq!(desk.selected(), "Front Office");
    assert_eq!(desk.listed().len(), 6);
}

#[test]
fn the_tree_narrows_the_list_and_unfolds_to_tags() {
    let mut desk = desk();
    let names = |desk: &Desk| -> Vec<String> {
        desk.console.jump_screen().tree.nodes().iter().map(|node| node.name.clone()).collect()
    };
    assert_eq!(
        names(&desk),
        ["All Items", "Recently Used", "Personal", "Directory Servers", "TechCom", "Web Servers"]
    );
    desk.press("<tab>jjjjj");
    assert_eq!(desk.listed().len(), 3);
    desk.press("l");
    assert_eq!(names(&desk)[5..], ["Web Servers", "web", "日本"]);
    assert_eq!(desk.press("j").listed().len(), 2);
    assert_eq!(desk.console.scope_title(), "Web Servers ▸ web");
    desk.press("h");
    assert_eq!(desk.console.scope_title(), "Web Servers");
    assert_eq!(names(&desk).len(), 6);
    assert_eq!(desk.press("<home><enter>").console.context(), Context::List);
}

#[test]
fn enter_starts_a_session_and_keys_go_to_its_shell() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    assert_eq!(desk.console.screen(), Screen::Session(0));
    desk.press("ls -l<enter><ctrl-c><up>");
    assert_eq!(desk.typed(channel), "ls -l\r\x03\x1b[A");
}

#[test]
fn the_prefix_leads_back_to_the_list_and_the_session_goes_on() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    desk.press("<ctrl-]>d");
    assert_eq!(desk.console.screen(), Screen::Jump);
    assert_eq!(desk.console.tabs().len(), 1);
    desk.press("<alt-1>x");
    assert_eq!(desk.typed(channel), "x");
    desk.press("<ctrl-]><ctrl-]>");
    assert_eq!(desk.typed(channel), "x\x1d");
}

#[test]
fn enter_on_an_item_with_a_session_goes_back_to_it() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    desk.grant_session(1);
    let requests = desk.sent.iter().filter(|sent| matches!(sent, Sent::Request(..))).count();
    desk.press("<ctrl-]>d<enter>");
    assert_eq!(desk.console.screen(), Screen::Session(0));
    let after = desk.sent.iter().filter(|sent| matches!(sent, Sent::Request(..))).count();
    assert_eq!(requests, after);
}

#[test]
fn several_sessions_stand_side_by_side() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let first = desk.grant_session(1);
    desk.press("<ctrl-]>dj<enter>");
    let second = desk.grant_session(2);
    desk.press("two<ctrl-]>none<ctrl-]>1!");
    assert_eq!((desk.typed(first), desk.typed(second)), ("one!".into(), "two".into()));
}

#[test]
fn an_offline_item_is_not_jumped_to_and_says_so() {
    let mut desk = desk();
    desk.press("/red<enter>");
    // Somebody else wakes it: that is not offered twice.
    let item = desk.console.jump_screen().selected.unwrap();
    desk.notice(ApplianceNotice::Waking { item, by: "bob".into(), wait: 30 });
    desk.press("<enter>");
    let said = "Red05 is offline. Try again when it is online, or look at when it was last seen.";
    assert_eq!(desk.said(), said);
    assert_eq!(desk.console.screen(), Screen::Jump);
}

#[test]
fn a_refused_start_says_what_why_and_what_next() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    desk.reply(Outcome::Refused(RefusalCode::ServerBusy.plain()));
    assert_eq!(
        desk.said(),
        "No session with Front Office: The appliance is too busy for this at the moment. Try \
         again in a few seconds."
    );
    assert_eq!(desk.press("<f2>").console.layers().len(), 1);
}

#[test]
fn a_session_is_ended_only_after_a_yes() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    desk.grant_session(1);
    desk.press("<ctrl-]>xn");
    assert!(!matches!(desk.last_request().1, RepRequest::EndSession(request::EndSession { .. })));
    desk.press("<ctrl-]>xy");
    assert_eq!(
        *desk.last_request().1,
        RepRequest::EndSession(request::EndSession { session: SessionId(1) })
    );
    let reason = EndReason::EndedByRep;
    desk.notice(ApplianceNotice::SessionEnded { session: SessionId(1), reason, summary: None });
    assert_eq!(desk.console.screen(), Screen::Jump);
    assert_eq!(desk.said(), "The session with Front Office was ended.");
}

#[test]
fn when_the_shell_ends_its_last_output_is_waited_for_and_the_list_is_back() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    let status = ExitStatus::Code(3);
    desk.notice(ApplianceNotice::Channel(ChannelReport::Exited { channel, end: 3, status }));
    let closed = Sent::Notice(RepNotice::Channel(ChannelOrder::Close { channel }));
    assert!(!desk.sent.contains(&closed));
    desk.output(channel, 0, "bye");
    assert!(desk.sent.contains(&closed));
    let reason = EndReason::Exited(status);
    desk.notice(ApplianceNotice::SessionEnded { session: SessionId(1), reason, summary: None });
    assert_eq!(desk.said(), "The session with Front Office has ended with status 3.");
}

#[test]
fn a_lost_link_keeps_everything_browsable_and_typing_waits() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    desk.output(channel, 0, "$ ");
    desk.link_down();
    desk.press("pwd");
    assert_eq!(desk.typed(channel), "");
    desk.press("<ctrl-]>d/web");
    assert_eq!(desk.listed().len(), 3);
    desk.press("<enter><enter>");
    assert_eq!(desk.said(), "There is no link to the appliance; it is being made again.");

    desk.link_up();
    let attach = ChannelOrder::Attach {
        channel,
        received: Some(2),
        window: jumpdeck_protocol::limits::SHELL_WINDOW,
        keyboard: Keyboard::Take,
        attempt: 2,
    };
    assert!(desk.sent.contains(&Sent::Notice(RepNotice::Channel(attach))));
    desk.attached(channel, 2, 0);
    assert_eq!(desk.typed(channel), "pwd");
}

#[test]
fn after_a_lost_link_only_what_the_agent_lacks_is_sent_again() {
    let mut desk = desk();
    desk.press("jjj<enter>");
    let channel = desk.grant_session(1);
    desk.press("abc");
    desk.link_down();
    desk.link_up();
    desk.attached(channel, 0, 2);
    assert_eq!(desk.typed(channel), "abcc");
    desk.event(credit(channel, 3, 1 << 20));
    desk.press("d");
    assert_eq!(desk.typed(channel), "abccd");
}

#[test]
fn the_inventory_is_asked_for_from_where_the_replica_stands() {
    let mut desk = desk();
    desk.link_down();
    desk.link_up();
    let RepRequest::Subscribe(request::Subscribe { have: Some(position), .. }) =
        desk.last_request().1
    else {
        panic!("the replica's position is named");
    };
    assert_eq!(position.revision.0, 7);
}

#[test]
fn sessions_of_an_earlier_console_are_there_at_the_next_login() {
    let mut desk = desk();
    let item = desk.console.jump_screen().rows.get(3).unwrap().id();
    let sessions = vec![desk.session(5, item)];
    desk.notice(ApplianceNotice::Sessions { sessions });
    assert_eq!(desk.console.tabs().len(), 1);
    let channel = ChannelId(105);
    let attach = ChannelOrder::Attach {
        channel,
        received: None,
        window: jumpdeck_protocol::limits::SHELL_WINDOW,
        keyboard: Keyboard::IfFree,
        attempt: 1,
    };
    assert!(desk.sent.contains(&Sent::Notice(RepNotice::Channel(attach))));
    desk.notice(ApplianceNotice::Sessions { sessions: vec![] });
    assert!(desk.console.tabs().is_empty());
}

#[test]
fn a_session_that_another_rep_types_in_is_watched_until_the_keyboard_is_taken() {
    let mut desk = desk();
    let item = desk.console.jump_screen().rows.get(3).unwrap().id();
    let mut session = desk.session(5, item);
    session.channels[0].attached = true;
    let channel = session.channels[0].id;
    desk.notice(ApplianceNotice::Sessions { sessions: vec![session] });
    let wishes = |desk: &Desk| -> Vec<Keyboard> {
        let wish = |sent: &Sent| match sent {
            Sent::Notice(RepNotice::Channel(ChannelOrder::Attach { keyboard, .. })) => {
                Some(*keyboard)
            }
            _ => None,
        };
        desk.sent.iter().filter_map(wish).collect()
    };
    assert_eq!(wishes(&desk), [], "what another console shows is left alone");
    desk.press("<alt-1>");
    assert_eq!(wishes(&desk), [Keyboard::IfFree]);
    desk.channel_state(channel, Some("bob"), false);
    desk.attached(channel, 0, 0);
    desk.press("x");
    assert_eq!(desk.typed(channel), "");
    assert_eq!(desk.said(), "bob types here; Ctrl-] t takes the keyboard.");
    desk.press("<ctrl-]>ty");
    assert_eq!(wishes(&desk), [Keyboard::IfFree, Keyboard::Take]);
    desk.channel_state(channel, Some("alice"), true);
    desk.attached(channel, 0, 0);
    assert_eq!(desk.typed(channel), "y", "what was typed meanwhile is not lost");
    desk.channel_state(channel, Some("bob"), false);
    assert!(desk.said().starts_with("bob types in Front Office now."), "{}", desk.said());
}

#[test]
fn queries_in_old_output_are_not_answered_again() {
    let mut desk = desk();
    let item = desk.console.jump_screen().rows.get(3).unwrap().id();
    let sessions = vec![desk.session(5, item)];
    desk.notice(ApplianceNotice::Sessions { sessions });
    let channel = ChannelId(105);
    desk.channel_state(channel, Some("alice"), true);
    desk.notice(ApplianceNotice::Channel(ChannelReport::Attached {
        channel,
        attempt: 1,
        from: 0,
        end: 4,
        input_received: 0,
        input_limit: 1000,
    }));
    desk.output(channel, 0, "\x1b[6n");
    assert_eq!(desk.typed(channel), "");
    desk.output(channel, 4, "\x1b[6n");
    assert_eq!(desk.typed(channel), "\x1b[1;1R");
}

#[test]
fn the_palette_finds_commands_by_a_few_letters_and_runs_them() {
    let mut desk = desk();
    desk.press(":mssg<enter>");
    assert!(matches!(desk.console.layers(), [Layer::Messages(_)]));
    assert!(desk.press("<esc>").console.layers().is_empty());
}

#[test]
fn a_half_remembered_name_is_three_keys_away_from_its_shell() {
    let mut desk = desk();
    desk.press("<ctrl-p>fntofc<enter>");
    let RepRequest::StartSession(request::StartSession { item, .. }) = desk.last_request().1 else {
        panic!("a session was asked for");
    };
    assert_eq!(item.0, 1);
}

#[test]
fn a_disabled_command_names_its_reason() {
    let mut desk = desk();
    desk.press("<alt-3>");
    assert_eq!(desk.said(), "There is no session 3.");
}

#[test]
fn only_the_selected_item_is_watched_and_only_once_it_stays() {
    let mut desk = desk();
    let watched = |desk: &Desk| -> Vec<u64> {
        let watched = desk.sent.iter().filter_map(|sent| match sent {
            Sent::Notice(RepNotice::Watch { items }) => items.first().map(|item| item.0),
            _ => None,
        });
        watched.collect()
    };
    assert_eq!(watched(&desk), [5]);
    desk.press("jjj");
    assert_eq!(watched(&desk), [5, 1]);
}

#[test]
fn presence_of_one_item_changes_its_row_and_the_counts() {
    let mut desk = desk();
    let item = desk.console.jump_screen().rows.get(1).unwrap().id();
    let count = |desk: &Desk| desk.console.jump_screen().counts;
    assert_eq!((count(&desk).online, count(&desk).offline), (5, 2));
    let change = Presence { item, status: Status::Offline, since: None };
    desk.notice(ApplianceNotice::Presence { all: false, changes: vec![change], position: None });
    assert_eq!((count(&desk).online, count(&desk).offline), (4, 3));
}

#[test]
fn nothing_is_drawn_when_nothing_visible_changes() {
    let mut desk = desk();
    desk.console.take_dirty();
    let now = desk.console.now();
    desk.event(Event::Tick(Timestamp(now.0 + 1)));
    assert!(!desk.console.take_dirty());
    desk.event(Event::Tick(Timestamp(now.0 + 60)));
    assert!(desk.console.take_dirty());
}

#[test]
fn a_terminal_that_is_too_small_takes_no_keys_until_it_grows() {
    let mut desk = desk();
    desk.event(Event::Resize(Size { columns: 20, rows: 5 }));
    desk.press("q");
    assert!(!desk.quit);
    desk.event(Event::Resize(Size { columns: 80, rows: 24 }));
    desk.press("q");
    assert!(desk.quit);
}

#[test]
fn a_paste_goes_where_the_keys_go() {
    let mut desk = desk();
    desk.press("/");
    desk.event(Event::Paste("red\n05".into()));
    assert_eq!(desk.console.jump_screen().search.text(), "red 05");
    desk.press("<esc>jjj<enter>");
    let channel = desk.grant_session(1);
    desk.event(Event::Paste("a\nb".into()));
    assert_eq!(desk.typed(channel), "a\rb");
}
