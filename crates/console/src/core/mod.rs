//! The console as a value: events in, effects out. No clock, no I/O, no async.

mod batch;
mod choose;
pub mod columns;
pub mod command;
mod dialogs;
pub mod event;
pub mod export;
pub mod form;
pub mod help;
pub mod input;
pub mod inventory;
mod jump;
pub mod keymap;
mod known;
pub mod layers;
pub mod layout;
mod link;
mod link_state;
mod list;
pub mod lock;
pub mod messages;
pub mod mouse;
mod navigate;
pub mod past;
mod pinning;
mod predicting;
mod preferences;
mod press;
pub mod query;
pub mod queues;
mod requests;
pub mod room;
mod scripted;
pub mod search;
pub mod session;
pub mod session_row;
mod sessions;
mod several;
mod shells;
mod silence;
mod start;
mod tend;
pub mod together;
pub mod tree;
mod undoing;
mod waking;
pub mod why;

pub use event::{Effect, Event, LinkEvent, Timer, Welcome};
pub use jump::{Focus, Jump};
pub use layers::history::not_playable;
pub use link_state::Link;
pub use scripted::{ScriptFailure, fits};
pub use waking::Waking;

use command::Command;
use dialogs::Dialogs;
use inventory::{Inventory, Pool};
use jiff::tz::TimeZone;
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::rep::{FromRep, RepNotice};
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{Control, Timestamp, control};
use jumpdeck_terminal::{Key, Predict, key};
use keymap::{Context, Keymap, Meaning};
use layers::Layer;
use link_state::LinkState;
use list::List;
use messages::{Level, Messages};
use preferences::OwnPreferences;
use session::{Sessions, Tab};
use std::sync::Arc;

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
    /// Where typed characters are shown before the machine has printed them.
    pub predict: Predict,
    /// The mouse is ours from the start.
    pub mouse: bool,
    /// This is played at once, and closing it leaves the console.
    pub play: Option<(SessionRecord, Option<u32>)>,
    /// What consoles of this process hold together, if there are several.
    pub pool: Option<Arc<Pool>>,
}

impl Default for Settings {
    fn default() -> Self {
        let keymap = Arc::new(Keymap::built_in());
        Self {
            keymap,
            prefix: Key::ctrl(']'),
            zone: TimeZone::UTC,
            predict: Predict::default(),
            mouse: false,
            play: None,
            pool: None,
        }
    }
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

/// What is on the screen, and how large it is.
#[derive(Debug)]
struct Shown {
    size: Size,
    screen: Screen,
    /// Sessions have the whole screen.
    zoomed: bool,
    /// The mouse is ours.
    mouse: bool,
}

/// The keys that were pressed, and what goes on by itself as if they were.
#[derive(Debug, Default)]
struct KeyState {
    /// How many so far.
    pressed: u64,
    chord: Vec<Key>,
    prefixed: bool,
    scripted: scripted::Scripted,
}

/// What comes of an event.
#[derive(Debug)]
struct Out {
    /// Something visible changed.
    dirty: bool,
    effects: Vec<Effect>,
}

/// The console.
#[derive(Debug)]
pub struct Console {
    settings: Settings,
    now: Timestamp,
    shown: Shown,
    keys: KeyState,
    list: List,
    sessions: Sessions,
    dialogs: Dialogs,
    link: LinkState,
    preferences: OwnPreferences,
    out: Out,
}

impl Console {
    /// A console that has heard of nothing yet.
    pub fn new(settings: Settings, size: Size, now: Timestamp) -> Self {
        let mut inventory = Inventory::default();
        if let Some(pool) = &settings.pool {
            inventory.share(Arc::clone(pool));
        }
        Self {
            shown: Shown { size, screen: Screen::Jump, zoomed: false, mouse: settings.mouse },
            settings,
            now,
            keys: KeyState::default(),
            list: List::new(inventory, layout::list_height(size)),
            sessions: Sessions::default(),
            dialogs: Dialogs::default(),
            link: LinkState::default(),
            preferences: OwnPreferences::default(),
            out: Out { dirty: true, effects: Vec::new() },
        }
    }

