//! Choosers, and what is switched on and off.

use super::theme::Tone;
use super::{Artist, row, shape, status_tone, text};
use crate::core::columns;
use crate::core::command::Command;
use crate::core::keymap::Context;
use crate::core::layers::{Chooser, ChooserKind, Coming, Entry, Pick, ToggleKind, Toggles};
use crate::core::layout;
use crate::core::room::Draws;
use jumpdeck_protocol::SessionId;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

impl Draws<Chooser, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Chooser, area: Rect) {
        self.chooser(layer, area);
    }
}

impl Draws<Toggles, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Toggles, area: Rect) {
        self.toggles(layer, area);
    }
}

fn title(kind: &ChooserKind) -> &'static str {
    match kind {
        ChooserKind::Commands { .. } => "Commands ─ Esc closes",
        ChooserKind::Jump { .. } => "Jump to ─ Esc closes",
        ChooserKind::Entries { purpose, .. } => match purpose {
            Pick::Move(_) => "Move to ─ Esc closes",
            Pick::Copy(_) => "Copy to ─ Esc closes",
            Pick::New => "New Jump shortcut ─ Esc closes",
            Pick::Sort => "Order by ─ Esc closes",
            Pick::Saved => "Saved searches ─ Esc closes",
            Pick::Field => "Choose ─ Esc closes",
            Pick::Share(_) => "Share with ─ Esc closes",
            Pick::Transfer(_) => "Give the session to ─ Esc closes",
            Pick::Queue => "A session key for ─ Esc closes",
            Pick::Pin(_) => "Pin to ─ Esc closes",
            Pick::Scripted => "Start a session with ─ Esc closes",
        },
    }
}

