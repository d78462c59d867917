//! A look back at a shell, as a value.

use jumpdeck_protocol::ChannelId;
use jumpdeck_terminal::scrollback::Line;

/// A look back at a shell. Lines are counted from the first one the terminal ever had, so that a
/// number stays with its line while new ones come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scroll {
    /// The shell's channel.
    pub channel: ChannelId,
    /// The line the cursor is in.
    pub at: usize,
    /// The first line on the screen.
    pub top: usize,
    /// Where the selection begins.
    pub mark: Option<usize>,
    /// What is looked for.
    pub query: String,
}

impl Scroll {
    /// Whether a line is selected.
    pub fn selects(&self, line: usize) -> bool {
        let mark = self.mark.unwrap_or(self.at);
        (self.at.min(mark)..=self.at.max(mark)).contains(&line)
    }
}

/// Where a text is found in a line, in bytes; the same text in either case.
pub fn found_in(line: &Line, query: &str) -> Option<(usize, usize)> {
    if query.is_empty() {
        return None;
    }
    let text = line.text();
    let lower = text.to_lowercase();
    let at = lower.find(&query.to_lowercase())?;
    // Some characters change their length with their case; then the place is not known.
    (lower.len() == text.len()).then_some((at, at + query.to_lowercase().len()))
}
