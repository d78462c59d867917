//! What lies over the screen.

use super::bar::level_role;
use super::theme::Role;
use super::{Artist, row, shape, status_role, text};
use crate::core::command::Command;
use crate::core::help::{self, Line as HelpLine};
use crate::core::keymap::Context;
use crate::core::layer::{Chooser, ChooserKind, Layer, Question};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Clear, Paragraph, Wrap};

impl Artist<'_, '_> {
    pub(super) fn layer(&mut self, layer: &Layer, area: Rect) {
        match layer {
            Layer::Help { context, scroll } => self.help(*context, *scroll, area),
            Layer::Messages { scroll } => self.message_history(*scroll, area),
            Layer::Chooser(chooser) => self.chooser(chooser, area),
            Layer::Confirm(question) => self.question(question, area),
        }
    }

    /// A window of at most this size in the middle. Returns what is left inside.
    fn window(&mut self, area: Rect, title: &str, width: u16, height: u16) -> Rect {
        let (width, height) = (width.min(area.width), height.min(area.height));
        let window = Rect {
            x: area.x + (area.width - width) / 2,
            y: area.y + (area.height - height) / 2,
            width,
            height,
        };
        self.frame.render_widget(Clear, window);
        let block = Block::bordered()
            .border_type(BorderType::Rounded)
            .border_style(self.style(Role::BorderFocused))
            .title(self.title(title, width));
        let inner = block.inner(window);
        self.frame.render_widget(block, window);
        inner
    }

    fn help(&mut self, context: Context, scroll: usize, area: Rect) {
        let lines = help::lines(self.console, context);
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let inner =
            self.window(area, "Help ─ Esc closes", 76, height.min(area.height.saturating_sub(2)));
        for (offset, line) in lines.iter().skip(scroll).enumerate() {
            if let Some(area) = row(inner, offset) {
                let line = self.help_line(line, usize::from(area.width));
                self.line(area, line);
            }
        }
    }