    /// Takes an event and says what is to be done.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Key(key) if self.dialogs.lock.is_locked() => self.lock_key(key),
            Event::Mouse(_) if self.dialogs.lock.is_locked() => {}
            Event::Paste(text) if self.dialogs.lock.is_locked() => self.lock_paste(&text),
            Event::Key(key) => self.key(key),
            Event::Mouse(mouse) => self.take_mouse(mouse),
            Event::Paste(text) => self.paste(&text),
            Event::Resize(size) => self.resize(size),
            Event::Tick(now) => self.tick(now),
            Event::Timer(Timer::Watch(item)) if item == self.list.jump.selected => self.watch(),
            // The selection has moved on.
            Event::Timer(Timer::Watch(_)) => {}
            Event::Timer(Timer::Settle(channel, what)) => self.settle(channel, what),
            Event::Timer(Timer::Silence(wait)) => self.still_silent(wait),
            Event::Timer(Timer::MoreToPlay(number)) => self.more_to_play(number),
            Event::Timer(Timer::HistoryTyped(number)) => self.history_typed(number),
            Event::Timer(Timer::Predicted(channel, what)) => self.predicted(channel, what),
            Event::Clock(clock, elapsed) => self.clock(clock, elapsed),
            Event::Found(found) => self.found(found),
            Event::Link(event) => self.link_event(event),
            Event::Exported(outcome) => self.exported(outcome),
            Event::Keymap(keymap) => {
                self.settings.keymap = keymap;
                self.end_chord();
                self.out.dirty = true;
            }
            Event::Said(text) => self.say(&text),
            Event::Notice(text) => self.warn(&text),
            Event::Script(script) => self.take_script(script),
            Event::Frame => self.freshen(),
        }
        if self.shown.screen == Screen::Sessions {
            self.hold_row();
        }
        self.go_on_with_script();
        std::mem::take(&mut self.out.effects)
    }

    /// Whether anything visible changed since the last time this was asked.
    pub const fn take_dirty(&mut self) -> bool {
        std::mem::replace(&mut self.out.dirty, false)
    }

    fn resize(&mut self, size: Size) {
        self.shown.size = size;
        self.out.dirty = true;
        self.list.jump.height = layout::list_height(size);
        self.list.jump.reveal();
        self.resize_sessions();
    }

    fn tick(&mut self, now: Timestamp) {
        let before = self.now;
        self.now = now;
        let minute = before.0.div_euclid(60) != now.0.div_euclid(60);
        let faded = self.dialogs.messages.current(before) != self.dialogs.messages.current(now);
        let waking = self.tick_waking();
        self.tick_lock();
        let mut saved = self.preferences.saved.iter().filter_map(|saved| saved.query.as_ref());
        let timely = saved.any(query::Query::depends_on_time);
        if minute && (timely || self.query_shown().depends_on_time()) {
            self.list.stale.items = true;
        }
        let away = !matches!(self.link.state, Link::Up { .. }) || self.no_answer().is_some();
        let away = away || self.no_answer_from_machine().is_some();
        self.out.dirty |= minute || faded || waking || away;
    }

    /// Where keys are pressed now.
    pub fn context(&self) -> Context {
        match (self.dialogs.layers.last(), self.shown.screen) {
            (Some(layer), _) => layer.room().context(),
            (None, Screen::Session(_)) => Context::Session,
            (None, Screen::Sessions) => Context::Sessions,
            (None, Screen::Jump) => match self.list.jump.focus {
                Focus::Tree => Context::Tree,
                Focus::List => Context::List,
                Focus::Search => Context::Search,
                Focus::TreeFind => Context::TreeFind,
            },
        }
    }

    /// The context under the layers.
    fn ground(&self) -> Context {
        match self.shown.screen {
            Screen::Session(_) => Context::Session,
            Screen::Sessions => Context::Sessions,
            Screen::Jump if matches!(self.list.jump.focus, Focus::Tree | Focus::TreeFind) => {
                Context::Tree
            }
            Screen::Jump => Context::List,
        }
    }

    fn say(&mut self, text: &str) {
        self.dialogs.messages.say(self.now, Level::Info, text);
        self.out.dirty = true;
    }

    fn warn(&mut self, text: &str) {
        self.dialogs.messages.say(self.now, Level::Warning, text);
        self.out.dirty = true;
    }

    fn notify(&mut self, body: RepNotice) {
        let message: FromRep = Control::Notice { body };
        self.out.effects.push(Effect::Send(control::encode(&message)));
    }

    /// Whether the terminal is too small for anything but saying so.
    pub const fn is_too_small(&self) -> bool {
        self.shown.size.columns < SMALLEST.columns || self.shown.size.rows < SMALLEST.rows
    }

    /// The terminal's size.
    pub const fn size(&self) -> Size {
        self.shown.size
    }

    /// The moment the console believes it to be.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// How the link stands.
    pub const fn link(&self) -> &Link {
        &self.link.state
    }

    /// Whether the link is up.
    pub const fn is_linked(&self) -> bool {
        matches!(self.link.state, Link::Up { .. })
    }

    /// Who is logged in, and where.
    pub const fn welcome(&self) -> Option<&Welcome> {
        self.link.welcome.as_ref()
    }

    /// The inventory.
    pub const fn inventory(&self) -> &Inventory {
        &self.list.inventory
    }

    /// The jump screen.
    pub const fn jump_screen(&self) -> &Jump {
        &self.list.jump
    }

    /// The open sessions.
    pub fn tabs(&self) -> &[Tab] {
        &self.sessions.tabs
    }

    /// Whether a session has the whole screen.
    pub const fn is_zoomed(&self) -> bool {
        self.shown.zoomed
    }

    /// What is on the screen.
    pub const fn screen(&self) -> Screen {
        self.shown.screen
    }

    /// What lies over it, topmost last.
    pub fn layers(&self) -> &[Layer] {
        &self.dialogs.layers
    }

    /// What was said.
    pub const fn messages(&self) -> &Messages {
        &self.dialogs.messages
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
        if self.dialogs.lock.is_locked() {
            return "jumpdeck".to_owned();
        }
        match self.shown_tab() {
            Some(tab) => format!("{} — jumpdeck", tab.name),
            None => match self.sessions.tabs.len() {
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

    /// The prefix was pressed, and no key after it yet.
    pub fn is_prefixed(&self) -> bool {
        self.keys.prefixed && self.keys.chord.is_empty()
    }

    /// What may be pressed next, while a chord or the prefix is under way.
    pub fn hints(&self) -> Option<Vec<(Vec<Key>, Command)>> {
        if self.keys.chord.is_empty() {
            let all = self.keymap().of(Context::Session);
            return self.keys.prefixed.then(|| all.map(|(keys, c)| (keys.to_vec(), c)).collect());
        }
        match self.settings.keymap.meaning(self.context(), &self.keys.chord) {
            Meaning::Beginning(longer) => Some(longer),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
