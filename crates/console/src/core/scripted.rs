//! A script that was handed to the console: its commands run in order, each as if the rep had done
//! it by hand.

use super::Console;
use super::inventory::{Item, Look, Scope, matching};
use super::layers::{Chooser, Entry, EntryValue, Layer, Pick};
use super::query::Query;
use jumpdeck_protocol::log::Attributes;
use jumpdeck_protocol::queue::QueueChoice;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::script::{Command, Script, Search};
use jumpdeck_protocol::{ItemId, SessionId};
use std::collections::VecDeque;

/// Items that a chooser shows of those a script fits, at most.
const SHOWN: usize = 1000;

/// What is left of a script.
#[derive(Debug, Default)]
pub(super) struct Scripted {
    left: VecDeque<Command>,
    /// What the session gets that is being started.
    attributes: Attributes,
    /// With which item that is.
    starting: Option<ItemId>,
    /// Why it did not run to its end.
    failure: Option<ScriptFailure>,
}

/// Why a script did not run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScriptFailure {
    /// No Jump Client that the rep may see fits.
    NothingFits,
    /// Several fit, and nobody chose one.
    SeveralFit,
    /// What it wants was refused, or cannot be done.
    Refused,
}

/// Whether an item is what a script looks for.
pub fn fits(search: &Search, item: &Item<'_>) -> bool {
    let texts = [item.comments(), item.hostname(), item.private_ip(), item.public_ip()];
    let [comments, hostname, private, public] = texts;
    item.is_client() && search.finds([comments, hostname, private, public, item.tag()])
}

impl Console {
    pub(super) fn take_script(&mut self, script: Script) {
        // One that waits is not lost for one that comes.
        self.keys.scripted.left.extend(script.commands);
        self.go_on_with_script();
    }

    /// Runs the next commands, as soon as the inventory is whole, presence and all, and nothing
    /// waits for an answer.
    pub(super) fn go_on_with_script(&mut self) {
        while !self.keys.scripted.left.is_empty() && self.is_free() {
            let Some(command) = self.keys.scripted.left.pop_front() else {
                return;
            };
            self.run_scripted(&command);
        }
    }

    pub(super) fn forget_script(&mut self) {
        let waits = !self.keys.scripted.left.is_empty() || self.keys.scripted.starting.is_some();
        let failure = self.keys.scripted.failure.or(waits.then_some(ScriptFailure::Refused));
        self.keys.scripted = Scripted { failure, ..Scripted::default() };
    }

    /// Why the last script did not run to its end, if it did not.
    pub fn script_failure(&self) -> Option<ScriptFailure> {
        self.keys.scripted.failure
    }

    /// A session that a script started gets what the script says.
    pub(super) fn started_scripted(&mut self, session: SessionId, item: ItemId) {
        if self.keys.scripted.starting.take_if(|starting| *starting == item).is_none() {
            return;
        }
        let attributes = std::mem::take(&mut self.keys.scripted.attributes);
        if !attributes.is_empty() {
            let what = "The session's attributes".to_owned();
            self.ask_for(what, None, request::SetAttributes { session, attributes });
        }
    }

    pub(super) fn jump_scripted(&mut self, item: ItemId) {
        self.keys.scripted.starting = Some(item);
        self.keys.scripted.failure = None;
        self.jump_to(item);
    }

    fn is_free(&self) -> bool {
        self.list.inventory.position().is_some()
            && self.list.inventory.presence_position().is_some()
            && self.is_linked()
            && self.dialogs.layers.is_empty()
            && !self.dialogs.lock.is_locked()
            && !self.link.requests.holds_scripts()
    }

    fn run_scripted(&mut self, command: &Command) {
        match command {
            // That was done before there was a link.
            Command::Login(_) => {}
            Command::StartPinnedClientSession { search, custom }
            | Command::StartJumpItemSession { search, custom, .. } => {
                self.keys.scripted.attributes = custom.attributes();
                self.start_scripted(search);
            }
            Command::GenerateSessionKey { custom } => {
                self.make_session_key(QueueChoice::Personal, custom.attributes());
            }
            Command::StartAdHoc { .. } => {
                let action = command.action();
                let reason = format!("{action} is not supported yet.");
                self.end_script(ScriptFailure::Refused, &reason);
            }
        }
    }

    fn start_scripted(&mut self, search: &Search) {
        let look = Look::at(Scope::All, Query::default(), self.now);
        let all = matching(self.list.inventory.picture(), &look);
        let fitting: Vec<Item<'_>> = all.iter().filter(|item| fits(search, item)).collect();
        match fitting.as_slice() {
            [] => {
                let failure = ScriptFailure::NothingFits;
                self.end_script(failure, "No Jump Client that you may see fits the script.");
            }
            [one] => {
                let item = one.id();
                if let Some(reason) = self.no_jump_to(item) {
                    self.end_script(ScriptFailure::Refused, &reason);
                    return;
                }
                self.jump_scripted(item);
            }
            several => {
                let entry = |item: &Item<'_>| Entry {
                    label: item.name().to_owned(),
                    detail: format!("{} in {}", item.hostname(), item.group()),
                    value: EntryValue::Item(item.id()),
                };
                let entries = several.iter().take(SHOWN).map(entry).collect();
                // Until one is chosen.
                self.keys.scripted.failure = Some(ScriptFailure::SeveralFit);
                let count = several.len();
                self.dialogs.layers.push(Layer::Chooser(Chooser::entries(Pick::Scripted, entries)));
                self.say(&format!("{count} Jump Clients fit the script: choose one."));
            }
        }
    }

    /// A command failed: those after it are not run.
    fn end_script(&mut self, failure: ScriptFailure, reason: &str) {
        self.forget_script();
        self.keys.scripted.failure = Some(failure);
        self.warn(reason);
    }
}
