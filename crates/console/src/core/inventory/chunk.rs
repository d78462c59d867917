//! A few hundred items beside each other in memory, so that a search runs over them in one go.

use super::symbols::Symbol;
use jumpdeck_protocol::inventory::ItemView;
use jumpdeck_protocol::inventory::{InstallMode, ItemPolicies, Place, StartMode};
use jumpdeck_protocol::item::Shortcut;
use jumpdeck_protocol::jump_method::JumpMethod;
use jumpdeck_protocol::wake::Mac;
use jumpdeck_protocol::{ItemId, JumpPolicyId, Timestamp};
use std::sync::Arc;

/// Items in one chunk.
pub(super) const CHUNK: usize = 256;

/// Texts of an item that are its own: name, host name, FQDN, private address.
pub(super) const OWN: usize = 4;

/// Texts of an item that many share.
pub(super) const SHARED: usize = 9;

/// What is between two texts; no cleaned text holds it.
pub(super) const BETWEEN: char = '\n';

/// An item without its own texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub id: ItemId,
    pub created: Timestamp,
    pub place: Place,
    pub memory: u64,
    pub shared: [Symbol; SHARED],
    pub processors: u16,
    pub method: JumpMethod,
    pub install_mode: InstallMode,
    pub mac: Option<Mac>,
    pub rare: Option<Arc<Rare>>,
}

/// What few items have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rare {
    pub jump_policy: Option<JumpPolicyId>,
    pub policies: ItemPolicies,
    pub expires: Option<Timestamp>,
    pub max_offline_minutes: u32,
    pub start_mode: StartMode,
    pub shortcut: Option<Shortcut>,
}

/// The texts of a chunk's items, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Texts {
    bytes: String,
    ends: Vec<u32>,
}

impl Texts {
    /// All of them.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_bytes()
    }

    /// Where an item's texts end.
    pub(super) fn end(&self, index: usize) -> usize {
        self.ends.get(index).map_or(0, |end| *end as usize)
    }

    /// Where an item's texts begin.
    pub(super) fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.end(before))
    }

    /// One item's texts.
    pub(super) fn of(&self, index: usize) -> &str {
        self.bytes.get(self.start(index)..self.end(index)).unwrap_or_default()
    }

    /// One of an item's texts.
    pub(super) fn field(&self, index: usize, field: usize) -> &str {
        self.of(index).split(BETWEEN).nth(field).unwrap_or_default()
    }

    fn set(&mut self, index: usize, text: &str) {
        if index >= self.ends.len() {
            self.ends.resize(index, position(self.bytes.len()));
            self.bytes.push_str(text);
            self.ends.push(position(self.bytes.len()));
            return;
        }
        let (start, end) = (self.start(index), self.end(index));
        self.bytes.replace_range(start..end, text);
        let (grown, was) = (text.len(), end - start);
        for later in self.ends.iter_mut().skip(index) {
            *later = position((*later as usize + grown).saturating_sub(was));
        }
    }
}

fn position(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The items. A place whose item is gone is empty until another takes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    pub records: Vec<Option<Record>>,
    /// As they are shown.
    pub texts: Texts,
    /// As they are searched.
    pub lower: Texts,
    /// Which letters are in an item's name, host name and tag.
    pub letters: Vec<u64>,
}

impl Chunk {
    /// Puts an item into its place.
    pub(super) fn put(&mut self, index: usize, record: Record, own: [&str; OWN], tag: &str) {
        let mut text = own.join("\n");
        text.push(BETWEEN);
        let lower = text.to_lowercase();
        let [name, host, ..] = own;
        let letters = letters(&name.to_lowercase())
            | letters(&host.to_lowercase())
            | letters(&tag.to_lowercase());
        self.texts.set(index, &text);
        self.lower.set(index, &lower);
        self.set(index, Some(record), letters);
    }

    /// Empties a place. Returns what stood there.
    pub(super) fn clear(&mut self, index: usize) -> Option<Record> {
        let before = self.records.get_mut(index).and_then(Option::take);
        self.texts.set(index, "");
        self.lower.set(index, "");
        self.set(index, None, 0);
        before
    }

    fn set(&mut self, index: usize, record: Option<Record>, letters: u64) {
        if index >= self.records.len() {
            self.records.resize(index + 1, None);
            self.letters.resize(index + 1, 0);
        }
        if let (Some(place), Some(mask)) =
            (self.records.get_mut(index), self.letters.get_mut(index))
        {
            *place = record;
            *mask = letters;
        }
    }

    /// The item in a place.
    pub(super) fn record(&self, index: usize) -> Option<&Record> {
        self.records.get(index)?.as_ref()
    }
}

/// A set of the letters that are in a text of lower case: what is not in it need not be
/// looked for.
pub(super) fn letters(lower: &str) -> u64 {
    lower.bytes().fold(0, |set, byte| set | 1 << place(byte))
}

const fn place(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a',
        b'0'..=b'9' => 26 + byte - b'0',
        other => 36 + other % 28,
    }
}

/// What few items have, if this one has any of it.
pub(super) fn rare(view: &ItemView) -> Option<Arc<Rare>> {
    let rare = Rare {
        jump_policy: view.jump_policy,
        policies: view.policies,
        expires: view.expires,
        max_offline_minutes: view.max_offline_minutes,
        start_mode: view.start_mode,
        shortcut: view.shortcut.as_deref().cloned(),
    };
    (rare != Rare::default()).then(|| Arc::new(rare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_move_when_one_of_them_changes() {
        let mut texts = Texts::default();
        for (index, text) in ["one\n", "two\n", "three\n"].into_iter().enumerate() {
            texts.set(index, text);
        }
        texts.set(1, "a longer one\n");
        assert_eq!((texts.of(0), texts.of(1), texts.of(2)), ("one\n", "a longer one\n", "three\n"));
        texts.set(0, "");
        assert_eq!((texts.of(0), texts.of(1), texts.of(2)), ("", "a longer one\n", "three\n"));
        assert_eq!(texts.field(2, 0), "three");
        texts.set(5, "six\n");
        assert_eq!((texts.of(4), texts.of(5)), ("", "six\n"));
    }

    #[test]
    fn letters_of_a_part_are_letters_of_the_whole() {
        let whole = letters("ber-web-01 東京");
        assert_eq!(letters("web1") & whole, letters("web1"));
        assert_ne!(letters("xyz") & whole, letters("xyz"));
    }
}
