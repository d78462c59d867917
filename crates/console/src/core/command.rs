//! The command table: one row per command makes the keymap, the palette, the footer, the help and
//! the reference.

use super::Console;
use super::keymap::Context;

/// A command of the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Command(usize);

/// What the table says of a command.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Its name in keymaps and the palette.
    pub name: &'static str,
    /// A word or two for the footer.
    pub title: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Where it applies.
    pub context: Context,
    /// It ends or removes something.
    pub dangerous: bool,
    /// Why it cannot be done now, if it cannot.
    pub disabled: fn(&Console) -> Option<String>,
    /// Does it.
    pub run: fn(&mut Console),
}

impl Command {
    /// The command of this name.
    pub fn named(name: &str) -> Option<Self> {
        TABLE.iter().position(|spec| spec.name == name).map(Self)
    }

    /// Every command, in the order of the reference.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..TABLE.len()).map(Self)
    }

    /// What the table says of it.
    pub fn spec(self) -> &'static Spec {
        // A `Command` is only made from a position in the table.
        TABLE.get(self.0).unwrap_or(&NOTHING)
    }
}

const fn always(_: &Console) -> Option<String> {
    None
}

const NOTHING: Spec = Spec {
    name: "nothing",
    title: "",
    doc: "",
    context: Context::Global,
    dangerous: false,
    disabled: always,
    run: |_| {},
};

macro_rules! table {
    ($($context:ident { $($name:literal $title:literal $doc:literal $([$danger:ident])?
        => $run:expr $(, unless $disabled:expr)?;)* })*) => {
        static TABLE: &[Spec] = &[$($(Spec {
            name: $name,
            title: $title,
            doc: $doc,
            context: Context::$context,
            dangerous: table!(@danger $($danger)?),
            disabled: table!(@disabled $($disabled)?),
            run: $run,
        },)*)*];
    };
    (@danger) => { false };
    (@danger dangerous) => { true };
    (@disabled) => { always };
    (@disabled $disabled:expr) => { $disabled };
}

