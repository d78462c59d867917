//! Which keys mean which command, and where.

use super::command::Command;
use jumpdeck_terminal::key::{Key, UnknownKey, chord};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use thiserror::Error;
use toml::Spanned;

/// Where a key is pressed. Each place knows the keys of its own context, then those of the wider
/// ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Context {
    /// Everywhere; in a session, after the prefix.
    Global,
    /// On the jump screen.
    Jump,
    /// In the tree.
    Tree,
    /// In the list.
    List,
    /// While a search is typed.
    Search,
    /// Among the sessions.
    Sessions,
    /// In a session, after the prefix.
    Session,
    /// Where a line is typed.
    Text,
    /// While a row of the tree is looked for.
    TreeFind,
    /// In the palette and other choosers.
    Chooser,
    /// Where a line is asked for.
    Prompt,
    /// In a form.
    Form,
    /// Where things are switched on and off.
    Toggles,
    /// In the history.
    History,
    /// In the player.
    Player,
    /// Looking back in a shell.
    Scroll,
    /// In the help and the messages.
    Reader,
    /// In the simulator.
    Simulator,
    /// Among those who may do something.
    Who,
    /// Where something is asked.
    Confirm,
}

impl Context {
    /// Every context, in the order of the reference.
    pub const ALL: [Self; 20] = [
        Self::Global,
        Self::Jump,
        Self::Tree,
        Self::List,
        Self::Search,
        Self::Sessions,
        Self::Session,
        Self::Text,
        Self::TreeFind,
        Self::Chooser,
        Self::Prompt,
        Self::Form,
        Self::Toggles,
        Self::History,
        Self::Player,
        Self::Scroll,
        Self::Reader,
        Self::Simulator,
        Self::Who,
        Self::Confirm,
    ];

    /// The context as a heading.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere; in a session, after the prefix",
            Self::Jump => "Jump screen",
            Self::Tree => "Tree",
            Self::List => "List",
            Self::Search => "While searching",
            Self::Sessions => "Sessions",
            Self::Session => "In a session, after the prefix",
            Self::Text => "Where a line is typed",
            Self::TreeFind => "While looking for a group",
            Self::Chooser => "In choosers",
            Self::Prompt => "Where a line is asked for",
            Self::Form => "In forms",
            Self::Toggles => "Among columns and fields",
            Self::History => "In the history",
            Self::Player => "In the player",
            Self::Scroll => "Looking back in a shell",
            Self::Reader => "In help and messages",
            Self::Simulator => "In the simulator",
            Self::Who => "Where it says who may",
            Self::Confirm => "In questions",
        }
    }

    /// The contexts whose keys work here, nearest first.
    pub const fn chain(self) -> &'static [Self] {
        match self {
            Self::Global => &[Self::Global],
            Self::Jump => &[Self::Jump, Self::Global],
            Self::Tree => &[Self::Tree, Self::Jump, Self::Global],
            Self::List => &[Self::List, Self::Jump, Self::Global],
            Self::Search => &[Self::Search, Self::Text, Self::Jump, Self::Global],
            Self::Sessions => &[Self::Sessions, Self::Global],
            Self::Session => &[Self::Session, Self::Global],
            Self::Text => &[Self::Text, Self::Global],
            Self::TreeFind => &[Self::TreeFind, Self::Text, Self::Jump, Self::Global],
            Self::Chooser => &[Self::Chooser, Self::Text, Self::Global],
            Self::Prompt => &[Self::Prompt, Self::Text, Self::Global],
            Self::Form => &[Self::Form, Self::Text, Self::Global],
            Self::Toggles => &[Self::Toggles, Self::Global],
            Self::History => &[Self::History, Self::Text, Self::Global],
            Self::Player => &[Self::Player, Self::Global],
            Self::Scroll => &[Self::Scroll, Self::Global],
            Self::Reader => &[Self::Reader, Self::Global],
            Self::Simulator => &[Self::Simulator, Self::Reader, Self::Global],
            Self::Who => &[Self::Who, Self::Reader, Self::Global],
            Self::Confirm => &[Self::Confirm, Self::Global],
        }
    }
}

