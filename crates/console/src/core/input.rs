//! A line of text that is being typed.

use jumpdeck_terminal::key::{Code, Key};
use unicode_segmentation::UnicodeSegmentation;

/// Characters that a line takes at most.
const LONGEST: usize = 1024;

/// What became of a key that was given to something with text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// Nothing: it means what it is bound to.
    Bubble,
    /// It was for the layer.
    Handled,
    /// It was, and what is typed is another text now.
    Edited,
    /// It was, and this is to be said.
    Said(String),
}

/// The text and where the cursor is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    text: String,
    /// In bytes, between two graphemes.
    cursor: usize,
}

impl Input {
    /// A key in a line of text.
    pub fn answer(&mut self, key: Key) -> KeyAnswer {
        let before = self.text().to_owned();
        match self.key(key) {
            false => KeyAnswer::Bubble,
            true if self.text() == before => KeyAnswer::Handled,
            true => KeyAnswer::Edited,
        }
    }

    /// A line with a text in it, and the cursor at its end.
    pub fn of(text: &str) -> Self {
        let mut input = Self::default();
        input.insert(text);
        input
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What stands before the cursor, and what after it.
    pub fn parts(&self) -> (&str, &str) {
        self.text.split_at_checked(self.cursor).unwrap_or((&self.text, ""))
    }

    /// Adds text at the cursor; control characters are left out.
    pub fn insert(&mut self, text: &str) {
        let mut room = LONGEST.saturating_sub(self.text.chars().count());
        for character in jumpdeck_protocol::text::clean(text).chars() {
            if room > 0 {
                room -= 1;
                self.text.insert(self.cursor, character);
                self.cursor += character.len_utf8();
            }
        }
    }

    /// Puts a text in place of all from a byte on.
    pub fn replace_from(&mut self, at: usize, text: &str) {
        self.text.truncate(at);
        self.cursor = self.text.len();
        self.insert(text);
    }

    /// Takes a key that edits. Returns whether it was one.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(character) = key.typed() {
            self.insert(character.encode_utf8(&mut [0; 4]));
            return true;
        }
        if key.ctrl || key.alt {
            return false;
        }
        match key.code {
            Code::Backspace => self.backspace(),
            Code::Delete => self.delete(),
            Code::Left => self.cursor = self.before(),
            Code::Right => self.cursor = self.after(),
            Code::Home => self.cursor = 0,
            Code::End => self.cursor = self.text.len(),
            _ => return false,
        }
        true
    }

    /// Where the grapheme before the cursor begins.
    fn before(&self) -> usize {
        let (before, _) = self.parts();
        before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    /// Where the grapheme after the cursor ends.
    fn after(&self) -> usize {
        let (_, after) = self.parts();
        self.cursor + after.graphemes(true).next().map_or(0, str::len)
    }

    /// Deletes what stands before the cursor: a character, or one of the marks on it.
    pub fn backspace(&mut self) {
        let (before, _) = self.parts();
        if let Some((at, _)) = before.char_indices().next_back() {
            self.text.remove(at);
            self.cursor = at;
        }
    }

    fn delete(&mut self) {
        let end = self.after();
        self.text.replace_range(self.cursor..end, "");
    }

    /// Deletes the word before the cursor.
    pub fn delete_word(&mut self) {
        let (before, _) = self.parts();
        let kept = before.trim_end();
        let start = kept
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8());
        self.text.replace_range(start..self.cursor, "");
        self.cursor = start;
    }

    /// Deletes everything.
    pub fn clear(&mut self) {
        self.text.clear();
        self.cursor = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut Input, keys: &str) {
        for key in keys.split_whitespace() {
            assert!(input.key(key.parse().unwrap()), "{key}");
        }
    }

    #[test]
    fn words_are_deleted_whole() {
        let mut input = Input::default();
        input.insert("web ber\x1b  ");
        input.delete_word();
        assert_eq!(input.text(), "web ");
        input.delete_word();
        assert_eq!(input.text(), "");
        input.insert("日本\u{3000}東京");
        input.delete_word();
        assert_eq!(input.text(), "日本\u{3000}");
    }

    #[test]
    fn the_cursor_goes_by_what_a_reader_takes_for_one_character() {
        let mut input = Input::of("ae\u{301}東b");
        press(&mut input, "left left left");
        assert_eq!(input.parts(), ("a", "e\u{301}東b"));
        press(&mut input, "home right x");
        assert!(input.text().starts_with("axe\u{301}"));
        press(&mut input, "del end backspace");
        assert!(input.text().starts_with("ax") && !input.text().ends_with('b'));
        press(&mut input, "home backspace");
        assert_eq!(input.parts().0, "");
    }
}
