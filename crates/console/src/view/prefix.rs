//! The panel after the prefix: what may be pressed, in columns by purpose, and why some of it may not.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::command::Command;
use jumpdeck_terminal::key::{Key, chord};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

/// Rows of reasons.
const REASONS: usize = 2;

/// What the commands are for. A command that is in none of these is with the last.
const PURPOSES: [(&str, &[&str]); 4] = [
    ("Shells", &["new-shell", "next-shell", "previous-shell", "scroll-back", "close-shell"]),
    (
        "Session",
        &[
            "detach",
            "next-tab",
            "previous-tab",
            "tab-1",
            "session-log",
            "note",
            "end-session",
            "leave-session",
        ],
    ),
    ("People", &["take-over", "chat", "share", "transfer", "pin"]),
    ("Screen", &["zoom", "fit", "type-together"]),
];

/// A key, what it does, and why it does not do it now.
struct Offer {
    keys: String,
    title: &'static str,
    disabled: Option<String>,
}

impl Artist<'_, '_> {
    /// The panel, where there is room for its columns. Returns whether there was.
    pub(super) fn prefix_panel(&mut self, area: Rect, keys: &[(Vec<Key>, Command)]) -> bool {
        let columns: Vec<_> = (0..PURPOSES.len()).map(|at| self.offers(at, keys)).collect();
        let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
        let why = self.why_not(&columns, usize::from(area.width));
        let height = 1 + longest + why.len();
        let Some(widths) = widths(&columns, usize::from(area.width)) else {
            return false;
        };
        if height + 2 > usize::from(area.height) {
            return false;
        }
        let top = usize::from(area.height) - height;
        let mut lines = vec![self.headings_of_purposes(&widths)];
        lines.extend((0..longest).map(|at| self.offer_line(&columns, at, &widths)));
        lines.extend(why);
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(area, top + offset) {
                self.frame.render_widget(Clear, area);
                let line = line.style(self.style(Tone::Bar));
                self.line(area, line);
            }
        }
        true
    }

    /// What is offered for a purpose, in the order of its list.
    fn offers(&self, purpose: usize, keys: &[(Vec<Key>, Command)]) -> Vec<Offer> {
        let known = |name: &str| PURPOSES.iter().any(|(_, names)| names.contains(&name));
        let Some((_, names)) = PURPOSES.get(purpose) else {
            return Vec::new();
        };
        let listed = names
            .iter()
            .flat_map(|name| keys.iter().filter(move |(_, command)| command.spec().name == *name));
        let last = purpose + 1 == PURPOSES.len();
        let others = keys.iter().filter(|(_, command)| {
            let name = command.spec().name;
            last && !known(name) && !name.starts_with("tab-")
        });
        listed.chain(others).map(|(keys, command)| self.offer(keys, *command)).collect()
    }

    fn offer(&self, keys: &[Key], command: Command) -> Offer {
        let spec = command.spec();
        if spec.name == "tab-1" {
            let keys = chord(keys).replace('1', "1…9");
            return Offer { keys, title: "session", disabled: None };
        }
        Offer { keys: chord(keys), title: spec.title, disabled: (spec.disabled)(self.console) }
    }

    fn headings_of_purposes(&self, widths: &[[usize; 2]]) -> Line<'static> {
        let key = self.style(Tone::Bar).patch(self.style(Tone::Key));
        let headings = PURPOSES.iter().zip(widths);
        let cells = headings.map(|((name, _), [keys, words])| {
            Span::styled(format!(" {}", text::left(name, keys + words + 2)), key)
        });
        Line::from(cells.collect::<Vec<_>>())
    }

    fn offer_line(
        &self,
        columns: &[Vec<Offer>],
        at: usize,
        widths: &[[usize; 2]],
    ) -> Line<'static> {
        let bar = self.style(Tone::Bar);
        let (key, muted) = (bar.patch(self.style(Tone::Key)), bar.patch(self.style(Tone::Muted)));
        let mut spans = Vec::new();
        for (column, [keys, words]) in columns.iter().zip(widths) {
            let offer = column.get(at);
            let (shown, title) = offer.map_or(("", ""), |offer| (&offer.keys, offer.title));
            let is_disabled = offer.is_some_and(|offer| offer.disabled.is_some());
            let (key, tone) = if is_disabled { (muted, muted) } else { (key, bar) };
            spans.push(Span::styled(format!(" {} ", text::left(shown, *keys)), key));
            spans.push(Span::styled(format!("{} ", text::left(title, *words)), tone));
        }
        Line::from(spans)
    }

    /// Why what is dimmed cannot be done now.
    fn why_not(&self, columns: &[Vec<Offer>], width: usize) -> Vec<Line<'static>> {
        let mut said: Vec<(String, Vec<&str>)> = Vec::new();
        for offer in columns.iter().flatten() {
            let Some(why) = &offer.disabled else {
                continue;
            };
            match said.iter_mut().find(|(known, _)| known == why) {
                Some((_, keys)) => keys.push(&offer.keys),
                None => said.push((why.clone(), vec![&offer.keys])),
            }
        }
        let parts: Vec<_> =
            said.iter().map(|(why, keys)| format!("{}: {why}", keys.join(" "))).collect();
        let wrapped = text::wrap(&parts.join(" · "), width.saturating_sub(2));
        let muted = self.style(Tone::Bar).patch(self.style(Tone::Muted));
        let cut = wrapped.len() > REASONS;
        let mut lines: Vec<String> = wrapped.into_iter().take(REASONS).collect();
        if let Some(last) = lines.last_mut().filter(|_| cut) {
            let fitted = text::fit(last, width.saturating_sub(3));
            *last = format!("{}…", fitted.trim_end_matches('…'));
        }
        lines.into_iter().map(|words| Line::styled(format!(" {words}"), muted)).collect()
    }
}

/// How wide the keys and the words of each column are; nothing if all of it does not fit.
fn widths(columns: &[Vec<Offer>], width: usize) -> Option<Vec<[usize; 2]>> {
    let longest = |column: &[Offer], of: fn(&Offer) -> &str| {
        column.iter().map(|offer| text::width(of(offer))).max().unwrap_or(0)
    };
    let mut widths: Vec<_> = columns
        .iter()
        .map(|column| [longest(column, |offer| &offer.keys), longest(column, |offer| offer.title)])
        .collect();
    let needed: usize = widths.iter().map(|[keys, words]| keys + words + 3).sum();
    let spare = width.checked_sub(needed)? / columns.len().max(1);
    for [_, words] in &mut widths {
        *words += spare;
    }
    Some(widths)
}
