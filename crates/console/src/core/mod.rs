//! The console as a value: events in, effects out. No clock, no I/O, no async.

mod batch;
mod choose;
pub mod columns;
pub mod command;
pub mod event;
pub mod export;
pub mod form;
pub mod help;
pub mod input;
pub mod inventory;
mod jump;
pub mod keymap;
mod known;
pub mod layer;
pub mod layers;
pub mod layout;
mod link;
pub mod lobby;
pub mod lock;
pub mod messages;
pub mod mouse;
mod navigate;
mod preferences;
mod press;
pub mod query;
mod requests;
mod scripted;
pub mod scroll;
pub mod search;
pub mod session;
mod sessions;
mod silence;
pub mod simulator;
mod tend;
pub mod together;
pub mod tree;
mod waking;
pub mod who;
pub mod why;

pub use event::{Effect, Event, LinkEvent, Timer, Welcome};
pub use jump::{Focus, Jump};
pub use scripted::{ScriptFailure, fits};
pub use waking::Waking;

use batch::Batch;
use command::Command;
use inventory::{Inventory, Pool};
use jiff::tz::TimeZone;
use jumpdeck_protocol::preferences::Preferences;
use jumpdeck_protocol::queue::Lobby;
use jumpdeck_protocol::rep::{FromRep, RepNotice};
use jumpdeck_protocol::rights::PlaceRights;
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{Control, ItemId, SessionId, Timestamp, control};
use jumpdeck_terminal::{Key, key};
use keymap::{Context, Keymap, Meaning};
use known::Known;
use layer::Layer;
use messages::{Level, Messages};
use requests::RequestBook;
use session::Tab;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// The smallest terminal that can be used.
pub const SMALLEST: Size = Size { columns: 40, rows: 12 };

/// What a console is given for its life.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The keys.
    pub keymap: Arc<Keymap>,
    /// The key that speaks to the console from within a session.
    pub prefix: Key,
    /// The time zone that times are shown in.
    pub zone: TimeZone,
    /// The mouse is ours from the start.
    pub mouse: bool,
    /// What consoles of this process hold together, if there are several.
    pub pool: Option<Arc<Pool>>,
}

impl Default for Settings {
    fn default() -> Self {
        let keymap = Arc::new(Keymap::built_in());
        Self { keymap, prefix: Key::ctrl(']'), zone: TimeZone::UTC, mouse: false, pool: None }
    }
}

/// How the link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not made yet.
    Connecting,
    /// Up.
    Up {
        /// There and back.
        delay: Option<Duration>,
    },
    /// Gone since then; it is being made again.
    Down {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
    /// Gone for good.
    Ended {
        /// Why.
        reason: String,
    },
}

/// What is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    /// The jump screen.
    #[default]
    Jump,
    /// The open sessions.
    Sessions,
    /// The session of this number.
    Session(usize),
}

/// Which searches were asked for and which are on the screen: a key that means what is found must
/// not act on what was found before.
#[derive(Debug, Default)]
struct Searches {
    last: u64,
    list_asked: u64,
    list_shown: u64,
    chooser_asked: u64,
    chooser_shown: u64,
    counts_asked: u64,
    /// Saved searches are being counted.
    counting: bool,
    /// Something has changed since that began.
    count_again: bool,
    /// Run this command once the search it waits for is shown.
    waiting: Option<Command>,
    /// Keys for the dialogue that it will open.
    held: Vec<Key>,
}

impl Searches {
    /// Whether keys belong to what a waiting command will open. Those after a jump do not: who
    /// types on looks for something else.
    fn holds_keys(&self) -> bool {
        const MOST: usize = 256;
        let opens = |command: Command| !matches!(command.spec().name, "jump" | "choose");
        self.waiting.is_some_and(opens) && self.held.len() < MOST
    }
}

/// What the inventory has that the screen does not show yet.
#[derive(Debug, Default)]
struct Stale {
    items: bool,
    presence: bool,
    /// Items that there were when the list was last made.
    shown: usize,
}

