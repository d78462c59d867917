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
        Ask::SearchName => ("Save the search", "Its name in the tree.".to_owned()),
        Ask::ExportPath => {
            ("Export", "The file to write; one that is there is not overwritten.".to_owned())
        }
        Ask::Code { name, .. } => (
            "Second factor",
            format!("The Jump Policy of {name} wants the code that your authenticator shows."),
        ),
        Ask::Reason { name, policy, .. } => (
            "Override the schedule",
            format!(
                "{name} is closed at this time: {policy}. Say why you start a session anyway; \
                     the reason is logged."
            ),
        ),
        Ask::SimulatedUser => (
            "Whose session",
            "A user name; nothing for your own. Others: administrators.".to_owned(),
        ),
        Ask::SimulatedTime => {
            ("When", "As 2027-01-31 09:00, in your time zone; nothing for now.".to_owned())
        }
        Ask::LineWith => ("Look for", "A text, in either case; from here up.".to_owned()),
        Ask::LinesPath | Ask::LogPath { .. } => {
            ("Save", "The file to write; one that is there is not overwritten.".to_owned())
        }
        Ask::Chat { name, .. } => {
            ("Chat", format!("Words for the others in the session with {name}."))
        }
        Ask::Note { name, .. } => {
            ("Note", format!("It goes to the log of the session with {name}."))
        }
        Ask::WakePassword { name, .. } => (
            "Wake",
            format!(
                "A neighbour calls {name}. Type a SecureOn password (01:23:45:67:89:ab) if its \
                     firmware wants one, else just press Enter."
            ),
        ),
    }
}

fn words(question: &Question) -> QuestionWords {
    match question {
        Question::EndSession { name, .. } => QuestionWords {
            title: "End the session?",
            text: format!(
                "The session with {name} ends, and with it every program in it. The machine itself \
                 goes on."
            ),
            yes: "end it",
            no: "leave it",
        },
        Question::CloseShell { number, name, .. } => QuestionWords {
            title: "End the shell?",
            text: format!(
                "Shell {number} of the session with {name} ends, and the programs in it."
            ),
            yes: "end it",
            no: "leave it",
        },
        Question::Leave { name, owner, .. } => QuestionWords {
            title: "Leave the session?",
            text: format!(
                "You take no part in the session with {name} any more; only {owner} can let you in again."
            ),
            yes: "leave",
            no: "stay",
        },
        Question::Transfer { name, to, .. } => QuestionWords {
            title: "Give the session away?",
            text: format!(
                "The session with {name} belongs to {to} from now on: {to} can share and end it. You \
                 still take part."
            ),
            yes: "give it",
            no: "keep it",
        },
        Question::TurnAway { name, .. } => QuestionWords {
            title: "Turn it away?",
            text: format!(
                "{name} waits no longer, and the person there is told that nobody can take it. \
                 The key is used up."
            ),
            yes: "turn away",
            no: "let it wait",
        },
        Question::Unpin { name, .. } => QuestionWords {
            title: "Unpin the machine?",
            text: format!(
                "{name} leaves the list, and its Jump Client is removed from the machine. The \
                 session goes on until it is ended."
            ),
            yes: "unpin",
            no: "keep",
        },
        Question::Remove { items, names } => QuestionWords {
            title: "Remove?",
            text: format!(
                "{}{} will be removed. A Jump Client that nothing else leads to uninstalls itself; \
                 one that is offline does so when it next comes.",
                in_groups(names),
                more(items.len(), names.len())
            ),
            yes: "remove",
            no: "keep",
        },
        Question::Start { items } => QuestionWords {
            title: "Start these sessions?",
            text: cut(items.iter().map(|(_, name)| name.as_str())),
            yes: "start",
            no: "do not",
        },
        Question::Discard => QuestionWords {
            title: "Throw the changes away?",
            text: "What you typed into the form is not saved yet.".to_owned(),
            yes: "throw away",
            no: "go on editing",
        },
        Question::Forget { name } => QuestionWords {
            title: "Forget the search?",
            text: format!("{name} goes from the tree and from the saved searches."),
            yes: "forget it",
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
