//! Questions, and lines that are asked for.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::layers::{Ask, Prompt, Question};
use crate::core::room::Draws;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

/// Columns of a name among others.
const NAME: usize = 36;

impl Draws<Question, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Question, area: Rect) {
        self.question(layer, area);
    }
}

impl Draws<Prompt, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Prompt, area: Rect) {
        self.prompt(layer, area);
    }
}

impl Artist<'_, '_> {
    pub(super) fn question(&mut self, question: &Question, area: Rect) {
        let QuestionWords { title, text, yes, no } = words(question);
        let width = area.width.min(64);
        let room = usize::from(width).saturating_sub(4);
        let lines = text::wrap(&text, room);
        let height = u16::try_from(lines.len() + 4).unwrap_or(u16::MAX).min(area.height);
        let inner = self.window(area, title, width, height);
        let kept = usize::from(inner.height.saturating_sub(1));
        for (offset, line) in lines.into_iter().take(kept).enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, Line::raw(format!(" {line}")));
            }
        }
        let keys = Line::from(vec![
            Span::styled(" y ", self.style(Tone::Key)),
            Span::raw(format!("{yes}   ")),
            Span::styled("n ", self.style(Tone::Key)),
            Span::raw(no),
        ]);
        if let Some(last) = row(inner, usize::from(inner.height.saturating_sub(1))) {
            self.line(last, keys);
        }
    }

    pub(super) fn prompt(&mut self, prompt: &Prompt, area: Rect) {
        let (title, explanation) = asked(&prompt.purpose);
        let words = prompt.mistake.clone().unwrap_or(explanation);
        let role = if prompt.mistake.is_some() { Tone::Error } else { Tone::Muted };
        let width = area.width.min(70);
        let room = usize::from(width).saturating_sub(4);
        let height = u16::try_from(text::wrap(&words, room).len() + 3).unwrap_or(6);
        let inner = self.window(area, title, width, height.min(area.height));
        if let Some(area) = row(inner, 0) {
            let mut line = Line::from(Span::styled(" › ", self.style(Tone::Key)));
            let room = usize::from(area.width).saturating_sub(4);
            let (before, after) = prompt.input.parts();
            if prompt.purpose.is_secret() {
                let stars = |text: &str| "•".repeat(text.chars().count());
                self.edited(&mut line, (&stars(before), &stars(after)), room, Tone::Text);
            } else {
                self.edited(&mut line, (before, after), room, Tone::Text);
            }
            self.line(area, line);
        }
        let below = Rect {
            x: inner.x + 1,
            y: inner.y + 1,
            width: inner.width.saturating_sub(2),
            height: inner.height.saturating_sub(1),
        };
        let paragraph = Paragraph::new(words).wrap(Wrap { trim: true }).style(self.style(role));
        self.frame.render_widget(paragraph, below);
    }
}

/// What a question says.
struct QuestionWords {
    title: &'static str,
    text: String,
    yes: &'static str,
    no: &'static str,
}

/// A prompt's title, and what is to be typed.
fn asked(purpose: &Ask) -> (&'static str, String) {
    match purpose {
        Ask::SearchName => {
            ("Save the search", "Name for this search; it appears in the tree.".to_owned())
        }
        Ask::ExportPath => ("Export", "File name. Existing files are not overwritten.".to_owned()),
        Ask::Code { name, .. } => (
            "Second factor",
            format!("The Jump Policy of {name} requires the current code from your authenticator."),
        ),
        Ask::Reason { name, policy, .. } => (
            "Override the schedule",
            format!(
                "{name} is closed at this time: {policy}. Enter a reason to start a session \
                     anyway. It is logged."
            ),
        ),
        Ask::SimulatedUser => (
            "User to simulate",
            "User name; empty for yourself. Only administrators can choose others.".to_owned(),
        ),
        Ask::SimulatedTime => {
            ("Time to simulate", "Like 2027-01-31 09:00, in your time zone. Empty: now.".to_owned())
        }
        Ask::HelpWith => ("Search the help", "A key or a word; empty shows everything.".to_owned()),
        Ask::RemoveCount { items, names } => (
            "Remove items",
            format!(
                "Enter {} to remove these items. Their Jump Clients uninstall themselves. {}{}.",
                items.len(),
                in_groups(names),
                more(items.len(), names.len())
            ),
        ),
        Ask::Played => {
            ("Search", "Text that was printed later; upper and lower case are the same.".to_owned())
        }
        Ask::LineWith => {
            ("Search upwards", "Text to find; upper and lower case are the same.".to_owned())
        }
        Ask::LinesPath | Ask::LogPath { .. } => {
            ("Save", "The file to write; one that is there is not overwritten.".to_owned())
        }
        Ask::Chat { name, .. } => {
            ("Chat", format!("Message to everyone in the session with {name}."))
        }
        Ask::Note { name, .. } => ("Note", format!("Note for the log of the session with {name}.")),
        Ask::WakePassword { name, .. } => (
            "Wake",
            format!("Wake {name}. SecureOn password (usually empty), like 01:23:45:67:89:ab:"),
        ),
    }
}

