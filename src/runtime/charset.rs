//! Which characters a terminal can show, and what stands for the others.

use ratatui::buffer::Buffer;
use unicode_width::UnicodeWidthStr;

/// What a terminal can show, by its locale.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Everything.
    #[default]
    Unicode,
    /// ASCII. Terminals of the old eight-bit character sets are taken for these too: ASCII is what
    /// they have in common.
    Ascii,
}

impl Charset {
    /// As POSIX has it: the first of `LC_ALL`, `LC_CTYPE` and `LANG` that says anything. Where
    /// nothing does, as behind many an SSH client, terminals of today show everything.
    pub fn by(variable: impl Fn(&str) -> Option<String>) -> Self {
        let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable);
        match said.into_iter().find(|value| !value.is_empty()) {
            Some(locale) if !is_unicode(&locale) => Self::Ascii,
            _ => Self::Unicode,
        }
    }

    /// That of the local terminal.
    pub fn here() -> Self {
        Self::by(|name| std::env::var(name).ok())
    }

    /// Puts what can be shown into the place of what cannot.
    pub(super) fn fit(self, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        let width = usize::from(buffer.area.width).max(1);
        for row in buffer.content.chunks_mut(width) {
            let mut cells = row.iter_mut();
            while let Some(cell) = cells.next() {
                if cell.symbol().is_ascii() {
                    continue;
                }
                let columns = cell.symbol().width();
                let shown = cell.symbol().chars().next().map_or(' ', stand_in);
                cell.set_char(shown);
                for covered in cells.by_ref().take(columns.saturating_sub(1)) {
                    covered.set_char(shown);
                }
            }
        }
    }

    /// A text as it can be shown.
    pub(super) fn text(self, text: &str) -> String {
        match self {
            Self::Unicode => text.to_owned(),
            Self::Ascii => text.chars().map(stand_in).collect(),
        }
    }
}

/// `en_US.UTF-8`, `C.utf8`, and what some systems call just `UTF-8`.
fn is_unicode(locale: &str) -> bool {
    let charset = locale.rsplit_once('.').map_or(locale, |(_, charset)| charset);
    let charset = charset.split('@').next().unwrap_or_default();
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// The ASCII character that stands for another one.
const fn stand_in(character: char) -> char {
    match character {
        ' '..='~' => character,
        '─' | '—' | '–' | '⊘' | '－' => '-',
        '│' | '┃' | '▏' | '‖' => '|',
        '╭' | '╮' | '╰' | '╯' | '┌' | '┐' | '└' | '┘' | '├' | '┤' | '┬' | '┴' | '┼' => {
            '+'
        }
        '●' | '•' | '★' | '·' => '*',
        '○' | '◌' => 'o',
        '◔' | '◐' => '%',
        '▸' | '▶' | '▌' | '›' | '→' | '»' => '>',
        '‹' | '←' | '⏎' | '⌫' => '<',
        '▾' | '✓' | '↓' | '▼' => 'v',
        '↑' | '▲' => '^',
        '✕' | '×' | '␡' => 'x',
        '⏺' | '✉' => '@',
        '♪' => '!',
        '⇄' | '━' => '=',
        '…' => '~',
        '“' | '”' | '▀' => '"',
        '‘' | '’' => '\'',
        '█' | '■' => '#',
        '░' | '▒' => '.',
        // The bars of a graph, each heavier than the one before.
        '▄' | '▁' => '_',
        '▂' => '.',
        '▃' => ':',
        '▅' => '=',
        '▆' => '+',
        '▇' => '*',
        '⌕' => '/',
        _ => '?',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charset(variables: &[(&str, &str)]) -> Charset {
        let find = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Charset::by(find)
    }

    #[test]
    fn the_locale_says_what_can_be_shown() {
        let unicode = ["en_US.UTF-8", "C.utf8", "UTF-8", "de_DE.UTF-8@euro"];
        for locale in unicode {
            assert_eq!(charset(&[("LANG", locale)]), Charset::Unicode, "{locale}");
        }
        for locale in ["C", "POSIX", "de_DE", "de_DE.ISO-8859-15@euro", "ja_JP.eucJP"] {
            assert_eq!(charset(&[("LANG", locale)]), Charset::Ascii, "{locale}");
        }
        assert_eq!(charset(&[]), Charset::Unicode);
        assert_eq!(charset(&[("LC_ALL", ""), ("LANG", "C.UTF-8")]), Charset::Unicode);
        assert_eq!(charset(&[("LC_CTYPE", "UTF-8"), ("LANG", "C")]), Charset::Unicode);
        assert_eq!(charset(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]), Charset::Ascii);
    }

    #[test]
    fn every_symbol_on_a_screen_has_a_stand_in() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Punctuation, arrows, lines, blocks and shapes; letters are other people's.
            let is_symbol =
                |character: &char| matches!(character, '\u{2010}'..='\u{27bf}' | '»' | '«' | '×');
            let screen = std::fs::read_to_string(&path).unwrap();
            for symbol in screen.chars().filter(is_symbol) {
                assert_ne!(stand_in(symbol), '?', "{symbol} in {}", path.display());
            }
        }
    }

    #[test]
    fn what_stands_for_a_symbol_is_as_wide() {
        let mut shown = Buffer::with_lines(["│●é e\u{301} 東🙂❤\u{fe0f} — …", "plain"]);
        let before = shown.clone();
        Charset::Unicode.fit(&mut shown);
        assert_eq!(shown, before);
        Charset::Ascii.fit(&mut shown);
        assert_eq!(shown, Buffer::with_lines(["|*? e ?????? - ~", "plain           "]));
        assert_eq!(Charset::Ascii.text("東 — web"), "? - web");
    }
}