    fn help_line(&self, line: &HelpLine, width: usize) -> Line<'static> {
        match line {
            HelpLine::Blank => Line::raw(""),
            HelpLine::Heading(title) => Line::styled(format!(" {title}"), self.style(Role::Accent)),
            HelpLine::Command { keys, doc, disabled } => {
                let words = match disabled {
                    None => (*doc).to_owned(),
                    Some(reason) => format!("{doc} — {reason}"),
                };
                let role = if disabled.is_some() { Role::Muted } else { Role::Text };
                let keys = text::left(keys, 14);
                Line::from(vec![
                    Span::styled(format!("  {keys} "), self.style(Role::Key)),
                    Span::styled(text::fit(&words, width.saturating_sub(17)), self.style(role)),
                ])
            }
        }
    }

    fn message_history(&mut self, scroll: usize, area: Rect) {
        let inner = self.window(area, "Messages ─ Esc closes", 110, area.height.saturating_sub(2));
        let messages: Vec<_> = self.console.messages().all().rev().skip(scroll).cloned().collect();
        if messages.is_empty() {
            let empty = Line::styled(" Nothing was said yet.", self.style(Role::Muted));
            self.line(inner, empty);
        }
        let mut offset = 0;
        for message in messages {
            let age = match self.console.now().since(message.at) {
                0 => "just now".to_owned(),
                seconds => text::span(seconds),
            };
            let label =
                Span::styled(format!(" {} ", text::right(&age, 9)), self.style(Role::Muted));
            let room = inner.width.saturating_sub(11);
            let words = Paragraph::new(message.text)
                .wrap(Wrap { trim: true })
                .style(self.style(level_role(message.level)));
            let height = u16::try_from(words.line_count(room)).unwrap_or(1);
            if offset + height > inner.height {
                break;
            }
            let place = Rect { y: inner.y + offset, height, ..inner };
            self.line(Rect { height: 1, ..place }, Line::from(label));
            let beside = Rect { x: place.x + 11.min(inner.width), width: room, ..place };
            self.frame.render_widget(words, beside);
            offset += height;
        }
    }

    fn chooser(&mut self, chooser: &Chooser, area: Rect) {
        let title = match chooser.kind {
            ChooserKind::Commands { .. } => "Commands ─ Esc closes",
            ChooserKind::Items { .. } => "Jump to ─ Esc closes",
        };
        let height = area.height.saturating_sub(4).min(20);
        let inner = self.window(area, title, 84, height);
        if let Some(area) = row(inner, 0) {
            let typed = text::fit(chooser.input.text(), usize::from(area.width).saturating_sub(4));
            let line = Line::from(vec![
                Span::styled(" › ", self.style(Role::Key)),
                Span::raw(typed),
                Span::styled("▏", self.style(Role::Key)),
            ]);
            self.line(area, line);
        }
        let rows = usize::from(inner.height.saturating_sub(1));
        let top = (chooser.selected + 1).saturating_sub(rows);
        let width = usize::from(inner.width);
        let lines: Vec<_> = match &chooser.kind {
            ChooserKind::Commands { context, fitting } => {
                let fitting = fitting.iter().skip(top).take(rows);
                fitting.map(|c| self.command(*context, *c, width)).collect()
            }
            ChooserKind::Items { fitting } => {
                fitting.iter().skip(top).take(rows).map(|item| self.choice(item, width)).collect()
            }
        };
        if lines.is_empty()
            && let Some(area) = row(inner, 1)
        {
            self.line(area, Line::styled(" Nothing fits.", self.style(Role::Muted)));
        }
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset + 1) {
                let selected = top + offset == chooser.selected;
                let style = if selected { self.style(Role::Selection) } else { Style::default() };
                self.line(area, line.style(style));
            }
        }
    }

    fn command(&self, context: Context, command: Command, width: usize) -> Line<'static> {
        let spec = command.spec();
        let disabled = (spec.disabled)(self.console);
        let keys = self.console.keymap().shown(context, command);
        let words = match &disabled {
            None => spec.doc.to_owned(),
            Some(reason) => format!("{} — {reason}", spec.doc),
        };
        let role = if disabled.is_some() { Role::Muted } else { Role::Text };
        let room = width.saturating_sub(30);
        Line::from(vec![
            Span::styled(format!(" {}", text::left(spec.name, 17)), self.style(role)),
            Span::styled(text::left(&words, room), self.style(role)),
            Span::styled(format!(" {} ", text::right(&keys, 9)), self.style(Role::Key)),
        ])
    }

    fn choice(&self, item: crate::core::inventory::Item<'_>, width: usize) -> Line<'static> {
        let status = self.console.inventory().presence(item.id()).status;
        let place = match item.tag() {
            "" => item.group().to_owned(),
            tag => format!("{} ▸ {tag}", item.group()),
        };
        let room = width.saturating_sub(4);
        Line::from(vec![
            Span::styled(format!(" {} ", shape(status)), self.style(status_role(status))),
            Span::raw(text::left(item.name(), room / 3)),
            Span::raw(" "),
            Span::raw(text::left(item.hostname(), room / 3)),
            Span::styled(format!(" {}", text::fit(&place, room / 3)), self.style(Role::Muted)),
        ])
    }

    fn question(&mut self, question: &Question, area: Rect) {
        let Question::EndSession { name, .. } = question;
        let inner = self.window(area, "End the session?", 60, 6);
        let words = format!(
            "The session with {name} ends, and with it every program in it. The machine itself \
             goes on."
        );
        let keys = Line::from(vec![
            Span::styled(" y ", self.style(Role::Key)),
            Span::raw("end it   "),
            Span::styled("n ", self.style(Role::Key)),
            Span::raw("leave it"),
        ]);
        let inside = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
        self.frame.render_widget(Paragraph::new(words).wrap(Wrap { trim: true }), inside);
        if let Some(last) = row(inner, usize::from(inner.height.saturating_sub(1))) {
            self.line(last, keys);
        }
    }
}
