//! What is read: help, messages, reasons.

use super::bar::level_tone;
use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::help::{self, HelpLine};
use crate::core::layers::Help;
use crate::core::layers::MessageHistory;
use crate::core::layers::Why;
use crate::core::layers::simulator::{self, Simulator};
use crate::core::layers::who::{self, Who};
use crate::core::lock::Locked;
use crate::core::room::Draws;
use crate::core::why::{self, WhyLine};
use jumpdeck_protocol::ItemId;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

impl Draws<Help, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Help, area: Rect) {
        self.help(layer, area);
    }
}

impl Draws<MessageHistory, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &MessageHistory, area: Rect) {
        self.message_history(layer.scroll, area);
    }
}

impl Draws<Why, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Why, area: Rect) {
        self.why(layer.item, layer.scroll, area);
    }
}

impl Draws<Simulator, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Simulator, area: Rect) {
        self.simulator(layer, area);
    }
}

impl Draws<Who, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Who, area: Rect) {
        self.who(layer, area);
    }
}

impl Artist<'_, '_> {
    pub(super) fn help(&mut self, help: &Help, area: Rect) {
        let (scroll, lines) = (help.scroll, help::lines(self.console, help.context, &help.query));
        let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX);
        let title = match &*help.query {
            "" => format!("Help ─ {} searches, Esc closes", self.console.key_of("read-search")),
            query => format!("Help with “{query}” ─ Esc closes"),
        };
        let height = height.max(3).min(area.height.saturating_sub(2));
        let inner = self.window(area, &title, 100, height);
        if lines.is_empty() {
            self.line(inner, Line::styled(" No match.", self.style(Tone::Muted)));
        }
        let below = lines.len().saturating_sub(scroll + usize::from(inner.height));
        self.more(inner, scroll, below);
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
            HelpLine::Heading(title) => Line::styled(format!(" {title}"), self.style(Tone::Accent)),
            HelpLine::Reason(reason) => {
                let reason = text::fit(reason, width.saturating_sub(19));
                Line::styled(format!("{:17}✕ {reason}", ""), self.style(Tone::Muted))
            }
            HelpLine::Command { keys, doc, disabled } => {
                let role = if *disabled { Tone::Muted } else { Tone::Text };
                let keys = text::left(keys, 14);
                Line::from(vec![
                    Span::styled(format!("  {keys} "), self.style(Tone::Key)),
                    Span::styled(text::fit(doc, width.saturating_sub(17)), self.style(role)),
                ])
            }
        }
    }

    pub(super) fn message_history(&mut self, scroll: usize, area: Rect) {
        let inner = self.window(area, "Messages ─ Esc closes", 110, area.height.saturating_sub(2));
        let messages: Vec<_> = self.console.messages().all().rev().skip(scroll).cloned().collect();
        if messages.is_empty() {
            let empty = Line::styled(" Nothing was said yet.", self.style(Tone::Muted));
            self.line(inner, empty);
        }
        let (mut offset, mut shown) = (0, 0);
        let count = messages.len();
        for message in messages {
            let age = match self.console.now().since(message.at) {
                0 => "just now".to_owned(),
                seconds => text::span(seconds),
            };
            let label =
                Span::styled(format!(" {} ", text::right(&age, 9)), self.style(Tone::Muted));
            let room = inner.width.saturating_sub(11);
            let words = Paragraph::new(message.text)
                .wrap(Wrap { trim: true })
                .style(self.style(level_tone(message.level)));
            let height = u16::try_from(words.line_count(room)).unwrap_or(1);
            if offset + height > inner.height {
                break;
            }
            let place = Rect { y: inner.y + offset, height, ..inner };
            self.line(Rect { height: 1, ..place }, Line::from(label));
            let beside = Rect { x: place.x + 11.min(inner.width), width: room, ..place };
            self.frame.render_widget(words, beside);
            offset += height;
            shown += 1;
        }
        self.more(inner, scroll, count - shown);
    }

    /// What the rep may do with an item, and why.
    pub(super) fn why(&mut self, item: ItemId, scroll: usize, area: Rect) {
        let lines = why::lines(self.console, item);
        self.reasons("Why ─ S simulates, w who may, Esc closes", lines, scroll, area);
    }

    /// What a session would grant.
    pub(super) fn simulator(&mut self, simulator: &Simulator, area: Rect) {
        let lines = simulator::lines(simulator);
        self.reasons("Simulator ─ u a c t change it, Esc closes", lines, simulator.scroll, area);
    }

    /// Who may do something with an item.
    pub(super) fn who(&mut self, who: &Who, area: Rect) {
        let lines = who::lines(who);
        self.reasons("Who may ─ a another action, Esc closes", lines, who.scroll, area);
    }

    fn reasons(&mut self, title: &str, lines: Vec<WhyLine>, scroll: usize, area: Rect) {
        let width = area.width.min(why::WIDTH);
        let room = why::room(area.width);
        let mut shown: Vec<Line<'static>> = Vec::new();
        for line in lines {
            match line {
                WhyLine::Heading(words) => {
                    let words = format!(" {}", text::fit(&words, room));
                    shown.push(Line::styled(words, self.style(Tone::Accent)));
                }
                WhyLine::Right { allowed, what, permission } => {
                    shown.push(self.right(allowed, what, permission, room));
                }
                WhyLine::Value { name, value } => {
                    let label = text::left(name, 23);
                    let value = text::fit(&value, room.saturating_sub(24));
                    shown.push(Line::from(vec![
                        Span::raw(format!(" {label} ")),
                        Span::styled(value, self.style(Tone::Key)),
                    ]));
                }
                WhyLine::Detail(words) => {
                    let lines = text::wrap(&words, room.saturating_sub(why::DETAIL));
                    let style = self.style(Tone::Muted);
                    let line = |line: &String| Line::styled(format!("    {line}"), style);
                    shown.extend(lines.iter().map(line));
                }
                WhyLine::Text(words) => {
                    let lines = text::wrap(&words, room);
                    shown.extend(lines.into_iter().map(|line| Line::raw(format!(" {line}"))));
                }
            }
        }
        let height = u16::try_from(shown.len() + 2).unwrap_or(u16::MAX);
        let height = height.min(area.height.saturating_sub(2));
        let inner = self.window(area, title, width, height);
        let below = shown.len().saturating_sub(scroll + usize::from(inner.height));
        self.more(inner, scroll, below);
        for (offset, line) in shown.into_iter().skip(scroll).enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    /// The lock: nothing else is shown.
    pub(super) fn lock(&mut self, locked: &Locked, area: Rect) {
        let width = area.width.min(60);
        let words = if locked.asking {
            "The appliance is asked …".to_owned()
        } else if locked.words.is_empty() {
            let who = self.console.welcome().map(|welcome| welcome.username.as_str());
            format!("Password of {} and Enter; Ctrl-q leaves.", who.unwrap_or("you"))
        } else {
            locked.words.clone()
        };
        let room = usize::from(width).saturating_sub(4);
        let lines = text::wrap(&words, room);
        let height = u16::try_from(lines.len() + 3).unwrap_or(6);
        let inner = self.window(area, "Locked", width, height);
        if let Some(area) = row(inner, 0) {
            let mut line = Line::from(Span::styled(" › ", self.style(Tone::Key)));
            let (before, after) = locked.input.parts();
            let stars = |text: &str| "•".repeat(text.chars().count());
            self.edited(&mut line, (&stars(before), &stars(after)), room, Tone::Text);
            self.line(area, line);
        }
        for (offset, words) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset + 1) {
                self.line(area, Line::styled(format!(" {words}"), self.style(Tone::Muted)));
            }
        }
    }

    fn right(&self, allowed: bool, what: &str, permission: &str, room: usize) -> Line<'static> {
        let (sign, role) = if allowed { ("✓", Tone::Good) } else { ("✕", Tone::Error) };
        let rest = room.saturating_sub(32);
        Line::from(vec![
            Span::styled(format!(" {sign} "), self.style(role)),
            Span::raw(text::left(what, 29)),
            Span::styled(text::fit(permission, rest), self.style(Tone::Muted)),
        ])
    }
}
