//! How large a channel's terminal is: as the smallest pane that shows it, or as its owner wants.

use super::{Hub, ToConsole};
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{LinkId, UserId};

impl<W: ToConsole> Hub<W> {
    /// A console's pane has this size. Returns the terminal's new size if that changes it.
    pub(crate) fn sized(&mut self, link: LinkId, size: Size, linked: bool) -> Option<Size> {
        let leg = self.legs.iter_mut().find(|leg| leg.link == link)?;
        leg.size = Some(size.clamped());
        self.fit(linked)
    }

    /// Only this user's panes count from now on, or all of them again. Returns the terminal's new
    /// size if that changes it.
    pub(crate) fn fit_to(&mut self, user: Option<UserId>, linked: bool) -> Option<Size> {
        self.fitted = user;
        self.fit(linked)
    }

    /// The terminal is as large as the smallest pane that counts.
    pub(super) fn fit(&mut self, linked: bool) -> Option<Size> {
        let chosen = self.smallest(|user| self.fitted == Some(user));
        // Whoever chose is not here: then everybody counts.
        let smallest = chosen.or_else(|| self.smallest(|_| true))?;
        let changed = self.size != Some(smallest);
        self.size = Some(smallest);
        if changed && let Some((screen, _)) = &mut self.screen {
            screen.resize(smallest);
        }
        self.tell_state();
        let news = changed || self.told != Some(smallest);
        if linked {
            self.told = Some(smallest);
        }
        news.then_some(smallest)
    }

    fn smallest(&self, counts: impl Fn(UserId) -> bool) -> Option<Size> {
        let legs = self.legs.iter().filter(|leg| counts(leg.user));
        legs.filter_map(|leg| leg.size)
            .reduce(|a, b| Size { columns: a.columns.min(b.columns), rows: a.rows.min(b.rows) })
    }
}