table! {
    Global {
        "help" "help" "Show the keys that work here." => Console::open_help;
        "palette" "commands" "Find a command by its name." => Console::open_palette;
        "fuzzy-jump" "find" "Find an item, session or command by name."
            => Console::open_fuzzy_jump;
        "messages" "messages" "Show all messages." => Console::open_messages;
        "back" "back" "Close the dialog, or clear the search, then the marks." => Console::back;
        "quit" "leave" "Leave the console. Sessions continue." => Console::quit;
        "go-jump" "jump list" "Go to the Jump Items." => Console::go_jump;
        "go-sessions" "sessions" "Show the open sessions: yours and those shared with you."
            => Console::go_sessions;
        "go-history" "history" "Find past sessions: read their logs, replay them."
            => Console::open_history, unless Console::no_link;
        "session-key" "session key" "Create a session key for a machine without a Jump Client."
            => Console::ask_session_key, unless Console::no_link;
 "lock" "lock" "Lock the console."
            => Console::lock_now, unless Console::no_lock;
        "redraw" "redraw" "Redraw the screen." => Console::redraw;
        "suspend" "suspend" "Suspend the console; `fg` resumes it." => Console::suspend;
        "toggle-mouse" "mouse" "Turn the mouse on or off." => Console::toggle_mouse;
        "tab-1" "session 1" "Go to session 1, or to the first tab." => |c| c.show_digit(1), unless |c| c.no_digit(1);
        "tab-2" "session 2" "Go to session 2, or to the second tab." => |c| c.show_digit(2), unless |c| c.no_digit(2);
        "tab-3" "session 3" "Go to session 3, or to the third tab." => |c| c.show_digit(3), unless |c| c.no_digit(3);
        "tab-4" "session 4" "Go to session 4, or to the fourth tab." => |c| c.show_digit(4), unless |c| c.no_digit(4);
        "tab-5" "session 5" "Go to session 5, or to the fifth tab." => |c| c.show_digit(5), unless |c| c.no_digit(5);
        "tab-6" "session 6" "Go to session 6, or to the sixth tab." => |c| c.show_digit(6), unless |c| c.no_digit(6);
        "tab-7" "session 7" "Go to session 7, or to the seventh tab." => |c| c.show_digit(7), unless |c| c.no_digit(7);
        "tab-8" "session 8" "Go to session 8, or to the eighth tab." => |c| c.show_digit(8), unless |c| c.no_digit(8);
        "tab-9" "session 9" "Go to session 9, or to the ninth tab." => |c| c.show_digit(9), unless |c| c.no_digit(9);
    }
    Jump {
        "up" "up" "Move up." => |c| c.move_selection(-1);
        "down" "down" "Move down." => |c| c.move_selection(1);
        "page-up" "page up" "Move up one page." => |c| c.move_page(-1);
        "page-down" "page down" "Move down one page." => |c| c.move_page(1);
        "first" "first" "Go to the first row." => |c| c.move_selection(isize::MIN);
        "last" "last" "Go to the last row." => |c| c.move_selection(isize::MAX);
        "left" "left" "Fold the group, or go to the tree." => Console::left;
        "right" "right" "Unfold the group, or go to the list." => Console::right;
        "next-pane" "pane" "Go to the next pane." => Console::next_pane;
        "search" "search" "Search the items as you type." => Console::start_search;
        "details" "details" "Show or hide the details of the item." => Console::toggle_details;
        "sort" "sort" "Sort the list by a column." => Console::open_sort;
        "columns" "columns" "Choose, move and resize columns." => Console::open_columns;
        "fields" "fields" "Choose which fields plain words search." => Console::open_fields;
        "saved-searches" "saved" "Open a saved search, or save this one."
            => Console::open_saved, unless Console::no_saved;
        "export" "export" "Export the list to a CSV file."
            => Console::ask_export, unless Console::no_export;
        "new-shortcut" "new" "Create a Jump shortcut to a machine without an agent."
            => Console::open_new_shortcut, unless Console::no_new;
    }
    List {
        "jump" "jump" "Start or resume a session with the selected or marked items."
            => Console::jump, unless Console::no_jump;
        "mark" "mark" "Mark or unmark the item." => Console::mark, unless Console::no_selected;
        "mark-all" "mark all" "Mark all items in the list, or none." => Console::mark_all, unless Console::no_mark_all;
        "properties" "properties" "Show and edit the properties of the items."
            => Console::open_properties, unless Console::no_properties;
        "change-tag" "tag" "Change the tag of the items."
            => Console::open_tag, unless Console::no_properties;
        "wake" "wake" "Wake the machines (Wake-on-LAN)."
            => Console::wake, unless Console::no_wake;
        "wake-with-password" "wake with password" "Wake the machines with a SecureOn password."
            => Console::ask_wake, unless Console::no_wake;
        "undo" "undo" "Undo the last change of properties, move or copy."
            => Console::undo, unless Console::no_undo;
        "copy" "copy" "Copy the items to another Jump Group."
            => Console::open_copy, unless Console::no_move;
        "move" "move" "Move the items to another Jump Group."
            => Console::open_move, unless Console::no_move;
        "remove" "remove" "Remove the items. Jump Clients uninstall themselves." [dangerous]
            => Console::ask_remove, unless Console::no_remove;
        "copy-host" "copy host" "Copy the host name to your clipboard." => Console::yank, unless Console::no_yank;
        "why" "why" "Show what you can do with the item, and why." => Console::open_why, unless Console::no_selected;
        "simulate" "simulate" "Show what a session with the item would allow, and why."
            => Console::open_simulator, unless Console::no_selected;
    }
    Tree {
        "open" "open" "Show the items of the selected group." => Console::open_group;
        "find-group" "find" "Find a group, tag or saved search by name." => Console::start_find;
    }
    TreeFind {
        "accept-find" "here" "Keep the group that was found." => Console::accept_find;
    }
    Search {
        "accept-search" "list" "Keep the search and go to the list." => Console::accept_search;
        "complete" "complete" "Complete the field or value." => Console::complete;
    }
    Text {
        "delete-word" "delete word" "Delete the word before the cursor." => Console::delete_word;
        "clear-input" "clear" "Clear the input." => Console::clear_input;
    }
    Session {
        "detach" "list" "Go to the list. The session continues." => Console::go_jump;
        "next-tab" "next" "Go to the next session." => |c| c.cycle_tab(1);
        "previous-tab" "previous" "Go to the previous session." => |c| c.cycle_tab(-1);
        "end-session" "end" "End this session and the programs in it." [dangerous]
            => Console::ask_end_session, unless Console::no_end_session;
        "take-over" "keyboard" "Take the keyboard."
            => Console::take_over, unless Console::no_take_over;
        "new-shell" "shell" "Open another shell in this session."
            => Console::open_shell, unless Console::no_new_shell;
        "next-shell" "next shell" "Go to the next shell."
            => |c| c.cycle_shell(1), unless Console::no_other_shell;
        "previous-shell" "previous shell" "Go to the previous shell."
            => |c| c.cycle_shell(-1), unless Console::no_other_shell;
        "close-shell" "end shell" "End this shell and the programs in it." [dangerous]
            => Console::ask_close_shell, unless Console::no_close_shell;
        "session-log" "log" "Show the session's log." => Console::open_log, unless Console::no_presence;
        "chat" "chat" "Send a message to everyone in this session."
            => Console::ask_chat, unless Console::no_presence;
        "note" "note" "Add a note to the session's log."
            => Console::ask_note, unless Console::no_participation;
        "scroll-back" "scroll back" "Scroll back: search, copy or save the output."
            => Console::open_scroll, unless Console::no_scroll;
        "type-together" "type together" "Type into all marked sessions at once, or into this one alone."
            => Console::type_together, unless Console::no_type_together;
        "zoom" "zoom" "Use the whole screen for the shell, or show the bar." => Console::zoom;
        "fit" "fit" "Fit to my window, or to the smallest viewer."
            => Console::fit_terminal, unless Console::no_ownership;
        "share" "share" "Invite another rep to watch or join."
            => Console::ask_share, unless Console::no_ownership;
        "transfer" "transfer" "Hand the session over to another rep."
            => Console::ask_transfer, unless Console::no_ownership;
        "pin" "pin" "Pin the machine as a Jump Client, or unpin it."
            => Console::ask_pin, unless Console::no_pin;
        "leave-session" "leave" "Leave this session." [dangerous]
            => Console::ask_leave, unless Console::no_leave;
    }
    Sessions {
        "open-session" "open" "Open the session, accept the waiting machine, or join the team's session."
            => Console::open_session, unless Console::no_session_selected;
        "session-up" "up" "Move up." => |c| c.move_session(-1);
        "session-down" "down" "Move down." => |c| c.move_session(1);
        "session-first" "first" "Go to the first session." => |c| c.move_session(isize::MIN);
        "session-last" "last" "Go to the last session." => |c| c.move_session(isize::MAX);
        "mark-session" "mark" "Mark or unmark the session, to type into several at once."
            => Console::mark_session, unless Console::no_mark_session;
        "mark-sessions" "mark all" "Mark all open sessions, or none." => Console::mark_sessions;
        "selected-log" "log" "Show the session's log."
            => Console::open_log, unless Console::no_log_selected;
        "end-selected" "end" "End the session and its programs, or reject the waiting machine." [dangerous]
            => Console::ask_end_selected, unless Console::no_end_selected;
    }
    Chooser {
        "choose" "choose" "Choose the selected entry." => Console::choose;
        "choose-up" "up" "Move up." => |c| c.move_choice(-1);
        "choose-down" "down" "Move down." => |c| c.move_choice(1);
        "choose-page-up" "page up" "Move up one page." => |c| c.move_choice(-10);
        "choose-page-down" "page down" "Move down one page." => |c| c.move_choice(10);
        "forget-search" "delete" "Delete the saved search." [dangerous]
            => Console::ask_forget, unless Console::no_forget;
    }
    Prompt {
        "accept" "done" "Confirm the input." => Console::accept_prompt;
    }
    Form {
        "save" "save" "Save the changes." => Console::save_form, unless |c| c.no_save();
        "next-field" "next" "Go to the next field." => Console::next_field;
        "previous-field" "previous" "Go to the previous field." => Console::previous_field;
        "complete-field" "complete" "Complete the tag, or go to the next field." => Console::complete_field;
        "open-field" "choices" "Show the choices, or go to the next field." => Console::open_field;
        "revert-field" "revert" "Restore the value of the field." => Console::revert_field;
        "keep-mine" "keep mine" "Keep your value where someone else changed it too."
            => Console::keep_mine, unless Console::no_conflict;
        "take-theirs" "take theirs" "Take the other person's value."
            => Console::take_theirs, unless Console::no_conflict;
    }
    Toggles {
        "toggle" "on/off" "Turn it on or off." => Console::toggle;
        "toggle-up" "up" "Move up." => |c| c.move_toggle(-1);
        "toggle-down" "down" "Move down." => |c| c.move_toggle(1);
        "column-earlier" "earlier" "Move the column to the left." => |c| c.shift_column(-1), unless Console::no_column;
        "column-later" "later" "Move the column to the right." => |c| c.shift_column(1), unless Console::no_column;
        "column-wider" "wider" "Make the column wider." => |c| c.size_column(2), unless Console::no_column;
        "column-narrower" "narrower" "Make the column narrower." => |c| c.size_column(-2), unless Console::no_column;
        "column-fits" "fits" "Fit the column to the room there is." => |c| c.size_column(0), unless Console::no_column;
        "reset-toggles" "reset" "Restore the default." => Console::reset_toggles;
    }
    History {
        "play" "replay" "Replay the session, or watch one that is open from its beginning."
            => Console::play_selected, unless Console::no_play;
        "past-log" "log" "Show the session's log."
            => Console::open_past_log, unless Console::no_past_log;
        "past-up" "up" "Move up." => |c| c.move_past(-1);
        "past-down" "down" "Move down." => |c| c.move_past(1);
        "past-page-up" "page up" "Move up one page." => |c| c.move_past(-10);
        "past-page-down" "page down" "Move down one page." => |c| c.move_past(10);
    }
    Player {
        "play-pause" "pause" "Pause or continue." => Console::play_pause;
        "play-back" "-5 s" "Go back 5 seconds." => |c| c.play_skip(-5);
        "play-on" "+5 s" "Go on 5 seconds." => |c| c.play_skip(5);
        "play-minute-back" "-1 min" "Go back one minute." => |c| c.play_skip(-60);
        "play-minute-on" "+1 min" "Go on one minute." => |c| c.play_skip(60);
        "play-command" "next command" "Go to the next command." => |c| c.play_command(true);
        "play-command-back" "previous command" "Go to the previous command."
            => |c| c.play_command(false);
        "play-search" "search" "Find text that was printed later." => Console::ask_play_search;
        "play-find" "next match" "Go to the next match."
            => |c| c.play_find(true), unless Console::no_play_query;
        "play-find-back" "previous match" "Go to the previous match."
            => |c| c.play_find(false), unless Console::no_play_query;
        "play-faster" "faster" "Play faster." => |c| c.play_speed(true);
        "play-slower" "slower" "Play slower." => |c| c.play_speed(false);
        "play-idle" "skip idle" "Skip idle time, or do not." => Console::play_idle;
        "play-first" "beginning" "Go to the beginning." => |c| c.play_tenths(0);
        "play-1" "10 %" "Go to 10 %." => |c| c.play_tenths(1);
        "play-2" "20 %" "Go to 20 %." => |c| c.play_tenths(2);
        "play-3" "30 %" "Go to 30 %." => |c| c.play_tenths(3);
        "play-4" "40 %" "Go to 40 %." => |c| c.play_tenths(4);
        "play-5" "50 %" "Go to 50 %." => |c| c.play_tenths(5);
        "play-6" "60 %" "Go to 60 %." => |c| c.play_tenths(6);
        "play-7" "70 %" "Go to 70 %." => |c| c.play_tenths(7);
        "play-8" "80 %" "Go to 80 %." => |c| c.play_tenths(8);
        "play-9" "90 %" "Go to 90 %." => |c| c.play_tenths(9);
        "play-last" "end" "Go to the end; a session that is open is followed from there."
            => |c| c.play_tenths(10);
        "play-other" "next shell" "Replay the session's next recording."
            => Console::play_other, unless Console::no_other_recording;
        "play-close" "close" "Close the player." => Console::stop_playing;
    }
    Scroll {
        "line-up" "up" "Move up." => |c| c.move_line(-1);
        "line-down" "down" "Move down." => |c| c.move_line(1);
        "screen-up" "page up" "Move up one screen." => |c| c.move_screen(-1);
        "screen-down" "page down" "Move down one screen." => |c| c.move_screen(1);
        "line-first" "first" "Go to the oldest line." => |c| c.move_line(isize::MIN);
        "line-last" "last" "Go to the newest line." => |c| c.move_line(isize::MAX);
        "line-search" "search" "Search upwards." => Console::ask_scroll_search;
        "find-up" "next" "Go to the next match above."
            => |c| c.find_line(true), unless Console::no_scroll_query;
        "find-down" "previous" "Go to the next match below."
            => |c| c.find_line(false), unless Console::no_scroll_query;
        "line-mark" "select" "Start or end selecting lines." => Console::mark_line;
        "line-copy" "copy" "Copy the selected lines to your clipboard." => Console::copy_lines;
        "line-save" "save" "Save the selected lines, or all, to a file." => Console::ask_save_lines;
    }
    Reader {
        "read-up" "up" "Scroll up." => |c| c.scroll(-1);
        "read-down" "down" "Scroll down." => |c| c.scroll(1);
        "read-page-up" "page up" "Scroll up one page." => |c| c.scroll(-10);
        "read-page-down" "page down" "Scroll down one page." => |c| c.scroll(10);
        "read-first" "first" "Scroll to the top." => |c| c.scroll(-isize::MAX);
        "read-last" "last" "Scroll to the bottom." => |c| c.scroll(isize::MAX);
        "read-search" "search" "Search the help."
            => Console::ask_help_search, unless Console::no_help_search;
        "read-save" "save" "Save the session's log to a file."
            => Console::ask_save_log, unless Console::no_read_save;
        "read-copy" "copy" "Copy the command for the customer to your clipboard."
            => Console::read_copy, unless Console::no_read_copy;
        "read-simulate" "simulate" "Show what a session with the item would allow."
            => Console::open_simulator, unless Console::no_read_simulate;
        "read-who" "who may" "Show who can do this with the item."
            => Console::open_who, unless Console::no_who;
    }
    Who {
        "who-next" "action" "Show the next action." => |c| c.who_action(1);
        "who-before" "previous" "Show the previous action." => |c| c.who_action(-1);
    }
    Simulator {
        "simulate-user" "user" "Choose the user to simulate." => Console::ask_simulated_user;
        "simulate-start" "start" "Switch between a jump and a session started by the customer."
            => Console::simulate_start;
        "simulate-customer" "customer" "Switch between customer present and customer away."
            => Console::simulate_customer;
        "simulate-time" "time" "Choose the time to simulate." => Console::ask_simulated_time;
    }
    Confirm {
        "yes" "yes" "Confirm." => Console::confirm;
        "no" "no" "Cancel." => Console::back;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_command_has_a_name_of_its_own_and_says_what_it_does() {
        let mut names = BTreeSet::new();
        for command in Command::all() {
            let spec = command.spec();
            assert!(names.insert(spec.name), "{} stands twice", spec.name);
            assert!(spec.doc.ends_with('.') && !spec.title.is_empty(), "{}", spec.name);
            assert_eq!(Command::named(spec.name), Some(command));
        }
    }
}
