//! The user's configuration: theme, keys, prefix. A mistake is told with its file and line, and
//! what is built in is in its place.

use jiff::tz::TimeZone;
use jumpdeck_console::core::Settings;
use jumpdeck_console::core::keymap::{Keymap, PRESETS, line_of};
use jumpdeck_console::view::theme::{BUILT_IN, Colours, Theme};
use jumpdeck_terminal::Predict;
use jumpdeck_terminal::key::{Code, Key, UnknownKey};
use jumpdeck_terminal::terminal::key_bytes;
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use toml::Spanned;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ConfigFile {
    theme: Option<Spanned<String>>,
    keymap: Option<Spanned<String>>,
    mouse: bool,
    predict: Predict,
    prefix: Option<Spanned<String>>,
}

/// What was read, and what was wrong with it.
#[derive(Debug)]
pub struct Config {
    /// Keys and prefix.
    pub settings: Settings,
    /// The theme, fit for the terminal.
    pub theme: Theme,
    /// What was wrong, each with file and line.
    pub mistakes: Vec<String>,
}

/// What comes of a mistake when nothing else was read before.
pub const BUILT_IN_INSTEAD: &str = "The defaults are used instead.";

impl Config {
    /// What was wrong, as one message with what came of it; nothing if nothing was.
    pub fn complaint(&self, outcome: &str) -> Option<String> {
        match self.mistakes.as_slice() {
            [] => None,
            [one] => Some(format!("{one}. {outcome}")),
            several => {
                Some(format!("{} mistakes: {}. {outcome}", several.len(), several.join("; ")))
            }
        }
    }
}

/// Reads the configuration for a terminal with so many colours.
pub fn read(dir: &Path, colours: Colours) -> Config {
    let mut mistakes = Vec::new();
    let main = dir.join("config.toml");
    let text_of_main = text(&main, &mut mistakes).unwrap_or_default();
    let file = file(&main, &text_of_main, &mut mistakes);
    let place = |value: &Spanned<String>| {
        format!("{}, line {}", main.display(), line_of(&text_of_main, value.span().start))
    };
    let mut keymap = Keymap::built_in();
    if let Some(value) = &file.keymap {
        match Keymap::preset(value.get_ref()) {
            Some(preset) => keymap = preset,
            None => mistakes.push(format!(
                "{}: there is no keymap {:?}; {} are built in",
                place(value),
                value.get_ref(),
                PRESETS.map(|(name, _)| name).join(", ")
            )),
        }
    }
    let path = dir.join("keymap.toml");
    if let Some(text) = text(&path, &mut mistakes)
        && let Err(error) = keymap.merge(&text)
    {
        mistakes.push(format!("{}, {error}", path.display()));
    }
    let mut settings = Settings {
        keymap: Arc::new(keymap),
        zone: TimeZone::system(),
        mouse: file.mouse,
        predict: file.predict,
        ..Settings::default()
    };
    if let Some(value) = &file.prefix {
        match prefix(value.get_ref()) {
            Ok(prefix) => settings.prefix = prefix,
            Err(reason) => mistakes.push(format!("{}: {reason}", place(value))),
        }
    }
    let name = file.theme.as_ref().map_or("dark", |name| name.get_ref());
    let place = file.theme.as_ref().map(place).unwrap_or_default();
    let theme = theme(dir, name, &place, &mut mistakes).for_terminal(colours);
    Config { settings, theme, mistakes }
}

/// The configuration's files, to be read again when one of them changes.
#[derive(Debug)]
pub struct Watch {
    dir: PathBuf,
    colours: Colours,
    stamps: Vec<(PathBuf, SystemTime, u64)>,
}

impl Watch {
    /// As the files are now.
    pub fn new(dir: PathBuf, colours: Colours) -> Self {
        let stamps = stamps(&dir);
        Self { dir, colours, stamps }
    }

    /// The configuration, if a file has changed since this was asked last.
    pub fn changed(&mut self) -> Option<Config> {
        let now = stamps(&self.dir);
        if now == self.stamps {
            return None;
        }
        self.stamps = now;
        Some(read(&self.dir, self.colours))
    }
}

/// When each file was written, and how long it is.
fn stamps(dir: &Path) -> Vec<(PathBuf, SystemTime, u64)> {
    let themes = std::fs::read_dir(dir.join("themes")).into_iter().flatten().flatten();
    let files = [dir.join("config.toml"), dir.join("keymap.toml")].into_iter();
    let stamp = |path: PathBuf| {
        let about = std::fs::metadata(&path).ok()?;
        Some((path, about.modified().ok()?, about.len()))
    };
    let mut stamps: Vec<_> =
        files.chain(themes.map(|entry| entry.path())).filter_map(stamp).collect();
    stamps.sort();
    stamps
}

fn file(path: &Path, text: &str, mistakes: &mut Vec<String>) -> ConfigFile {
    toml::from_str(text).unwrap_or_else(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        mistakes.push(format!("{}, line {line}: {}", path.display(), error.message()));
        ConfigFile::default()
    })
}

/// A prefix must not be a key that is needed to type.
pub(crate) fn prefix(name: &str) -> Result<Key, String> {
    let key: Key = name.parse().map_err(|error: UnknownKey| error.to_string())?;
    if !(key.ctrl || key.alt || matches!(key.code, Code::F(_))) {
        return Err(format!(
            "{name:?} is needed to type; a prefix has ctrl or alt, or is f1 to f12"
        ));
    }
    // Return, Tab, Esc and Backspace are control characters too; `Esc [` and `Esc O` begin others.
    match key_bytes(key).as_slice() {
        [b' '..=b'~' | b'\r' | b'\t' | b'\x1b' | b'\x7f'] | b"\x1b[" | b"\x1bO" => Err(format!(
            "{name:?} is another key as well in a terminal; take ctrl-] or ctrl-a, say"
        )),
        _ => Ok(key),
    }
}

