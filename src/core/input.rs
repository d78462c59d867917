//! A line of text that is being typed.

/// Characters that a line takes at the most.
const LONGEST: usize = 1024;

/// The text and where the cursor stands; the cursor is always at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input(String);

impl Input {
    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Adds text; control characters are left out.
    pub fn insert(&mut self, text: &str) {
        for character in jumpdeck_protocol::text::clean(text).chars() {
            if self.0.chars().count() < LONGEST {
                self.0.push(character);
            }
        }
    }

    /// Puts a text in place of all from a byte on.
    pub fn replace_from(&mut self, at: usize, text: &str) {
        let kept = self.0.get(..at).unwrap_or_default().to_owned();
        self.0 = kept;
        self.insert(text);
    }

    /// Deletes the last character.
    pub fn backspace(&mut self) {
        self.0.pop();
    }

    /// Deletes the last word.
    pub fn delete_word(&mut self) {
        let kept = self.0.trim_end();
        let start = kept.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        self.0.truncate(start);
    }

    /// Deletes everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Input;

    #[test]
    fn words_are_deleted_whole() {
        let mut input = Input::default();
        input.insert("web ber\x1b  ");
        input.delete_word();
        assert_eq!(input.text(), "web ");
        input.delete_word();
        assert_eq!(input.text(), "");
    }
}
