//! Remote text is hostile: what must not reach a screen or a log is taken out here.

use std::borrow::Cow;

/// The text without control, bidirectional-override, zero-width and other invisible format
/// characters. Line breaks and tabs become a space, so that words stay apart; a flag becomes its
/// two letters.
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => out.push(' '),
            // Two of these may be one flag, or two letters of any width: terminals disagree.
            flag @ '\u{1f1e6}'..='\u{1f1ff}' => out.push(letter(flag)),
            other if is_unsafe(other) => {}
            other => out.push(other),
        }
    }
    Cow::Owned(out)
}

/// The plain letter of a regional indicator.
fn letter(indicator: char) -> char {
    let offset = u32::from(indicator) - 0x1f1e6;
    char::from_u32(u32::from('A') + offset).unwrap_or('?')
}

/// The text cleaned and cut to at most `limit` characters.
pub fn bounded(text: &str, limit: usize) -> String {
    clean(text).chars().take(limit).collect()
}

/// Whether a character may change how its neighbours are shown, or is not shown itself.
pub const fn is_unsafe(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1f1e6}'..='\u{1f1ff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn escape_sequences_and_overrides_are_taken_out() {
        assert_eq!(clean("a\x1b[31mb\u{202e}c\u{200b}d\ne"), "a[31mbcd e");
    }

    #[test]
    fn a_flag_becomes_its_letters() {
        assert_eq!(clean("web 🇩🇪🇯🇵 01"), "web DEJP 01");
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        assert_eq!(clean("東京 – Café 🙂"), "東京 – Café 🙂");
    }
}
