//! Further shells of a session.

use super::layers::{Layer, Question};
use super::session::TERM;
use super::session::{Shell, Tab, Unseen};
use super::{Console, Screen};
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::session::ChannelOrder;
use jumpdeck_protocol::{SessionId, limits};

impl Console {
    pub(super) fn no_new_shell(&self) -> Option<String> {
        self.no_participation().or_else(|| {
            let shells = self.shown_tab().map_or(0, |tab| tab.shells.len());
            let most = limits::SHELLS_PER_SESSION;
            (shells >= most).then(|| format!("A session has at most {most} shells."))
        })
    }

    /// Opens another shell in the session on the screen.
    pub(super) fn open_shell(&mut self) {
        let Some(tab) = self.shown_tab() else {
            return;
        };
        let (session, name) = (tab.id, tab.name.clone());
        let (size, term) = (self.pane_size(), TERM.to_owned());
        let note = (About::Anything, IfLost::Unknown(name.clone()));
        let request = request::OpenShell { session, size, term };
        self.ask(note, request, move |console, outcome| match outcome {
            Ok(view) => console.shell_opened(session, &view),
            Err(refusal) => console.refused(&format!("No shell on {name}"), &refusal),
        });
    }

    /// The shell that was asked for runs.
    pub(super) fn shell_opened(
        &mut self,
        session: SessionId,
        view: &jumpdeck_protocol::session::ChannelView,
    ) {
        let size = self.pane_size();
        let Some(position) = self.sessions.tabs.iter().position(|tab| tab.id == session) else {
            return;
        };
        let Some(tab) = self.sessions.tabs.get_mut(position) else {
            return;
        };
        let known = tab.shells.iter().position(|shell| shell.channel() == view.id);
        let number = known.unwrap_or_else(|| {
            tab.shells.push(Shell::new(view, size));
            tab.shells.len() - 1
        });
        tab.shown = number;
        let Some(shell) = tab.shells.get_mut(number) else {
            return;
        };
        shell.unseen = Unseen::default();
        let orders = shell.attach_anew(size, jumpdeck_protocol::session::Keyboard::Take);
        self.order_all(orders);
        self.out.dirty = true;
    }

    pub(super) fn no_other_shell(&self) -> Option<String> {
        let shells = self.shown_tab().map_or(0, |tab| tab.shells.len());
        (shells < 2).then(|| "The session has one shell.".to_owned())
    }

    pub(super) fn cycle_shell(&mut self, by: isize) {
        if let Screen::Session(position) = self.shown.screen
            && let Some(tab) = self.sessions.tabs.get_mut(position)
        {
            let count = isize::try_from(tab.shells.len()).unwrap_or(1).max(1);
            let next = isize::try_from(tab.shown).unwrap_or(0).saturating_add(by);
            tab.shown = usize::try_from(next.rem_euclid(count)).unwrap_or(0);
            self.see_shell();
        }
    }

    pub(super) fn no_close_shell(&self) -> Option<String> {
        self.no_participation().or_else(|| {
            let ours = self.shown_tab().and_then(Tab::shell).is_some_and(Shell::types);
            let prefix = self.settings.prefix;
            (!ours).then(|| {
                format!("Somebody else types in this shell; {prefix} t takes the keyboard.")
            })
        })
    }

    pub(super) fn ask_close_shell(&mut self) {
        let Some(tab) = self.shown_tab() else {
            return;
        };
        if tab.shells.len() < 2 {
            self.run_named("end-session");
            return;
        }
        if let Some(shell) = tab.shell() {
            let (channel, number) = (shell.channel(), tab.shown + 1);
            let name = tab.name.clone();
            let question = Question::CloseShell { channel, number, name };
            self.dialogs.layers.push(Layer::Confirm(question));
        }
    }

    pub(super) fn close_shell(&mut self, channel: jumpdeck_protocol::ChannelId) {
        self.order_all([ChannelOrder::Close { channel }]);
    }
}