/// What a sequence of keys means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// This command.
    Command(Command),
    /// The beginning of these.
    Beginning(Vec<(Vec<Key>, Command)>),
    /// Nothing.
    Nothing,
}

/// All bindings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keymap {
    bindings: BTreeMap<Context, BTreeMap<Vec<Key>, Command>>,
}

/// What is wrong with a keymap file, and on which line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct KeymapError {
    line: usize,
    kind: KeymapErrorKind,
}

#[derive(Clone, Debug, Error, PartialEq, Eq)]
enum KeymapErrorKind {
    #[error("{0}")]
    Syntax(String),
    #[error(transparent)]
    Key(#[from] UnknownKey),
    #[error("there is no command {0:?}")]
    Command(String),
    #[error("the command {command:?} belongs to [{belongs}], not here")]
    Elsewhere { command: String, belongs: String },
    #[error("{keys} can never be pressed: {shorter} is bound already (line {other})")]
    Shadowed { keys: String, shorter: String, other: usize },
    #[error("{keys} is bound on line {other} already")]
    Twice { keys: String, other: usize },
}

impl fmt::Display for KeymapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

/// All that is wrong with a keymap file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct KeymapErrors(Vec<KeymapError>);

impl fmt::Display for KeymapErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, error) in self.0.iter().enumerate() {
            let between = if number == 0 { "" } else { "; " };
            write!(f, "{between}{error}")?;
        }
        Ok(())
    }
}

/// What TOML does not take. A key that occurs twice is reported with both lines.
fn syntax(text: &str, error: &toml::de::Error) -> KeymapErrors {
    let span = error.span().unwrap_or_default();
    let line = line_of(text, span.start);
    let keys = text.get(span).unwrap_or_default().trim_matches('"').to_owned();
    let twice = error.message().contains("duplicate key").then(|| earlier(text, line, &keys));
    let kind = match twice.flatten() {
        Some(other) => KeymapErrorKind::Twice { keys, other },
        None => KeymapErrorKind::Syntax(error.message().to_owned()),
    };
    KeymapErrors(vec![KeymapError { line, kind }])
}

/// The line of the same table before this one that binds these keys, too.
fn earlier(text: &str, line: usize, keys: &str) -> Option<usize> {
    let mut found = None;
    for (number, content) in (1..line).zip(text.lines()) {
        if content.trim_start().starts_with('[') {
            found = None;
        }
        let key = content.split('=').next().unwrap_or_default().trim().trim_matches('"');
        if key == keys {
            found = Some(number);
        }
    }
    found
}

type File = BTreeMap<Context, BTreeMap<String, Spanned<String>>>;

/// The keymaps that are built in: each is laid over the default one.
pub const PRESETS: [(&str, &str); 3] = [
    ("default", ""),
    ("vim", include_str!("../../../../keymaps/vim.toml")),
    ("plain", include_str!("../../../../keymaps/plain.toml")),
];

/// Unbinds a key.
const NONE: &str = "none";

impl Keymap {
    /// The keymap that is built in.
    pub fn built_in() -> Self {
        let mut keymap = Self::default();
        // A test reads the file; a mistake in it cannot leave the house.
        let _ = keymap.merge(include_str!("../../../../keymaps/default.toml"));
        keymap
    }

    /// The built-in keymap of this name.
    pub fn preset(name: &str) -> Option<Self> {
        let (_, text) = PRESETS.iter().find(|(known, _)| *known == name)?;
        let mut keymap = Self::built_in();
        keymap.merge(text).ok()?;
        Some(keymap)
    }

