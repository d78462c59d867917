//! Who may do something with an item: the question the other way round. Administrators ask it.

use super::Console;
use super::layer::Layer;
use super::layers::who::Who;
use crate::core::requests::{About, IfLost};
use jumpdeck_protocol::Refusal;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rights::{Answer, Permission, Whom};

impl Console {
    pub(super) fn open_who(&mut self) {
        let Some(Layer::Why { item, .. }) = self.dialogs.layers.last() else {
            return;
        };
        let item = *item;
        let name = self.list.inventory.name(item).unwrap_or_default().to_owned();
        let action = Permission::PermStart;
        let (number, outcome, scroll) = (0, None, 0);
        self.dialogs.layers.push(Layer::Who(Box::new(Who {
            item,
            name,
            action,
            number,
            outcome,
            scroll,
        })));
        self.ask_who();
    }

    /// Why that cannot be asked here.
    pub(super) fn no_who(&self) -> Option<String> {
        let why = matches!(self.dialogs.layers.last(), Some(Layer::Why { .. }));
        if why { self.no_link() } else { Some("This is about no item.".to_owned()) }
    }

    pub(super) fn who_action(&mut self, by: isize) {
        let Some(Layer::Who(who)) = self.dialogs.layers.last_mut() else {
            return;
        };
        let all = Permission::ALL;
        let at = all.iter().position(|action| *action == who.action).unwrap_or(0);
        let next = (at + all.len()).saturating_add_signed(by) % all.len();
        who.action = all.get(next).copied().unwrap_or(who.action);
        self.ask_who();
    }

    fn ask_who(&mut self) {
        if let Some(reason) = self.no_link() {
            self.warn(&reason);
            return;
        }
        let Some(Layer::Who(who)) = self.dialogs.layers.last_mut() else {
            return;
        };
        (who.outcome, who.scroll) = (None, 0);
        who.number += 1;
        let (item, number, action) = (who.item, who.number, Some(who.action));
        let request = request::Explain { whom: Whom::Everybody, item, action, at: None };
        let note = (About::Anything, IfLost::Nothing);
        self.ask(note, request, move |console, outcome| {
            console.who_came(number, outcome.map(|reply| reply.answers));
        });
    }

    /// What the appliance says.
    fn who_came(&mut self, number: u64, outcome: Result<Vec<Answer>, Refusal>) {
        let who = self.dialogs.layers.iter_mut().rev().find_map(|layer| match layer {
            Layer::Who(who) => Some(who),
            _ => None,
        });
        // An answer to a question of before says nothing any more.
        if let Some(who) = who.filter(|who| who.number == number) {
            who.outcome = Some(outcome);
        }
    }
}
