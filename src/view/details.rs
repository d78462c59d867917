//! The details of the selected item, with live figures while it is looked at.

use super::theme::Role;
use super::{Artist, row, shape, status_role, text};
use crate::core::inventory::Item;
use jumpdeck_protocol::inventory::{Presence, Statistics, Status};
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use std::collections::VecDeque;

/// Columns of the labels.
const LABEL: usize = 9;

impl Artist<'_, '_> {
    pub(super) fn details(&mut self, area: Rect) {
        let selected = self.console.jump_screen().row();
        let title = selected.map_or("Details", |item| item.name());
        let inner = self.pane(area, self.title(title, area.width), false);
        let Some(item) = selected else {
            if let Some(area) = row(inner, 0) {
                self.line(area, Line::styled(" Nothing is selected.", self.style(Role::Muted)));
            }
            return;
        };
        let lines = self.detail_lines(item, usize::from(inner.width));
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    fn detail_lines(&self, item: Item<'_>, width: usize) -> Vec<Line<'static>> {
        let presence = self.console.inventory().presence(item.id());
        let place = match item.tag() {
            "" => item.group().to_owned(),
            tag => format!("{} ▸ {tag}", item.group()),
        };
        // Every line has its place whatever the item, so that the eye finds it when the selection
        // moves, and little is drawn.
        let comments = text::fit(item.comments(), width.saturating_sub(1));
        let mut lines = vec![
            self.presence_line(presence, width),
            Line::raw(format!(" {}", text::fit(&place, width.saturating_sub(1)))),
            Line::styled(format!(" {comments}"), self.style(Role::Muted)),
            Line::raw(""),
        ];
        let last = self.console.inventory().statistics(item.id());
        lines.extend(match last {
            Some(history) => self.figures(history, width),
            None => ["CPU", "Memory", "Disk", "Up"].map(|l| self.field(l, "", width)).to_vec(),
        });
        lines.push(Line::raw(""));
        let memory = text::bytes(item.memory());
        // Who sits there now is measured; else it is who did when the agent last said so.
        let measured = last.and_then(|history| history.back()).map(|now| &*now.console_user);
        let user = measured.unwrap_or(item.console_user());
        let hardware = format!("{} CPU, {memory}", item.processors());
        let fields = [
            ("Host", item.hostname()),
            ("FQDN", item.fqdn()),
            ("OS", item.operating_system()),
            ("Hardware", &hardware),
            ("Private", item.private_ip()),
            ("Public", item.public_ip()),
            ("Gateway", item.gateway()),
            ("Domain", item.domain()),
            ("User", user),
            ("Agent", item.version()),
        ];
        lines.extend(fields.map(|(label, value)| self.field(label, value, width)));
        lines
    }

    fn presence_line(&self, presence: Presence, width: usize) -> Line<'static> {
        let status = presence.status;
        let since = match (status, presence.since) {
            (Status::Offline, None) => ", never seen".to_owned(),
            (_, None) => String::new(),
            (_, Some(since)) => match self.console.now().since(since) / 60 * 60 {
                0 => ", just now".to_owned(),
                seconds => format!(" for {}", text::span(seconds)),
            },
        };
        let words = format!(" {} {}{since}", shape(status), status.word());
        Line::styled(text::fit(&words, width), self.style(status_role(status)))
    }

    fn figures(&self, history: &VecDeque<Statistics>, width: usize) -> Vec<Line<'static>> {
        let Some(last) = history.back() else {
            return Vec::new();
        };
        let room = width.saturating_sub(LABEL + 10).clamp(4, 24);
        let recent = history.iter().skip(history.len().saturating_sub(room));
        let cpu = text::sparkline(recent.map(|statistics| statistics.cpu));
        vec![
            self.figure("CPU", &cpu, &format!("{:.0} %", last.cpu), room),
            self.share("Memory", last.memory_used, last.memory_total, room),
            self.share("Disk", last.disk_used, last.disk_total, room),
            self.field("Up", &text::span(last.uptime), width),
        ]
    }

    fn share(&self, label: &str, part: u64, whole: u64, room: usize) -> Line<'static> {
        let columns = u64::try_from(room).unwrap_or(10);
        let percent = part.saturating_mul(100).checked_div(whole).unwrap_or(0);
        self.figure(label, &text::gauge(part, whole, columns), &format!("{percent} %"), room)
    }

    fn figure(&self, label: &str, bar: &str, value: &str, room: usize) -> Line<'static> {
        Line::from(vec![
            Span::styled(format!(" {}", text::left(label, LABEL)), self.style(Role::Muted)),
            Span::styled(text::left(bar, room), self.style(Role::Accent)),
            Span::raw(text::right(value, 7)),
        ])
    }

    fn field(&self, label: &str, value: &str, width: usize) -> Line<'static> {
        let room = width.saturating_sub(LABEL + 1);
        let value = if value.is_empty() { "—" } else { value };
        Line::from(vec![
            Span::styled(format!(" {}", text::left(label, LABEL)), self.style(Role::Muted)),
            Span::raw(text::fit(value, room)),
        ])
    }
}