impl Artist<'_, '_> {
    pub(super) fn chooser(&mut self, chooser: &Chooser, area: Rect) {
        let title = title(&chooser.kind);
        let height = area.height.saturating_sub(4).min(20);
        let inner = self.window(area, title, 84, height);
        if let Some(area) = row(inner, 0) {
            let mut line = Line::from(Span::styled(" › ", self.style(Tone::Key)));
            let room = usize::from(area.width).saturating_sub(4);
            self.edited(&mut line, chooser.input.parts(), room, Tone::Text);
            self.line(area, line);
        }
        let foot = self.chooser_foot(chooser);
        let rows = usize::from(inner.height.saturating_sub(1 + u16::from(foot.is_some())));
        let top = (chooser.selected + 1).saturating_sub(rows);
        let width = usize::from(inner.width);
        let lines: Vec<_> = match &chooser.kind {
            ChooserKind::Commands { context, fitting } => {
                let fitting = fitting.iter().skip(top).take(rows);
                fitting.map(|c| self.command(*context, *c, width)).collect()
            }
            ChooserKind::Jump { context, sessions, items, commands } => {
                let sessions = sessions.iter().map(|one| self.open_session(one, width));
                let items = items.iter().map(|item| self.choice(item, width));
                let commands = commands.iter().map(|c| self.command(*context, *c, width));
                sessions.chain(items).chain(commands).skip(top).take(rows).collect()
            }
            ChooserKind::Entries { entries, fitting, .. } => {
                let fitting = fitting.iter().filter_map(|n| entries.get(*n));
                fitting.skip(top).take(rows).map(|entry| self.entry(entry, width)).collect()
            }
        };
        if lines.is_empty()
            && let Some(area) = row(inner, 1)
        {
            let words = match chooser.coming {
                Coming::No => " No match.",
                Coming::Yes | Coming::Chosen => " Asking …",
            };
            self.line(area, Line::styled(words, self.style(Tone::Muted)));
        }
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset + 1) {
                let selected = top + offset == chooser.selected;
                let style = if selected { self.style(Tone::Selection) } else { Style::default() };
                self.line(area, line.style(style));
            }
        }
        if let (Some(foot), Some(area)) = (foot, row(inner, usize::from(inner.height) - 1)) {
            self.line(area, Line::styled(foot, self.style(Tone::Muted)));
        }
    }

    fn chooser_foot(&self, chooser: &Chooser) -> Option<String> {
        let saved = matches!(chooser.kind, ChooserKind::Entries { purpose: Pick::Saved, .. });
        saved.then(|| {
            format!(" {} forgets the selected search", self.console.key_of("forget-search"))
        })
    }

    fn entry(&self, entry: &Entry, width: usize) -> Line<'static> {
        let room = width.saturating_sub(3);
        let label = text::left(&entry.label, room * 2 / 5);
        Line::from(vec![
            Span::raw(format!(" {label} ")),
            Span::styled(text::fit(&entry.detail, room * 3 / 5), self.style(Tone::Muted)),
        ])
    }

    fn open_session(&self, (session, name): &(SessionId, String), width: usize) -> Line<'static> {
        let room = width.saturating_sub(26);
        let number = self.console.tabs().iter().position(|tab| tab.id == *session);
        let what = match number {
            Some(number) => format!(" session {}", number + 1),
            None => " has ended".to_owned(),
        };
        Line::from(vec![
            Span::styled(" ▸ ", self.style(Tone::Busy)),
            Span::raw(text::left(name, room)),
            Span::styled(what, self.style(Tone::Muted)),
        ])
    }

    fn command(&self, context: Context, command: Command, width: usize) -> Line<'static> {
        let spec = command.spec();
        let disabled = (spec.disabled)(self.console);
        let keys = self.console.keymap().shown(context, command);
        let words = match &disabled {
            None => spec.doc.to_owned(),
            Some(reason) => format!("{} — {reason}", spec.doc),
        };
        let role = if disabled.is_some() { Tone::Muted } else { Tone::Text };
        let room = width.saturating_sub(30);
        Line::from(vec![
            Span::styled(format!(" {}", text::left(spec.name, 17)), self.style(role)),
            Span::styled(text::left(&words, room), self.style(role)),
            Span::styled(format!(" {} ", text::right(&keys, 9)), self.style(Tone::Key)),
        ])
    }

    fn choice(&self, item: crate::core::inventory::Item<'_>, width: usize) -> Line<'static> {
        let status = self.console.inventory().presence(item.id()).status;
        let place = match item.tag() {
            "" => item.group().to_owned(),
            tag => format!("{} ▸ {tag}", item.group()),
        };
        let room = width.saturating_sub(4);
        // Names differ at their ends: where there is little room, they come first.
        if width < 60 {
            let name = room * 2 / 3;
            return Line::from(vec![
                Span::styled(format!(" {} ", shape(status)), self.style(status_tone(status))),
                Span::raw(text::left(item.name(), name)),
                Span::raw(" "),
                Span::styled(text::fit(item.hostname(), room - name), self.style(Tone::Muted)),
            ]);
        }
        Line::from(vec![
            Span::styled(format!(" {} ", shape(status)), self.style(status_tone(status))),
            Span::raw(text::left(item.name(), room / 3)),
            Span::raw(" "),
            Span::raw(text::left(item.hostname(), room / 3)),
            Span::styled(format!(" {}", text::fit(&place, room / 3)), self.style(Tone::Muted)),
        ])
    }

    pub(super) fn toggles(&mut self, toggles: &Toggles, area: Rect) {
        let title = match toggles.kind {
            ToggleKind::Columns(_) => "Columns ─ Esc closes",
            ToggleKind::Fields(_) => "Search in ─ Esc closes",
        };
        let height = u16::try_from(toggles.len() + 3).unwrap_or(u16::MAX);
        let inner = self.window(area, title, 64, height.min(area.height.saturating_sub(2)));
        let rows = usize::from(inner.height.saturating_sub(1));
        let top = (toggles.selected + 1).saturating_sub(rows);
        for (offset, number) in (top..toggles.len()).take(rows).enumerate() {
            if let Some(area) = row(inner, offset) {
                let line = self.toggle(toggles, number);
                let style = self.row_style(number == toggles.selected, true);
                let style = if number == toggles.selected { style } else { Style::default() };
                self.line(area, line.style(style));
            }
        }
        if let Some(area) = row(inner, rows) {
            let names: &[&str] = match toggles.kind {
                ToggleKind::Columns(_) => &[
                    "toggle",
                    "column-earlier",
                    "column-later",
                    "column-wider",
                    "column-narrower",
                    "column-fits",
                    "reset-toggles",
                ],
                ToggleKind::Fields(_) => &["toggle", "reset-toggles"],
            };
            let line = self.key_line(names, Context::Toggles, usize::from(area.width));
            self.line(area, line);
        }
    }

    fn toggle(&self, toggles: &Toggles, number: usize) -> Line<'static> {
        let (on, label, detail) = match &toggles.kind {
            ToggleKind::Columns(order) => {
                let Some(column) = order.get(number) else {
                    return Line::default();
                };
                let shown = columns::chosen(&self.console.preferences().columns);
                let one = shown.iter().find(|one| one.column == *column);
                let cells = layout::list_columns(self.console.size(), self.console.jump_screen());
                let placed = columns::place(&self.console.preferences().columns, cells);
                let has_room = placed.iter().any(|placed| placed.column == *column);
                let detail = match one.map(|one| one.width) {
                    None => String::new(),
                    Some(_) if !has_room => "no room now".to_owned(),
                    Some(None) => "fits".to_owned(),
                    Some(Some(width)) => format!("{width} cells"),
                };
                (one.is_some(), column.heading().to_owned(), detail)
            }
            ToggleKind::Fields(all) => {
                let Some(field) = all.get(number) else {
                    return Line::default();
                };
                let chosen = self.console.fields();
                let on = chosen.is_empty() || chosen.contains(field);
                (on, field.word().to_owned(), String::new())
            }
        };
        let sign = if on { "[x]" } else { "[ ]" };
        Line::from(vec![
            Span::styled(format!(" {sign} "), self.style(Tone::Key)),
            Span::raw(text::left(&label, 18)),
            Span::styled(text::fit(&detail, 12), self.style(Tone::Muted)),
        ])
    }
}
