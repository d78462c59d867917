//! Themes: what colours mean. A theme names meanings, not widgets.

use crate::core::keymap::line_of;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;
use thiserror::Error;
use toml::Spanned;

/// What a style stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Ordinary text.
    Text,
    /// Text of less weight.
    Muted,
    /// What catches the eye.
    Accent,
    /// The bar at the top.
    Bar,
    /// The frame of a pane.
    Border,
    /// The frame of the pane that has the keys.
    BorderFocused,
    /// The row that is selected where the keys are.
    Selection,
    /// The row that is selected elsewhere.
    SelectionFaint,
    /// Parts that match a search.
    Match,
    /// Keys in hints.
    Key,
    /// Good news, and what is online.
    Good,
    /// What is in use.
    Busy,
    /// What deserves a look.
    Warning,
    /// What failed.
    Error,
}

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// None: only weight and inversion are used.
    None,
    /// The sixteen that every terminal with colours has.
    Sixteen,
    /// 256.
    Indexed,
    /// All.
    #[default]
    True,
}

/// A theme.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    styles: BTreeMap<Tone, Style>,
    colours: Colours,
}

/// What is wrong with a theme file, and on which line.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("line {line}: {what}")]
pub struct ThemeError {
    line: usize,
    what: String,
}

type File = BTreeMap<Tone, Spanned<String>>;

/// The themes that are built in.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("dark", include_str!("../../../../themes/dark.toml")),
    ("light", include_str!("../../../../themes/light.toml")),
    ("high-contrast", include_str!("../../../../themes/high-contrast.toml")),
    ("colour-blind", include_str!("../../../../themes/colour-blind.toml")),
    ("mono", include_str!("../../../../themes/mono.toml")),
];

impl Theme {
    /// The built-in theme of this name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = BUILT_IN.iter().find(|(known, _)| *known == name)?;
        Self::parse(text).ok()
    }

    /// Reads a theme: `role = "colour on colour bold"`.
    ///
    /// # Errors
    /// [`ThemeError`] names the line.
    pub fn parse(text: &str) -> Result<Self, ThemeError> {
        let file: File = toml::from_str(text).map_err(|error| ThemeError {
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            what: error.message().to_owned(),
        })?;
        let mut styles = BTreeMap::new();
        for (role, words) in file {
            let line = line_of(text, words.span().start);
            let style = style(words.get_ref()).map_err(|what| ThemeError { line, what })?;
            styles.insert(role, style);
        }
        Ok(Self { styles, colours: Colours::True })
    }

    /// The theme for a terminal with so many colours.
    #[must_use]
    pub fn for_terminal(mut self, colours: Colours) -> Self {
        if colours == Colours::None {
            return Self { colours, ..Self::named("mono").unwrap_or_default() };
        }
        self.colours = colours;
        for style in self.styles.values_mut() {
            match colours {
                Colours::None | Colours::True => {}
                Colours::Indexed => {
                    style.fg = style.fg.map(indexed);
                    style.bg = style.bg.map(indexed);
                }
                Colours::Sixteen => {
                    style.fg = style.fg.map(sixteen);
                    // What is only a little lighter than black would not be seen at all.
                    style.bg = style.bg.map(sixteen).map(|colour| match colour {
                        Color::Black => Color::DarkGray,
                        other => other,
                    });
                }
            }
        }
        self
    }

    /// A colour of a picture; nothing where there are too few to show one.
    pub fn pixel(&self, [red, green, blue]: [u8; 3]) -> Option<Color> {
        let colour = Color::Rgb(red, green, blue);
        match self.colours {
            Colours::True => Some(colour),
            Colours::Indexed => Some(indexed(colour)),
            Colours::Sixteen | Colours::None => None,
        }
    }

    /// The style of a role.
    pub fn style(&self, role: Tone) -> Style {
        self.styles.get(&role).copied().unwrap_or_default()
    }
}

fn style(words: &str) -> Result<Style, String> {
    let mut style = Style::default();
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "on" => style.bg(colour(words.next().unwrap_or_default())?),
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underline" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            word => style.fg(colour(word)?),
        };
    }
    Ok(style)
}

fn colour(word: &str) -> Result<Color, String> {
    word.parse().map_err(|_| {
        format!(
            "{word:?} is no colour; colours look like cyan, light-red, 240 or #ff8800, and bold, \
             dim, italic, underline and reverse are known too"
        )
    })
}

/// The sixteen colours, as most terminals show them.
const SIXTEEN: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// The nearest colour of the sixteen.
fn sixteen(colour: Color) -> Color {
    let rgb = match colour {
        Color::Rgb(red, green, blue) => [red, green, blue],
        Color::Indexed(number) if number >= 16 => rgb_of(number),
        other => return other,
    };
    let distance = |other: [u8; 3]| -> u32 {
        rgb.iter().zip(other).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let nearest = SIXTEEN.iter().min_by_key(|(_, other)| distance(*other));
    nearest.map_or(colour, |(colour, _)| *colour)
}

/// The parts of a colour of the cube or of the greys.
pub(super) fn rgb_of(number: u8) -> [u8; 3] {
    if number >= 232 {
        return [8 + 10 * (number - 232); 3];
    }
    let steps = number.saturating_sub(16);
    [steps / 36, steps / 6 % 6, steps % 6].map(|step| if step == 0 { 0 } else { 55 + 40 * step })
}

/// The nearest colour of the 256.
fn indexed(colour: Color) -> Color {
    let Color::Rgb(red, green, blue) = colour else {
        return colour;
    };
    let step = |value: u8| {
        let value = u16::from(value);
        u8::try_from(if value < 48 { 0 } else { (value - 35) / 40 }).unwrap_or(5).min(5)
    };
    Color::Indexed(16 + 36 * step(red) + 6 * step(green) + step(blue))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_theme_is_whole() {
        for (name, text) in BUILT_IN {
            let theme = Theme::parse(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(theme.styles.len(), 14, "{name}");
        }
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text| Theme::parse(text).unwrap_err().to_string();
        assert!(
            error("text = \"white\"\nerror = \"redish\"\n")
                .starts_with("line 2: \"redish\" is no colour")
        );
        assert!(error("text = \"white\"\nfoo = \"red\"\n").starts_with("line 2: "));
    }

    #[test]
    fn a_terminal_without_colours_gets_none() {
        let theme = Theme::named("dark").unwrap().for_terminal(Colours::None);
        assert!(theme.styles.values().all(|style| style.fg.is_none() && style.bg.is_none()));
    }

    #[test]
    fn where_there_are_sixteen_colours_no_other_is_used() {
        for (name, _) in BUILT_IN {
            let theme = Theme::named(name).unwrap().for_terminal(Colours::Sixteen);
            let used = theme.styles.values().flat_map(|style| [style.fg, style.bg]);
            let other = used.flatten().find(|c| matches!(c, Color::Indexed(16..) | Color::Rgb(..)));
            assert_eq!(other, None, "{name}");
            let faint = theme.style(Tone::SelectionFaint);
            assert_ne!(faint, theme.style(Tone::Text), "{name}: a selection is seen");
        }
        assert_eq!(sixteen(Color::Indexed(196)), Color::LightRed);
        assert_eq!(sixteen(Color::Indexed(245)), Color::DarkGray);
    }

    #[test]
    fn true_colours_are_brought_to_the_nearest_of_256() {
        let theme = Theme::parse("text = \"#ff0000\"").unwrap().for_terminal(Colours::Indexed);
        assert_eq!(theme.style(Tone::Text).fg, Some(Color::Indexed(196)));
    }
}
