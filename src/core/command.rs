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
        "fuzzy-jump" "find" "Jump to any item by a part of its name, host or tag."
            => Console::open_fuzzy_jump;
        "messages" "messages" "Show all messages since the start." => Console::open_messages;
        "back" "back" "Close what is open, or clear the search." => Console::back;
        "quit" "leave" "Leave the console; open sessions go on." => Console::quit;
        "go-jump" "jump list" "Go to the list of Jump Items." => Console::go_jump;
        "redraw" "redraw" "Draw the whole screen anew." => Console::redraw;
        "tab-1" "session 1" "Go to the first session." => |c| c.show_tab(0), unless |c| c.no_tab(0);
        "tab-2" "session 2" "Go to the second session." => |c| c.show_tab(1), unless |c| c.no_tab(1);
        "tab-3" "session 3" "Go to the third session." => |c| c.show_tab(2), unless |c| c.no_tab(2);
        "tab-4" "session 4" "Go to the fourth session." => |c| c.show_tab(3), unless |c| c.no_tab(3);
        "tab-5" "session 5" "Go to the fifth session." => |c| c.show_tab(4), unless |c| c.no_tab(4);
        "tab-6" "session 6" "Go to the sixth session." => |c| c.show_tab(5), unless |c| c.no_tab(5);
        "tab-7" "session 7" "Go to the seventh session." => |c| c.show_tab(6), unless |c| c.no_tab(6);
        "tab-8" "session 8" "Go to the eighth session." => |c| c.show_tab(7), unless |c| c.no_tab(7);
        "tab-9" "session 9" "Go to the ninth session." => |c| c.show_tab(8), unless |c| c.no_tab(8);
    }
    Jump {
        "up" "up" "Move up." => |c| c.move_selection(-1);
        "down" "down" "Move down." => |c| c.move_selection(1);
        "page-up" "page up" "Move up by a page." => |c| c.move_page(-1);
        "page-down" "page down" "Move down by a page." => |c| c.move_page(1);
        "first" "first" "Go to the first row." => |c| c.move_selection(isize::MIN);
        "last" "last" "Go to the last row." => |c| c.move_selection(isize::MAX);
        "left" "left" "Fold the group, or go to the tree." => Console::left;
        "right" "right" "Unfold the group, or go to the list." => Console::right;
        "next-pane" "pane" "Go to the next pane." => Console::next_pane;
        "search" "search" "Search the items as you type." => Console::start_search;
        "details" "details" "Show or hide the details of the item." => Console::toggle_details;
    }
    List {
        "jump" "jump" "Start a session with the selected item, or go back to it."
            => Console::jump, unless Console::no_jump;
    }
    Tree {
        "open" "open" "Show the items of the selected group." => Console::open_group;
    }
    Search {
        "accept-search" "list" "Keep the search and go to the list." => Console::accept_search;
        "complete" "complete" "Complete the field or the value that was begun." => Console::complete;
        "delete-word" "delete word" "Delete the word before the cursor." => Console::delete_word;
        "clear-input" "clear" "Delete all that was typed." => Console::clear_input;
    }
    Session {
        "detach" "list" "Go back to the list; the session goes on." => Console::go_jump;
        "next-tab" "next" "Go to the next session." => |c| c.cycle_tab(1);
        "previous-tab" "previous" "Go to the session before." => |c| c.cycle_tab(-1);
        "end-session" "end" "End this session and the programs in it." [dangerous]
            => Console::ask_end_session, unless Console::no_end_session;
        "take-over" "take over" "Show here a session that another console of yours shows."
            => Console::take_over, unless Console::no_take_over;
    }
    Chooser {
        "choose" "choose" "Take the selected entry." => Console::choose;
        "choose-up" "up" "Move up." => |c| c.move_choice(-1);
        "choose-down" "down" "Move down." => |c| c.move_choice(1);
    }
    Reader {
        "read-up" "up" "Scroll up." => |c| c.scroll(-1);
        "read-down" "down" "Scroll down." => |c| c.scroll(1);
        "read-page-up" "page up" "Scroll up by a page." => |c| c.scroll(-10);
        "read-page-down" "page down" "Scroll down by a page." => |c| c.scroll(10);
    }
    Confirm {
        "yes" "yes" "Do it." => Console::confirm;
        "no" "no" "Do not." => Console::back;
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
