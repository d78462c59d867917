//! How large a channel's terminal is: as the smallest pane that shows it, or as its owner wants.

use super::subscriber::Subscriber;
use super::{Hub, ToConsole, ToMachine};
use jumpdeck_protocol::session::Size;
use jumpdeck_protocol::{LinkId, UserId};

impl<W: ToConsole, M: ToMachine> Hub<W, M> {
    /// A console's pane has this size. Returns the terminal's new size if that changes it.
    pub fn sized(&mut self, link: LinkId, size: Size) -> Option<Size> {
        let subscriber = self.subscribers.iter_mut().find(|subscriber| subscriber.link == link)?;
        subscriber.size = Some(size.clamped());
        self.fit()
    }

    /// Only this console's pane counts from now on, or once it is gone its user's; or all of them
    /// again. Returns the terminal's new size if that changes it.
    pub fn fit_to(&mut self, to: Option<(UserId, LinkId)>) -> Option<Size> {
        self.fitted = to;
        self.fit()
    }

    /// The terminal is as large as the smallest pane that counts.
    pub(super) fn fit(&mut self) -> Option<Size> {
        let (user, link) = self.fitted.unzip();
        // Anyone who chose is not here: then everybody counts.
        let smallest = self
            .smallest(|subscriber| Some(subscriber.link) == link)
            .or_else(|| self.smallest(|subscriber| Some(subscriber.user) == user))
            .or_else(|| self.smallest(|_| true))?;
        let changed = self.size != Some(smallest);
        self.size = Some(smallest);
        if changed && let Some((screen, _)) = &mut self.screen {
            screen.resize(smallest);
        }
        self.tell_state();
        let news = changed || self.told != Some(smallest);
        if self.agent.is_some() {
            self.told = Some(smallest);
        }
        news.then_some(smallest)
    }

    fn smallest(&self, counts: impl Fn(&Subscriber<W>) -> bool) -> Option<Size> {
        let subscribers = self.subscribers.iter().filter(|subscriber| counts(subscriber));
        subscribers
            .filter_map(|subscriber| subscriber.size)
            .reduce(|a, b| Size { columns: a.columns.min(b.columns), rows: a.rows.min(b.rows) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world::{WINDOW, Way};
    use super::super::{AttachRequest, Console};
    use super::*;
    use jumpdeck_protocol::ChannelId;
    use jumpdeck_protocol::session::Keyboard;

    #[test]
    fn the_terminal_fits_the_smallest_pane_or_its_owners_as_the_owner_wishes() {
        let mut hub = Hub::new(ChannelId(1), None);
        hub.born_with(Some(Way::default()));
        let wish =
            |keyboard| AttachRequest { received: None, window: WINDOW, keyboard, attempt: 1 };
        let consoles = [(1, 1, Keyboard::Take), (2, 2, Keyboard::Watch), (3, 1, Keyboard::Watch)];
        for (link, user, keyboard) in consoles {
            let (id, name) = (LinkId(link), "rep".into());
            let console = Console { link: id, user: UserId(user), name, way: Way::default() };
            hub.attach(console, wish(keyboard));
        }
        let size = |columns, rows| Size { columns, rows };
        hub.sized(LinkId(1), size(120, 30));
        assert_eq!(hub.sized(LinkId(2), size(80, 40)), Some(size(80, 30)));
        assert_eq!(hub.fit_to(Some((UserId(1), LinkId(1)))), Some(size(120, 30)));
        assert_eq!(hub.sized(LinkId(2), size(40, 12)), None, "that pane does not count");
        // Nor does another one of the same user, unless the chosen one is gone.
        assert_eq!(hub.sized(LinkId(3), size(100, 25)), None);
        assert_eq!(hub.detach(LinkId(1)), Some(size(100, 25)));
        // Once the owner shows it no more, it is usable for anyone who is left.
        assert_eq!(hub.detach(LinkId(3)), Some(size(40, 12)));
    }
}
