//! Forms.

use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::form::{FieldEntry, Form, Purpose, Row};
use crate::core::keymap::Context;
use crate::core::room::Draws;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

/// Columns of the labels.
const LABEL: usize = 18;
/// Lines under the fields: what there is to say of the selected one, and the keys.
const FOOT: usize = 3;

impl Draws<Form, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Form, area: Rect) {
        self.form(layer, area);
    }
}

impl Artist<'_, '_> {
    pub(super) fn form(&mut self, form: &Form, area: Rect) {
        let lines: usize = form.rows.iter().map(height).sum();
        let height = u16::try_from(lines + FOOT + 2).unwrap_or(u16::MAX);
        let height = height.min(area.height.saturating_sub(2));
        let title = if lines + FOOT + 2 > usize::from(height) {
            // Not all of them are on the screen.
            format!("{} ─ {}/{}", form.title, form.selected + 1, form.rows.len())
        } else {
            form.title.clone()
        };
        let inner = self.window(area, &title, 84, height);
        let room = usize::from(inner.height).saturating_sub(FOOT);
        let width = usize::from(inner.width);
        let shown = form.rows.iter().enumerate().flat_map(|(number, row)| {
            let selected = number == form.selected;
            self.form_row(row, selected, width).into_iter().map(move |line| (selected, line))
        });
        let shown: Vec<_> = shown.collect();
        let last = shown.iter().rposition(|(selected, _)| *selected).unwrap_or(0);
        let top = (last + 1).saturating_sub(room);
        for (offset, (_, line)) in shown.into_iter().skip(top).take(room).enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
        let (words, role) = self.form_words(form);
        let changes = (!form.saving).then(|| changes(form)).flatten();
        let changes =
            changes.map(|words| (text::fit(&words, width.saturating_sub(2)), Tone::Accent));
        let words = text::wrap(&words, width.saturating_sub(2)).into_iter();
        let lines = changes.into_iter().chain(words.map(|words| (words, role)));
        for (offset, (words, role)) in lines.take(FOOT - 1).enumerate() {
            if let Some(area) = row(inner, room + offset) {
                self.line(area, Line::styled(format!(" {words}"), self.style(role)));
            }
        }
        if let Some(area) = row(inner, room + FOOT - 1) {
            let conflict = form.row().is_some_and(|row| row.theirs.is_some());
            let names: &[&str] = if conflict {
                &["keep-mine", "take-theirs", "back"]
            } else {
                &["save", "back", "complete-field", "revert-field", "open-field"]
            };
            let line = self.key_line(names, Context::Form, width);
            self.line(area, line);
        }
    }

    fn form_row(&self, row: &Row, selected: bool, width: usize) -> Vec<Line<'static>> {
        let room = width.saturating_sub(LABEL + 4);
        let label_role = if row.touched { Tone::Accent } else { Tone::Muted };
        let bar = if selected { "▌" } else { " " };
        let sign = if row.touched { "*" } else { " " };
        let mut line = Line::from(vec![
            Span::styled(format!("{bar}{sign}"), self.style(Tone::Key)),
            Span::styled(text::left(row.field.title(), LABEL), self.style(label_role)),
        ]);
        let role = match row.why_not {
            Some(_) => Tone::Muted,
            None => Tone::Text,
        };
        match &row.entry {
            _ if row.is_mixed() => {
                line.push_span(Span::styled("mixed", self.style(Tone::Warning)));
            }
            FieldEntry::Text(input) if selected && row.why_not.is_none() => {
                self.edited(&mut line, input.parts(), room, role);
            }
            FieldEntry::Text(input) => {
                let words = match input.text() {
                    "" => "—".to_owned(),
                    words => text::fit(words, room),
                };
                line.push_span(Span::styled(words, self.style(role)));
            }
            FieldEntry::Choice { .. } => {
                let words = text::fit(row.text(), room.saturating_sub(4));
                let (left, right) =
                    if selected && row.why_not.is_none() { ("‹ ", " ›") } else { ("", "") };
                line.push_span(Span::styled(left, self.style(Tone::Key)));
                line.push_span(Span::styled(words, self.style(role)));
                line.push_span(Span::styled(right, self.style(Tone::Key)));
            }
        }
        let style = self.row_style(selected, true);
        let mut lines = vec![if selected { line.style(style) } else { line }];
        if let Some(theirs) = &row.theirs {
            let words = if theirs.is_empty() { "—" } else { theirs };
            lines.push(Line::from(vec![
                Span::raw("  "),
                Span::styled(text::left("  theirs", LABEL), self.style(Tone::Warning)),
                Span::styled(text::fit(words, room), self.style(Tone::Warning)),
            ]));
        }
        lines
    }

    /// What there is to say of the selected field, or of the whole form.
    fn form_words(&self, form: &Form) -> (String, Tone) {
        if form.saving {
            return ("Saving …".to_owned(), Tone::Accent);
        }
        if form.gone {
            let words = "The item is gone: somebody removed it, or you may not see it any more.";
            return (words.to_owned(), Tone::Error);
        }
        let Some(row) = form.row() else {
            return (String::new(), Tone::Muted);
        };
        if let Some(mistake) = &row.mistake {
            return (format!("{}: {mistake}.", row.field.title()), Tone::Error);
        }
        if row.theirs.is_some() {
            let words =
                "Somebody else has changed this meanwhile. Above is yours, below is theirs.";
            return (words.to_owned(), Tone::Warning);
        }
        if let Some(reason) = &row.why_not {
            return (reason.clone(), Tone::Muted);
        }
        let tags = self.console.tags_like(row).unwrap_or_default();
        if !tags.is_empty() {
            return (tags.join("  "), Tone::Muted);
        }
        if !self.console.is_linked() {
            let words = "There is no link. What you type is kept; save it when the link is back.";
            return (words.to_owned(), Tone::Warning);
        }
        (String::new(), Tone::Muted)
    }
}

/// What will be changed by saving: `27 items: Tag till → desk`.
fn changes(form: &Form) -> Option<String> {
    let Purpose::Edit(items) = &form.purpose else {
        return None;
    };
    let touched = form.rows.iter().filter(|row| row.touched);
    let change = |row: &Row| {
        let mut before = row.before.iter().map(|(_, value)| value);
        let first = before.next();
        let mixed = before.any(|value| Some(value) != first);
        let shown = |text: &str| if text.is_empty() { "—".to_owned() } else { text.to_owned() };
        let from = if mixed { "mixed".to_owned() } else { shown(&row.original) };
        format!("{} {from} → {}", row.field.title(), shown(row.text().trim()))
    };
    let all: Vec<_> = touched.map(change).collect();
    let count = match items.len() {
        1 => String::new(),
        many => format!("{} items: ", text::number(many)),
    };
    (!all.is_empty()).then(|| format!("{count}{}", all.join(" · ")))
}

/// Lines that a field takes.
fn height(row: &Row) -> usize {
    1 + usize::from(row.theirs.is_some())
}
