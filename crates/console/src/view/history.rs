//! The history of sessions, the log of one, and the player.

use super::session::{cells, first_shown};
use super::theme::Tone;
use super::{Artist, row, text};
use crate::core::layers::history::{PastLog, PastSessions};
use crate::core::layers::player::Replay;
use crate::core::room::Draws;
use jumpdeck_protocol::Timestamp;
use jumpdeck_protocol::history::SessionRecord;
use jumpdeck_protocol::log::ShellNumbers;
use jumpdeck_protocol::text::clean;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph, Wrap};
use std::time::Duration;

impl Draws<PastSessions, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &PastSessions, area: Rect) {
        self.history(layer, area);
    }
}

impl Draws<PastLog, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &PastLog, area: Rect) {
        self.past_log(layer, area);
    }
}

impl Draws<Replay, Rect> for Artist<'_, '_> {
    fn draw(&mut self, layer: &Replay, area: Rect) {
        self.replay(layer, area);
    }
}

/// A position in a recording.
fn clock(at: Duration) -> String {
    let seconds = at.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        hours => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

impl Artist<'_, '_> {
    fn day_and_time(&self, at: Timestamp) -> String {
        let time = jiff::Timestamp::from_second(at.0).unwrap_or_default();
        time.to_zoned(self.console.zone().clone()).strftime("%a %Y-%m-%d %H:%M").to_string()
    }

    fn short_time(&self, at: Timestamp) -> String {
        let time = jiff::Timestamp::from_second(at.0).unwrap_or_default();
        time.to_zoned(self.console.zone().clone()).strftime("%m-%d %H:%M").to_string()
    }

    fn wrapped(&mut self, area: Rect, words: &str, style: Style) {
        let paragraph = Paragraph::new(words.to_owned()).wrap(Wrap { trim: true });
        self.frame.render_widget(paragraph.style(style), area);
    }

    fn history(&mut self, history: &PastSessions, area: Rect) {
        let count = history.found.len();
        let more = if history.more { "+" } else { "" };
        let title = format!("History ─ {}{more} ─ Esc closes", text::number(count));
        let inner = self.window(area, &title, 120, area.height.saturating_sub(2));
        let Some(line) = row(inner, 0) else {
            return;
        };
        let mut words = Line::from(Span::styled(" › ", self.style(Tone::Key)));
        let room = usize::from(line.width).saturating_sub(4);
        if history.input.text().is_empty() {
            words.push_span(Span::styled("▏", self.style(Tone::Key)));
            let example =
                "web-01, rep:alice, tag:till, last tuesday, 2026-11-20.., command:restart";
            words.push_span(Span::styled(
                text::fit(example, room.saturating_sub(1)),
                self.style(Tone::Muted),
            ));
        } else {
            self.edited(&mut words, history.input.parts(), room, Tone::Text);
        }
        self.line(line, words);
        let rows = usize::from(inner.height.saturating_sub(2));
        let note = match &history.mistake {
            Some(mistake) => Some((mistake.clone(), Tone::Error)),
            None if history.found.is_empty() && history.asked => {
                Some(("Searching …".to_owned(), Tone::Muted))
            }
            None if history.found.is_empty() && history.input.text().is_empty() => {
                Some(("There was no session yet.".to_owned(), Tone::Muted))
            }
            None if history.found.is_empty() => Some(("No match.".to_owned(), Tone::Muted)),
            None => None,
        };
        if let Some((words, tone)) = note {
            let place = Rect { y: inner.y + 1, height: inner.height.saturating_sub(2), ..inner };
            let place = Rect { x: place.x + 1, width: place.width.saturating_sub(2), ..place };
            let style = self.style(tone);
            self.wrapped(place, &words, style);
        } else {
            let top = (history.selected + 1).saturating_sub(rows);
            for (offset, record) in history.found.iter().skip(top).take(rows).enumerate() {
                let selected = top + offset == history.selected;
                let style = if selected { self.style(Tone::Selection) } else { Style::default() };
                if let Some(place) = row(inner, offset + 1) {
                    let line = self.past_session(record, usize::from(inner.width));
                    self.line(place, line.style(style));
                }
            }
        }
        if let Some(place) = row(inner, usize::from(inner.height) - 1) {
            let keys = [("play", "replays"), ("past-log", "shows the log")];
            let keys = keys.map(|(name, does)| format!("{} {does}", self.console.key_of(name)));
            let (words, tone) = match self.console.messages().current(self.console.now()) {
                Some(message) => (format!(" {}", message.text), Tone::Warning),
                None => (format!(" {}", keys.join(" · ")), Tone::Muted),
            };
            let line = Line::styled(text::fit(&words, usize::from(place.width)), self.style(tone));
            self.line(place, line);
        }
    }

    fn past_session(&self, record: &SessionRecord, width: usize) -> Line<'static> {
        let lasted = match record.ended {
            Some(ended) => text::span(ended.since(record.started)),
            None => "open".to_owned(),
        };
        let kept = record.recordings.iter().any(|recording| !recording.removed);
        let (sign, tone) = if kept { ("▶", Tone::Good) } else { (" ", Tone::Muted) };
        let number = format!("#{}", record.session);
        let commands = match record.commands {
            0 => String::new(),
            1 => "1 command".to_owned(),
            many => format!("{many} commands"),
        };
        // What there is room for, besides the name.
        let (wide, middle) = (width >= 100, width >= 70);
        let when = if middle {
            text::left(&self.day_and_time(record.started), 20)
        } else {
            text::left(&self.short_time(record.started), 11)
        };
        let rep = match width {
            100.. => 18,
            70.. => 12,
            55.. => 10,
            _ => 0,
        };
        let mut spans = vec![
            Span::styled(format!(" {sign} "), self.style(tone)),
            Span::styled(text::left(&number, 6), self.style(Tone::Muted)),
            Span::raw(format!(" {when} ")),
        ];
        if middle {
            spans.push(Span::styled(text::left(&lasted, 11), self.style(Tone::Muted)));
        }
        if rep > 0 {
            spans.push(Span::raw(format!("{} ", text::left(&clean(&record.owner), rep))));
        }
        let used: usize = spans.iter().map(|span| text::width(&span.content)).sum();
        let left = width.saturating_sub(used + if wide { 15 } else { 0 });
        spans.push(Span::raw(text::left(&clean(&record.item_name), left)));
        if wide {
            spans.push(Span::styled(text::right(&commands, 14), self.style(Tone::Muted)));
        }
        Line::from(spans)
    }

    fn past_log(&mut self, log: &PastLog, area: Rect) {
        let record = &log.record;
        let title =
            format!("Log of session {} ─ {} ─ Esc closes", record.session, record.item_name);
        let inner = self.window(area, &title, 110, area.height.saturating_sub(2));
        if log.entries.is_empty() {
            let words = if log.whole { " The log is empty." } else { " The log is coming …" };
            self.line(inner, Line::styled(words, self.style(Tone::Muted)));
        }
        let below = log.entries.len().saturating_sub(log.scroll + usize::from(inner.height));
        self.more(inner, log.scroll, below);
        let room = usize::from(inner.width).saturating_sub(11);
        let shells = ShellNumbers::of(log.entries.iter());
        let entries = log.entries.iter().skip(log.scroll);
        let lines = entries.flat_map(|entry| self.log_lines(entry, &shells, room));
        let lines: Vec<_> = lines.take(usize::from(inner.height)).collect();
        for (offset, line) in lines.into_iter().enumerate() {
            if let Some(place) = row(inner, offset) {
                self.line(place, line);
            }
        }
    }

    fn replay(&mut self, replay: &Replay, area: Rect) {
        self.frame.render_widget(Clear, area);
        let [top, pane, progress, foot] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Min(1),
            Constraint::Length(1),
            Constraint::Length(1),
        ])
        .areas(area);
        self.replay_title(replay, top);
        let term = replay.player.term();
        let first = first_shown(term, pane);
        cells(term, pane, first, self.frame.buffer_mut());
        self.mark_found(&replay.query, pane);
        if let Some(reason) = &replay.failed {
            let style = self.style(Tone::Error);
            self.wrapped(Rect { x: pane.x + 1, ..pane }, reason, style);
        }
        self.progress(replay, progress);
        self.replay_foot(replay, foot);
    }

    fn replay_title(&mut self, replay: &Replay, area: Rect) {
        let record = &replay.record;
        let when = self.day_and_time(record.started);
        let name = replay.recording().map(jumpdeck_protocol::log::Recording::name);
        let parts = match record.recordings.len() {
            0 | 1 => String::new(),
            many => format!(" of {many}"),
        };
        let size = replay.player.size();
        let words = format!(
            " Replay {}{parts} · {} · {} · {when}",
            name.unwrap_or_default(),
            clean(&record.item_name),
            clean(&record.owner),
        );
        let right = format!(" {}×{} ", size.columns, size.rows);
        let room = usize::from(area.width).saturating_sub(text::width(&right));
        let line = format!("{}{right}", text::left(&words, room));
        self.line(area, Line::styled(line, self.style(Tone::Bar)));
    }

    /// Where it stands, as a bar with the commands on it.
    fn progress(&mut self, replay: &Replay, area: Rect) {
        let player = &replay.player;
        let (position, length) = (player.position(), player.length());
        let sign = match () {
            () if replay.paused => "‖",
            () if player.is_live() => "●",
            () if player.is_at_end() && player.length() > Duration::ZERO => "■",
            () => "▶",
        };
        let idle = if player.skips_idle() { " skips idle" } else { "" };
        let end = match () {
            () if player.is_live() => "live".to_owned(),
            () if player.is_cut() => format!("{} (the rest is not played)", clock(length)),
            () => clock(length),
        };
        let left = format!(" {sign} {} ", clock(position));
        let right = format!(" {end} · {}{idle} ", player.speed());
        let room =
            usize::from(area.width).saturating_sub(text::width(&left) + text::width(&right)).max(1);
        let share = |at: Duration| {
            let whole = length.as_millis().max(1);
            usize::try_from(at.as_millis() * (room.saturating_sub(1)) as u128 / whole)
                .unwrap_or(0)
                .min(room.saturating_sub(1))
        };
        let here = share(position);
        let mut marks = vec![false; room];
        for command in player.commands() {
            if let Some(mark) = marks.get_mut(share(command.at)) {
                *mark = true;
            }
        }
        let mut line = Line::from(Span::styled(left, self.style(Tone::Key)));
        for (column, mark) in marks.into_iter().enumerate() {
            let (cell, tone) = match (column.cmp(&here), mark) {
                (std::cmp::Ordering::Equal, _) => ("█", Tone::Accent),
                (_, true) => ("┼", Tone::Text),
                (std::cmp::Ordering::Less, false) => ("━", Tone::Accent),
                (std::cmp::Ordering::Greater, false) => ("─", Tone::Muted),
            };
            line.push_span(Span::styled(cell, self.style(tone)));
        }
        line.push_span(Span::styled(right, self.style(Tone::Key)));
        self.line(area, line);
    }

    /// The message that counts, or the last command, and the keys.
    fn replay_foot(&mut self, replay: &Replay, area: Rect) {
        let message = self.console.messages().current(self.console.now());
        let words = match (message, replay.player.command()) {
            (Some(message), _) => format!(" {}", message.text),
            (None, Some(command)) => format!(" $ {}", clean(&command.text)),
            (None, None) => String::new(),
        };
        let tone = if message.is_some() { Tone::Warning } else { Tone::Text };
        let names = [
            ("play-pause", "pause"),
            ("play-command", "next command"),
            ("play-search", "search"),
            ("play-faster", "faster"),
            ("play-idle", "skip idle"),
            ("help", "help"),
            ("play-close", "close"),
        ];
        let mut keys = String::new();
        let room = usize::from(area.width);
        let taken = text::width(&words).min(room / 2) + 2;
        // The last ones stay where there is no room for all.
        for skipped in 0..names.len() {
            let shown = names.iter().enumerate().filter(|(at, _)| {
                // The first of them goes last, help and close never.
                *at >= 5 || *at < 5_usize.saturating_sub(skipped)
            });
            let shown: Vec<_> = shown
                .map(|(_, (name, title))| format!("{} {title}", self.console.key_of(name)))
                .collect();
            keys = format!("{} ", shown.join("  "));
            if text::width(&keys) + taken <= room {
                break;
            }
        }
        let left = room.saturating_sub(text::width(&keys));
        let line = Line::from(vec![
            Span::styled(text::left(&words, left.saturating_sub(1)), self.style(tone)),
            Span::styled(format!(" {}", text::fit(&keys, room)), self.style(Tone::Muted)),
        ]);
        self.line(area, line);
    }

    /// Marks what is looked for where it is on the screen.
    fn mark_found(&mut self, query: &str, area: Rect) {
        let wanted: Vec<char> = query.to_lowercase().chars().collect();
        if wanted.is_empty() {
            return;
        }
        let style = self.style(Tone::Match);
        let buffer = self.frame.buffer_mut();
        for y in area.top()..area.bottom() {
            let of = |x: u16| {
                let symbol = buffer.cell((x, y)).map_or(" ", |cell| cell.symbol());
                symbol.to_lowercase().chars().next().unwrap_or(' ')
            };
            let row: Vec<char> = (area.left()..area.right()).map(of).collect();
            let mut found = Vec::new();
            for (at, part) in row.windows(wanted.len()).enumerate() {
                if part == wanted {
                    found.extend(at..at + wanted.len());
                }
            }
            for at in found {
                let x = area.x.saturating_add(u16::try_from(at).unwrap_or(0));
                if let Some(cell) = buffer.cell_mut((x, y)) {
                    cell.set_style(style);
                }
            }
        }
    }
}