/// The console.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Console {
    settings: Settings,
    size: Size,
    now: Timestamp,
    link: Link,
    welcome: Option<Welcome>,
    inventory: Inventory,
    jump: Jump,
    tabs: Vec<Tab>,
    /// Sessions of others that were told of once.
    tabs_known: HashSet<SessionId>,
    session_row: lobby::Selection,
    /// Keys that were pressed so far.
    keys: u64,
    lobby: Lobby,
    screen: Screen,
    layers: Vec<Layer>,
    messages: Messages,
    chord: Vec<Key>,
    prefixed: bool,
    requests: RequestBook,
    searches: Searches,
    stale: Stale,
    known: Known,
    preferences: Preferences,
    /// They were changed here, and the appliance has not kept that yet.
    unsaved: bool,
    preferences_sent: u64,
    /// The appliance has told what it keeps.
    preferences_known: bool,
    saved: Vec<preferences::Saved>,
    batches: Vec<Batch>,
    last_batch: u64,
    last_form: u64,
    rights_coming: Vec<PlaceRights>,
    lock: lock::Lock,
    silence: silence::Silence,
    wakings: waking::Wakings,
    scripted: scripted::Scripted,
    mouse: bool,
    /// Sessions have the whole screen.
    zoomed: bool,
    /// Figures of all items were asked for.
    figures: bool,
    /// The inventory was whole once.
    whole_once: bool,
    watched: Option<ItemId>,
    dirty: bool,
    effects: Vec<Effect>,
}

impl Console {
    /// A console that has heard of nothing yet.
    pub fn new(settings: Settings, size: Size, now: Timestamp) -> Self {
        let mut inventory = Inventory::default();
        if let Some(pool) = &settings.pool {
            inventory.share(Arc::clone(pool));
        }
        Self {
            mouse: settings.mouse,
            settings,
            size,
            now,
            link: Link::Connecting,
            welcome: None,
            inventory,
            jump: Jump::new(layout::list_height(size)),
            tabs: Vec::new(),
            tabs_known: HashSet::new(),
            session_row: lobby::Selection::default(),
            keys: 0,
            lobby: Lobby::default(),
            screen: Screen::Jump,
            layers: Vec::new(),
            messages: Messages::default(),
            chord: Vec::new(),
            prefixed: false,
            requests: RequestBook::default(),
            searches: Searches::default(),
            stale: Stale::default(),
            known: Known::default(),
            preferences: Preferences::default(),
            unsaved: false,
            preferences_sent: 0,
            preferences_known: false,
            saved: Vec::new(),
            batches: Vec::new(),
            last_batch: 0,
            last_form: 0,
            rights_coming: Vec::new(),
            lock: lock::Lock::default(),
            silence: silence::Silence::default(),
            wakings: waking::Wakings::default(),
            scripted: scripted::Scripted::default(),
            zoomed: false,
            figures: false,
            whole_once: false,
            watched: None,
            dirty: true,
            effects: Vec::new(),
        }
    }