    /// Takes in a file: its bindings replace those that are there.
    ///
    /// # Errors
    /// Every [`KeymapError`] in it; the keymap is unchanged then.
    pub fn merge(&mut self, text: &str) -> Result<(), KeymapErrors> {
        let file: File = toml::from_str(text).map_err(|error| syntax(text, &error))?;
        let mut merged = self.clone();
        let mut errors = Vec::new();
        for (context, entries) in file {
            let mut seen: BTreeMap<Vec<Key>, usize> = BTreeMap::new();
            for (keys, name) in entries {
                let line = line_of(text, name.span().start);
                let keys = match merged.bind(context, &keys, name.get_ref()) {
                    Ok(keys) => keys,
                    Err(kind) => {
                        errors.push(KeymapError { line, kind });
                        continue;
                    }
                };
                if name.get_ref() == NONE {
                    continue;
                }
                let mistake = conflict(&seen, &keys);
                seen.insert(keys, line);
                errors.extend(mistake.map(|kind| KeymapError { line, kind }));
            }
        }
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.line);
            return Err(KeymapErrors(errors));
        }
        *self = merged;
        Ok(())
    }

    fn bind(
        &mut self,
        context: Context,
        keys: &str,
        name: &str,
    ) -> Result<Vec<Key>, KeymapErrorKind> {
        let keys: Vec<Key> = keys.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let bindings = self.bindings.entry(context).or_default();
        if name == NONE {
            bindings.remove(&keys);
            return Ok(keys);
        }
        let command =
            Command::named(name).ok_or_else(|| KeymapErrorKind::Command(name.to_owned()))?;
        let belongs = command.spec().context;
        if belongs != Context::Global && !context.chain().contains(&belongs) {
            let belongs = format!("{belongs:?}").to_lowercase();
            return Err(KeymapErrorKind::Elsewhere { command: name.to_owned(), belongs });
        }
        bindings.retain(|other, _| !other.starts_with(&keys) && !keys.starts_with(other));
        bindings.insert(keys.clone(), command);
        Ok(keys)
    }

    /// What these keys mean here.
    pub fn meaning(&self, context: Context, keys: &[Key]) -> Meaning {
        let mut longer: Vec<(Vec<Key>, Command)> = Vec::new();
        for context in context.chain() {
            let Some(bindings) = self.bindings.get(context) else {
                continue;
            };
            match bindings.get(keys) {
                Some(command) if longer.is_empty() => return Meaning::Command(*command),
                // What is longer is bound nearer.
                Some(_) => break,
                None => {}
            }
            for (other, command) in bindings.iter().filter(|(other, _)| other.starts_with(keys)) {
                let hidden = longer.iter().any(|(nearer, _)| other.starts_with(nearer));
                if !hidden {
                    longer.push((other.clone(), *command));
                }
            }
        }
        if longer.is_empty() { Meaning::Nothing } else { Meaning::Beginning(longer) }
    }

    /// Whether a key is bound in this context itself.
    pub fn is_bound(&self, context: Context, key: Key) -> bool {
        self.bindings.get(&context).is_some_and(|bindings| bindings.contains_key(&vec![key]))
    }

    /// The keys of a command, shortest first.
    pub fn keys_of(&self, command: Command) -> Vec<&[Key]> {
        let all = self.bindings.values().flatten();
        let bound = all.filter(|(_, bound)| **bound == command);
        let mut keys: Vec<&[Key]> = bound.map(|(keys, _)| keys.as_slice()).collect();
        keys.sort_by_key(|keys| (keys.len(), chord(keys).chars().count()));
        keys
    }

    /// The keys of a command in a context, as people read them; empty if it has none there.
    pub fn shown(&self, context: Context, command: Command) -> String {
        let bound = context.chain().iter().flat_map(|context| self.of(*context));
        let bound = bound.filter(|(_, bound)| *bound == command).map(|(keys, _)| chord(keys));
        bound.min_by_key(|keys| keys.chars().count()).unwrap_or_default()
    }

    /// All bindings of one context.
    pub fn of(&self, context: Context) -> impl Iterator<Item = (&[Key], Command)> {
        let bindings = self.bindings.get(&context).into_iter().flatten();
        bindings.map(|(keys, command)| (keys.as_slice(), *command))
    }
}

