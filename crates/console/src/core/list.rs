//! The list of items: what there is, what of it is shown, and what is being looked for.

use super::command::Command;
use super::inventory::Inventory;
use super::jump::Jump;
use super::known::KnownFacts;
use super::undoing::Undoable;
use super::waking::Wakings;
use jumpdeck_protocol::ItemId;
use jumpdeck_terminal::Key;

/// Which searches were asked for and which are on the screen: a key that means what is found must
/// not act on what was found before.
#[derive(Debug, Default)]
pub(super) struct Searches {
    pub last: u64,
    pub list_asked: u64,
    pub list_shown: u64,
    pub chooser_asked: u64,
    pub chooser_shown: u64,
    pub counts_asked: u64,
    /// Saved searches are being counted.
    pub counting: bool,
    /// Something has changed since that began.
    pub count_again: bool,
    /// Run this command once the search it waits for is shown.
    pub waiting: Option<Command>,
    /// Keys for the dialogue that it will open.
    pub held: Vec<Key>,
}

impl Searches {
    /// Whether keys belong to what a waiting command will open. Those after a jump do not: who
    /// types on looks for something else.
    pub(super) fn holds_keys(&self) -> bool {
        const MOST: usize = 256;
        let opens = |command: Command| !matches!(command.spec().name, "jump" | "choose");
        self.waiting.is_some_and(opens) && self.held.len() < MOST
    }
}

/// What the inventory has that the screen does not show yet.
#[derive(Debug, Default)]
pub(super) struct Stale {
    pub items: bool,
    pub presence: bool,
    /// Items that there were when the list was last made.
    pub shown: usize,
}

/// The list and what it shows.
#[derive(Debug)]
pub(super) struct List {
    pub inventory: Inventory,
    pub jump: Jump,
    pub searches: Searches,
    pub stale: Stale,
    pub known: KnownFacts,
    pub wakings: Wakings,
    /// What can be undone.
    pub undoable: Option<Undoable>,
    pub watched: Option<ItemId>,
    /// Figures of all items were asked for.
    pub figures: bool,
    /// The inventory was whole once.
    pub whole_once: bool,
}

impl List {
    pub(super) fn new(inventory: Inventory, height: usize) -> Self {
        Self {
            inventory,
            jump: Jump::new(height),
            searches: Searches::default(),
            stale: Stale::default(),
            known: KnownFacts::default(),
            wakings: Wakings::default(),
            undoable: None,
            watched: None,
            figures: false,
            whole_once: false,
        }
    }
}