fn theme(dir: &Path, name: &str, place: &str, mistakes: &mut Vec<String>) -> Theme {
    let path = dir.join("themes").join(format!("{name}.toml"));
    if let Some(text) = text(&path, mistakes) {
        match Theme::parse(&text) {
            Ok(theme) => return theme,
            Err(error) => {
                mistakes.push(format!("{}, {error}", path.display()));
            }
        }
    } else if let Some(theme) = Theme::named(name) {
        return theme;
    } else {
        let known: Vec<_> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        mistakes.push(format!(
            "{place}: there is no theme {name:?}; {} are built in, and there is no file {}",
            known.join(", "),
            path.display()
        ));
    }
    Theme::named("dark").unwrap_or_default()
}

/// The content of a file that may be missing.
fn text(path: &Path, mistakes: &mut Vec<String>) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => {
            mistakes.push(format!("{}: {error}", path.display()));
            None
        }
    }
}

/// How many colours the local terminal has, by its environment.
pub fn colours() -> Colours {
    colours_by(&std::env::var("TERM").unwrap_or_default(), |name| std::env::var(name).ok())
}

/// How many colours a terminal of this type has, in this environment.
pub fn colours_by(term: &str, variable: impl Fn(&str) -> Option<String>) -> Colours {
    let set = |name: &str| variable(name).unwrap_or_default();
    if !set("NO_COLOR").is_empty() {
        return Colours::None;
    }
    colours_of(term, &set("COLORTERM"))
}

fn colours_of(term: &str, colorterm: &str) -> Colours {
    // These say how many they have by their plain names.
    const SIXTEEN: [&str; 8] =
        ["linux", "xterm", "screen", "tmux", "rxvt", "ansi", "cygwin", "xterm-16color"];
    if term == "dumb" || term.starts_with("vt1") || term.starts_with("vt2") {
        Colours::None
    } else if ["truecolor", "24bit"].contains(&colorterm) {
        Colours::True
    } else if SIXTEEN.contains(&term) {
        Colours::Sixteen
    } else {
        Colours::Indexed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_name_their_file_and_line_and_the_rest_still_counts() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("config.toml", "theme = \"mine\"\nprefix = \"ctrl-a\"\n");
        write("keymap.toml", "[list]\n\"z\" = \"fly\"\n");
        std::fs::create_dir(dir.path().join("themes")).unwrap();
        write("themes/mine.toml", "text = \"white\"\nerror = \"redish\"\n");
        let config = read(dir.path(), Colours::True);
        assert_eq!(config.settings.prefix, Key::ctrl('a'));
        assert_eq!(config.mistakes.len(), 2);
        assert!(config.mistakes[0].contains("keymap.toml, line 2: there is no command \"fly\""));
        assert!(config.mistakes[1].contains("mine.toml, line 2: \"redish\" is no colour"));
    }

    #[test]
    fn a_prefix_that_is_needed_to_type_and_an_unknown_theme_are_refused_by_line() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.toml"), "theme = \"drak\"\nprefix = \"a\"\n")
            .unwrap();
        let config = read(dir.path(), Colours::True);
        assert_eq!(config.settings.prefix, Key::ctrl(']'));
        assert!(config.mistakes[0].contains("config.toml, line 2: \"a\" is needed to type"));
        assert!(config.mistakes[1].contains("config.toml, line 1: there is no theme \"drak\""));
    }

    #[test]
    fn a_prefix_is_a_key_that_no_other_one_is_mistaken_for() {
        for good in ["ctrl-]", "ctrl-a", "ctrl-5", "alt-x", "f12"] {
            assert!(prefix(good).is_ok(), "{good}");
        }
        for bad in ["a", "ctrl-1", "ctrl-m", "ctrl-i", "ctrl-[", "ctrl-8", "alt-["] {
            assert!(prefix(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_terminals_name_says_how_many_colours_it_has() {
        assert_eq!(colours_of("xterm-256color", "truecolor"), Colours::True);
        assert_eq!(colours_of("xterm-256color", ""), Colours::Indexed);
        assert_eq!(colours_of("linux", ""), Colours::Sixteen);
        assert_eq!(colours_of("vt100", ""), Colours::None);
    }

    #[test]
    fn a_file_that_changes_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut watch = Watch::new(dir.path().to_path_buf(), Colours::True);
        assert!(watch.changed().is_none());
        std::fs::write(dir.path().join("config.toml"), "keymap = \"vim\"\nmouse = true\n").unwrap();
        let config = watch.changed().unwrap();
        assert!(config.mistakes.is_empty() && config.settings.mouse);
        assert!(watch.changed().is_none());
        std::fs::write(dir.path().join("config.toml"), "keymap = \"emacs\"\n").unwrap();
        let config = watch.changed().unwrap();
        let wanted = "config.toml, line 1: there is no keymap \"emacs\"; default, vim, plain";
        assert!(config.mistakes[0].contains(wanted), "{:?}", config.mistakes);
    }

    #[test]
    fn no_configuration_is_no_mistake() {
        let dir = tempfile::tempdir().unwrap();
        assert!(read(dir.path(), Colours::True).mistakes.is_empty());
    }
}