fn words(question: &Question) -> QuestionWords {
    match question {
        Question::EndSession { name, .. } => QuestionWords {
            title: "End the session?",
            text: format!(
                "This ends the session with {name} and all programs in it. The machine keeps running."
            ),
            yes: "end session",
            no: "keep it",
        },
        Question::CloseShell { number, name, .. } => QuestionWords {
            title: "End the shell?",
            text: format!(
                "This ends shell {number} of the session with {name} and the programs in it."
            ),
            yes: "end shell",
            no: "keep it",
        },
        Question::Leave { name, owner, .. } => QuestionWords {
            title: "Leave the session?",
            text: format!("You leave the session with {name}. Only {owner} can invite you again."),
            yes: "leave",
            no: "stay",
        },
        Question::Transfer { name, to, .. } => QuestionWords {
            title: "Hand the session over?",
            text: format!(
                "{to} becomes the owner of the session with {name} and can share and end it. You \
                 stay in the session."
            ),
            yes: "hand over",
            no: "keep it",
        },
        Question::TurnAway { name, .. } => QuestionWords {
            title: "Reject the machine?",
            text: format!(
                "{name} leaves the queue, and the person there reads that nobody is available. \
                 The session key is used up."
            ),
            yes: "reject",
            no: "keep waiting",
        },
        Question::Unpin { name, .. } => QuestionWords {
            title: "Unpin the machine?",
            text: format!(
                "{name} leaves the list, and its Jump Client is removed from the machine. This \
                 session continues."
            ),
            yes: "unpin",
            no: "keep",
        },
        Question::Remove { items, names, not_shown } => QuestionWords {
            title: "Remove items?",
            text: format!(
                "Remove {}{}{not_shown}. A Jump Client uninstalls itself when its last item is removed; an \
                 offline one does so when it connects.",
                in_groups(names),
                more(items.len(), names.len())
            ),
            yes: "remove",
            no: "keep",
        },
        Question::Wake { items, names } => QuestionWords {
            title: "Wake these machines?",
            text: format!(
                "Wake {}{}.",
                cut(names.iter().map(String::as_str)),
                more(items.len(), names.len())
            ),
            yes: "wake",
            no: "cancel",
        },
        Question::WakeAndJump { name, .. } => QuestionWords {
            title: "Wake and jump?",
            text: format!(
                "{name} is offline. Wake it with Wake-on-LAN, and start the session when it is up?"
            ),
            yes: "wake and jump",
            no: "cancel",
        },
        Question::Start { items, not_shown } => QuestionWords {
            title: "Start these sessions?",
            text: format!("{}{not_shown}", cut(items.iter().map(|(_, name)| name.as_str()))),
            yes: "start",
            no: "cancel",
        },
        Question::Discard => QuestionWords {
            title: "Discard changes?",
            text: "They have not been saved.".to_owned(),
            yes: "discard",
            no: "keep editing",
        },
        Question::Forget { name } => QuestionWords {
            title: "Delete the search?",
            text: format!("{name} is removed from the saved searches and from the tree."),
            yes: "delete",
            no: "keep it",
        },
    }
}

/// Names beside each other; a long one is cut.
fn cut<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.map(|name| text::fit(name, NAME)).collect();
    names.join(", ")
}

/// Names with the groups they are in: a copy has the same name.
fn in_groups(names: &[(String, String)]) -> String {
    let named = names
        .iter()
        .map(|(name, group)| format!("{} ({})", text::fit(name, NAME), text::fit(group, NAME)));
    named.collect::<Vec<_>>().join(", ")
}

fn more(all: usize, named: usize) -> String {
    match all.saturating_sub(named) {
        0 => String::new(),
        more => format!(" and {} more", text::number(more)),
    }
}
