//! The tabs of the open sessions in the top row, scrolled so that the active one is in view.

use super::theme::Tone;
use super::{Artist, text};
use crate::core::Screen;
use crate::core::session::{Pane, Tab};
use jumpdeck_protocol::session::Part;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::{Line, Span};
use std::ops::Range;

/// Columns of a machine's name in a tab.
const NAME: usize = 24;
/// Columns of the mark for tabs that are out of view on one side: ` ‹+12• `.
const MORE: usize = 7;

impl Artist<'_, '_> {
    /// The bar of a session: its neighbours, itself, what there is to know of it.
    pub(super) fn session_bar(&mut self, area: Rect) {
        let bar = self.style(Tone::Bar);
        let width = usize::from(area.width);
        let tabs = self.console.tabs();
        let active = match self.console.screen() {
            Screen::Session(active) => active.min(tabs.len().saturating_sub(1)),
            Screen::Jump | Screen::Sessions => 0,
        };
        // The active tab is always there; its name is shorter while there is something to read beside it.
        let name = if self.has_news() { width / 4 } else { (width / 2).saturating_sub(4) };
        let together = self.console.typed_into();
        let warning = together.map_or(String::new(), |count| format!(" » typing into {count} "));
        let width = width.saturating_sub(text::width(&warning));
        let labels: Vec<_> = tabs
            .iter()
            .map(|tab| {
                let gets = together.is_some() && self.console.is_session_marked(tab.id);
                label(tab, NAME.min(name), gets)
            })
            .collect();
        let widths: Vec<_> = labels.iter().map(|label| text::width(label)).collect();
        let own = widths.get(active).copied().unwrap_or(0);
        let sides = MORE * (usize::from(active > 0) + usize::from(active + 1 < tabs.len()));
        let right = self.session_right(width.saturating_sub(own + sides));
        let room = width.saturating_sub(text::width(&right.content));
        let shown = fitting(&widths, active, room);
        let mut spans =
            vec![Span::styled(warning, self.style(Tone::Error).add_modifier(Modifier::REVERSED))];
        if shown.start > 0 {
            let hidden = tabs.get(..shown.start).unwrap_or_default();
            spans.push(Span::styled(format!(" ‹+{}{} ", hidden.len(), news(hidden)), bar));
        }
        for (at, label) in labels.into_iter().enumerate().take(shown.end).skip(shown.start) {
            let tone = if at == active { Tone::Selection } else { Tone::Bar };
            spans.push(Span::styled(label, self.style(tone)));
        }
        if shown.end < tabs.len() {
            let hidden = tabs.get(shown.end..).unwrap_or_default();
            spans.push(Span::styled(format!(" +{}{}› ", hidden.len(), news(hidden)), bar));
        }
        let used: usize = spans.iter().skip(1).map(|span| text::width(&span.content)).sum();
        spans.push(Span::styled(" ".repeat(room.saturating_sub(used)), bar));
        spans.push(right);
        self.line(area, Line::from(spans));
    }
}

/// What a tab says: its number, its machine, which shell, and marks.
fn label(tab: &Tab, name: usize, together: bool) -> String {
    let state = match tab.shell().map(|shell| &shell.pane) {
        Some(Pane::Attaching) => "…",
        Some(Pane::AgentAway) => "○",
        _ if tab.part != Part::Owner => "⇄",
        _ => "",
    };
    let news = news(std::slice::from_ref(tab));
    let shells = match tab.shells.len() {
        count if count > 1 => format!(" {}/{count}", tab.shown + 1),
        _ => String::new(),
    };
    let blank = if state.is_empty() && news.is_empty() { "" } else { " " };
    let sign = if together { "»" } else { " " };
    format!("{sign}{} {}{shells}{blank}{state}{news} ", tab.id.0, text::fit(&tab.name, name))
}

/// The most urgent that happened in sessions out of sight: a message, a bell, output.
pub(super) fn news(tabs: &[Tab]) -> &'static str {
    let any = |what: fn(&Tab) -> bool| tabs.iter().any(what);
    if any(|tab| tab.unread > 0) {
        "✉"
    } else if any(Tab::has_rung) {
        "♪"
    } else if any(Tab::has_unseen_output) {
        "•"
    } else {
        ""
    }
}

/// Which labels are shown: the active one, and as many neighbours as there is room for.
fn fitting(widths: &[usize], active: usize, room: usize) -> Range<usize> {
    let all = 0..widths.len();
    let needed = |shown: &Range<usize>| {
        let labels: usize = widths.get(shown.clone()).unwrap_or_default().iter().sum();
        let sides = usize::from(shown.start > 0) + usize::from(shown.end < widths.len());
        labels + sides * MORE
    };
    if needed(&all) <= room {
        return all;
    }
    let mut shown = active..(active + 1).min(widths.len());
    loop {
        let later = shown.start..(shown.end + 1).min(widths.len());
        let earlier = shown.start.saturating_sub(1)..shown.end;
        let fits = |wider: &Range<usize>| *wider != shown && needed(wider) <= room;
        shown = match (fits(&later), fits(&earlier)) {
            (true, _) if later.end - active <= active - earlier.start || !fits(&earlier) => later,
            (_, true) => earlier,
            (true, false) => later,
            (false, false) => return shown,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{MORE, fitting};
    use proptest::prelude::*;

    #[test]
    fn the_active_tab_is_shown_with_its_neighbours() {
        let widths = [10; 10];
        assert_eq!(fitting(&widths, 0, 100), 0..10);
        assert_eq!(fitting(&widths, 0, 40), 0..3);
        assert_eq!(fitting(&widths, 9, 40), 7..10);
        assert_eq!(fitting(&widths, 5, 44), 4..7);
        assert_eq!(fitting(&widths, 5, 4), 5..6);
        assert_eq!(fitting(&[], 0, 40), 0..0);
    }

    proptest! {
        #[test]
        fn the_active_tab_is_always_among_them_and_all_fit(
            widths in prop::collection::vec(5_usize..30, 1..15), active in 0_usize..15, room in 44_usize..200,
        ) {
            let active = active.min(widths.len() - 1);
            let shown = fitting(&widths, active, room);
            prop_assert!(shown.contains(&active));
            let sides = usize::from(shown.start > 0) + usize::from(shown.end < widths.len());
            let used: usize = widths[shown].iter().sum::<usize>() + sides * MORE;
            prop_assert!(used <= room);
        }
    }
}