    /// Takes an event and says what is to be done.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if self.lock.is_locked() => self.lock_key(key),
            Event::Mouse(_) if self.lock.is_locked() => {}
            Event::Paste(text) if self.lock.is_locked() => self.lock_paste(&text),
            Event::Key(key) => self.key(key),
            Event::Mouse(mouse) => self.take_mouse(mouse),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(size) => self.resize(size),
            Event::Tick(now) => self.tick(now),
            Event::Timer(Timer::Watch(item)) if item == self.jump.selected => self.watch(),
            // The selection has moved on.
            Event::Timer(Timer::Watch(_)) => {}
            Event::Timer(Timer::Settle(channel, what)) => self.settle(channel, what),
            Event::Timer(Timer::Silence(wait)) => self.still_silent(wait),
            Event::Found(found) => self.found(found),
            Event::Link(event) => self.link_event(event),
            Event::Exported(outcome) => self.exported(outcome),
            Event::Keymap(keymap) => {
                self.settings.keymap = keymap;
                self.end_chord();
                self.dirty = true;
            }
            Event::Said(text) => self.say(&text),
            Event::Notice(text) => self.warn(&text),
            Event::Script(script) => self.take_script(script),
            Event::Frame => self.freshen(),
        }
        if self.screen == Screen::Sessions {
            self.hold_row();
        }
        self.go_on_with_script();
        std::mem::take(&mut self.effects)
    }

    /// Whether anything visible changed since the last time this was asked.
    pub const fn take_dirty(&mut self) -> bool {
        std::mem::replace(&mut self.dirty, false)
    }

    fn resize(&mut self, size: Size) {
        self.size = size;
        self.dirty = true;
        self.jump.height = layout::list_height(size);
        self.jump.reveal();
        self.resize_sessions();
    }

    fn tick(&mut self, now: Timestamp) {
        let before = self.now;
        self.now = now;
        let minute = before.0.div_euclid(60) != now.0.div_euclid(60);
        let faded = self.messages.current(before) != self.messages.current(now);
        let waking = self.tick_waking();
        self.tick_lock();
        let mut saved = self.saved.iter().filter_map(|saved| saved.query.as_ref());
        let timely = saved.any(query::Query::depends_on_time);
        if minute && (timely || self.query_shown().depends_on_time()) {
            self.stale.items = true;
        }
        let away = !matches!(self.link, Link::Up { .. }) || self.no_answer().is_some();
        let away = away || self.no_answer_from_machine().is_some();
        self.dirty |= minute || faded || waking || away;
    }

    /// Where keys are pressed now.
    pub fn context(&self) -> Context {
        match (self.layers.last(), self.screen) {
            (Some(layer), _) => layer.context(),
            (None, Screen::Session(_)) => Context::Session,
            (None, Screen::Sessions) => Context::Sessions,
            (None, Screen::Jump) => match self.jump.focus {
                Focus::Tree => Context::Tree,
                Focus::List => Context::List,
                Focus::Search => Context::Search,
                Focus::TreeFind => Context::TreeFind,
            },
        }
    }

    /// The context under the layers.
    fn ground(&self) -> Context {
        match self.screen {
            Screen::Session(_) => Context::Session,
            Screen::Sessions => Context::Sessions,
            Screen::Jump if matches!(self.jump.focus, Focus::Tree | Focus::TreeFind) => {
                Context::Tree
            }
            Screen::Jump => Context::List,
        }
    }

    fn say(&mut self, text: &str) {
        self.messages.say(self.now, Level::Info, text);
        self.dirty = true;
    }

    fn warn(&mut self, text: &str) {
        self.messages.say(self.now, Level::Warning, text);
        self.dirty = true;
    }

    fn notify(&mut self, body: RepNotice) {
        let message: FromRep = Control::Notice { body };
        self.effects.push(Effect::Send(control::encode(&message)));
    }

    /// Whether the terminal is too small for anything but saying so.
    pub const fn is_too_small(&self) -> bool {
        self.size.columns < SMALLEST.columns || self.size.rows < SMALLEST.rows
    }

    /// The terminal's size.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The moment the console believes it to be.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How the link stands.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Whether the link is up.
    pub const fn is_linked(&self) -> bool {
        matches!(self.link, Link::Up { .. })
    }

    /// Who is logged in, and where.
    pub const fn welcome(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    /// The inventory.
    pub const fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// The jump screen.
    pub const fn jump_screen(&self) -> &Jump {
        &self.jump
    }

    /// The open sessions.
    pub fn tabs(&self) -> &[Tab] {
        &self.tabs
    }

    /// Whether a session has the whole screen.
    pub const fn is_zoomed(&self) -> bool {
        self.zoomed
    }

    /// What is on the screen.
    pub const fn screen(&self) -> Screen {
        self.screen
    }

    /// What lies over it, topmost last.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// What was said.
    pub const fn messages(&self) -> &Messages {
        &self.messages
    }

    /// The time zone that times are shown in.
    pub const fn zone(&self) -> &TimeZone {
        &self.settings.zone
    }

    /// The key of a command, as people read it; empty if it has none.
    pub fn key_of(&self, name: &str) -> String {
        let Some(command) = Command::named(name) else {
            return String::new();
        };
        let own = self.keymap().shown(command.spec().context, command);
        if !own.is_empty() {
            return own;
        }
        let elsewhere = self.keymap().keys_of(command).first().map(|keys| key::chord(keys));
        elsewhere.unwrap_or_default()
    }

    /// What the terminal's window is called.
    pub fn title(&self) -> String {
        if self.lock.is_locked() {
            return "jumpdeck".to_owned();
        }
        match self.shown_tab() {
            Some(tab) => format!("{} — jumpdeck", tab.name),
            None => match self.tabs.len() {
                0 => "jumpdeck".to_owned(),
                1 => "jumpdeck (1 session)".to_owned(),
                many => format!("jumpdeck ({many} sessions)"),
            },
        }
    }

    /// The keys.
    pub fn keymap(&self) -> &Keymap {
        &self.settings.keymap
    }

    /// The prefix key.
    pub const fn prefix(&self) -> Key {
        self.settings.prefix
    }

    /// What may be pressed next, while a chord or the prefix is under way.
    pub fn hints(&self) -> Option<Vec<(Vec<Key>, Command)>> {
        if self.chord.is_empty() {
            let all = self.keymap().of(Context::Session);
            return self.prefixed.then(|| all.map(|(keys, c)| (keys.to_vec(), c)).collect());
        }
        match self.settings.keymap.meaning(self.context(), &self.chord) {
            Meaning::Beginning(longer) => Some(longer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
