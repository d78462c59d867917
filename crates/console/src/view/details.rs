//! The details of the selected item, with live figures while it is looked at.

use super::theme::Tone;
use super::{Artist, row, shape, status_tone, text};
use crate::core::form::{time_text, value_text};
use crate::core::inventory::Item;
use crate::core::why;
use jumpdeck_protocol::inventory::{InstallMode, Presence, Statistics, Status, Thumbnail};
use jumpdeck_protocol::item::ItemField;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::rep::PastSession;
use ratatui::layout::Rect;
use ratatui::style::Style;
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
                self.line(area, Line::styled(" Nothing is selected.", self.style(Tone::Muted)));
            }
            return;
        };
        let thumbnail = self.console.inventory().thumbnail(item.id());
        // The screen needs the room below the fields.
        let height = if thumbnail.is_some() { 0 } else { usize::from(inner.height) };
        let lines = self.detail_lines(item, usize::from(inner.width), height);
        let used = u16::try_from(lines.len() + 1).unwrap_or(u16::MAX);
        if let Some(thumbnail) = thumbnail {
            let height = inner.height.saturating_sub(used);
            let left = Rect { y: inner.y.saturating_add(used), height, ..inner };
            self.thumbnail(thumbnail, left);
        }
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(area) = row(inner, offset) {
                self.line(area, line);
            }
        }
    }

    /// The screen as it is, two pixels in a cell.
    fn thumbnail(&mut self, thumbnail: &Thumbnail, area: Rect) {
        let width = area.width.saturating_sub(2).min(thumbnail.width);
        let rows = u32::from(width) * u32::from(thumbnail.height) / u32::from(thumbnail.width) / 2;
        let rows = u16::try_from(rows).unwrap_or(0);
        if rows < 3 || rows > area.height {
            return;
        }
        for row in 0..rows {
            let pixel = |column: u16, half: u16| {
                let x = u32::from(column) * u32::from(thumbnail.width) / u32::from(width);
                let y =
                    u32::from(row * 2 + half) * u32::from(thumbnail.height) / u32::from(rows * 2);
                let pixel = thumbnail.pixel(u16::try_from(x).ok()?, u16::try_from(y).ok()?)?;
                self.theme.pixel(pixel)
            };
            let cell = |column| {
                let (upper, lower) = (pixel(column, 0)?, pixel(column, 1)?);
                Some(Span::styled("▀", Style::default().fg(upper).bg(lower)))
            };
            let Some(cells) = (0..width).map(cell).collect::<Option<Vec<_>>>() else {
                return;
            };
            let place = Rect { x: area.x + 1, y: area.y + row, width, height: 1 };
            self.line(place, Line::from(cells));
        }
    }

    fn detail_lines(&self, item: Item<'_>, width: usize, height: usize) -> Vec<Line<'static>> {
        let presence = self.console.inventory().presence(item.id());
        let place = match item.tag() {
            "" => item.group().to_owned(),
            tag => format!("{} ▸ {tag}", item.group()),
        };
        // Every line has its place whatever the item, so that the eye finds it when the selection
        // moves, and little is drawn.
        let comments = text::fit(item.comments(), width.saturating_sub(1));
        let standing = if item.is_client() {
            self.presence_line(item, presence, width)
        } else {
            Line::styled(" a Jump shortcut", self.style(Tone::Muted))
        };
        let warned = self.console.warning(item.id()).map(jumpdeck_protocol::text::clean);
        let warned = warned.map(|words| text::wrap(&words, width.saturating_sub(1)));
        let warned = warned.unwrap_or_default().into_iter();
        let style = self.style(Tone::Warning);
        let mut lines: Vec<_> =
            warned.map(|line| Line::styled(format!(" {line}"), style)).collect();
        lines.extend([
            standing,
            Line::raw(format!(" {}", text::fit(&place, width.saturating_sub(1)))),
            Line::styled(format!(" {comments}"), self.style(Tone::Muted)),
            Line::raw(""),
        ]);
        let last = self.console.inventory().statistics(item.id());
        lines.extend(match last {
            _ if !item.is_client() => Vec::new(),
            Some(history) => self.figures(history, width),
            None => ["CPU", "Memory", "Disk", "Up"].map(|l| self.field(l, "", width)).to_vec(),
        });
        lines.push(Line::raw(""));
        let fields = match item.shortcut() {
            Some(_) => self.shortcut_fields(item),
            None => self.client_fields(item, presence),
        };
        // Long values are wrapped as long as all fields still have a line.
        let mut spare = height.saturating_sub(lines.len() + fields.len());
        for (label, value) in &fields {
            let wrapped = text::wrap(value, width.saturating_sub(LABEL + 2));
            let more = wrapped.len().saturating_sub(1);
            if more == 0 || more > spare {
                lines.push(self.field(label, value, width));
                continue;
            }
            spare -= more;
            for (number, words) in wrapped.iter().enumerate() {
                lines.push(self.field(if number == 0 { label } else { "" }, words, width));
            }
        }
        lines
    }

    /// What there is to say of a Jump Client, the most useful first.
    fn client_fields(&self, item: Item<'_>, presence: Presence) -> Vec<(&'static str, String)> {
        let memory = text::bytes(item.memory());
        // Who sits there now is measured; else it is who did when the agent last said so.
        let last = self.console.inventory().statistics(item.id());
        let measured = last.and_then(|history| history.back()).map(|now| &*now.console_user);
        let linked = matches!(presence.status, Status::Online | Status::InUse);
        let user = match measured.unwrap_or(item.console_user()) {
            "" => "nobody logged in".to_owned(),
            user if linked => format!("{user} logged in"),
            user => format!("{user}, before"),
        };
        let mode = match item.install_mode() {
            InstallMode::Service => "active, as a service",
            InstallMode::User => "active, while its user is logged in",
        };
        vec![
            ("Customer", user),
            ("Policy", self.policy(item)),
            ("Session", self.last_session(item)),
            ("Host", item.hostname().to_owned()),
            ("OS", item.operating_system().to_owned()),
            ("Private", item.private_ip().to_owned()),
            ("Public", item.public_ip().to_owned()),
            ("FQDN", item.fqdn().to_owned()),
            ("Domain", item.domain().to_owned()),
            ("Hardware", format!("{} CPU, {memory}", item.processors())),
            ("Agent", agent(item, presence)),
            ("Mode", mode.to_owned()),
            ("Expiry", self.end_of(item, presence)),
            ("Created", time_text(item.created(), self.console.zone())),
            ("Gateway", item.gateway().to_owned()),
            ("MAC", item.mac().map(|mac| mac.to_string()).unwrap_or_default()),
        ]
    }

    /// What there is to say of a Jump shortcut.
    fn shortcut_fields(&self, item: Item<'_>) -> Vec<(&'static str, String)> {
        let mut fields = vec![
            ("Method", item.method().title().to_owned()),
            ("Policy", self.policy(item)),
            ("Session", self.last_session(item)),
        ];
        let shown = item.method().fields().iter().filter(|field| {
            use ItemField::{Comments, JumpPolicy, Name, Place, Tag};
            !matches!(field, Name | Place | Tag | Comments | JumpPolicy)
        });
        fields.extend(
            shown.map(|field| (short(*field), value_text(self.console, &item.field(*field)))),
        );
        fields.push(("Created", time_text(item.created(), self.console.zone())));
        fields
    }

    fn policy(&self, item: Item<'_>) -> String {
        let policy = self.console.jump_policy_of(item.id());
        let policy = policy.and_then(|id| self.console.policy(id));
        policy.map_or("none".to_owned(), |policy| {
            let state = why::state_text(self.console, policy.state);
            format!("{} ({state})", jumpdeck_protocol::text::clean(&policy.name))
        })
    }

    fn last_session(&self, item: Item<'_>) -> String {
        let Some(past) = self.console.history(item.id()) else {
            return "…".to_owned();
        };
        let ago = |last: &PastSession| {
            let user = jumpdeck_protocol::text::clean(&last.user).into_owned();
            match (last.ended, self.console.now().since(last.started)) {
                (None, _) => format!("{user}, still open"),
                (Some(_), 0..60) => format!("{user}, just now"),
                (Some(_), seconds) => format!("{user}, {} ago", text::span(seconds / 60 * 60)),
            }
        };
        past.first().map_or("no session yet".to_owned(), ago)
    }

    /// When it goes by itself: because it expires, or because it was away for too long.
    fn end_of(&self, item: Item<'_>, presence: Presence) -> String {
        let zone = self.console.zone();
        let day = |time| time_text(time, zone);
        let away = matches!(presence.status, Status::Offline | Status::Lost | Status::Uninstalled);
        let patience = match item.max_offline_minutes() {
            0 => limits::DELETE_DAYS * 86_400,
            minutes => u64::from(minutes) * 60,
        };
        let removed = presence.since.filter(|_| away).map(|since| since.plus(patience));
        let lost = presence
            .since
            .filter(|_| presence.status == Status::Offline)
            .map(|since| since.plus(limits::LOST_DAYS * 86_400));
        match (item.expires(), lost, removed) {
            (Some(expires), _, _) => format!("expires {}", day(expires)),
            (None, Some(lost), Some(removed)) if lost < removed => {
                format!("lost {}, removed {}", day(lost), day(removed))
            }
            (None, _, Some(removed)) => format!("removed {}", day(removed)),
            (None, ..) => "never".to_owned(),
        }
    }

    fn presence_line(&self, item: Item<'_>, presence: Presence, width: usize) -> Line<'static> {
        let status = presence.status;
        if let Some(waking) = self.console.waking(item.id()) {
            let now = self.console.now();
            let left = waking.until.since(now);
            let words = match left {
                0 => format!(" ◔ waking for {} s", now.since(waking.since)),
                left => format!(" ◔ waking · retry in {left} s"),
            };
            return Line::styled(text::fit(&words, width), self.style(Tone::Warning));
        }
        let since = match (status, presence.since) {
            (Status::Offline, None) => ", never seen".to_owned(),
            (_, None) => String::new(),
            (_, Some(since)) => match self.console.now().since(since) / 60 * 60 {
                0 => ", just now".to_owned(),
                seconds => format!(" for {}", text::span(seconds)),
            },
        };
        let words = format!(" {} {}{since}", shape(status), status.word());
        Line::styled(text::fit(&words, width), self.style(status_tone(status)))
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
            Span::styled(format!(" {}", text::left(label, LABEL)), self.style(Tone::Muted)),
            Span::styled(text::left(bar, room), self.style(Tone::Accent)),
            Span::raw(text::right(value, 7)),
        ])
    }

    fn field(&self, label: &str, value: &str, width: usize) -> Line<'static> {
        let room = width.saturating_sub(LABEL + 1);
        let value = if value.is_empty() { "—" } else { value };
        Line::from(vec![
            Span::styled(format!(" {}", text::left(label, LABEL)), self.style(Tone::Muted)),
            Span::raw(text::fit(value, room)),
        ])
    }
}

/// A field's name, where there is little room.
const fn short(field: ItemField) -> &'static str {
    match field {
        ItemField::Hostname => "Host",
        ItemField::KeepAlive => "Alive",
        ItemField::ConsoleSession => "Console",
        ItemField::IgnoreUntrusted => "Untrust.",
        ItemField::TunnelDefinitions => "Tunnels",
        ItemField::TunnelListenAddress => "Listens",
        ItemField::VerifyCertificate => "Verify",
        other => other.title(),
    }
}

/// The agent's version, and whether it is to get another.
fn agent(item: Item<'_>, presence: Presence) -> String {
    match presence.status {
        Status::UpgradePending => format!("{}, waits for its upgrade", item.version()),
        _ => item.version().to_owned(),
    }
}