fn conflict(seen: &BTreeMap<Vec<Key>, usize>, keys: &[Key]) -> Option<KeymapErrorKind> {
    let (other, line) =
        seen.iter().find(|(other, _)| other.starts_with(keys) || keys.starts_with(other))?;
    let (short, long) = if other.len() < keys.len() { (&**other, keys) } else { (keys, &**other) };
    if short == long {
        return Some(KeymapErrorKind::Twice { keys: chord(keys), other: *line });
    }
    let (keys, shorter) = (chord(long), chord(short));
    Some(KeymapErrorKind::Shadowed { keys, shorter, other: *line })
}

/// The line, from 1, on which a position in a text stands.
pub fn line_of(text: &str, position: usize) -> usize {
    let before = text.as_bytes().get(..position).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jumpdeck_terminal::key::Code;

    fn merge(text: &str) -> Result<Keymap, String> {
        let mut keymap = Keymap::built_in();
        keymap.merge(text).map(|()| keymap).map_err(|error| error.to_string())
    }

    #[test]
    fn the_built_in_keymap_has_no_mistakes_and_every_command_a_way_to_it() {
        let mut keymap = Keymap::default();
        keymap.merge(include_str!("../../../../keymaps/default.toml")).unwrap();
        for command in Command::all() {
            assert!(!keymap.keys_of(command).is_empty(), "{} has no key", command.spec().name);
        }
    }

    #[test]
    fn every_preset_has_no_mistakes_and_every_command_a_way_to_it() {
        for (name, text) in PRESETS {
            let mut keymap = Keymap::built_in();
            keymap.merge(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            for command in Command::all() {
                let command_name = command.spec().name;
                assert!(!keymap.keys_of(command).is_empty(), "{name}: {command_name} has no key");
            }
        }
    }

    #[test]
    fn an_override_replaces_one_key_and_leaves_the_others() {
        let keymap = merge("[list]\n\"z\" = \"jump\"\n\"enter\" = \"none\"\n").unwrap();
        let jump = Command::named("jump").unwrap();
        assert_eq!(keymap.meaning(Context::List, &[Key::char('z')]), Meaning::Command(jump));
        let enter = [Key::plain(Code::Enter)];
        assert_eq!(keymap.meaning(Context::List, &enter), Meaning::Nothing);
        let down = Command::named("down").unwrap();
        assert_eq!(keymap.meaning(Context::List, &[Key::char('j')]), Meaning::Command(down));
    }

    #[test]
    fn the_beginning_of_a_chord_tells_what_may_follow() {
        let meaning = Keymap::built_in().meaning(Context::List, &[Key::char('g')]);
        let go = |key, name| (vec![Key::char('g'), Key::char(key)], Command::named(name).unwrap());
        let choices = vec![go('h', "go-history"), go('j', "go-jump"), go('s', "go-sessions")];
        assert_eq!(meaning, Meaning::Beginning(choices));
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text| merge(text).unwrap_err();
        assert_eq!(error("[list]\n\n\"z\" = \"fly\"\n"), "line 3: there is no command \"fly\"");
        assert!(
            error("[list]\n\"hyper-z\" = \"jump\"\n")
                .starts_with("line 2: \"hyper-z\" names no key")
        );
        assert!(error("[lust]\n\"z\" = \"jump\"\n").starts_with("line 1: "));
        assert!(error("[list\n").starts_with("line 1: "));
        assert_eq!(
            error("[tree]\n\"z\" = \"jump\"\n"),
            "line 2: the command \"jump\" belongs to [list], not here"
        );
        assert_eq!(
            error("[list]\n\"z\" = \"why\"\n[jump]\n\"z\" = \"up\"\n\"z\" = \"down\"\n"),
            "line 5: z is bound on line 4 already"
        );
        assert_eq!(
            error("[list]\n\"z\" = \"fly\"\n\"v\" = \"sing\"\n"),
            "line 2: there is no command \"fly\"; line 3: there is no command \"sing\""
        );
        assert_eq!(
            error("[jump]\n\"z\" = \"up\"\n\"z z\" = \"down\"\n"),
            "line 3: z z can never be pressed: z is bound already (line 2)"
        );
    }
}
