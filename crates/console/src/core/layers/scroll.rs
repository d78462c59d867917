//! Looking back in a shell: scrolling, searching, copying, saving.

use super::{Ask, Layer, Prompt};
use crate::core::export::Export;
use crate::core::input::Input;
use crate::core::keymap::Context;
use crate::core::room::Room;
use crate::core::session::{Shell, Tab};
use crate::core::{Console, Effect};
use jumpdeck_protocol::ChannelId;
use jumpdeck_terminal::scrollback::Line;
use std::path::PathBuf;
use std::sync::Arc;

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

impl Console {
    pub(in crate::core) fn no_scroll(&self) -> Option<String> {
        let shell = self.shown_tab().and_then(Tab::shell);
        shell.is_none().then(|| "This works in a session.".to_owned())
    }

    pub(in crate::core) fn open_scroll(&mut self) {
        let rows = usize::from(self.pane_size().rows);
        if let Some(shell) = self.shown_tab().and_then(Tab::shell) {
            let end = shell.terminal.end();
            let at = end.saturating_sub(1);
            let scroll = Scroll {
                channel: shell.channel(),
                at,
                top: end.saturating_sub(rows).max(shell.terminal.begin()),
                mark: None,
                query: String::new(),
            };
            self.dialogs.layers.push(Layer::Scroll(scroll));
        }
    }

    /// The shell that a look back is at.
    pub fn scrolled(&self, scroll: &Scroll) -> Option<&Shell> {
        let mut shells = self.tabs().iter().flat_map(|tab| &tab.shells);
        shells.find(|shell| shell.channel() == scroll.channel)
    }

    fn looking_back(&self) -> Option<(&Scroll, &Shell)> {
        match self.dialogs.layers.last() {
            Some(Layer::Scroll(scroll)) => Some((scroll, self.scrolled(scroll)?)),
            _ => None,
        }
    }

    /// Goes to a line, as near as there is one.
    fn go_to_line(&mut self, line: usize) {
        let rows = usize::from(self.pane_size().rows).max(1);
        let Some((begin, end)) =
            self.looking_back().map(|(_, shell)| (shell.terminal.begin(), shell.terminal.end()))
        else {
            return;
        };
        if let Some(Layer::Scroll(scroll)) = self.dialogs.layers.last_mut() {
            scroll.at = line.clamp(begin, end.saturating_sub(1).max(begin));
            let lowest = (scroll.at + 1).saturating_sub(rows);
            scroll.top = scroll.top.clamp(lowest.max(begin), scroll.at.max(begin));
        }
    }

    pub(in crate::core) fn move_line(&mut self, by: isize) {
        if let Some((scroll, _)) = self.looking_back() {
            self.go_to_line(scroll.at.saturating_add_signed(by));
        }
    }

    pub(in crate::core) fn move_screen(&mut self, by: isize) {
        let rows = isize::try_from(self.pane_size().rows).unwrap_or(1);
        self.move_line(by.saturating_mul((rows - 1).max(1)));
    }

    pub(in crate::core) fn mark_line(&mut self) {
        if let Some(Layer::Scroll(scroll)) = self.dialogs.layers.last_mut() {
            scroll.mark = if scroll.mark.is_some() { None } else { Some(scroll.at) };
        }
    }

    pub(in crate::core) fn ask_scroll_search(&mut self) {
        if self.looking_back().is_some() {
            let input = Input::default();
            let purpose = Ask::LineWith;
            self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake: None }));
        }
    }

    /// What is looked for was typed.
    pub(in crate::core) fn search_lines(&mut self, query: String) {
        self.dialogs.layers.pop();
        if let Some(Layer::Scroll(scroll)) = self.dialogs.layers.last_mut() {
            // Just Enter looks for the same again.
            if !query.is_empty() {
                scroll.query = query;
            }
        }
        if self.no_scroll_query().is_none() {
            self.find_line(true);
        }
    }

    pub(in crate::core) fn no_scroll_query(&self) -> Option<String> {
        let empty = self.looking_back().is_none_or(|(scroll, _)| scroll.query.is_empty());
        empty.then(|| "Nothing is looked for yet.".to_owned())
    }

    /// Goes to the next line, up or down, that holds what is looked for.
    pub(in crate::core) fn find_line(&mut self, up: bool) {
        let Some((scroll, shell)) = self.looking_back() else {
            return;
        };
        let wanted = scroll.query.to_lowercase();
        let holds = |line: &usize| {
            let found = shell.terminal.line(*line);
            found.is_some_and(|line| line.text().to_lowercase().contains(&wanted))
        };
        let (begin, end) = (shell.terminal.begin(), shell.terminal.end());
        let found = if up {
            (begin..scroll.at).rev().find(holds)
        } else {
            (scroll.at + 1..end).find(holds)
        };
        let query = scroll.query.clone();
        match found {
            Some(line) => self.go_to_line(line),
            None if up => self.warn(&format!("No line above holds “{query}”.")),
            None => self.warn(&format!("No line below holds “{query}”.")),
        }
    }

    /// The text of some lines; those that go on in the next are one.
    fn text_of(shell: &Shell, lines: impl Iterator<Item = usize>) -> String {
        let mut text = String::new();
        for line in lines.filter_map(|line| shell.terminal.line(line)) {
            text.push_str(line.text());
            if !line.wrapped {
                text.push('\n');
            }
        }
        text
    }

    pub(in crate::core) fn copy_lines(&mut self) {
        let Some((scroll, shell)) = self.looking_back() else {
            return;
        };
        let mark = scroll.mark.unwrap_or(scroll.at);
        let (from, to) = (scroll.at.min(mark), scroll.at.max(mark));
        let text = Self::text_of(shell, from..=to);
        let text = text.trim_end_matches('\n').to_owned();
        let lines = to - from + 1;
        self.out.effects.push(Effect::Copy(text));
        let what = if lines == 1 { "1 line was".to_owned() } else { format!("{lines} lines were") };
        self.say(&format!("{what} sent to your clipboard, if your terminal allows that."));
        if let Some(Layer::Scroll(scroll)) = self.dialogs.layers.last_mut() {
            scroll.mark = None;
        }
    }

    pub(in crate::core) fn ask_save_lines(&mut self) {
        if let Some((_, shell)) = self.looking_back() {
            let channel = shell.channel();
            let name = self.name_of_shell(channel);
            let safe = |c: char| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' };
            let name: String = name.chars().map(safe).collect();
            let input = Input::of(&format!("{name}-{channel}.txt"));
            let purpose = Ask::LinesPath;
            self.dialogs.layers.push(Layer::Prompt(Prompt { purpose, input, mistake: None }));
        }
    }

    /// Where the lines are to be written was typed: the selected ones, else all.
    pub(in crate::core) fn save_lines(&mut self, path: &str) {
        self.dialogs.layers.pop();
        let Some((scroll, shell)) = self.looking_back() else {
            return;
        };
        let (begin, end) = (shell.terminal.begin(), shell.terminal.end());
        let lines = match scroll.mark {
            Some(mark) => scroll.at.min(mark)..scroll.at.max(mark) + 1,
            None => begin..end,
        };
        let text: Arc<str> = Self::text_of(shell, lines).into();
        let export = Export::Text { path: PathBuf::from(path), text };
        self.say(&format!("Writing {path} …"));
        self.out.effects.push(Effect::Export(Box::new(export)));
    }
}

impl Room for Scroll {
    fn context(&self) -> Context {
        Context::Scroll
    }

    fn is_of_session(&self) -> bool {
        true
    }
}
